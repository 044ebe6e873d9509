//! A key that has an end, bought anew.

use maestro_core::{
    Error, ErrorKind, Result,
    auth::{AuthChange, Credentials, KeyAsked, OAuthTokens, SavedAuthentication},
    provider::OAuthFlow,
};
use url::Url;

use super::{
    OPERATION, Refreshed, Unsaved,
    exchange::{Answer, Mark},
};
use crate::Maestro;

impl Maestro {
    /// The mark that this program is about to buy a key.
    pub(super) fn key_asked(&self) -> KeyAsked {
        KeyAsked { by: self.inner.holder, at: self.now() }
    }

    /// Whether another program is buying a key, and may still get it.
    pub(super) fn is_being_bought(&self, tokens: &OAuthTokens) -> bool {
        tokens.buying.is_some_and(|asked| {
            asked.by != self.inner.holder
                && self.now() < asked.at.saturating_add(self.inner.refresh.in_flight())
        })
    }

    /// Writes down that a key is about to be bought, with tokens that need no refresh. Absent when the row has moved on
    /// meanwhile.
    pub(super) async fn mark_purchase(
        &self,
        row: &SavedAuthentication,
        tokens: &OAuthTokens,
        base_url: Option<Url>,
    ) -> Result<Option<(SavedAuthentication, OAuthTokens, KeyAsked)>> {
        let mark = self.key_asked();
        let tokens = OAuthTokens { buying: Some(mark), ..tokens.clone() };
        let credentials = Credentials::OAuth { tokens: Box::new(tokens.clone()), base_url };
        let change = AuthChange {
            credentials: Some(self.vault().seal(row.id, &credentials)?),
            ..AuthChange::default()
        };
        match self.store().auth_update(row.id, row.revision, change, mark.at).await {
            Ok(row) => Ok(Some((row, tokens, mark))),
            Err(error) if error.kind() == ErrorKind::Stale => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Buys a key, whose mark stands on the row, and writes it over the mark. Where none can be had, the mark is taken away,
    /// and the tokens stay as they were kept.
    pub(super) async fn buy(
        &self,
        row: SavedAuthentication,
        tokens: OAuthTokens,
        base_url: Option<Url>,
        flow: &dyn OAuthFlow,
        mark: KeyAsked,
        unsaved: &mut Unsaved,
    ) -> Result<(Refreshed, SavedAuthentication)> {
        let bought = tokio::time::timeout(
            self.inner.refresh.answer_within,
            flow.extract_api_credentials(self.http(), &tokens, self.now()),
        );
        let bought = bought.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unavailable, OPERATION).because("no key was sold in time"))
        });
        let answer = |tokens: OAuthTokens| Answer {
            id: row.id,
            mark: Mark::Purchase(mark),
            revision: row.revision,
            credentials: Credentials::OAuth { tokens: Box::new(tokens), base_url },
            bought_with: None,
        };
        let unmarked = OAuthTokens { buying: None, ..tokens };
        match bought {
            Ok(key) => {
                let (api_key, api_key_expires_at) = (Some(key.key), key.expires_at);
                let with_key = OAuthTokens { api_key, api_key_expires_at, ..unmarked };
                let kept = self.keep(answer(with_key), unsaved).await?;
                tracing::info!(authentication = %kept.reference(), "a key was bought anew");
                Ok((Refreshed::Refreshed, kept))
            }
            Err(error) => {
                tracing::warn!(authentication = %row.reference(), %error, "tokens are refreshed, and no key could be bought");
                // Without this others would only wait for a while.
                if let Err(problem) = self.keep(answer(unmarked), &mut None).await {
                    tracing::warn!(%problem, "the mark of a key that was not bought could not be taken back");
                }
                Err(error.on(row.reference()))
            }
        }
    }
}
