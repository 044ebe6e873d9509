//! Rotating the vault's key: every saved authentication is sealed anew, one by one, while others work
//! (requirement M-A5).

use std::{collections::BTreeMap, time::Duration};

use maestro_core::{
    Error, ErrorKind, Id, Result,
    auth::{AuthChange, AuthQuery, AuthRef, HolderId, KeyId, SavedAuthentication},
    page::PageRequest,
};
use tokio::time::{Instant, sleep};

use crate::Maestro;

/// How long one row is kept from being refreshed at the most: sealing takes microseconds, so this is for a program
/// that dies in between.
const LEASE: Duration = Duration::from_secs(15);

/// How long to wait before rows that others hold are looked at again.
const PAUSE: Duration = Duration::from_millis(250);

/// How often a row that moves on is read anew before it counts as held by others; and how often the store is gone
/// through after the patience has ended, should others keep sealing with older keys.
const ROUNDS: usize = 16;

/// How far a rotation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationProgress {
    /// How many rows have been looked at in this pass over the store.
    pub seen: u64,
    /// How many there are, as counted when the pass began.
    pub total: u64,
    /// How many have been sealed anew so far.
    pub resealed: u64,
}

/// What a rotation came to.
#[derive(Debug, Default)]
pub struct Rotation {
    /// How many rows were sealed anew.
    pub resealed: u64,
    /// How many rows are sealed with the active key now, those included.
    pub sealed_with_active: u64,
    /// Rows that others kept leased for as long as was waited.
    pub busy: Vec<AuthRef>,
    /// Rows that were left as they are because this vault does not hold their key, by that key.
    pub missing_keys: BTreeMap<KeyId, Vec<AuthRef>>,
    /// Rows that were left as they are because they do not open although their key is here, with the reason.
    pub unreadable: Vec<(AuthRef, Error)>,
}

impl Rotation {
    /// Whether every row is sealed with the active key.
    pub fn is_complete(&self) -> bool {
        self.busy.is_empty() && self.missing_keys.is_empty() && self.unreadable.is_empty()
    }
}

impl Maestro {
    /// Seals every saved authentication with the vault's active key that is sealed with another one which it holds.
    ///
    /// Others may read, refresh and replace meanwhile: each row is written by compare-and-set, so that of a rotation and a
    /// refresh that meet the later one reads the row anew, and no token is lost. It is leased too, so that rotations keep
    /// apart. Rows that others have leased are tried again until `patience` has passed. A row gets a new revision and `updated_at`; its `expires_at`
    /// and everything else of it stay.
    ///
    /// The store is gone through until a whole pass finds nothing to do, so rows that are added or renamed meanwhile
    /// are not missed; but not for ever, should others keep sealing with older keys. Whoever stops half-way, or is killed, loses nothing: call it again.
    ///
    /// Programs whose vault does not hold the active key cannot open what has been sealed anew
    /// ([`ErrorKind::Unauthenticated`], which names the key): give it to all of them first, as an
    /// [older key](maestro_core::auth::Vault::with_older). `docs/security.md` has the order.
    ///
    /// [`ErrorKind::Unavailable`] and [`ErrorKind::Internal`] come from the store. What concerns single rows is told
    /// in the [`Rotation`].
    pub async fn rotate_key(
        &self,
        patience: Duration,
        mut progress: impl FnMut(RotationProgress),
    ) -> Result<Rotation> {
        let end = Instant::now() + patience;
        // Not the holder of this program: a refresh in this very process must be kept apart, too.
        let holder = HolderId::new();
        let (mut resealed, mut late) = (0, 0);
        loop {
            let before = resealed;
            let pass = self.reseal_all(holder, &mut resealed, &mut progress).await?;
            let is_late = Instant::now() >= end;
            late += usize::from(is_late);
            if (resealed == before && (is_late || pass.busy.is_empty())) || late > ROUNDS {
                return Ok(Rotation { resealed, ..pass });
            }
            if !pass.busy.is_empty() {
                sleep(PAUSE).await;
            }
        }
    }

    /// How many saved authentications are sealed with which key.
    pub async fn keys_in_use(&self) -> Result<BTreeMap<KeyId, u64>> {
        let mut keys = BTreeMap::new();
        let mut request = PageRequest::default();
        loop {
            let page = self.store().auth_list(&AuthQuery::default(), request).await?;
            for row in page.items {
                *keys.entry(row.credentials.key_id()).or_default() += 1;
            }
            match page.next {
                Some(next) => request = PageRequest::default().after(next),
                None => return Ok(keys),
            }
        }
    }

    /// One pass over all rows.
    async fn reseal_all(
        &self,
        holder: HolderId,
        resealed: &mut u64,
        progress: &mut impl FnMut(RotationProgress),
    ) -> Result<Rotation> {
        let mut pass = Rotation::default();
        let (mut seen, mut total) = (0, 0);
        let mut request = PageRequest::default().counted();
        loop {
            let page = self.store().auth_list(&AuthQuery::default(), request).await?;
            total = page.total.unwrap_or(total);
            for row in page.items {
                let reference = row.reference();
                match self.reseal(row, holder).await? {
                    Outcome::Sealed => {
                        *resealed += 1;
                        pass.sealed_with_active += 1;
                    }
                    Outcome::SealedBefore => pass.sealed_with_active += 1,
                    Outcome::Busy => pass.busy.push(reference),
                    Outcome::MissingKey(key) => pass.missing_keys.entry(key).or_default().push(reference),
                    Outcome::Unreadable(error) => pass.unreadable.push((reference, error)),
                    Outcome::Gone => {}
                }
                seen += 1;
                progress(RotationProgress { seen, total: total.max(seen), resealed: *resealed });
            }
            match page.next {
                Some(next) => request = PageRequest::default().after(next),
                None => return Ok(pass),
            }
        }
    }

    /// Seals one row anew.
    async fn reseal(&self, mut row: SavedAuthentication, holder: HolderId) -> Result<Outcome> {
        let id = row.id;
        for _ in 0..ROUNDS {
            let key = row.credentials.key_id();
            if key == self.vault().active() {
                return Ok(Outcome::SealedBefore);
            }
            if !self.vault().holds(key) {
                return Ok(Outcome::MissingKey(key));
            }
            match self.reseal_leased(&row, holder).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => match error.kind() {
                    ErrorKind::InUse => return Ok(Outcome::Busy),
                    ErrorKind::NotFound => return Ok(Outcome::Gone),
                    ErrorKind::Stale => match self.store().auth_get(id).await {
                        Ok(now) => row = now,
                        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Outcome::Gone),
                        Err(error) => return Err(error),
                    },
                    _ => return Err(error),
                },
            }
        }
        Ok(Outcome::Busy)
    }

    /// Leases the row as it was read, and seals it anew. Fails as the store does.
    async fn reseal_leased(&self, row: &SavedAuthentication, holder: HolderId) -> Result<Outcome> {
        let now = self.now();
        let row =
            self.store().auth_lease(row.id, row.revision, holder, now.saturating_add(LEASE), now).await?;
        if self.now() >= now.saturating_add(LEASE / 2) {
            // Too near to its end: whoever took the row then would be disturbed.
            self.give_back(row.id, holder).await;
            return Ok(Outcome::Busy);
        }
        let opened = self.vault().open(row.id, &row.credentials);
        let written = match opened.and_then(|credentials| self.vault().seal(row.id, &credentials)) {
            Ok(credentials) => {
                let change = AuthChange { credentials: Some(credentials), ..AuthChange::default() };
                // This ends the lease.
                self.store()
                    .auth_update(row.id, row.revision, change, self.now())
                    .await
                    .map(|_| Outcome::Sealed)
            }
            Err(error) => Ok(Outcome::Unreadable(error)),
        };
        if !matches!(written, Ok(Outcome::Sealed)) {
            self.give_back(row.id, holder).await;
        }
        written
    }

    /// Gives a lease back. Where that fails it is over soon by itself.
    async fn give_back(&self, id: Id<SavedAuthentication>, holder: HolderId) {
        if let Err(error) = self.store().auth_release(id, holder).await {
            tracing::debug!(%error, "a lease was not given back");
        }
    }
}

/// What became of one row.
enum Outcome {
    Sealed,
    SealedBefore,
    Busy,
    MissingKey(KeyId),
    Unreadable(Error),
    Gone,
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use maestro_core::{
        Secret,
        auth::{Credentials, Vault, VaultKey},
    };

    use super::*;
    use crate::{MemoryStore, Save};

    #[tokio::test]
    async fn a_refresh_of_the_same_program_is_left_alone_too() {
        let (old, new) = (VaultKey::generate(), VaultKey::generate());
        let vault = Vault::new(new).with_older(old.to_text().parse().unwrap());
        let store = std::sync::Arc::new(MemoryStore::new());
        let build = |vault| Maestro::builder().shared_store(store.clone()).vault(vault).build().unwrap();
        let reference = AuthRef::new(
            "anthropic".parse().unwrap(),
            maestro_core::auth::AuthType::ApiKey,
            "work".parse().unwrap(),
        );
        let key = Credentials::api_key(Secret::new("sandbox-1").unwrap());
        let row = build(Vault::new(old)).save_credentials(&reference, &key, Save::Create).await.unwrap();

        let maestro = build(vault);
        let (now, holder) = (maestro.now(), maestro.inner.holder);
        let until = now.saturating_add(LEASE);
        let leased = maestro.store().auth_lease(row.id, row.revision, holder, until, now).await.unwrap();
        let rotation = maestro.rotate_key(Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(rotation.busy, [reference]);
        assert_eq!(maestro.store().auth_get(row.id).await.unwrap(), leased);
    }
}
