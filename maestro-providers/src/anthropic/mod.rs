//! Anthropic: the Messages API.

mod api_key;
mod chat;
mod decoder;
mod error;
mod messages;
mod models;
mod oauth;
mod thinking;

use http::{HeaderMap, HeaderValue};
use maestro_core::{
    Error, FieldError, Result,
    chat::ApiId,
    provider::{ApiKeyFlow, ChatProtocol, Endpoint, ModelCatalog, OAuthFlow, Provider, ProviderId},
};

pub use self::{chat::DEFAULT_MAX_TOKENS, decoder::Decoder, oauth::oauth_profile};
use crate::{
    oauth::OAuth,
    request::{self, Proof},
};

/// The protocol.
pub const API: ApiId = ApiId::from_static("anthropic-messages");

/// The environment variable in which Anthropic's own tools look for a key.
const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";

/// Anthropic's Messages API.
///
/// Keys go into `x-api-key`, tokens into `authorization` with the beta flag that they need; never both.
#[derive(Debug, Clone)]
pub struct Anthropic {
    id: ProviderId,
    betas: Vec<String>,
    oauth: Option<OAuth>,
}

impl Anthropic {
    /// Also asks for a beta feature, by its flag, with every request.
    #[must_use]
    pub fn with_beta(mut self, flag: impl Into<String>) -> Self {
        self.betas.push(flag.into());
        self
    }

    /// Signs people in as this client. See [`oauth_profile`].
    #[must_use]
    pub fn with_oauth(mut self, oauth: OAuth) -> Self {
        self.oauth = Some(oauth);
        self
    }
}

impl Default for Anthropic {
    fn default() -> Self {
        Self { id: crate::provider_id("anthropic"), betas: Vec::new(), oauth: None }
    }
}

impl Provider for Anthropic {
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

impl Anthropic {
    /// The address of `path`, which begins with `/v1`. A base URL that ends in `/v1` already is taken as it is meant.
    fn url(endpoint: &Endpoint, path: &str) -> String {
        let base = endpoint.url("https://api.anthropic.com", "");
        format!("{}{path}", base.strip_suffix("/v1").unwrap_or(&base))
    }

    /// The headers that every request carries.
    fn headers(&self, endpoint: &Endpoint, operation: &'static str) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        request::plain(&mut headers, "anthropic-version", "2023-06-01");
        let mut betas: Vec<&str> = Vec::new();
        match Proof::of(endpoint) {
            Proof::Key(key) => {
                headers.insert("x-api-key", key.header_value("")?);
            }
            Proof::Token(tokens) => {
                request::bearer(&mut headers, &tokens.access_token)?;
                betas.push("oauth-2025-04-20");
            }
            Proof::Nothing => return Err(request::no_key("Anthropic", operation, KEY_VARIABLE)),
        }
        // Several flags may stand in one text; each is sent once.
        for flag in self.betas.iter().flat_map(|flags| flags.split(',')).map(str::trim) {
            if !flag.is_empty() && !betas.contains(&flag) {
                betas.push(flag);
            }
        }
        if !betas.is_empty() {
            let value = HeaderValue::from_str(&betas.join(",")).map_err(|_| {
                Error::invalid(operation, [FieldError::new("beta", "holds a character that no header may")])
            })?;
            headers.insert("anthropic-beta", value);
        }
        Ok(headers)
    }
}
