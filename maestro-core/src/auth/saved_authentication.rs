//! The entity (requirement M-A1), and what is written of it.

use super::{AuthName, AuthRef, AuthType, Lease, SealedCredentials};
use crate::{id::Id, provider::ProviderId, revision::Revision, time::Timestamp};

/// Credentials under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedAuthentication {
    /// Its id; the credentials are sealed to it.
    pub id: Id<Self>,
    /// The provider that the credentials are for.
    pub provider: ProviderId,
    /// The kind of credential.
    pub auth_type: AuthType,
    /// The name; unique together with provider and kind.
    pub name: AuthName,
    /// The credentials, sealed.
    pub credentials: SealedCredentials,
    /// When the credentials stop working; absent when that is not known.
    pub expires_at: Option<Timestamp>,
    /// Who is refreshing it at the moment, or was when they crashed.
    pub lease: Option<Lease>,
    /// How often it has been written.
    pub revision: Revision,
    /// When it was created.
    pub inserted_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

impl SavedAuthentication {
    /// What it is found by.
    pub fn reference(&self) -> AuthRef {
        AuthRef::new(self.provider.clone(), self.auth_type, self.name.clone())
    }
}

/// A saved authentication to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuthentication {
    /// Its id, to which the credentials are sealed.
    pub id: Id<SavedAuthentication>,
    /// Provider, kind and name.
    pub reference: AuthRef,
    /// The credentials, sealed to `id`.
    pub credentials: SealedCredentials,
    /// When the credentials stop working.
    pub expires_at: Option<Timestamp>,
    /// The present moment.
    pub now: Timestamp,
}

/// A change of a saved authentication; what is absent stays as it is. Any change ends a lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthChange {
    /// A new name.
    pub name: Option<AuthName>,
    /// New credentials, sealed to the same id.
    pub credentials: Option<SealedCredentials>,
    /// When the credentials stop working; `Some(None)` when that is no longer known.
    pub expires_at: Option<Option<Timestamp>>,
}

/// Which saved authentications are wanted. They come sorted by name, then id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthQuery {
    /// Of this provider only.
    pub provider: Option<ProviderId>,
    /// Of this kind only.
    pub auth_type: Option<AuthType>,
    /// With this name only.
    pub name: Option<AuthName>,
}
