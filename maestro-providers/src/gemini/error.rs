//! What Gemini's errors mean.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use maestro_core::{Error, ErrorKind, Retry};
use serde_json::Value;

use crate::answer::{Answer, parse_duration, seconds};

/// The longest delay that is worth waiting for; beyond it the quota counts as used up.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Reads an answer that is not what was asked for: `{"error":{"code","message","status","details"}}`, the same as an
/// array of one, as a text within the message, or a page.
pub(super) fn classify(
    operation: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let answer = Answer::read("gemini", operation, status, headers, body);
    if let Some(error) = answer.not_from_an_api() {
        return error;
    }
    let details = Details::of(&answer.said.error);
    if details.reason == Some("API_KEY_INVALID")
        || answer.said.mentions(&["api key not valid", "api key expired"])
    {
        return answer
            .error(ErrorKind::Unauthenticated)
            .advise("check the key; keys are made at aistudio.google.com/apikey");
    }
    match (answer.said.status.as_deref(), answer.status.as_u16()) {
        (Some("RESOURCE_EXHAUSTED"), _) | (None, 429) => exhausted(&answer, &details),
        (Some("INVALID_ARGUMENT"), _) => invalid(&answer, &details),
        (Some("FAILED_PRECONDITION"), _) => {
            answer.error(ErrorKind::Forbidden).advise("check the region and the billing of the project")
        }
        (Some("UNAUTHENTICATED"), _) => {
            answer.error(ErrorKind::Unauthenticated).with_retry(Retry::RefreshThenRetry)
        }
        (Some("PERMISSION_DENIED"), _) => forbidden(&answer, &details),
        (Some("NOT_FOUND"), _) => {
            answer.error(ErrorKind::NotFound).advise("list the models to see their names")
        }
        (Some("CANCELLED" | "INTERNAL" | "UNAVAILABLE" | "DEADLINE_EXCEEDED"), 400..) => {
            unavailable(&answer, &details)
        }
        (_, 499 | 500..) => unavailable(&answer, &details),
        _ => answer.by_status(),
    }
}

/// What the typed details tell.
#[derive(Default)]
struct Details<'a> {
    reason: Option<&'a str>,
    retry_delay: Option<Duration>,
    quota_ids: Vec<&'a str>,
    first_violation: Option<&'a str>,
}

impl<'a> Details<'a> {
    fn of(error: &'a Value) -> Self {
        let mut found = Self::default();
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            let text = |path: &str| detail.pointer(path).and_then(Value::as_str);
            let kind = text("/@type").and_then(|kind| kind.rsplit('.').next()).unwrap_or_default();
            match kind {
                "ErrorInfo" => found.reason = text("/reason").or(found.reason),
                "RetryInfo" => {
                    found.retry_delay = match detail.get("retryDelay") {
                        Some(Value::String(delay)) => parse_duration(delay),
                        // The same as a message of two numbers, which some proxies make of it.
                        Some(Value::Object(delay)) => {
                            delay.get("seconds").and_then(Value::as_f64).and_then(seconds)
                        }
                        _ => None,
                    };
                }
                "QuotaFailure" => {
                    let violations = detail.get("violations").and_then(Value::as_array).into_iter().flatten();
                    found
                        .quota_ids
                        .extend(violations.filter_map(|violation| violation.get("quotaId")?.as_str()));
                }
                "BadRequest" => {
                    found.first_violation = text("/fieldViolations/0/field").or(found.first_violation);
                }
                _ => {}
            }
        }
        found
    }
}

/// A limit per minute passes, a limit per day or of the plan does not.
fn exhausted(answer: &Answer<'_>, details: &Details<'_>) -> Error {
    let terminal =
        |advice: &str| answer.error(ErrorKind::QuotaExhausted).with_retry(Retry::Never).advise(advice);
    if answer.said.mentions(&["limit: 0"]) {
        return terminal("this model is not on your plan");
    }
    if details.quota_ids.iter().any(|id| id.contains("PerDay") || id.contains("Daily")) {
        return terminal("the quota of the day is used up");
    }
    match details.reason {
        Some("MODEL_CAPACITY_EXHAUSTED" | "MODEL_CAPACITY_EXCEEDED") => {
            return answer
                .error(ErrorKind::Unavailable)
                .with_retry(Retry::Never)
                .advise("this model has no capacity left; ask another one");
        }
        Some("INSUFFICIENT_G1_CREDITS_BALANCE" | "QUOTA_EXHAUSTED") => {
            return terminal("check the plan and its quotas");
        }
        _ => {}
    }
    let per_minute = details.quota_ids.iter().any(|id| id.contains("PerMinute"));
    let delay = details
        .retry_delay
        .or_else(|| answer.delay())
        .or_else(|| per_minute.then_some(Duration::from_secs(60)));
    match delay {
        Some(delay) if delay > LONGEST_WAIT => terminal("the quota is used up for long; try again later"),
        Some(delay) => answer.error(ErrorKind::RateLimited).with_retry(Retry::After(delay)),
        None => answer.error(ErrorKind::RateLimited),
    }
}

fn invalid(answer: &Answer<'_>, details: &Details<'_>) -> Error {
    if answer.said.mentions(&["input token count", "exceeds the maximum number of tokens"]) {
        return answer
            .error(ErrorKind::ContextTooLong)
            .advise("shorten the conversation, or begin a new one");
    }
    let error = answer.error(ErrorKind::Invalid);
    match details.first_violation {
        Some(field) => error.advise(format!("it is about {}", crate::answer::told(field))),
        None => error,
    }
}

fn forbidden(answer: &Answer<'_>, details: &Details<'_>) -> Error {
    let error = answer.error(ErrorKind::Forbidden);
    match details.reason {
        Some("SERVICE_DISABLED") => error.advise("enable the Generative Language API in the project"),
        Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT") => {
            error.advise("sign in again and grant the scopes that are asked for")
        }
        Some("CONSUMER_INVALID") => error.advise("check the project that the requests are booked on"),
        _ if answer.said.mentions(&["quota project"]) => {
            error.advise("name the project that the requests are booked on (x-goog-user-project)")
        }
        _ => error,
    }
}

fn unavailable(answer: &Answer<'_>, details: &Details<'_>) -> Error {
    let error = answer.error(ErrorKind::Unavailable);
    match details.retry_delay {
        Some(delay) => error.with_retry(Retry::After(delay)),
        None => error,
    }
}
