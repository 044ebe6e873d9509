//! Errors in the middle of a stream: Google's status object, bare, in a list, or as text within its own message.

use std::time::Duration;

use maestro_core::{Error, ErrorKind, Retry};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decoding::{Fault, Str, wait_from_words};

/// The name that errors of this protocol carry.
pub(super) const PROVIDER: &str = "gemini";

/// A longer delay is as good as none: the caller should decide.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How deep an error may hide in the messages of others.
const DEEPEST: u8 = 10;

#[derive(Default, Deserialize)]
struct Status<'a> {
    #[serde(borrow, default)]
    code: Str<'a>,
    #[serde(borrow, default)]
    message: Str<'a>,
    #[serde(borrow, default)]
    status: Str<'a>,
    #[serde(borrow, default)]
    details: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    #[serde(borrow, default)]
    reason: Str<'a>,
    #[serde(borrow, default)]
    retry_delay: Str<'a>,
    #[serde(borrow, default)]
    violations: Option<Vec<Violation<'a>>>,
    #[serde(borrow, default)]
    request_id: Str<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Violation<'a> {
    #[serde(borrow, default)]
    quota_id: Str<'a>,
}

/// An error as it hides in a message.
#[derive(Deserialize)]
struct NestedError {
    error: Box<RawValue>,
}

/// The error that the value of a field `error` tells.
pub(super) fn stream_error(error: &RawValue) -> Error {
    at_depth(error, 0)
}

fn at_depth(error: &RawValue, depth: u8) -> Error {
    let status = serde_json::from_str::<Status<'_>>(error.get()).unwrap_or_default();
    if depth < DEEPEST
        && let Some(nested) = nested(status.message.get())
    {
        return at_depth(&nested, depth + 1);
    }
    let details: Vec<Detail<'_>> = status
        .details
        .iter()
        .flatten()
        .map(|detail| serde_json::from_str(detail.get()).unwrap_or_default())
        .collect();
    let (kind, retry) = classify(&status, &details);
    Fault {
        provider: PROVIDER,
        code: status.status.filled().or_else(|| status.code.filled()),
        message: status.message.filled(),
        request_id: details.iter().find_map(|detail| detail.request_id.filled()),
    }
    .into_error(kind, retry)
}

fn nested(message: &str) -> Option<Box<RawValue>> {
    let message = message.trim();
    let nested: NestedError = match message.as_bytes().first() {
        Some(b'{') => serde_json::from_str(message).ok(),
        Some(b'[') => {
            serde_json::from_str::<Vec<_>>(message).ok().and_then(|errors| errors.into_iter().next())
        }
        _ => None,
    }?;
    Some(nested.error)
}

fn classify(status: &Status<'_>, details: &[Detail<'_>]) -> (ErrorKind, Option<Retry>) {
    let reason = |wanted: &[&str]| details.iter().any(|detail| wanted.contains(&detail.reason.get()));
    let name = match status.status.filled() {
        Some(name) => name,
        None => match status.code.get() {
            "400" => "INVALID_ARGUMENT",
            "401" => "UNAUTHENTICATED",
            "403" => "PERMISSION_DENIED",
            "404" => "NOT_FOUND",
            "429" => "RESOURCE_EXHAUSTED",
            _ => "UNAVAILABLE",
        },
    };
    match name {
        "INVALID_ARGUMENT" if reason(&["API_KEY_INVALID"]) => (ErrorKind::Unauthenticated, None),
        "INVALID_ARGUMENT" => (ErrorKind::Invalid, None),
        "FAILED_PRECONDITION" | "PERMISSION_DENIED" => (ErrorKind::Forbidden, None),
        "UNAUTHENTICATED" => (ErrorKind::Unauthenticated, Some(Retry::RefreshThenRetry)),
        "NOT_FOUND" => (ErrorKind::NotFound, None),
        "RESOURCE_EXHAUSTED" => exhausted(status, details, reason),
        // `CANCELLED`, `INTERNAL`, `UNAVAILABLE`, `DEADLINE_EXCEEDED`, and those not known yet.
        _ => (ErrorKind::Unavailable, None),
    }
}

/// One status for three things: a short limit, a quota that is used up, and a model without capacity.
fn exhausted(
    status: &Status<'_>,
    details: &[Detail<'_>],
    reason: impl Fn(&[&str]) -> bool,
) -> (ErrorKind, Option<Retry>) {
    let message = status.message.get();
    let quota = |wanted: &str| {
        let mut violations = details.iter().flat_map(|detail| detail.violations.iter().flatten());
        violations.any(|violation| violation.quota_id.get().contains(wanted))
    };
    if message.contains("limit: 0")
        || quota("PerDay")
        || quota("Daily")
        || reason(&["INSUFFICIENT_G1_CREDITS_BALANCE", "QUOTA_EXHAUSTED"])
    {
        return (ErrorKind::QuotaExhausted, None);
    }
    if reason(&["MODEL_CAPACITY_EXHAUSTED", "MODEL_CAPACITY_EXCEEDED"]) {
        return (ErrorKind::Unavailable, Some(Retry::Never));
    }
    let named =
        details.iter().find_map(|detail| wait_from_words(&format!("retry in {}", detail.retry_delay.get())));
    match named.or_else(|| wait_from_words(message)) {
        Some(wait) if wait > LONGEST_WAIT => (ErrorKind::QuotaExhausted, None),
        Some(wait) => (ErrorKind::RateLimited, Some(Retry::After(wait))),
        None if quota("PerMinute") => (ErrorKind::RateLimited, Some(Retry::After(Duration::from_secs(60)))),
        None => (ErrorKind::RateLimited, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_and_its_details_decide() {
        let cases = [
            (
                r#"{"code":503,"message":"overloaded","status":"UNAVAILABLE"}"#,
                ErrorKind::Unavailable,
                Retry::Backoff,
            ),
            (r#"{"code":500,"message":"x"}"#, ErrorKind::Unavailable, Retry::Backoff),
            (
                r#"{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34.5s"}]}"#,
                ErrorKind::RateLimited,
                Retry::After(Duration::from_millis(34_500)),
            ),
            (
                r#"{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"RequestsPerDay"}]},{"retryDelay":"3s"}]}"#,
                ErrorKind::QuotaExhausted,
                Retry::Never,
            ),
            (
                r#"{"code":429,"message":"Please retry in 900ms"}"#,
                ErrorKind::RateLimited,
                Retry::After(Duration::from_millis(900)),
            ),
            (
                r#"{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}"#,
                ErrorKind::Unauthenticated,
                Retry::Never,
            ),
            (
                r#"{"code":500,"message":"[{\"error\":{\"message\":\"{\\\"error\\\":{\\\"code\\\":403}}\"}}]"}"#,
                ErrorKind::Forbidden,
                Retry::Never,
            ),
            (r#""a word""#, ErrorKind::Unavailable, Retry::Backoff),
        ];
        for (json, kind, retry) in cases {
            let error = stream_error(serde_json::from_str(json).unwrap());
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{json}");
        }
    }
}
