//! Waiting for a user who signs in on another device (RFC 8628).

use std::{pin::pin, time::Duration};

use maestro_core::{
    ErrorKind, Result,
    auth::OAuthTokens,
    provider::{DevicePoll, OAuthFlow, PendingDevice},
};
use tokio::time::sleep;

use crate::Maestro;

/// By how much a server that is asked too often is asked less often (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// The longest pause after a question that nobody answered.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Maestro {
    /// Asks until the user is done on the other device, as often as the server allows. A question that is not answered is
    /// asked again, after twice the time; the code's end ends it. Dropping the future stops it, and loses what the server
    /// is just answering: see [`device_tokens_until`](Self::device_tokens_until).
    ///
    /// Errors are those of [`OAuthFlow::device_poll`].
    pub async fn device_tokens(&self, flow: &dyn OAuthFlow, pending: &PendingDevice) -> Result<OAuthTokens> {
        loop {
            if let Some(tokens) = self.device_tokens_until(flow, pending, std::future::pending()).await? {
                return Ok(tokens);
            }
        }
    }

    /// The same until `stop` is ready; absent then. It is looked at between the questions only: one that was asked is
    /// waited for, since its answer may be the tokens.
    ///
    /// Errors are those of [`OAuthFlow::device_poll`].
    pub async fn device_tokens_until(
        &self,
        flow: &dyn OAuthFlow,
        pending: &PendingDevice,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<OAuthTokens>> {
        let mut stop = pin!(stop);
        let mut interval = pending.interval;
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return Ok(None),
                () = sleep(interval) => {}
            }
            match flow.device_poll(self.http(), pending, self.now()).await {
                Ok(DevicePoll::Done(tokens)) => return Ok(Some(*tokens)),
                Ok(DevicePoll::SlowDown) => interval = interval.saturating_add(SLOWER),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited) => {
                    tracing::debug!(%error, "nobody tells whether the user is done");
                    interval = (interval * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
