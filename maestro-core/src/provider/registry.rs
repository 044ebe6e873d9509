//! The registry: from a provider's name to its facets.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{ApiKeyFlow, Capabilities, ChatProtocol, ModelCatalog, OAuthFlow, Operation, ProviderId};
use crate::error::{Error, ErrorKind, Result};

/// A provider: a name and the facets that it implements.
pub trait Provider: Send + Sync {
    /// Its name.
    fn id(&self) -> &ProviderId;

    /// How it uses API keys, if it does.
    fn api_key(&self) -> Option<&dyn ApiKeyFlow>;

    /// How it signs people in, if it does.
    fn oauth(&self) -> Option<&dyn OAuthFlow>;

    /// How it chats, if it does.
    fn chat(&self) -> Option<&dyn ChatProtocol>;

    /// Which models it has, if it tells.
    fn models(&self) -> Option<&dyn ModelCatalog>;
}

/// The providers that a program knows. It is a value: programs build theirs and add providers of their own.
#[derive(Clone, Default)]
pub struct Registry {
    providers: BTreeMap<ProviderId, Arc<dyn Provider>>,
}

impl Registry {
    /// A registry that knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider, in place of one of the same name.
    #[must_use]
    pub fn with(mut self, provider: impl Provider + 'static) -> Self {
        self.providers.insert(provider.id().clone(), Arc::new(provider));
        self
    }

    /// The names of all providers, sorted.
    pub fn list(&self) -> impl Iterator<Item = &ProviderId> {
        self.providers.keys()
    }

    /// What every provider can do, sorted by name.
    pub fn capabilities(&self) -> Vec<Capabilities> {
        self.providers.values().map(|provider| Capabilities::of(provider.as_ref())).collect()
    }

    /// A provider by name. [`ErrorKind::NotFound`] names the known ones.
    pub fn provider(&self, id: &ProviderId) -> Result<&dyn Provider> {
        self.providers.get(id).map(AsRef::as_ref).ok_or_else(|| {
            let known: Vec<_> = self.list().map(ProviderId::as_str).collect();
            let known = if known.is_empty() {
                "no provider is built in".to_owned()
            } else {
                format!("known are {}", known.join(", "))
            };
            Error::not_found("find provider", format_args!("\"{id}\""))
                .because("there is no such provider")
                .advise(known)
        })
    }

    /// How a provider chats. [`ErrorKind::Unsupported`] when it does not.
    pub fn chat(&self, id: &ProviderId) -> Result<&dyn ChatProtocol> {
        self.provider(id)?.chat().ok_or_else(|| self.unsupported(id, Operation::StreamChat))
    }

    /// How a provider uses API keys. [`ErrorKind::Unsupported`] when it does not.
    pub fn api_key(&self, id: &ProviderId) -> Result<&dyn ApiKeyFlow> {
        self.provider(id)?.api_key().ok_or_else(|| self.unsupported(id, Operation::ApiKey))
    }

    /// How a provider signs people in. [`ErrorKind::Unsupported`] when it does not.
    pub fn oauth(&self, id: &ProviderId) -> Result<&dyn OAuthFlow> {
        self.provider(id)?.oauth().ok_or_else(|| self.unsupported(id, Operation::OAuth))
    }

    /// Which models a provider has. [`ErrorKind::Unsupported`] when it does not tell.
    pub fn models(&self, id: &ProviderId) -> Result<&dyn ModelCatalog> {
        self.provider(id)?.models().ok_or_else(|| self.unsupported(id, Operation::ListModels))
    }

    fn unsupported(&self, id: &ProviderId, operation: Operation) -> Error {
        let able: Vec<_> = (self.capabilities().into_iter())
            .filter(|capabilities| capabilities.operations.contains(&operation))
            .map(|capabilities| capabilities.provider.to_string())
            .collect();
        let error = Error::new(ErrorKind::Unsupported, "use provider")
            .on(format_args!("\"{id}\""))
            .because(format!("does not offer {operation}"));
        if able.is_empty() { error } else { error.advise(format!("it is offered by {}", able.join(", "))) }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.providers.keys()).finish()
    }
}
