//! Errors in the middle of a stream. The status was 200 by then, so that the type in the JSON decides.

use maestro_core::{Error, ErrorKind, Retry};

use crate::decoding::{Fault, Str, object, read};

/// The name that errors of this protocol carry.
pub(super) const PROVIDER: &str = "anthropic";

object! {
    struct ErrorFields<'a> {
        kind: Str<'a> = "type",
        message: Str<'a> = "message",
        details: Details<'a> = "details",
    }
}

object! {
    struct Details<'a> {
        error_code: Str<'a> = "error_code",
    }
}

/// The error that the object `error` of an event tells.
pub(super) fn stream_error(error: Option<&str>, request_id: Option<&str>) -> Error {
    let fields: ErrorFields<'_> = error.and_then(|error| read(error).ok()).unwrap_or_default();
    let message = fields.message.get();
    let spent = fields.details.error_code.get() == "enforced_spend_limit_reached";
    let (kind, retry) = match fields.kind.get() {
        "invalid_request_error" if message.contains("prompt is too long") => {
            (ErrorKind::ContextTooLong, None)
        }
        "invalid_request_error" if message.contains("only authorized for use with") => {
            (ErrorKind::Forbidden, None)
        }
        "invalid_request_error" => (ErrorKind::Invalid, None),
        "request_too_large" => (ErrorKind::ContextTooLong, None),
        "authentication_error" => (ErrorKind::Unauthenticated, Some(Retry::RefreshThenRetry)),
        "billing_error" => (ErrorKind::QuotaExhausted, None),
        "permission_error" => (ErrorKind::Forbidden, None),
        "not_found_error" => (ErrorKind::NotFound, None),
        "rate_limit_error" if spent => (ErrorKind::QuotaExhausted, None),
        "rate_limit_error" => (ErrorKind::RateLimited, None),
        // `api_error`, `timeout_error`, `overloaded_error`, `conflict_error`, and those not known yet.
        _ => (ErrorKind::Unavailable, None),
    };
    Fault { provider: PROVIDER, code: fields.kind.filled(), message: fields.message.filled(), request_id }
        .into_error(kind, retry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_decides() {
        let cases = [
            (r#"{"type":"overloaded_error","message":"Overloaded"}"#, ErrorKind::Unavailable, Retry::Backoff),
            (r#"{"type":"rate_limit_error","message":"slow"}"#, ErrorKind::RateLimited, Retry::Backoff),
            (
                r#"{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}"#,
                ErrorKind::QuotaExhausted,
                Retry::Never,
            ),
            (
                r#"{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}"#,
                ErrorKind::ContextTooLong,
                Retry::Never,
            ),
            (r#"{"type":"not yet known"}"#, ErrorKind::Unavailable, Retry::Backoff),
            (r#""a word""#, ErrorKind::Unavailable, Retry::Backoff),
        ];
        for (json, kind, retry) in cases {
            let error = stream_error(Some(json), Some("req_1"));
            assert_eq!(
                (error.kind(), error.retry(), error.request_id()),
                (kind, retry, Some("req_1")),
                "{json}"
            );
        }
    }
}
