//! Refusals of the endpoints that answer JSON, in each flavour's form.

use serde_json::{Value, json};

use super::flavour::Flavour;

/// An OAuth error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    /// The word by which programs tell errors apart.
    pub(super) error: String,
    pub(super) description: String,
}

impl Failure {
    pub(super) fn new(status: u16, error: &str, description: impl Into<String>) -> Self {
        Self { status, error: error.to_owned(), description: description.into() }
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::invalid_request(format!("Missing required parameter: {parameter}"))
    }

    pub(super) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_grant", description)
    }

    pub(super) fn invalid_client(description: impl Into<String>) -> Self {
        Self::new(401, "invalid_client", description)
    }

    /// An error that a scenario asks for by its word.
    pub(super) fn scripted(error: &str) -> Self {
        let status = if error == "invalid_client" { 401 } else { 400 };
        Self::new(status, error, "scripted by the sandbox")
    }

    /// What a flavour says with a status when there is nothing more to say.
    pub(super) fn by_status(status: u16) -> Self {
        let (error, description) = match status {
            400 => ("invalid_request", "The request is invalid (scripted by the sandbox)"),
            401 => ("invalid_client", "Unauthorized (scripted by the sandbox)"),
            403 => ("access_denied", "Forbidden (scripted by the sandbox)"),
            404 => ("not_found", "Not found"),
            405 => ("method_not_allowed", "Method not allowed"),
            429 => ("rate_limit_exceeded", "Too many requests (scripted by the sandbox)"),
            503 => ("temporarily_unavailable", "Unavailable (scripted by the sandbox)"),
            _ => ("server_error", "Internal error (scripted by the sandbox)"),
        };
        Self::new(status, error, description)
    }

    /// The body.  OpenAI and Anthropic answer the RFC's form for `invalid_grant` and the envelope of their APIs
    /// for the rest; clients have to read both.
    pub(super) fn body(&self, flavour: Flavour) -> Value {
        let (error, description) = (self.error.as_str(), self.description.as_str());
        let plain = json!({"error": error, "error_description": description});
        match flavour {
            Flavour::Standard | Flavour::Google => plain,
            Flavour::Openai | Flavour::Anthropic if error == "invalid_grant" => plain,
            Flavour::Openai => json!({"error": {
                "message": description,
                "type": if self.status >= 500 { "server_error" } else { "invalid_request_error" },
                "param": null,
                "code": error,
            }}),
            // What its parser of token requests says is neither: the word is a type of its own.
            Flavour::Anthropic if error == "oauth_request_parse_error" => plain,
            Flavour::Anthropic => {
                let kind = match self.status {
                    401 => "authentication_error",
                    403 => "permission_error",
                    404 => "not_found_error",
                    429 => "rate_limit_error",
                    500.. => "api_error",
                    _ => "invalid_request_error",
                };
                json!({"type": "error", "error": {"type": kind, "message": format!("{error}: {description}")}})
            }
        }
    }
}
