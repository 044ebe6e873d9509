//! OpenAI's error bodies.

use serde_json::{Value, json};

use super::super::answer::Refusal;

/// A request that is wrong, with the parameter that is and a code, where there are.
pub(super) fn invalid(message: impl Into<String>, param: Option<&str>, code: Option<&str>) -> Refusal {
    make(400, "invalid_request_error", &message.into(), param, code)
}

/// A field that must be there.
pub(super) fn missing(param: &str) -> Refusal {
    invalid(
        format!("Missing required parameter: '{param}'."),
        Some(param),
        Some("missing_required_parameter"),
    )
}

/// A field of the wrong type.
pub(super) fn wrong_type(param: &str, wanted: &str) -> Refusal {
    invalid(format!("Invalid type for '{param}': expected {wanted}."), Some(param), Some("invalid_type"))
}

/// A field with a value that it cannot have.
pub(super) fn wrong_value(param: &str, value: &str, supported: &[&str]) -> Refusal {
    let list: Vec<String> = supported.iter().map(|value| format!("'{value}'")).collect();
    invalid(
        format!("Invalid value: '{value}'. Supported values are: {}.", list.join(", ")),
        Some(param),
        Some("invalid_value"),
    )
}

/// A field that there is not.
pub(super) fn unknown_field(param: &str) -> Refusal {
    invalid(format!("Unknown parameter: '{param}'."), Some(param), Some("unknown_parameter"))
}

/// A model that is not there: 400 from Responses, 404 from everything else.
pub(super) fn unknown_model(status: u16, model: &str) -> Refusal {
    let message = if status == 400 {
        format!("The requested model '{model}' does not exist.")
    } else {
        format!("The model `{model}` does not exist or you do not have access to it.")
    };
    make(status, "invalid_request_error", &message, Some("model"), Some("model_not_found"))
}

/// No credentials.
pub(super) fn no_key() -> Refusal {
    let message = "You didn't provide an API key. You need to provide your API key in an Authorization header \
                   using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
    make(401, "invalid_request_error", message, None, None)
}

/// A key that is not good; the message shows its ends only, as the provider's does.
pub(super) fn wrong_key(key: &str) -> Refusal {
    let message = format!(
        "Incorrect API key provided: {}. You can find your API key at \
         https://platform.openai.com/account/api-keys.",
        mask(key)
    );
    make(401, "invalid_request_error", &message, None, Some("invalid_api_key"))
}

/// An access token of a ChatGPT sign-in, which is good on another host only.
pub(super) fn missing_scope() -> Refusal {
    let message = "You have insufficient permissions for this operation. Missing scopes: api.responses.write. \
                   Check that you have the correct role in your organization and the necessary scopes.";
    make(401, "invalid_request_error", message, None, Some("missing_scope"))
}

/// An access token that has expired.
pub(super) fn expired_token() -> Refusal {
    let message = "Provided authentication token is expired. Please try signing in again.";
    make(401, "invalid_request_error", message, None, Some("token_expired"))
}

/// An access token that was taken back.
pub(super) fn revoked_token() -> Refusal {
    let message = "Your authentication token has been invalidated. Please try signing in again.";
    make(401, "invalid_request_error", message, None, Some("token_revoked"))
}

/// A path that there is not.
pub(super) fn no_such_url(method: &str, path: &str) -> Refusal {
    make(404, "invalid_request_error", &format!("Invalid URL ({method} {path})"), None, None)
}

/// The body the provider sends with a status.
pub(super) fn by_status(status: u16) -> Refusal {
    let (kind, message, code) = match status {
        400 => ("invalid_request_error", "The request is invalid (scripted by the sandbox).", None),
        401 => (
            "invalid_request_error",
            "Incorrect API key provided: sandbox-********. You can find your API key at \
             https://platform.openai.com/account/api-keys.",
            Some("invalid_api_key"),
        ),
        403 => (
            "invalid_request_error",
            "You do not have permission for this (scripted by the sandbox).",
            Some("permission_denied"),
        ),
        404 => ("invalid_request_error", "Not found (scripted by the sandbox).", None),
        413 => ("invalid_request_error", "The request is too large.", None),
        429 => (
            "requests",
            "Rate limit reached (scripted by the sandbox). Please try again in 1s.",
            Some("rate_limit_exceeded"),
        ),
        503 => (
            "server_error",
            "The server is overloaded (scripted by the sandbox).",
            Some("server_is_overloaded"),
        ),
        500.. => ("server_error", "The server had an error while processing your request.", None),
        _ => ("invalid_request_error", "The request failed (scripted by the sandbox).", None),
    };
    make(status, kind, message, None, code)
}

fn make(status: u16, kind: &str, message: &str, param: Option<&str>, code: Option<&str>) -> Refusal {
    let error: Value = json!({"message": message, "type": kind, "param": param, "code": code});
    Refusal::new(status, json!({ "error": error }))
}

/// The first eight and the last four characters at most, and never more than half of the key.
fn mask(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    let shown = chars.len() / 4;
    let (head, tail) = (shown.min(8), shown.min(4));
    let start: String = chars[..head].iter().collect();
    let end: String = chars[chars.len() - tail..].iter().collect();
    format!("{start}{}{end}", "*".repeat(chars.len() - head - tail))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn a_masked_key_shows_at_most_half_of_it() {
        assert_eq!(mask("sk-invalid-key-of-24-chr"), "sk-inv**************-chr");
        assert_eq!(mask("abc"), "***");
        assert_eq!(mask("abcd"), "a**d");
    }
}
