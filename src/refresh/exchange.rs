//! The one request, from the mark before it to what is written after it.

use maestro_core::{
    Error, ErrorKind, Id, Result, Secret,
    auth::{
        AuthChange, Credentials, KeyAsked, OAuthTokens, RefreshAsked, RefreshRefused, RefusalReason,
        SavedAuthentication,
    },
    provider::OAuthFlow,
    revision::Revision,
};
use url::Url;

use super::{OPERATION, Refreshed, Unsaved};
use crate::Maestro;

/// What is to be written over a mark.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) id: Id<SavedAuthentication>,
    /// The mark that it answers, and the revision at which it was written.
    pub(super) mark: Mark,
    pub(super) revision: Revision,
    pub(super) credentials: Credentials,
    /// The tokens that bought it; absent when it brings none.
    pub(super) bought_with: Option<Spent>,
}

/// Tokens that have been traded for others.
#[derive(Debug)]
pub(crate) struct Spent {
    access_token: Secret,
    refresh_token: Option<Secret>,
}

impl Spent {
    /// Whether these are still the tokens of a sign-in.
    pub(super) fn are_in(&self, tokens: &OAuthTokens) -> bool {
        self.access_token == tokens.access_token && self.refresh_token == tokens.refresh_token
    }
}

/// That something is being asked, as it stands in the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// New tokens.
    Refresh(RefreshAsked),
    /// A key.
    Purchase(KeyAsked),
}

impl Mark {
    /// Whether it still stands.
    pub(super) fn is_on(self, tokens: &OAuthTokens) -> bool {
        match self {
            Self::Refresh(mark) => tokens.asked == Some(mark),
            Self::Purchase(mark) => tokens.buying == Some(mark),
        }
    }
}

impl Maestro {
    /// Writes down that the refresh token is about to be sent. Absent when the row has moved on meanwhile.
    pub(super) async fn mark(
        &self,
        row: &SavedAuthentication,
        tokens: &OAuthTokens,
        base_url: Option<Url>,
    ) -> Result<Option<(RefreshAsked, Revision)>> {
        let now = self.now();
        let first_at = tokens.asked.map_or(now, |asked| asked.first_at);
        let mark = RefreshAsked { by: self.inner.holder, at: now, first_at };
        let marked = OAuthTokens { asked: Some(mark), ..tokens.clone() };
        let credentials = Credentials::OAuth { tokens: Box::new(marked), base_url };
        let change = AuthChange {
            credentials: Some(self.vault().seal(row.id, &credentials)?),
            ..AuthChange::default()
        };
        match self.store().auth_update(row.id, row.revision, change, now).await {
            Ok(marked) => Ok(Some((mark, marked.revision))),
            Err(error) if error.kind() == ErrorKind::Stale => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends the refresh token, whose mark stands, and writes down what comes of it. Absent when the answer was given up early,
    /// so that it can be asked for once more.
    pub(super) async fn exchange(
        &self,
        row: SavedAuthentication,
        tokens: OAuthTokens,
        base_url: Option<Url>,
        flow: &dyn OAuthFlow,
        (mark, revision): (RefreshAsked, Revision),
        unsaved: &mut Unsaved,
    ) -> Result<Option<(Refreshed, SavedAuthentication)>> {
        // Others count from the mark, which a busy store may have been slow to write.
        let waits = self.inner.refresh.waits(mark, flow.client().profile.rotation);
        let within = waits.answer.saturating_sub(self.now().since(mark.at));
        let answered = if within.is_zero() {
            Err(mark_was_slow(&row))
        } else {
            let asked = flow.refresh(self.http(), &tokens, self.now());
            match tokio::time::timeout(within, asked).await {
                Ok(answered) => answered,
                Err(_) if waits.answer < self.inner.refresh.answer_within => return Ok(None),
                Err(_) => Err(unanswered(&row)),
            }
        };
        let answer = |tokens: OAuthTokens, bought_with| Answer {
            id: row.id,
            mark: Mark::Refresh(mark),
            revision,
            credentials: Credentials::OAuth { tokens: Box::new(tokens), base_url: base_url.clone() },
            bought_with,
        };
        let error = match answered {
            Ok(new) => {
                let OAuthTokens { access_token, refresh_token, client, policy, quota_project, .. } = tokens;
                let OAuthTokens { api_key, api_key_expires_at, .. } = tokens;
                let spent = Spent { access_token, refresh_token };
                let new = OAuthTokens {
                    client,
                    policy,
                    quota_project,
                    api_key,
                    api_key_expires_at,
                    refused: None,
                    asked: None,
                    buying: api_key_expires_at.map(|_| self.key_asked()),
                    ..new
                };
                let kept = self.keep(answer(new.clone(), Some(spent)), unsaved).await?;
                tracing::info!(authentication = %kept.reference(), "tokens refreshed");
                let done = match new.buying {
                    Some(mark) => self.buy(kept, new, base_url, flow, mark, unsaved).await?,
                    None => (Refreshed::Refreshed, kept),
                };
                return Ok(Some(done));
            }
            Err(error) => error,
        };
        if let Some(reason) = flow.refusal(&error) {
            let refused = Some(RefreshRefused { reason, at: self.now() });
            self.keep(answer(OAuthTokens { refused, asked: None, ..tokens }, None), unsaved).await?;
            tracing::warn!(authentication = %row.reference(), ?reason, "the refresh token was refused for good");
            return Err(super::sign_in_again(&row, reason).caused_by(error));
        }
        if was_not_taken(&error) {
            // As before this request: an earlier one may still be without its answer.
            let kept = self.keep(answer(tokens, None), unsaved).await;
            if let Err(problem) = kept {
                tracing::warn!(%problem, "the mark of a refresh that was not done could not be taken back");
            }
        }
        Err(error)
    }

    /// Writes down that a refresh token is not to be sent any more. Where that fails, the mark says the same.
    pub(super) async fn note_refusal(
        &self,
        row: &SavedAuthentication,
        tokens: OAuthTokens,
        base_url: Option<Url>,
        reason: RefusalReason,
    ) {
        let refused = Some(RefreshRefused { reason, at: self.now() });
        let tokens = OAuthTokens { refused, asked: None, ..tokens };
        let credentials = Credentials::OAuth { tokens: Box::new(tokens), base_url };
        let written = match self.vault().seal(row.id, &credentials) {
            Ok(sealed) => {
                let change = AuthChange { credentials: Some(sealed), ..AuthChange::default() };
                self.store().auth_update(row.id, row.revision, change, self.now()).await.map(|_| ())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::debug!(%error, "a refusal was not written down");
        }
    }
}

/// Whether the server surely has not taken the refresh token: it said so, or was never reached.
fn was_not_taken(error: &Error) -> bool {
    match error.status() {
        Some(status) => (400..500).contains(&status),
        None => error.is_unsent(),
    }
}

fn mark_was_slow(row: &SavedAuthentication) -> Error {
    Error::new(ErrorKind::Unavailable, OPERATION)
        .on(row.reference())
        .because("the store took too long to write down that the refresh token is about to be sent")
        .advise("try again later; nothing was sent")
        .never_sent()
}

fn unanswered(row: &SavedAuthentication) -> Error {
    Error::new(ErrorKind::Unavailable, OPERATION)
        .on(row.reference())
        .because("the provider did not answer in time")
        .advise("try again later; the credential is as it was")
}
