//! Saved authentications: what needs both the store and the vault (requirement M-A3).

use maestro_core::{
    Error, ErrorKind, Id, Result,
    auth::{
        AuthChange, AuthExt as _, AuthName, AuthRef, Credentials, NewAuthentication, SavedAuthentication,
    },
    provider::Connection,
};

use crate::{Maestro, Target};

/// What to do when the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Save {
    /// Refuse with [`ErrorKind::Conflict`].
    Create,
    /// Put the new credentials in the place of the old ones (an upsert). Sessions that use the name go on with them.
    Replace,
}

impl Maestro {
    /// Seals credentials and saves them under a name.
    ///
    /// [`ErrorKind::NotFound`] for a provider that is not registered, [`ErrorKind::Unsupported`] when it does not take
    /// this kind of credential, [`ErrorKind::Invalid`] when the reference names another kind or the key cannot be one
    /// of this provider, [`ErrorKind::Conflict`] when the name is taken and `save` is [`Save::Create`].
    pub async fn save_credentials(
        &self,
        reference: &AuthRef,
        credentials: &Credentials,
        save: Save,
    ) -> Result<SavedAuthentication> {
        self.check_credentials(reference, credentials)?;
        // Sealed credentials are bound to their row, so replacing is reading the row's id and writing to it. Whoever
        // comes in between makes one of the two fail, and the next round sees what they did.
        for _ in 0..REPLACE_ROUNDS {
            let found = match save {
                Save::Create => None,
                Save::Replace => self.store().auth_find_optional(reference).await?,
            };
            let written = match found {
                None => self.create(reference, credentials).await,
                Some(row) => self.replace(&row, credentials).await,
            };
            match written {
                Err(error) if save == Save::Replace && moved_meanwhile(&error) => {}
                written => return written,
            }
        }
        Err(Error::new(ErrorKind::Stale, "save authentication")
            .on(reference)
            .because("others keep writing it")
            .advise("try again"))
    }

    /// Saves the credentials of an authentication under another name of the same provider and kind.
    ///
    /// [`ErrorKind::NotFound`] when there is none under `from`, [`ErrorKind::Conflict`] when `to` is taken,
    /// [`ErrorKind::Unsupported`] for a sign-in, since two rows must never hold the same refresh token: providers
    /// revoke a whole family when one is used twice.
    pub async fn clone_authentication(&self, from: &AuthRef, to: AuthName) -> Result<SavedAuthentication> {
        let row = self.store().auth_find(from).await?;
        let credentials = self.vault().open(row.id, &row.credentials)?;
        if matches!(credentials, Credentials::OAuth { .. }) {
            return Err(Error::new(ErrorKind::Unsupported, "clone authentication")
                .on(from)
                .because("two names must not share one refresh token")
                .advise("sign in once more under the other name"));
        }
        self.create(&AuthRef { name: to, ..from.clone() }, &credentials).await
    }

    /// Gives an authentication another name. [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Conflict`] when
    /// the new name is taken, [`ErrorKind::Stale`] when it is written at the same time.
    pub async fn rename_authentication(&self, from: &AuthRef, to: AuthName) -> Result<SavedAuthentication> {
        let row = self.store().auth_find(from).await?;
        let change = AuthChange { name: Some(to), ..AuthChange::default() };
        self.store().auth_update(row.id, row.revision, change, self.now()).await
    }

    /// Asks the provider whether it accepts the credentials of a target (`test_connection`).
    pub async fn test_connection(&self, target: &Target) -> Result<Connection> {
        let flow = self.registry().api_key(&target.provider)?;
        flow.test_connection(self.http(), &self.ready(target).await?.endpoint).await
    }

    pub(crate) fn check_credentials(&self, reference: &AuthRef, credentials: &Credentials) -> Result<()> {
        if reference.auth_type != credentials.auth_type() {
            let problem =
                format!("is {}, and the credentials are {}", reference.auth_type, credentials.auth_type());
            return Err(Error::invalid(
                "save authentication",
                [maestro_core::FieldError::new("auth_type", problem)],
            ));
        }
        match credentials {
            Credentials::ApiKey { key, .. } => {
                let flow = self.registry().api_key(&reference.provider)?;
                match key {
                    Some(key) => flow.validate_api_key(key),
                    None if flow.key_is_optional() => Ok(()),
                    None => {
                        let problem = format!("is missing, and {} wants one", reference.provider);
                        Err(Error::invalid(
                            "save authentication",
                            [maestro_core::FieldError::new("key", problem)],
                        ))
                    }
                }
            }
            // Tokens with a client of their own need none of the provider's.
            Credentials::OAuth { tokens, .. } if tokens.client.is_some() => {
                self.registry().provider(&reference.provider).map(|_| ())
            }
            _ => self.registry().oauth(&reference.provider).map(|_| ()),
        }
    }

    async fn create(&self, reference: &AuthRef, credentials: &Credentials) -> Result<SavedAuthentication> {
        let id = Id::new();
        let new = NewAuthentication {
            id,
            reference: reference.clone(),
            credentials: self.vault().seal(id, credentials)?,
            expires_at: credentials.expires_at(),
            now: self.now(),
        };
        self.store().auth_create(new).await
    }

    async fn replace(
        &self,
        row: &SavedAuthentication,
        credentials: &Credentials,
    ) -> Result<SavedAuthentication> {
        let change = AuthChange {
            name: None,
            credentials: Some(self.vault().seal(row.id, credentials)?),
            expires_at: Some(credentials.expires_at()),
        };
        self.store().auth_update(row.id, row.revision, change, self.now()).await
    }
}

/// How often a replacement looks again when others write the same name at the same time.
const REPLACE_ROUNDS: usize = 16;

fn moved_meanwhile(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Stale | ErrorKind::NotFound)
}
