//! OpenAI: the Responses API.

mod api_key;
mod chat;
mod decoder;
mod error;
mod input;
mod models;
mod reasoning;
mod tools;

use http::{HeaderMap, HeaderValue};
use maestro_core::{
    Error, FieldError, Result,
    chat::ApiId,
    provider::{ApiKeyFlow, ChatProtocol, Endpoint, ModelCatalog, OAuthFlow, Provider, ProviderId},
};

pub use self::decoder::Decoder;
use crate::request::{self, Proof};

/// The protocol.
pub const API: ApiId = ApiId::from_static("openai-responses");

/// The environment variable in which OpenAI's own tools look for a key.
const KEY_VARIABLE: &str = "OPENAI_API_KEY";

/// OpenAI's Responses API. Nothing is kept on the server (`store` is false): the history is the caller's, and reasoning
/// comes back encrypted to be replayed.
#[derive(Debug, Clone)]
pub struct OpenAi {
    id: ProviderId,
    organization: Option<String>,
    project: Option<String>,
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
}

impl Default for OpenAi {
    fn default() -> Self {
        Self { id: crate::provider_id("openai"), organization: None, project: None }
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
        None
    }

    fn chat(&self) -> Option<&dyn ChatProtocol> {
        Some(self)
    }

    fn models(&self) -> Option<&dyn ModelCatalog> {
        Some(self)
    }
}

impl OpenAi {
    /// The address of `path` behind the base URL, which ends in `/v1`.
    fn url(endpoint: &Endpoint, path: &str) -> String {
        endpoint.url("https://api.openai.com/v1", path)
    }

    /// The headers that every request carries.
    fn headers(&self, endpoint: &Endpoint, operation: &'static str) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        match Proof::of(endpoint) {
            Proof::Key(key) => request::bearer(&mut headers, key)?,
            Proof::Token(tokens) => request::bearer(&mut headers, &tokens.access_token)?,
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
