//! Errors in the middle of a stream: Google's status object, bare, in a list, or as text within its own message.

use std::time::Duration;

use maestro_core::{Error, ErrorKind, Retry};

use crate::decoding::{Fault, Raw, Str, elements, object, read, wait_from_words};

/// The name that errors of this protocol carry.
pub(super) const PROVIDER: &str = "gemini";

/// A longer delay is as good as none: the caller should decide.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How deep an error may hide in the messages of others.
const DEEPEST: u8 = 10;

object! {
    struct Status<'a> {
        code: Str<'a> = "code",
        message: Str<'a> = "message",
        status: Str<'a> = "status",
        details: Vec<Detail<'a>> = "details",
    }
}

object! {
    struct Detail<'a> {
        reason: Str<'a> = "reason",
        retry_delay: Str<'a> = "retryDelay",
        violations: Vec<Violation<'a>> = "violations",
        request_id: Str<'a> = "requestId",
    }
}

object! {
    struct Violation<'a> {
        quota_id: Str<'a> = "quotaId",
    }
}

object! {
    /// An error as it hides in a message.
    struct Nested<'a> {
        error: Raw<'a> = "error",
    }
}

/// The error that the value of a field `error` tells.
pub(super) fn stream_error(error: &str) -> Error {
    at_depth(error, 0)
}

fn at_depth(error: &str, depth: u8) -> Error {
    let status: Status<'_> = read(error).unwrap_or_default();
    if depth < DEEPEST
        && let Some(nested) = nested(status.message.get())
    {
        return at_depth(nested, depth + 1);
    }
    let (kind, retry) = classify(&status);
    Fault {
        provider: PROVIDER,
        code: status.status.filled().or_else(|| status.code.filled()),
        message: status.message.filled(),
        request_id: status.details.iter().find_map(|detail| detail.request_id.filled()),
    }
    .into_error(kind, retry)
}

fn nested(message: &str) -> Option<&str> {
    let message = message.trim();
    let object = if message.starts_with('[') { *elements(message).ok()?.first()? } else { message };
    read::<Nested<'_>>(object).ok()?.error.0
}

fn classify(status: &Status<'_>) -> (ErrorKind, Option<Retry>) {
    let reason = |wanted: &[&str]| status.details.iter().any(|detail| wanted.contains(&detail.reason.get()));
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
        "RESOURCE_EXHAUSTED" => exhausted(status, reason),
        // `CANCELLED`, `INTERNAL`, `UNAVAILABLE`, `DEADLINE_EXCEEDED`, and those not known yet.
        _ => (ErrorKind::Unavailable, None),
    }
}

/// One status for three things: a short limit, a quota that is used up, and a model without capacity.
fn exhausted(status: &Status<'_>, reason: impl Fn(&[&str]) -> bool) -> (ErrorKind, Option<Retry>) {
    let message = status.message.get();
    let quota = |wanted: &str| {
        let mut violations = status.details.iter().flat_map(|detail| &detail.violations);
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
    let named = status
        .details
        .iter()
        .find_map(|detail| wait_from_words(&format!("retry in {}", detail.retry_delay.get())));
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
            let error = stream_error(json);
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{json}");
        }
    }
}
