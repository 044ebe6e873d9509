//! Programs on one store, with one server and one clock.

use std::{sync::Arc, time::Duration};

use maestro::{
    Maestro, MemoryStore, RefreshPolicy, RefreshWhen, Refreshed, Result, Secret, Store,
    core::{
        Id,
        auth::{
            AuthName, AuthRef, AuthType, BoughtKey, Credentials, NewAuthentication, OAuthTokens,
            SavedAuthentication, Vault, VaultKey,
        },
        provider::{Registry, Rotation},
        time::{Clock as _, ManualClock, Timestamp},
    },
};

use crate::server::{Counting, Server};

/// How long tokens live.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);
/// For how long the server takes an old token once more.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// The tokens of a number.
pub(crate) fn tokens(number: u32, now: Timestamp) -> OAuthTokens {
    OAuthTokens {
        refresh_token: Some(Secret::new(format!("refresh-{number}")).unwrap()),
        expires_at: Some(now.saturating_add(LIFETIME)),
        ..OAuthTokens::new(Secret::new(format!("access-{number}")).unwrap())
    }
}

/// How long bought keys live.
pub(crate) const KEY_LIFETIME: Duration = Duration::from_secs(600);

/// The key that an access token buys.
pub(crate) fn key(access_token: &str, now: Timestamp) -> BoughtKey {
    let key = Secret::new(format!("key-of-{access_token}")).unwrap();
    BoughtKey { key, expires_at: Some(now.saturating_add(KEY_LIFETIME)) }
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) server: Arc<Server>,
    pub(crate) clock: Arc<ManualClock>,
    /// The key of all vaults, as text.
    key: String,
    rotation: Rotation,
    pub(crate) id: Id<SavedAuthentication>,
}

impl World {
    /// A sign-in whose tokens end in a moment.
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new())).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        Self::with(store, |tokens, now| tokens.expires_at = Some(now)).await
    }

    /// A sign-in that sends a bought key, which ends in a moment. Its tokens are good.
    pub(crate) async fn with_key(store: Arc<dyn Store>) -> Self {
        Self::with(store, |tokens, now| {
            (tokens.api_key, tokens.api_key_expires_at) = (Some(key("access-0", now).key), Some(now));
        })
        .await
    }

    /// A sign-in whose first tokens are changed.
    pub(crate) async fn with(
        store: Arc<dyn Store>,
        change: impl FnOnce(&mut OAuthTokens, Timestamp),
    ) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_790_000_000_000_000)));
        let (key, id) = (VaultKey::generate().to_text().to_string(), Id::new());
        let mut expired = tokens(0, clock.now());
        change(&mut expired, clock.now());
        let credentials = Credentials::OAuth { tokens: Box::new(expired), base_url: None };
        let new = NewAuthentication {
            id,
            reference: AuthRef::new(
                "counting".parse().unwrap(),
                AuthType::OAuth,
                AuthName::new("work").unwrap(),
            ),
            credentials: Vault::new(key.parse().unwrap()).seal(id, &credentials).unwrap(),
            expires_at: credentials.expires_at(),
            now: clock.now(),
        };
        store.auth_create(new).await.unwrap();
        let rotation = Rotation::SingleUse { grace: GRACE };
        Self { store, server: Server::new(), clock, key, rotation, id }
    }

    /// The same, at a server with another grace.
    pub(crate) fn with_grace(mut self, grace: Duration) -> Self {
        self.rotation = Rotation::SingleUse { grace };
        self
    }

    /// A program that uses the store.
    pub(crate) fn program(&self) -> Maestro {
        self.program_on(Arc::clone(&self.store))
    }

    pub(crate) fn program_on(&self, store: Arc<dyn Store>) -> Maestro {
        self.program_with(store, self.vault())
    }

    pub(crate) fn program_with(&self, store: Arc<dyn Store>, vault: Vault) -> Maestro {
        Maestro::builder()
            .shared_store(store)
            .vault(vault)
            .registry(Registry::new().with(Counting::new(&self.server, self.rotation)))
            .shared_clock(Arc::clone(&self.clock) as _)
            .refresh(RefreshPolicy {
                look_every: Duration::from_millis(1),
                keep_trying: Duration::from_millis(200),
                ..RefreshPolicy::default()
            })
            .build()
            .unwrap()
    }

    pub(crate) fn vault(&self) -> Vault {
        Vault::new(self.vault_key())
    }

    pub(crate) fn vault_key(&self) -> VaultKey {
        self.key.parse().unwrap()
    }

    /// What is stored now.
    pub(crate) async fn stored(&self) -> (SavedAuthentication, OAuthTokens) {
        let row = self.store.auth_get(self.id).await.unwrap();
        match self.vault().open(row.id, &row.credentials).unwrap() {
            Credentials::OAuth { tokens, .. } => (row, *tokens),
            _ => unreachable!("it is a sign-in"),
        }
    }

    pub(crate) async fn refresh(&self, program: &Maestro) -> Result<Refreshed> {
        program.refresh_tokens(self.id, RefreshWhen::Due).await.map(|(outcome, _)| outcome)
    }
}
