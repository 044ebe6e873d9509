//! Whom to ask.

use maestro_core::{
    Error, ErrorKind, Id, Result,
    auth::{AuthType, SavedAuthentication},
    conversations::OpenSession,
    provider::{Endpoint, ProviderId},
};

use crate::Maestro;

/// Whom to ask: a provider, and where and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// The provider.
    pub provider: ProviderId,
    /// Where and as whom.
    pub endpoint: Endpoint,
    /// The saved authentication that the credentials come from, if they do. Its tokens are refreshed when they are near
    /// their end, or refused.
    pub auth: Option<Id<SavedAuthentication>>,
}

impl Target {
    /// A provider at an endpoint.
    pub const fn new(provider: ProviderId, endpoint: Endpoint) -> Self {
        Self { provider, endpoint, auth: None }
    }

    /// The kind of its credentials, if it has any.
    pub fn auth_type(&self) -> Option<AuthType> {
        self.endpoint.credentials.as_ref().map(maestro_core::auth::Credentials::auth_type)
    }
}

impl Maestro {
    /// Opens a saved authentication: its provider, with its credentials. Errors as at
    /// [`Vault::open`](maestro_core::auth::Vault::open).
    pub fn target(&self, auth: &SavedAuthentication) -> Result<Target> {
        let credentials = self.vault().open(auth.id, &auth.credentials)?;
        let endpoint = Endpoint::with_credentials(credentials);
        Ok(Target { provider: auth.provider.clone(), endpoint, auth: Some(auth.id) })
    }

    /// Opens the authentication of a session.
    ///
    /// [`ErrorKind::Unauthenticated`] when the session has none, as when it was removed; errors of
    /// [`target`](Self::target) besides.
    pub fn session_target(&self, open: &OpenSession) -> Result<Target> {
        let auth = open.auth.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "open session")
                .on(format_args!("\"{}\"", open.session.name))
                .because("it has no saved authentication")
                .advise("give one for this turn, or save one with the session")
        })?;
        self.target(auth)
    }
}
