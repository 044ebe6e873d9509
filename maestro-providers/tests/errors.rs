//! What errors mean, row by row of each provider's table: status, headers and body in; kind and retry out.

#![cfg(all(feature = "anthropic", feature = "openai", feature = "gemini", feature = "openai-compatible"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::time::Duration;

use ErrorKind::{
    ContextTooLong, Filtered, Forbidden, Invalid, NotFound, Protocol, QuotaExhausted, RateLimited,
    Unauthenticated, Unavailable, Unsupported,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use maestro_core::{Error, ErrorKind, Retry, provider::ProviderId};

const fn after(millis: u64) -> Retry {
    Retry::After(Duration::from_millis(millis))
}

const NEVER: Retry = Retry::Never;
const BACKOFF: Retry = Retry::Backoff;
const REFRESH: Retry = Retry::RefreshThenRetry;

type Row = (u16, &'static [(&'static str, &'static str)], &'static str, ErrorKind, Retry);

fn error(provider: &str, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Error {
    let registry = maestro_providers::builtin();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect();
    let chat = registry.chat(&ProviderId::new(provider).unwrap()).unwrap();
    chat.error(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
}

fn check(provider: &str, rows: &[Row]) {
    for (status, headers, body, kind, retry) in rows {
        let error = error(provider, *status, headers, body);
        assert_eq!((error.kind(), error.retry()), (*kind, *retry), "{status} {headers:?} {body}\n{error}");
        assert_eq!((error.status(), error.provider()), (Some(*status), Some(provider)));
    }
}

#[test]
fn anthropic() {
    check(
        "anthropic",
        &[
            (
                400,
                &[],
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: required"}}"#,
                Invalid,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#,
                ContextTooLong,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"This credential is only authorized for use with Claude Code and cannot be used for other API requests."}}"#,
                Forbidden,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                401,
                &[],
                r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
                Unauthenticated,
                NEVER,
            ),
            (
                401,
                &[],
                r#"{"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired"}}"#,
                Unauthenticated,
                REFRESH,
            ),
            (
                402,
                &[],
                r#"{"type":"error","error":{"type":"billing_error","message":"m"}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                403,
                &[],
                r#"{"type":"error","error":{"type":"permission_error","message":"m"}}"#,
                Forbidden,
                NEVER,
            ),
            (
                404,
                &[],
                r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#,
                NotFound,
                NEVER,
            ),
            (408, &[], "", Unavailable, BACKOFF),
            (
                409,
                &[],
                r#"{"type":"error","error":{"type":"conflict_error","message":"m"}}"#,
                Unavailable,
                BACKOFF,
            ),
            (
                413,
                &[],
                r#"{"type":"error","error":{"type":"request_too_large","message":"m"}}"#,
                Invalid,
                NEVER,
            ),
            (422, &[], r#"{"type":"error","error":{"type":"x","message":"m"}}"#, Invalid, NEVER),
            (
                429,
                &[("retry-after", "7")],
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#,
                RateLimited,
                after(7000),
            ),
            (
                429,
                &[("retry-after-ms", "250"), ("retry-after", "7")],
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#,
                RateLimited,
                after(250),
            ),
            (
                429,
                &[
                    ("retry-after", "Sat, 21 Nov 2026 05:00:03 GMT"),
                    ("date", "Sat, 21 Nov 2026 05:00:00 GMT"),
                ],
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#,
                RateLimited,
                after(3000),
            ),
            (
                429,
                &[],
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#,
                RateLimited,
                BACKOFF,
            ),
            (
                429,
                &[],
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                500,
                &[],
                r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
                Unavailable,
                BACKOFF,
            ),
            (
                500,
                &[("x-should-retry", "false")],
                r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
                Unavailable,
                NEVER,
            ),
            (
                400,
                &[("x-should-retry", "true")],
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"m"}}"#,
                Invalid,
                BACKOFF,
            ),
            (
                504,
                &[],
                r#"{"type":"error","error":{"type":"timeout_error","message":"m"}}"#,
                Unavailable,
                BACKOFF,
            ),
            (
                529,
                &[],
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Unavailable,
                BACKOFF,
            ),
            (413, &[], "<html>413</html>", Protocol, NEVER),
            (502, &[], "<html>Bad gateway</html>", Unavailable, BACKOFF),
            (529, &[], "", Unavailable, BACKOFF),
        ],
    );
}

#[test]
fn openai() {
    check(
        "openai",
        &[
            (
                400,
                &[],
                r#"{"error":{"message":"m","type":"invalid_request_error","param":"input","code":null}}"#,
                Invalid,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"error":{"message":"m","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
                NotFound,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"error":{"message":"m","type":"invalid_request_error","code":"unsupported_parameter"}}"#,
                Invalid,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#,
                ContextTooLong,
                NEVER,
            ),
            (400, &[], r#"{"error":{"message":"m","code":"cyber_policy"}}"#, Filtered, NEVER),
            (
                403,
                &[],
                r#"{"error":{"message":"m","code":"misalignment_policy_violation"}}"#,
                Filtered,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"detail":"The 'gpt-x' model is not supported when using Codex with a ChatGPT account."}"#,
                NotFound,
                NEVER,
            ),
            (400, &[], r#"{"detail":"Store must be set to false"}"#, Invalid, NEVER),
            (
                401,
                &[],
                r#"{"error":{"message":"m","type":"invalid_request_error","code":"invalid_api_key"},"status":401}"#,
                Unauthenticated,
                NEVER,
            ),
            (
                401,
                &[],
                r#"{"detail":"Could not parse your authentication token. Please try signing in again."}"#,
                Unauthenticated,
                REFRESH,
            ),
            (401, &[], r#"{"error":{"message":"m","code":"token_revoked"}}"#, Unauthenticated, NEVER),
            (401, &[], r#"{"error":{"message":"Missing scopes: api.responses.write"}}"#, Forbidden, NEVER),
            (403, &[], r#"{"error":{"message":"m"}}"#, Forbidden, NEVER),
            (403, &[], "<html>Cloudflare blocked</html>", Forbidden, NEVER),
            (404, &[], r#"{"error":{"message":"Item not found"}}"#, NotFound, NEVER),
            (408, &[], "", Unavailable, BACKOFF),
            (409, &[], "", Unavailable, BACKOFF),
            (413, &[], r#"{"error":{"message":"m"}}"#, Invalid, NEVER),
            (422, &[], r#"{"error":{"message":"m"}}"#, Invalid, NEVER),
            (
                429,
                &[("retry-after", "2")],
                r#"{"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}}"#,
                RateLimited,
                after(2000),
            ),
            (
                429,
                &[],
                r#"{"error":{"message":"Please try again in 1m30s.","type":"tokens","code":"rate_limit_exceeded"}}"#,
                RateLimited,
                after(90_000),
            ),
            (
                429,
                &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")],
                r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#,
                RateLimited,
                after(360_000),
            ),
            (
                429,
                &[("retry-after", "2")],
                r#"{"error":{"message":"Request too large for gpt-x: Limit 10, Requested 20","type":"tokens","code":"rate_limit_exceeded"}}"#,
                ContextTooLong,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"message":"m","code":"credit_balance_exhausted"}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"type":"usage_limit_reached","message":"m","resets_in_seconds":1234}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (429, &[], r#"{"error":{"type":"usage_not_included","message":"m"}}"#, QuotaExhausted, NEVER),
            (429, &[], "", RateLimited, BACKOFF),
            (
                500,
                &[],
                r#"{"error":{"message":"m","type":"server_error","code":null}}"#,
                Unavailable,
                BACKOFF,
            ),
            (520, &[], "<html>cloudflare</html>", Unavailable, BACKOFF),
            (503, &[], r#"{"error":{"message":"m","code":"server_is_overloaded"}}"#, Unavailable, BACKOFF),
            (
                503,
                &[("retry-after", "30")],
                r#"{"error":{"message":"m","code":"slow_down"}}"#,
                Unavailable,
                after(30_000),
            ),
            (200, &[], "<!doctype html>", Protocol, NEVER),
            (200, &[], "{\"ok\":true}", Protocol, NEVER),
            (404, &[], "404 page not found", NotFound, NEVER),
            (301, &[("location", "https://example.com/?secret=1")], "", Protocol, NEVER),
        ],
    );
}

#[test]
fn openai_compatible() {
    check(
        "openai_compatible",
        &[
            (
                400,
                &[],
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":8}}"#,
                ContextTooLong,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"object":"error","message":"This model's maximum context length is 8 tokens.","type":"BadRequestError","code":400}"#,
                ContextTooLong,
                NEVER,
            ),
            (400, &[], r#"{"code":400,"message":"m","type":"Bad Request"}"#, Invalid, NEVER),
            (401, &[], r#"{"error":"text","code":"c"}"#, Unauthenticated, NEVER),
            (
                404,
                &[],
                r#"{"error":{"message":"model 'x' not found","type":"api_error","param":null,"code":null}}"#,
                NotFound,
                NEVER,
            ),
            (429, &[], r#"{"error":{"message":"m","code":429}}"#, RateLimited, BACKOFF),
            (402, &[], r#"{"error":{"message":"Insufficient credits","code":402}}"#, QuotaExhausted, NEVER),
            (
                500,
                &[],
                r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#,
                Unsupported,
                NEVER,
            ),
            (
                503,
                &[],
                r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
                Unavailable,
                BACKOFF,
            ),
            (405, &[], "", NotFound, NEVER),
        ],
    );
}

#[test]
fn gemini() {
    check(
        "gemini",
        &[
            (400, &[], r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}"#, Invalid, NEVER),
            (
                400,
                &[],
                r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#,
                Unauthenticated,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}"#,
                ContextTooLong,
                NEVER,
            ),
            (
                400,
                &[],
                r#"{"error":{"code":400,"message":"User location is not supported","status":"FAILED_PRECONDITION"}}"#,
                Forbidden,
                NEVER,
            ),
            (
                401,
                &[],
                r#"{"error":{"code":401,"message":"m","status":"UNAUTHENTICATED"}}"#,
                Unauthenticated,
                REFRESH,
            ),
            (
                403,
                &[],
                r#"{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"}]}}"#,
                Forbidden,
                NEVER,
            ),
            (404, &[], r#"{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}"#, NotFound, NEVER),
            (499, &[], r#"{"error":{"code":499,"message":"m","status":"CANCELLED"}}"#, Unavailable, BACKOFF),
            (
                429,
                &[],
                r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}]"#,
                RateLimited,
                after(34_500),
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"900ms"}]}}"#,
                RateLimited,
                after(900),
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"Please retry in 12.5s.","status":"RESOURCE_EXHAUSTED"}}"#,
                RateLimited,
                after(12_500),
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x.QuotaFailure","violations":[{"quotaId":"RequestsPerMinutePerProject"}]}]}}"#,
                RateLimited,
                after(60_000),
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x.QuotaFailure","violations":[{"quotaId":"RequestsPerDayPerProject"}]},{"@type":"x.RetryInfo","retryDelay":"9s"}]}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"Quota exceeded, limit: 0","status":"RESOURCE_EXHAUSTED"}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x.RetryInfo","retryDelay":"301s"}]}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x.ErrorInfo","reason":"MODEL_CAPACITY_EXHAUSTED"}]}}"#,
                Unavailable,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x.ErrorInfo","reason":"QUOTA_EXHAUSTED"}]}}"#,
                QuotaExhausted,
                NEVER,
            ),
            (
                429,
                &[],
                r#"{"error":{"message":"{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"x.RetryInfo\",\"retryDelay\":\"2s\"}]}}"}}"#,
                RateLimited,
                after(2000),
            ),
            (500, &[], r#"{"error":{"code":500,"message":"m","status":"INTERNAL"}}"#, Unavailable, BACKOFF),
            (502, &[], "", Unavailable, BACKOFF),
            (
                503,
                &[],
                r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#,
                Unavailable,
                BACKOFF,
            ),
            (
                504,
                &[],
                r#"{"error":{"code":504,"message":"m","status":"DEADLINE_EXCEEDED"}}"#,
                Unavailable,
                BACKOFF,
            ),
            (404, &[], "<html>404</html>", Protocol, NEVER),
        ],
    );
}

#[test]
fn the_text_tells_code_request_and_what_to_do_and_no_secret() {
    let body = r#"{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-inval****-key. You can find\nyour key online.","param":null,"type":"invalid_request_error"}}"#;
    let error = error("openai", 401, &[("x-request-id", "req_1")], body);
    assert_eq!(
        error.to_string(),
        "ask for an answer: Incorrect API key provided: [masked] You can find your key online. (openai, HTTP 401, \
         invalid_api_key, request req_1); check the key and its organization; keys are made at \
         platform.openai.com/api-keys"
    );
    assert_eq!((error.code(), error.request_id()), (Some("invalid_api_key"), Some("req_1")));
}

#[test]
fn the_id_of_a_request_is_found_in_the_body_too() {
    let body =
        r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"},"request_id":"req_2"}"#;
    assert_eq!(error("anthropic", 404, &[], body).request_id(), Some("req_2"));
    assert_eq!(error("anthropic", 404, &[("request-id", "req_3")], body).request_id(), Some("req_3"));
}

#[test]
fn a_page_for_browsers_asks_about_the_base_url() {
    for provider in ["anthropic", "openai", "openai_compatible", "gemini"] {
        let error = error(provider, 404, &[], "\n<!DOCTYPE html><html>canary</html>");
        let text = error.to_string();
        assert!(text.contains("is the base URL right?") && !text.contains("canary"), "{text}");
    }
    let text =
        error("openai", 302, &[("location", "https://example.com/login?token=canary")], "").to_string();
    assert!(text.contains("example.com") && !text.contains("canary"), "{text}");
}
