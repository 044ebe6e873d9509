//! What OpenAI's errors mean.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use maestro_core::{Error, ErrorKind, Retry};
use serde_json::Value;

use crate::answer::Answer;

/// Reads an answer that is not what was asked for. The body is `{"error":{"message","type","param","code"}}`, or
/// `{"detail":…}` from behind a sign-in.
pub(super) fn classify(
    operation: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let mut answer = Answer::read("openai", operation, status, headers, body);
    if answer.said.code.is_none() {
        answer.said.code = code_in_header(headers);
    }
    answer.not_from_an_api().or_else(|| by_code(&answer)).unwrap_or_else(|| by_status(&answer))
}

/// The code that the backend of ChatGPT puts into a header when a token is refused: base64 of `{"error":{"code":…}}`.
fn code_in_header(headers: &HeaderMap) -> Option<String> {
    let decoded = STANDARD.decode(headers.get("x-error-json")?.as_bytes()).ok()?;
    let value: Value = serde_json::from_slice(&decoded).ok()?;
    value.pointer("/error/code")?.as_str().map(str::to_owned)
}

/// What the code or type says, at whatever status.
fn by_code(answer: &Answer<'_>) -> Option<Error> {
    let said = &answer.said;
    let error = if said.is(&["context_length_exceeded"]) {
        answer.error(ErrorKind::ContextTooLong).advise("shorten the conversation, or begin a new one")
    } else if said.is(&["cyber_policy", "misalignment_policy_violation", "invalid_prompt", "bio_policy"]) {
        answer.error(ErrorKind::Filtered)
    } else if said.is(&["model_not_found"]) || said.mentions(&["model is not supported when"]) {
        answer.error(ErrorKind::NotFound).advise("list the models to see their names")
    } else if said.is(&["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"]) {
        answer
            .error(ErrorKind::QuotaExhausted)
            .with_retry(Retry::Never)
            .advise("check the plan and its payment")
    } else if said.is(&["usage_limit_reached"]) {
        usage_limit(answer)
    } else if said.is(&["usage_not_included"]) {
        answer
            .error(ErrorKind::QuotaExhausted)
            .with_retry(Retry::Never)
            .advise("the plan does not include this use")
    } else if said.is(&["rate_limit_exceeded"]) && said.mentions(&["request too large"]) {
        answer.error(ErrorKind::ContextTooLong).advise(
            "this one request is above the limit of tokens per minute: waiting does not help, shorten it",
        )
    } else if said.is(&["rate_limit_exceeded"]) {
        answer.error(ErrorKind::RateLimited)
    } else if said.is(&["server_is_overloaded", "slow_down"]) {
        answer
            .error(ErrorKind::Unavailable)
            .advise("the service is overloaded, not your account; try again later")
    } else if said.is(&["invalid_api_key", "mismatched_organization"]) {
        answer
            .error(ErrorKind::Unauthenticated)
            .advise("check the key and its organization; keys are made at platform.openai.com/api-keys")
    } else if said.is(&["token_invalidated", "token_revoked"]) {
        answer.error(ErrorKind::Unauthenticated).advise("the sign-in was ended by the server: sign in again")
    } else {
        return None;
    };
    Some(error)
}

fn by_status(answer: &Answer<'_>) -> Error {
    match answer.status.as_u16() {
        400 | 422 => {
            let error = answer.error(ErrorKind::Invalid);
            match &answer.said.param {
                Some(param) => error.advise(format!("it is about {}", crate::answer::told(param))),
                None => error,
            }
        }
        401 if answer.said.mentions(&["missing scopes"]) => {
            answer.error(ErrorKind::Forbidden).advise("this sign-in does not open the API; use an API key")
        }
        _ => answer.by_status(),
    }
}

/// The plan's window is used up, which lasts for hours or days. When it opens again is told, and not waited for.
fn usage_limit(answer: &Answer<'_>) -> Error {
    let error = answer.error(ErrorKind::QuotaExhausted).with_retry(Retry::Never);
    match answer.said.error.get("resets_in_seconds").and_then(Value::as_u64) {
        Some(seconds) => error.advise(format!("it resets in {:?}", Duration::from_secs(seconds))),
        None => error.advise("it resets with the next window of the plan"),
    }
}
