//! Gemini's error bodies.

use serde_json::{Value, json};

use super::super::answer::Refusal;

/// A request that is wrong.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    of(400, "INVALID_ARGUMENT", &message.into())
}

/// A field that is not known, with the violation the JSON parser reports.
pub(super) fn unknown_field(name: &str, path: &str) -> Refusal {
    let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
    let message =
        format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.");
    let mut refusal = invalid(message.as_str());
    refusal.body["error"]["details"] = json!([{
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": path, "description": message}],
    }]);
    refusal
}

/// A key that is not good: status 400, told apart by its reason.
pub(super) fn wrong_key() -> Refusal {
    let mut refusal = invalid("API key not valid. Please pass a valid API key.");
    refusal.body["error"]["details"] = json!([
        reason("API_KEY_INVALID"),
        {
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
            "locale": "en-US",
            "message": "API key not valid. Please pass a valid API key.",
        },
    ]);
    refusal
}

/// No credentials at all.
pub(super) fn no_key() -> Refusal {
    let mut refusal = of(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key \
         or other form of API consumer identity to call this API.",
    );
    refusal.body["error"]["details"] = json!([]);
    refusal
}

/// An access token without the project that is to be billed.
pub(super) fn no_project() -> Refusal {
    of(
        403,
        "PERMISSION_DENIED",
        "Your application is authenticating by using local Application Default Credentials, which requires a \
         quota project. Set the x-goog-user-project header.",
    )
}

/// The body the provider sends with a status.
pub(super) fn by_status(code: u16) -> Refusal {
    let (status, message) = match code {
        400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        401 => (
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
             other valid authentication credential.",
        ),
        403 => ("PERMISSION_DENIED", "The caller does not have permission"),
        404 => ("NOT_FOUND", "Requested entity was not found."),
        408 | 499 => ("CANCELLED", "The operation was cancelled."),
        413 => ("INVALID_ARGUMENT", "Request payload size exceeds the limit."),
        429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry in 1s."),
        500 => ("INTERNAL", "An internal error has occurred."),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "The request timed out. Please try again."),
        _ => ("UNKNOWN", "Unknown error."),
    };
    let mut refusal = of(code, status, message);
    if code == 429 {
        refusal.body["error"]["details"] = json!([
            {
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                "violations": [{
                    "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
                    "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-Sandbox",
                }],
            },
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"},
        ]);
    }
    refusal
}

/// An error of a code and a status.
pub(super) fn of(code: u16, status: &str, message: &str) -> Refusal {
    Refusal::new(code, json!({"error": {"code": code, "message": message, "status": status}}))
}

/// The code that goes with a status.
pub(super) fn code(status: &str) -> u16 {
    match status {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" => 400,
        "UNAUTHENTICATED" => 401,
        "PERMISSION_DENIED" => 403,
        "NOT_FOUND" => 404,
        "RESOURCE_EXHAUSTED" => 429,
        "CANCELLED" => 499,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        _ => 500,
    }
}

fn reason(reason: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    })
}
