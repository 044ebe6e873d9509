//! Errors in the words of OpenAI, which the servers that follow it use too.

use std::time::Duration;

use maestro_core::{Error, ErrorKind, Retry};

use super::{Fault, Str, object, read, wait_from_words};

object! {
    /// The fields of an error, wherever they stand.
    struct Fields<'a> {
        kind: Str<'a> = "type",
        code: Str<'a> = "code",
        message: Str<'a> = "message",
        detail: Str<'a> = "detail",
        request_id: Str<'a> = "request_id",
    }
}

/// The error that this JSON tells: an object with any of `code`, `type`, `message` and `detail`, or a string.
pub(crate) fn openai_error(provider: &'static str, json: &str) -> Error {
    let text = serde_json::from_str::<String>(json).ok();
    let fields: Fields<'_> = read(json).unwrap_or_default();
    let message = fields.message.filled().or(fields.detail.filled()).or(text.as_deref());
    // `type` says it where `code` is null, a number, or missing.
    let code = fields.code.filled().filter(|code| code.parse::<f64>().is_err());
    let kind = fields.kind.filled().filter(|kind| *kind != "error");
    let words = message.unwrap_or_default();
    let (class, retry) = code
        .and_then(|code| by_word(code, words))
        .or_else(|| kind.and_then(|kind| by_word(kind, words)))
        .or_else(|| fields.code.get().parse().ok().map(|status| by_status(status, words)))
        .unwrap_or((ErrorKind::Unavailable, None));
    let code = code.or(kind).or(fields.code.filled());
    Fault { provider, code, message, request_id: fields.request_id.filled() }.into_error(class, retry)
}

type Class = (ErrorKind, Option<Retry>);

fn by_word(word: &str, message: &str) -> Option<Class> {
    Some(match word {
        "context_length_exceeded" | "exceed_context_size_error" => (ErrorKind::ContextTooLong, None),
        "rate_limit_exceeded" | "rate_limit_error" | "too_many_requests" => rate_limited(message),
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "billing_hard_limit_reached"
        | "usage_limit_reached"
        | "usage_not_included" => (ErrorKind::QuotaExhausted, None),
        "invalid_prompt"
        | "bio_policy"
        | "cyber_policy"
        | "misalignment_policy_violation"
        | "content_filter" => (ErrorKind::Filtered, None),
        "invalid_api_key"
        | "authentication_error"
        | "token_expired"
        | "token_invalidated"
        | "token_revoked" => (ErrorKind::Unauthenticated, None),
        "permission_error" | "mismatched_organization" | "data_residency_mismatch" => {
            (ErrorKind::Forbidden, None)
        }
        "model_not_found" | "not_found_error" | "previous_response_not_found" => (ErrorKind::NotFound, None),
        "invalid_request_error"
        | "unsupported_parameter"
        | "unsupported_value"
        | "decimal_above_max_value" => (ErrorKind::Invalid, None),
        word if word.contains("image") => (ErrorKind::Invalid, None),
        "server_error"
        | "service_unavailable_error"
        | "server_is_overloaded"
        | "slow_down"
        | "vector_store_timeout" => (ErrorKind::Unavailable, None),
        _ => return None,
    })
}

fn by_status(status: f64, message: &str) -> Class {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    match status as u16 {
        401 => (ErrorKind::Unauthenticated, None),
        402 => (ErrorKind::QuotaExhausted, None),
        403 => (ErrorKind::Forbidden, None),
        404 => (ErrorKind::NotFound, None),
        429 => rate_limited(message),
        400 | 413 | 422 => (ErrorKind::Invalid, None),
        _ => (ErrorKind::Unavailable, None),
    }
}

fn rate_limited(message: &str) -> Class {
    // A single request that is larger than the limit never gets through, however long one waits.
    if message.contains("Request too large") {
        return (ErrorKind::QuotaExhausted, None);
    }
    (ErrorKind::RateLimited, wait_from_words(message).filter(|wait| *wait > Duration::ZERO).map(Retry::After))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_then_the_type_then_the_status() {
        let cases = [
            (r#"{"code":"context_length_exceeded","message":"m"}"#, ErrorKind::ContextTooLong, Retry::Never),
            (r#"{"code":null,"type":"server_error","message":"m"}"#, ErrorKind::Unavailable, Retry::Backoff),
            (r#"{"code":400,"type":"exceed_context_size_error"}"#, ErrorKind::ContextTooLong, Retry::Never),
            (r#"{"code":401,"message":"m"}"#, ErrorKind::Unauthenticated, Retry::Never),
            (r#"{"code":"503"}"#, ErrorKind::Unavailable, Retry::Backoff),
            (
                r#"{"type":"tokens","code":"rate_limit_exceeded","message":"Please try again in 20ms."}"#,
                ErrorKind::RateLimited,
                Retry::After(Duration::from_millis(20)),
            ),
            (
                r#"{"code":"rate_limit_exceeded","message":"Request too large: Limit 1, Requested 2"}"#,
                ErrorKind::QuotaExhausted,
                Retry::Never,
            ),
            (r#"{"type":"usage_limit_reached"}"#, ErrorKind::QuotaExhausted, Retry::Never),
            (r#""overloaded""#, ErrorKind::Unavailable, Retry::Backoff),
            ("{}", ErrorKind::Unavailable, Retry::Backoff),
            ("5", ErrorKind::Unavailable, Retry::Backoff),
        ];
        for (json, kind, retry) in cases {
            let error = openai_error("p", json);
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{json}");
        }
    }
}
