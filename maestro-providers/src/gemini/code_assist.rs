//! Code Assist: the endpoint behind Google's own command line, which wraps requests and answers. Off unless asked for.

use http::HeaderMap;
use maestro_core::{Error, ErrorKind, Id, Result, chat::ChatRequest, provider::Endpoint};
use serde::Serialize;

use super::Gemini;
use crate::request::{self, Proof};

/// How Code Assist is asked.
///
/// **Google's documents say that other software that reaches the services behind Gemini CLI with its sign-in breaks their
/// terms, and that accounts may be suspended for it** (faq.md and tos-privacy.md of gemini-cli, read 2026-11-21). Making one is
/// the operator's word that they may. The supported ways are an API key, and a sign-in at the developer API.
///
/// The account must have been set up for Code Assist before; that is not done here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeAssist {
    /// The Cloud project that the account was set up with; absent where the plan needs none.
    pub project: Option<String>,
}

/// A request as Code Assist wants it. The decoder unwraps the answers.
#[derive(Serialize)]
pub(super) struct Wrapped<'a, T> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    user_prompt_id: String,
    request: Inner<'a, T>,
}

#[derive(Serialize)]
struct Inner<'a, T> {
    #[serde(flatten)]
    body: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
}

impl CodeAssist {
    pub(super) fn wrap<'a, T>(&'a self, request: &'a ChatRequest, body: T) -> Wrapped<'a, T> {
        let model = request.model.as_str();
        Wrapped {
            model: model.strip_prefix("models/").unwrap_or(model),
            project: self.project.as_deref(),
            user_prompt_id: Id::<Self>::new().to_string(),
            request: Inner { body, session_id: request.cache_key.as_deref() },
        }
    }
}

impl Gemini {
    /// How Code Assist is asked, if this endpoint is one of it: a sign-in, where that was turned on. Keys go to the developer
    /// API.
    pub(super) fn code_assist_for(&self, endpoint: &Endpoint) -> Option<&CodeAssist> {
        self.code_assist.as_ref().filter(|_| matches!(Proof::of(endpoint), Proof::Token(_)))
    }

    /// The address of a method of Code Assist.
    pub(super) fn code_assist_url(endpoint: &Endpoint, method: &str) -> String {
        endpoint.url("https://cloudcode-pa.googleapis.com", &format!("/v1internal:{method}"))
    }

    /// The headers of Code Assist: the token alone.
    pub(super) fn code_assist_headers(endpoint: &Endpoint) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        if let Proof::Token(tokens) = Proof::of(endpoint) {
            request::bearer(&mut headers, &tokens.access_token)?;
        }
        Ok(headers)
    }
}

/// The error of asking Code Assist for models: it has no list.
pub(super) fn no_models(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
        .with_provider("gemini")
        .because("Code Assist lists no models")
        .advise("name one, or use an API key to list them")
}
