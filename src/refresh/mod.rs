//! Refreshing tokens exactly once (requirement M-A6): by any number of tasks, processes and machines on one store.
//!
//! Providers revoke a whole sign-in when a refresh token is used twice. So nobody sends one without having written down,
//! by compare-and-set, that it is about to be sent ([`RefreshAsked`]): of all who want to, one writes the mark, and the
//! others wait for its revision and adopt what it got. The mark is in the sealed credentials, so whatever else happens to
//! the row meanwhile (a new name, a new key of the vault) keeps it.
//!
//! | what happens | what is done |
//! |---|---|
//! | an answer comes | the new tokens are written over the mark; until they are, nothing else is tried |
//! | the server refuses for good | the reason is written down, and nobody asks again |
//! | it surely did not take the token | the mark is taken back; tokens stay as they were |
//! | no answer comes, or the program dies | the mark stays; who comes next asks once more within the server's grace, and after it tells the user to sign in |
//!
//! A key that the tokens bought and that has an end is bought anew with each refresh: the new tokens are written down first,
//! with the mark that a key is about to be bought ([`KeyAsked`](maestro_core::auth::KeyAsked)), and others wait for it. Buying
//! twice harms nobody, so that mark is only a courtesy; a key that cannot be bought leaves the tokens as they are kept.
//!
//! What has begun is finished on a task of its own, so a caller that is dropped loses no answer.

mod exchange;
mod halt;
mod keep;
mod purchase;
mod timing;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use maestro_core::{
    Error, ErrorKind, Id, Result, Secret,
    auth::{Credentials, OAuthTokens, RefreshAsked, RefusalReason, SavedAuthentication},
    provider::{OAuthProfile, Rotation},
    time::Timestamp,
};
use tokio::{
    sync::{Mutex, OwnedRwLockWriteGuard, RwLock},
    time::sleep,
};
use url::Url;

pub use self::timing::RefreshPolicy;
use crate::{Maestro, Target};

/// When tokens are to be refreshed.
#[derive(Debug, Clone)]
pub enum RefreshWhen {
    /// When they end within the margin of their profile, or have ended.
    Due,
    /// When they are still the ones that a provider has refused.
    Refused {
        /// What was refused: the access token, or the key that was bought.
        token: Secret,
    },
    /// Whatever they say of themselves, unless somebody else refreshes them meanwhile.
    Now,
}

/// What a refresh came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// This program asked, and has new tokens.
    Refreshed,
    /// Somebody else asked, and this program has their tokens.
    Adopted,
    /// There was nothing to do.
    Fresh,
}

impl Refreshed {
    /// The word for it: `refreshed`, `adopted` or `fresh`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Adopted => "adopted",
            Self::Fresh => "fresh",
        }
    }
}

/// What a program knows of its own refreshes.
#[derive(Default)]
pub(crate) struct Refreshing {
    /// One at a time for each row.
    rows: std::sync::Mutex<BTreeMap<Id<SavedAuthentication>, Arc<Mutex<Unsaved>>>>,
    /// Read by each from its mark to what is written over it.
    under_way: Arc<RwLock<()>>,
}

/// That no refresh of this program is half-way: see [`Maestro::settle`].
#[derive(Debug)]
#[must_use = "refreshes go on once it is dropped"]
pub struct Settled {
    _none_under_way: OwnedRwLockWriteGuard<()>,
}

/// New tokens that could not be written down yet.
pub(crate) type Unsaved = Option<exchange::Answer>;

impl Refreshing {
    /// The lock of a row.
    pub(crate) fn of(&self, id: Id<SavedAuthentication>) -> Arc<Mutex<Unsaved>> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        // Rows that nobody refreshes at the moment, and of which nothing is left to write, need no lock.
        rows.retain(|_, row| Arc::strong_count(row) > 1 || row.try_lock().is_ok_and(|row| row.is_some()));
        Arc::clone(rows.entry(id).or_default())
    }

    /// The locks of all rows that are in use, or of which something is left to write.
    fn all(&self) -> Vec<Arc<Mutex<Unsaved>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Maestro {
    /// Refreshes the tokens of a saved authentication if need be, and returns its row as it is then.
    ///
    /// A key that the tokens bought is bought anew if it has an end. Where that fails the new tokens are kept all the same, and
    /// the error is that of [`OAuthFlow::extract_api_credentials`](maestro_core::provider::OAuthFlow::extract_api_credentials).
    ///
    /// [`ErrorKind::Unsupported`] for an API key, which has nothing to refresh; [`ErrorKind::Unauthenticated`] when the
    /// user must sign in again, which the text says, with the reason; [`ErrorKind::Unavailable`] and others when it failed
    /// for now: the credential is as it was.
    pub async fn refresh_tokens(
        &self,
        id: Id<SavedAuthentication>,
        when: RefreshWhen,
    ) -> Result<(Refreshed, SavedAuthentication)> {
        let maestro = self.clone();
        let task = tokio::spawn(async move {
            let of_row = maestro.inner.refreshing.of(id);
            let mut unsaved = of_row.lock().await;
            maestro.refresh_row(id, &when, &mut unsaved).await
        });
        task.await.map_err(|error| {
            Error::new(ErrorKind::Internal, OPERATION).because("the refresh ended half-way").caused_by(error)
        })?
    }

    /// Waits until no refresh of this program is half-way, which is sent and not yet written down; tries once more to write
    /// what could not be written; and keeps others from beginning until what it returns is dropped. A program that ends in
    /// order calls it last, since an answer that it does not wait for is lost, and may cost the sign-in.
    ///
    /// That takes as long as an answer may take, and writing it down: see [`RefreshPolicy`].
    pub async fn settle(&self) -> Settled {
        let refreshing = &self.inner.refreshing;
        let settled = Settled { _none_under_way: Arc::clone(&refreshing.under_way).write_owned().await };
        for row in refreshing.all() {
            // Who has the lock now has nothing to write: it waits for another program, or for its turn.
            let Ok(mut unsaved) = row.try_lock() else { continue };
            if let Some(answer) = unsaved.take()
                && let Err(error) = self.keep(answer, &mut unsaved).await
            {
                tracing::warn!(%error, "new tokens are lost with this program");
            }
        }
        settled
    }

    /// A target whose tokens are good for some time: those of a saved authentication are refreshed when they are near
    /// their end. When that fails for now and they have not ended yet, they are used as they are.
    pub(crate) async fn ready(&self, target: &Target) -> Result<Target> {
        let Some(id) = target.auth else { return Ok(target.clone()) };
        let Some(Credentials::OAuth { tokens, .. }) = &target.endpoint.credentials else {
            return Ok(target.clone());
        };
        if !self.is_due(target, tokens) {
            return Ok(target.clone());
        }
        match self.refresh_tokens(id, RefreshWhen::Due).await {
            Ok((_, row)) => self.target(&row),
            // A bought key works until its end, whatever becomes of the tokens.
            Err(error)
                if (is_passing(&error) || tokens.api_key.is_some())
                    && tokens.ends_at().is_some_and(|end| end > self.now()) =>
            {
                tracing::warn!(%error, "tokens could not be refreshed yet; they are still good");
                Ok(target.clone())
            }
            Err(error) => Err(error),
        }
    }

    /// The target of a saved authentication again, after the provider has refused its token. Absent when that is not
    /// of a kind that can be refreshed.
    pub(crate) async fn renewed(&self, target: &Target) -> Result<Option<Target>> {
        let (Some(id), Some(Credentials::OAuth { tokens, .. })) = (target.auth, &target.endpoint.credentials)
        else {
            return Ok(None);
        };
        if has_endless_key(tokens) {
            return Ok(None);
        }
        let when = RefreshWhen::Refused { token: tokens.renewable().clone() };
        let (_, row) = self.refresh_tokens(id, when).await?;
        self.target(&row).map(Some)
    }

    fn is_due(&self, target: &Target, tokens: &OAuthTokens) -> bool {
        let margin = match (&tokens.client, self.registry().oauth(&target.provider)) {
            (Some(client), _) => client.profile.refresh_margin,
            (None, Ok(flow)) => flow.client().profile.refresh_margin,
            (None, Err(_)) => Duration::ZERO,
        };
        !has_endless_key(tokens) && is_due(tokens, margin, self.now())
    }

    /// One row, by the one task of this program that may.
    async fn refresh_row(
        &self,
        id: Id<SavedAuthentication>,
        when: &RefreshWhen,
        unsaved: &mut Unsaved,
    ) -> Result<(Refreshed, SavedAuthentication)> {
        if let Some(answer) = unsaved.take() {
            let _under_way = self.inner.refreshing.under_way.read().await;
            self.keep(answer, unsaved).await?;
        }
        let mut look = self.inner.refresh.look_every;
        let mut seen: Option<Seen> = None;
        loop {
            let row = self.store().auth_get(id).await?;
            let (tokens, base_url) = self.tokens_of(&row)?;
            let flow = self.flow_for(&row.provider, &tokens)?;
            let profile = &flow.get().client().profile;
            let is_other = seen.as_ref().is_some_and(|seen| seen.renewable != *tokens.renewable());
            if is_other || !when.wants(&tokens, profile, self.now()) {
                let outcome = if seen.is_some() { Refreshed::Adopted } else { Refreshed::Fresh };
                return Ok((outcome, row));
            }
            let seen = seen.get_or_insert_with(|| Seen::of(&tokens));
            if self.is_being_bought(&tokens) {
                sleep(look).await;
                look = (look * 2).min(LONGEST_LOOK);
                continue;
            }
            // Somebody has refreshed them meanwhile, and has bought no key.
            let is_refreshed = seen.access_token != tokens.access_token;
            if is_refreshed || can_only_buy(&tokens, self.now()) {
                let _under_way = self.inner.refreshing.under_way.read().await;
                let Some((row, tokens, mark)) = self.mark_purchase(&row, &tokens, base_url.clone()).await?
                else {
                    continue;
                };
                return self.buy(row, tokens, base_url, flow.get(), mark, unsaved).await;
            }
            if let Some(refused) = &tokens.refused {
                return Err(sign_in_again(&row, refused.reason));
            }
            if tokens.refresh_token.is_none() {
                return Err(not_renewable(&row));
            }
            match self.standing(tokens.asked, profile.rotation) {
                Standing::Free => {}
                Standing::InFlight => {
                    sleep(look).await;
                    look = (look * 2).min(LONGEST_LOOK);
                    continue;
                }
                Standing::Lost => {
                    self.note_refusal(&row, tokens, base_url, RefusalReason::Reused).await;
                    return Err(answer_lost(&row));
                }
            }
            let _under_way = self.inner.refreshing.under_way.read().await;
            let Some(mark) = self.mark(&row, &tokens, base_url.clone()).await? else { continue };
            let done = self.exchange(row, tokens, base_url, flow.get(), mark, unsaved).await?;
            if let Some(done) = done {
                return Ok(done);
            }
        }
    }

    /// From when on the answer to a mark counts as lost, so that the token may be sent once more, or is lost with it. Absent
    /// where nothing is asked.
    pub(crate) fn lost_at(&self, tokens: &OAuthTokens, rotation: Rotation) -> Option<Timestamp> {
        let asked = tokens.asked?;
        Some(asked.at.saturating_add(self.inner.refresh.waits(asked, rotation).in_flight))
    }

    /// Whether a refresh token may be sent now.
    pub(crate) fn standing(&self, asked: Option<RefreshAsked>, rotation: Rotation) -> Standing {
        let Some(asked) = asked else { return Standing::Free };
        let now = self.now();
        let in_flight = self.inner.refresh.waits(asked, rotation).in_flight;
        // This program asks for one row once at a time, so an answer to its own question does not come any more.
        let is_over = asked.by == self.inner.holder || now >= asked.at.saturating_add(in_flight);
        match rotation {
            _ if !is_over => Standing::InFlight,
            Rotation::SingleUse { grace } if now >= asked.first_at.saturating_add(grace) => Standing::Lost,
            Rotation::SingleUse { .. } | Rotation::Reusable => Standing::Free,
        }
    }

    fn tokens_of(&self, row: &SavedAuthentication) -> Result<(OAuthTokens, Option<Url>)> {
        match self.vault().open(row.id, &row.credentials)? {
            Credentials::OAuth { tokens, base_url } => Ok((*tokens, base_url)),
            _ => Err(Error::new(ErrorKind::Unsupported, OPERATION)
                .on(row.reference())
                .because("an API key does not end, and has nothing to refresh")),
        }
    }
}

const OPERATION: &str = "refresh tokens";

/// The longest pause between two looks at another's refresh.
const LONGEST_LOOK: Duration = Duration::from_millis(500);

pub(crate) enum Standing {
    /// Nobody has sent it, or its answer is lost and it may be sent once more.
    Free,
    /// Another program has sent it and may still have an answer.
    InFlight,
    /// Its answer is lost, and sending it again would look like theft.
    Lost,
}

impl RefreshWhen {
    fn wants(&self, tokens: &OAuthTokens, profile: &OAuthProfile, now: Timestamp) -> bool {
        match self {
            Self::Due => is_due(tokens, profile.refresh_margin, now),
            Self::Refused { token } => tokens.renewable() == token,
            Self::Now => true,
        }
    }
}

/// Whether tokens are near their end. Of those that do not say when they end, only a refusal tells.
fn is_due(tokens: &OAuthTokens, margin: Duration, now: Timestamp) -> bool {
    tokens.due_at(margin).is_some_and(|due| due <= now)
}

/// Whether what is sent is a key of which no end was told: it is not renewed.
fn has_endless_key(tokens: &OAuthTokens) -> bool {
    tokens.api_key.is_some() && tokens.api_key_expires_at.is_none()
}

/// Whether nothing refreshes these tokens, which are good and buy a key that ends.
fn can_only_buy(tokens: &OAuthTokens, now: Timestamp) -> bool {
    let sells = tokens.api_key.is_some() && tokens.api_key_expires_at.is_some();
    sells && tokens.refresh_token.is_none() && tokens.expires_at.is_none_or(|end| end > now)
}

/// What was there when a task first looked at a row.
struct Seen {
    renewable: Secret,
    access_token: Secret,
}

impl Seen {
    fn of(tokens: &OAuthTokens) -> Self {
        Self { renewable: tokens.renewable().clone(), access_token: tokens.access_token.clone() }
    }
}

/// Whether an error says nothing against the credential.
fn is_passing(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::NotFound | ErrorKind::Forbidden)
}

fn unauthenticated(row: &SavedAuthentication) -> Error {
    Error::new(ErrorKind::Unauthenticated, OPERATION)
        .on(row.reference())
        .advise(format!("sign in again: maestro auth login {} --name {} --replace", row.provider, row.name))
}

fn sign_in_again(row: &SavedAuthentication, reason: RefusalReason) -> Error {
    let (problem, code) = match reason {
        RefusalReason::Expired => ("the sign-in has expired", "refresh_token_expired"),
        RefusalReason::Reused => ("its refresh token was used before", "refresh_token_reused"),
        RefusalReason::Revoked => ("the sign-in was revoked", "refresh_token_revoked"),
        RefusalReason::Unknown => ("the provider refused its refresh token", "invalid_grant"),
    };
    unauthenticated(row).because(problem).with_code(code)
}

fn answer_lost(row: &SavedAuthentication) -> Error {
    unauthenticated(row)
        .because("the answer to an earlier refresh was lost on the way, and its token can be used only once")
        .with_code("refresh_answer_lost")
}

fn not_renewable(row: &SavedAuthentication) -> Error {
    unauthenticated(row).because("the sign-in came without a refresh token")
}
