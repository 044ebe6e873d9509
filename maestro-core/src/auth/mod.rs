//! Saved authentications: credentials under a name, sealed before any store sees them.

mod credentials;
mod key_ring;
mod lease;
mod name;
mod saved_authentication;
mod store;
mod vault;

pub use credentials::{
    BoughtKey, Credentials, KeyAsked, OAuthTokens, PolicyAccepted, RefreshAsked, RefreshRefused,
    RefusalReason,
};
pub use key_ring::KeyRing;
pub use lease::{Holder, HolderId, Lease};
pub use name::{AuthName, AuthRef, AuthType};
pub use saved_authentication::{AuthChange, AuthQuery, NewAuthentication, SavedAuthentication};
pub use store::{Auth, AuthExt};
pub use vault::{KeyId, SealedCredentials, Vault, VaultKey};
