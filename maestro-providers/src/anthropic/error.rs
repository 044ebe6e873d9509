//! What Anthropic's errors mean.

use http::{HeaderMap, StatusCode};
use maestro_core::{Error, ErrorKind, Retry};

use crate::answer::Answer;

/// Reads an answer that is not what was asked for. The body is `{"type":"error","error":{"type","message"}}`, or a page
/// of the edge, in which case the status decides.
pub(super) fn classify(
    operation: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let answer = Answer::read("anthropic", operation, status, headers, body);
    if let Some(error) = answer.not_from_an_api() {
        return error;
    }
    match answer.said.kind.as_deref() {
        Some("invalid_request_error") => invalid_request(&answer),
        Some("authentication_error") => {
            let error = answer.error(ErrorKind::Unauthenticated);
            if answer.said.mentions(&["x-api-key"]) {
                error.advise("check the key; keys are made at console.anthropic.com")
            } else {
                error.with_retry(Retry::RefreshThenRetry).advise("sign in again if this goes on")
            }
        }
        Some("billing_error") => {
            answer.error(ErrorKind::QuotaExhausted).advise("check the plan and its payment")
        }
        Some("permission_error") => answer.error(ErrorKind::Forbidden),
        Some("not_found_error") => {
            answer.error(ErrorKind::NotFound).advise("list the models to see their names")
        }
        Some("request_too_large") => answer
            .error(ErrorKind::Invalid)
            .advise("a request may have 32 MB: send fewer or smaller pictures and documents"),
        Some("rate_limit_error") => rate_limit(&answer),
        Some("overloaded_error") => answer
            .error(ErrorKind::Unavailable)
            .advise("the service is overloaded, not your account; try again in a while"),
        Some("api_error" | "timeout_error" | "conflict_error") => answer.error(ErrorKind::Unavailable),
        _ => answer.by_status(),
    }
}

/// A 400 is told apart by its words alone.
fn invalid_request(answer: &Answer<'_>) -> Error {
    if answer.said.mentions(&["prompt is too long", "exceed context limit", "context window"]) {
        return answer
            .error(ErrorKind::ContextTooLong)
            .advise("shorten the conversation, or begin a new one");
    }
    if answer.said.mentions(&["only authorized for use with"]) {
        return answer
            .error(ErrorKind::Forbidden)
            .advise("subscription sign-ins are not for other programs; use an API key");
    }
    if answer.said.mentions(&["credit balance", "usage limits", "spend limit"]) {
        return answer.error(ErrorKind::QuotaExhausted).advise("check the plan, its credit and its limits");
    }
    answer.error(ErrorKind::Invalid)
}

/// A 429 without a delay that names a spend limit lasts until the month, or the limit, changes.
fn rate_limit(answer: &Answer<'_>) -> Error {
    let spend_limit = answer
        .said
        .error
        .pointer("/details/error_code")
        .and_then(|code| code.as_str())
        .is_some_and(|code| code == "enforced_spend_limit_reached");
    if spend_limit && answer.delay().is_none() {
        return answer
            .error(ErrorKind::QuotaExhausted)
            .with_retry(Retry::Never)
            .advise("the monthly spend limit is reached");
    }
    answer.error(ErrorKind::RateLimited)
}
