//! OpenAI: the Responses API, of the platform and behind a ChatGPT sign-in.

mod api_key;
mod backend;
mod chat;
mod decoder;
mod error;
mod input;
mod models;
mod oauth;
mod reasoning;
mod tools;

use http::{HeaderMap, HeaderValue};
use maestro_core::{
    Error, FieldError, Result,
    chat::ApiId,
    provider::{ApiKeyFlow, ChatProtocol, Endpoint, ModelCatalog, OAuthFlow, Provider, ProviderId},
};

pub use self::{
    decoder::Decoder,
    oauth::{CODEX_CLIENT_ID, oauth_profile},
};
use crate::{
    oauth::OAuth,
    request::{self, Proof},
};

/// The protocol.
pub const API: ApiId = ApiId::from_static("openai-responses");

/// What this program calls itself behind a sign-in.
const ORIGINATOR: &str = "maestro";

/// The environment variable in which OpenAI's own tools look for a key.
const KEY_VARIABLE: &str = "OPENAI_API_KEY";

/// OpenAI's Responses API. Nothing is kept on the server (`store` is false): the history is the caller's, and reasoning
/// comes back encrypted to be replayed.
///
/// With a key it asks the platform (`api.openai.com`). With the tokens of a sign-in that has bought no key it asks the
/// backend of ChatGPT (`chatgpt.com`), which speaks a narrower dialect (requirement M-P8): no limits on output and no
/// sampling, which the report tells.
#[derive(Debug, Clone)]
pub struct OpenAi {
    id: ProviderId,
    organization: Option<String>,
    project: Option<String>,
    client_version: String,
    oauth: Option<OAuth>,
}

impl OpenAi {
    /// Books requests on an organization (`org_…`), for keys that belong to several.
    #[must_use]
    pub fn with_organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// Books requests on a project (`proj_…`), for keys that belong to several.
    #[must_use]
    pub fn with_project(mut self, id: impl Into<String>) -> Self {
        self.project = Some(id.into());
        self
    }

    /// The version of this program that the backend of ChatGPT is told when it lists models; it hides models from versions
    /// that it takes for old. Maestro's own if this is not set.
    #[must_use]
    pub fn with_client_version(mut self, version: impl Into<String>) -> Self {
        self.client_version = version.into();
        self
    }

    /// Signs people in as this client. See [`oauth_profile`].
    #[must_use]
    pub fn with_oauth(mut self, oauth: OAuth) -> Self {
        self.oauth = Some(oauth);
        self
    }
}

impl Default for OpenAi {
    fn default() -> Self {
        Self {
            id: crate::provider_id("openai"),
            organization: None,
            project: None,
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
            oauth: None,
        }
    }
}

impl Provider for OpenAi {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn api_key(&self) -> Option<&dyn ApiKeyFlow> {
        Some(self)
    }

    fn oauth(&self) -> Option<&dyn OAuthFlow> {
        self.oauth.as_ref().map(|oauth| oauth as &dyn OAuthFlow)
    }

    fn chat(&self) -> Option<&dyn ChatProtocol> {
        Some(self)
    }

    fn models(&self) -> Option<&dyn ModelCatalog> {
        Some(self)
    }
}

impl OpenAi {
    /// The headers that every request carries.
    fn headers(&self, endpoint: &Endpoint, operation: &'static str) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        match Proof::of(endpoint) {
            Proof::Key(key) => request::bearer(&mut headers, key)?,
            Proof::Token(tokens) => {
                request::bearer(&mut headers, &tokens.access_token)?;
                backend::add_headers(&mut headers, tokens);
                // Organizations and projects are of the platform.
                return Ok(headers);
            }
            Proof::Nothing => return Err(request::no_key("OpenAI", operation, KEY_VARIABLE)),
        }
        for (name, id) in [("openai-organization", &self.organization), ("openai-project", &self.project)] {
            if let Some(id) = id {
                let value = HeaderValue::from_str(id).map_err(|_| {
                    Error::invalid(operation, [FieldError::new(name, "holds a character that no header may")])
                })?;
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }
}
