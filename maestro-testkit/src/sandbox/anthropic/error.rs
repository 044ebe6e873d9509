//! Anthropic's error bodies.

use serde_json::json;

use super::super::answer::Refusal;

/// A request that is wrong.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    of("invalid_request_error", message)
}

/// An error of a type, with the status that goes with it.
pub(super) fn of(kind: &str, message: impl Into<String>) -> Refusal {
    make(status(kind), kind, &message.into())
}

/// The body the provider sends with a status.
pub(in super::super) fn by_status(status: u16) -> Refusal {
    let kind = match status {
        400 | 405 | 408 | 415 | 422 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    make(status, kind, text(kind))
}

/// What the provider says with a type when there is nothing more to say.
pub(super) fn text(kind: &str) -> &'static str {
    match kind {
        "invalid_request_error" => "The request is invalid (scripted by the sandbox)",
        "authentication_error" => "invalid x-api-key",
        "billing_error" => "There is an issue with your billing (scripted by the sandbox)",
        "permission_error" => "Your API key does not have permission to use the specified resource.",
        "not_found_error" => "Not Found",
        "conflict_error" => "The resource is in a conflicting state (scripted by the sandbox)",
        "request_too_large" => "Request exceeds the maximum size",
        "rate_limit_error" => "This request would exceed your rate limit (scripted by the sandbox)",
        "timeout_error" => "The request timed out (scripted by the sandbox)",
        "overloaded_error" => "Overloaded",
        _ => "Internal server error",
    }
}

fn status(kind: &str) -> u16 {
    match kind {
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "api_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 400,
    }
}

fn make(status: u16, kind: &str, message: &str) -> Refusal {
    let body = json!({
        "type": "error",
        "error": {"type": kind, "message": message},
    });
    Refusal::new(status, body)
}
