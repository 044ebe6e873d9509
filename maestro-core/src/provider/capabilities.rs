//! What a provider can do, computed from its facets so that it cannot overstate (requirement M-P4).

use std::fmt;

use serde::Serialize;

use super::{Provider, ProviderId};
use crate::{auth::AuthType, chat::ApiId};

/// One thing that a provider may be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Stream an answer.
    StreamChat,
    /// List models.
    ListModels,
    /// Use an API key.
    ApiKey,
    /// Sign in and refresh by OAuth.
    OAuth,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 4] = [Self::StreamChat, Self::ListModels, Self::ApiKey, Self::OAuth];
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StreamChat => "stream_chat",
            Self::ListModels => "list_models",
            Self::ApiKey => "api_key",
            Self::OAuth => "oauth",
        })
    }
}

/// What a provider can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// The provider.
    pub provider: ProviderId,
    /// The operations that it implements.
    pub operations: Vec<Operation>,
    /// The kinds of credentials that it takes.
    pub auth_types: Vec<AuthType>,
    /// The wire protocol that it speaks for chat.
    pub api: Option<ApiId>,
    /// Whether it answers without any credential.
    pub key_is_optional: bool,
}

impl Capabilities {
    /// Reads the facets of a provider.
    pub fn of(provider: &dyn Provider) -> Self {
        let operations: Vec<_> =
            Operation::ALL.into_iter().filter(|operation| provides(provider, *operation)).collect();
        let auth_types = [(Operation::ApiKey, AuthType::ApiKey), (Operation::OAuth, AuthType::OAuth)];
        Self {
            provider: provider.id().clone(),
            auth_types: auth_types
                .into_iter()
                .filter(|(op, _)| operations.contains(op))
                .map(|(_, auth)| auth)
                .collect(),
            operations,
            api: provider.chat().map(|chat| chat.api()),
            key_is_optional: provider.api_key().is_some_and(|flow| flow.key_is_optional()),
        }
    }
}

fn provides(provider: &dyn Provider, operation: Operation) -> bool {
    match operation {
        Operation::StreamChat => provider.chat().is_some(),
        Operation::ListModels => provider.models().is_some(),
        Operation::ApiKey => provider.api_key().is_some(),
        Operation::OAuth => provider.oauth().is_some(),
    }
}
