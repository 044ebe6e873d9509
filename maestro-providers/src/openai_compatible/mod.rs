//! Servers that speak Chat Completions: llama.cpp, Ollama, vLLM, LM Studio, OpenRouter and many more.

mod api_key;
mod chat;
mod decoder;
mod error;
mod messages;
mod models;
mod tools;

use http::HeaderMap;
use maestro_core::{
    Error, FieldError, Result,
    chat::ApiId,
    provider::{ApiKeyFlow, ChatProtocol, Endpoint, ModelCatalog, OAuthFlow, Provider, ProviderId},
};
use url::Url;

pub use self::{chat::MaxTokensField, decoder::Decoder};
use crate::request::{self, Proof};

/// The protocol.
pub const API: ApiId = ApiId::from_static("openai-chat");

/// The environment variable in which a key is looked for. It is one of its own: a key of OpenAI's must not go to
/// whatever server a base URL names.
const KEY_VARIABLE: &str = "OPENAI_COMPATIBLE_API_KEY";

/// A server that speaks Chat Completions, at a base URL that usually ends in `/v1`. A key is sent if there is one.
///
/// ```
/// use maestro_core::provider::{Endpoint, Provider as _, ProviderId};
/// use maestro_providers::openai_compatible::OpenAiCompatible;
///
/// # fn main() -> maestro_core::Result<()> {
/// let ollama = OpenAiCompatible::default()
///     .named(ProviderId::new("ollama")?)
///     .at(Endpoint::parse_base_url("http://127.0.0.1:11434/v1")?);
/// let registry = maestro_providers::builtin().with(ollama);
/// # assert!(registry.chat(&ProviderId::new("ollama")?).is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OpenAiCompatible {
    id: ProviderId,
    base_url: Option<Url>,
    max_tokens_field: MaxTokensField,
}

impl OpenAiCompatible {
    /// The same under a name of its own, so that several servers can stand in one registry.
    #[must_use]
    pub fn named(mut self, id: ProviderId) -> Self {
        self.id = id;
        self
    }

    /// The server to ask where an endpoint names none.
    #[must_use]
    pub fn at(mut self, base_url: Url) -> Self {
        self.base_url = Some(base_url);
        self
    }

    /// How the server spells the limit on output.
    #[must_use]
    pub const fn with_max_tokens_field(mut self, field: MaxTokensField) -> Self {
        self.max_tokens_field = field;
        self
    }
}

impl Default for OpenAiCompatible {
    fn default() -> Self {
        Self {
            id: crate::provider_id("openai_compatible"),
            base_url: None,
            max_tokens_field: MaxTokensField::default(),
        }
    }
}

impl Provider for OpenAiCompatible {
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

impl OpenAiCompatible {
    /// The server's base URL. [`Invalid`](maestro_core::ErrorKind::Invalid) when neither the endpoint nor the provider
    /// names one.
    fn base<'a>(&'a self, endpoint: &'a Endpoint, operation: &'static str) -> Result<&'a Url> {
        endpoint.base_url.as_ref().or(self.base_url.as_ref()).ok_or_else(|| {
            Error::invalid(operation, [FieldError::new("base_url", "is missing: this provider has no server of its own")])
                .advise("name one, such as http://127.0.0.1:8080/v1 (llama.cpp) or http://127.0.0.1:11434/v1 (Ollama)")
        })
    }

    /// The address of `path` behind the base URL.
    fn url(base: &Url, path: &str) -> String {
        format!("{}{path}", base.as_str().trim_end_matches('/'))
    }

    /// The headers that every request carries.
    fn headers(endpoint: &Endpoint) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        match Proof::of(endpoint) {
            Proof::Key(key) => request::bearer(&mut headers, key)?,
            Proof::Token(tokens) => request::bearer(&mut headers, &tokens.access_token)?,
            Proof::Nothing => {}
        }
        Ok(headers)
    }
}
