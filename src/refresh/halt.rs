//! Taking a sign-in out of use: nobody refreshes it any more, and what was under way has come in.

use maestro_core::{
    Id, Result,
    auth::{OAuthTokens, SavedAuthentication},
};
use tokio::time::sleep;

use super::{LONGEST_LOOK, Standing, Unsaved};
use crate::Maestro;

impl Maestro {
    /// The newest tokens of a sign-in, which nobody sends from now on but this program: an answer that was not written
    /// down is, another program's is waited for until it counts as lost, and then the refresh token is marked as if it
    /// were about to be sent.
    ///
    /// Tokens that nobody would send are left unmarked. Errors are the store's, and [`ErrorKind::Unsupported`] for an API
    /// key.
    ///
    /// [`ErrorKind::Unsupported`]: maestro_core::ErrorKind::Unsupported
    pub(crate) async fn halt_refreshes(
        &self,
        id: Id<SavedAuthentication>,
        unsaved: &mut Unsaved,
    ) -> Result<(SavedAuthentication, OAuthTokens)> {
        if let Some(answer) = unsaved.take() {
            let _under_way = self.inner.refreshing.under_way.read().await;
            self.keep(answer, unsaved).await?;
        }
        let mut look = self.inner.refresh.look_every;
        loop {
            let row = self.store().auth_get(id).await?;
            let (tokens, base_url) = self.tokens_of(&row)?;
            let Ok(flow) = self.flow_for(&row.provider, &tokens) else { return Ok((row, tokens)) };
            if tokens.refresh_token.is_none() || tokens.refused.is_some() {
                return Ok((row, tokens));
            }
            if let Standing::InFlight = self.standing(tokens.asked, flow.get().client().profile.rotation) {
                sleep(look).await;
                look = (look * 2).min(LONGEST_LOOK);
                continue;
            }
            if self.mark(&row, &tokens, base_url).await?.is_some() {
                return Ok((row, tokens));
            }
        }
    }
}
