//! Which of OpenAI's two hosts is asked, and how the one behind a sign-in differs.

use http::{HeaderMap, HeaderName, HeaderValue};
use maestro_core::{
    auth::OAuthTokens,
    chat::{Action, ChatRequest, TranslationReport},
    provider::Endpoint,
};

use super::ORIGINATOR;
use crate::{
    oauth::claims,
    request::{self, Proof},
};

/// The claim of accounts that are kept apart for the government of the United States.
const FEDRAMP: &str = "/https:~1~1api.openai.com~1auth/chatgpt_account_is_fedramp";

/// A host that speaks the Responses API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    /// The platform, for keys.
    Platform,
    /// The backend of ChatGPT, for the tokens of a sign-in.
    ChatGpt,
}

impl Backend {
    /// A key that tokens have bought goes to the platform.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        match Proof::of(endpoint) {
            Proof::Token(_) => Self::ChatGpt,
            Proof::Key(_) | Proof::Nothing => Self::Platform,
        }
    }

    /// The address of `path` behind the base URL.
    pub(super) fn url(self, endpoint: &Endpoint, path: &str) -> String {
        let default = match self {
            Self::Platform => "https://api.openai.com/v1",
            Self::ChatGpt => "https://chatgpt.com/backend-api/codex",
        };
        endpoint.url(default, path)
    }
}

/// Adds what the backend of ChatGPT wants to know besides the token. An account that is not known is left out.
pub(super) fn add_headers(headers: &mut HeaderMap, tokens: &OAuthTokens) {
    request::plain(headers, "originator", ORIGINATOR);
    if let Some(account) =
        tokens.account_id.as_deref().and_then(|account| HeaderValue::from_str(account).ok())
    {
        headers.insert("chatgpt-account-id", account);
    }
    if claims::is_true(tokens, FEDRAMP) {
        request::plain(headers, "x-openai-fedramp", "true");
    }
}

/// Names the conversation, by which the backend of ChatGPT routes to where its cache is warm.
pub(super) fn add_conversation(headers: &mut HeaderMap, request: &ChatRequest) {
    if let Some(key) = request.cache_key.as_deref().and_then(|key| HeaderValue::from_str(key).ok()) {
        for name in ["session-id", "thread-id"] {
            headers.insert(HeaderName::from_static(name), key.clone());
        }
    }
}

/// Notes which settings the backend of ChatGPT refuses, and that are left out therefore.
pub(super) fn note_refused(request: &ChatRequest, report: &mut TranslationReport) {
    for (name, is_set) in [
        ("output limit", request.max_output_tokens.is_some()),
        ("temperature", request.temperature_milli.is_some()),
        ("top_p", request.top_p_milli.is_some()),
    ] {
        if is_set {
            report.note(Action::Dropped, format!("{name}: it is refused behind a ChatGPT sign-in"));
        }
    }
}
