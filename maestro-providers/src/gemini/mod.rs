//! Gemini: `generateContent` of Google's developer API.

mod api_key;
mod chat;
mod code_assist;
mod contents;
mod decoder;
mod error;
mod generation;
mod models;
mod oauth;
mod schema;
mod tools;

use http::{HeaderMap, HeaderValue};
use maestro_core::{
    Error, FieldError, Result,
    chat::ApiId,
    provider::{ApiKeyFlow, ChatProtocol, Endpoint, ModelCatalog, OAuthFlow, Provider, ProviderId},
};

pub use self::{
    code_assist::CodeAssist,
    decoder::Decoder,
    oauth::oauth_profile,
    schema::{Sanitised, sanitise},
    tools::SchemaField,
};
use crate::{
    oauth::OAuth,
    request::{self, Proof},
};

/// The protocol.
pub const API: ApiId = ApiId::from_static("gemini");

/// The environment variable in which Google's own tools look for a key.
const KEY_VARIABLE: &str = "GEMINI_API_KEY";

/// Google's developer API for Gemini. Keys go into `x-goog-api-key`, never into the address; tokens into
/// `authorization`; never both.
#[derive(Debug, Clone)]
pub struct Gemini {
    id: ProviderId,
    quota_project: Option<String>,
    schema_field: SchemaField,
    code_assist: Option<CodeAssist>,
    oauth: Option<OAuth>,
}

impl Gemini {
    /// The Cloud project that requests with a token are booked on (`x-goog-user-project`), unless one is kept with the tokens.
    /// Google refuses the token of a user without one.
    #[must_use]
    pub fn with_quota_project(mut self, project: impl Into<String>) -> Self {
        self.quota_project = Some(project.into());
        self
    }

    /// In which field the schemas of tools go.
    #[must_use]
    pub const fn with_schema_field(mut self, field: SchemaField) -> Self {
        self.schema_field = field;
        self
    }

    /// Asks Code Assist instead of the developer API where a sign-in is used. **Read [`CodeAssist`] first.** It has no list of
    /// models.
    #[must_use]
    pub fn with_code_assist(mut self, code_assist: CodeAssist) -> Self {
        self.code_assist = Some(code_assist);
        self
    }

    /// Signs people in as this client. See [`oauth_profile`].
    #[must_use]
    pub fn with_oauth(mut self, oauth: OAuth) -> Self {
        self.oauth = Some(oauth);
        self
    }
}

impl Default for Gemini {
    fn default() -> Self {
        Self {
            id: crate::provider_id("gemini"),
            quota_project: None,
            schema_field: SchemaField::default(),
            code_assist: None,
            oauth: None,
        }
    }
}

impl Provider for Gemini {
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

impl Gemini {
    /// The address of `path` behind the version. A base URL that ends in a version already is taken as it is meant.
    fn url(endpoint: &Endpoint, path: &str) -> String {
        let base = endpoint.url("https://generativelanguage.googleapis.com", "");
        let version = if base.ends_with("/v1beta") || base.ends_with("/v1") { "" } else { "/v1beta" };
        format!("{base}{version}{path}")
    }

    /// The headers that every request carries.
    fn headers(&self, endpoint: &Endpoint, operation: &'static str) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        match Proof::of(endpoint) {
            Proof::Key(key) => {
                headers.insert("x-goog-api-key", key.header_value("")?);
            }
            Proof::Token(tokens) => {
                request::bearer(&mut headers, &tokens.access_token)?;
                if let Some(project) = tokens.quota_project.as_ref().or(self.quota_project.as_ref()) {
                    let value = HeaderValue::from_str(project).map_err(|_| {
                        let problem = "holds a character that no header may";
                        Error::invalid(operation, [FieldError::new("quota_project", problem)])
                    })?;
                    headers.insert("x-goog-user-project", value);
                }
            }
            Proof::Nothing => return Err(request::no_key("Gemini", operation, KEY_VARIABLE)),
        }
        Ok(headers)
    }
}

/// The path of a model: `models/` is put before a bare id. [`Invalid`](maestro_core::ErrorKind::Invalid) for ids that
/// would lead elsewhere (`..`, `?`, `&`), as Google's own clients have it.
fn model_path(model: &str, operation: &'static str) -> Result<String> {
    let good = !model.contains("..")
        && !model.starts_with('/')
        && model.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/@".contains(&b));
    if !good {
        let problem = format!("{model:?} is not a name of a Gemini model");
        return Err(Error::invalid(operation, [FieldError::new("model", problem)]));
    }
    let has_kind = model.starts_with("models/") || model.starts_with("tunedModels/");
    Ok(if has_kind { format!("/{model}") } else { format!("/models/{model}") })
}

/// Which generation of Gemini a model is of, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Generation {
    /// Before Gemini 2, and models of other families.
    One,
    /// Gemini 2.0.
    Two,
    /// Gemini 2.5: thinks within a budget.
    TwoFive,
    /// Gemini 3 and later, and names such as `gemini-flash-latest`: thinks by level, and checks thought signatures.
    Three,
}

impl Generation {
    fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let Some(version) = name.strip_prefix("gemini-") else {
            // Names that tell nothing are treated like the newest, families that are known to be older are not.
            let older =
                ["gemma", "learnlm", "text-", "chat-", "palm"].iter().any(|family| name.starts_with(family));
            return if older { Self::One } else { Self::Three };
        };
        let digits =
            |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>();
        let Ok(major) = digits(version) else { return Self::Three };
        let minor = version.split_once('.').and_then(|(_, minor)| digits(minor).ok()).unwrap_or(0);
        match (major, minor) {
            (3.., _) => Self::Three,
            (2, 5..) => Self::TwoFive,
            (2, _) => Self::Two,
            _ => Self::One,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_model_tells_its_generation() {
        for (model, expected) in [
            ("gemini-1.5-pro", Generation::One),
            ("gemini-2.0-flash-001", Generation::Two),
            ("models/gemini-2.5-pro", Generation::TwoFive),
            ("gemini-3-pro-preview", Generation::Three),
            ("gemini-3.1-flash", Generation::Three),
            ("gemini-flash-latest", Generation::Three),
            ("gemma-3-27b-it", Generation::One),
            ("sandbox", Generation::Three),
        ] {
            assert_eq!(Generation::of(model), expected, "{model}");
        }
    }

    #[test]
    fn a_model_cannot_lead_to_another_path() {
        assert_eq!(model_path("gemini-3-pro", "ask").unwrap(), "/models/gemini-3-pro");
        assert_eq!(model_path("tunedModels/mine", "ask").unwrap(), "/tunedModels/mine");
        for model in ["../v1/files", "a?alt=json", "a&b", "a#b", "a%2e", "/a"] {
            assert!(model_path(model, "ask").is_err(), "{model}");
        }
    }
}
