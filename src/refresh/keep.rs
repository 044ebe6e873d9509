//! Writing an answer down, whatever happens to the row and the store meanwhile: it exists nowhere else.

use std::time::Duration;

use maestro_core::{
    Error, ErrorKind, Result,
    auth::{AuthChange, Credentials, SavedAuthentication},
};
use tokio::time::{Instant, sleep};

use super::{OPERATION, Unsaved, exchange::Answer};
use crate::Maestro;

/// The first pause before a store that cannot be reached is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Maestro {
    /// Writes an answer over its mark.
    ///
    /// A row that has moved on and still has the mark was renamed or sealed anew: the answer is written all the same. One
    /// that has lost the mark has other credentials by now, which stay. What cannot be written in time is left in
    /// `unsaved`.
    pub(super) async fn keep(
        &self,
        mut answer: Answer,
        unsaved: &mut Unsaved,
    ) -> Result<SavedAuthentication> {
        let end = Instant::now() + self.inner.refresh.keep_trying;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.write(&answer).await {
                Ok(row) => return Ok(row),
                Err(error) => error,
            };
            let next = match error.kind() {
                ErrorKind::NotFound => return Err(error),
                ErrorKind::Stale => self.store().auth_get(answer.id).await,
                _ => Err(error),
            };
            match next {
                Ok(row) if self.still_has(&row, &answer)? => answer.revision = row.revision,
                Ok(row) => return Ok(row),
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
                Err(error) if Instant::now() < end => {
                    tracing::warn!(%error, "new tokens are not written down yet");
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    *unsaved = Some(answer);
                    return Err(Error::new(ErrorKind::Unavailable, OPERATION)
                        .because(
                            "new tokens could not be written down; this program keeps them and tries again",
                        )
                        .caused_by(error));
                }
            }
        }
    }

    async fn write(&self, answer: &Answer) -> Result<SavedAuthentication> {
        let change = AuthChange {
            name: None,
            credentials: Some(self.vault().seal(answer.id, &answer.credentials)?),
            expires_at: Some(answer.credentials.expires_at()),
        };
        self.store().auth_update(answer.id, answer.revision, change, self.now()).await
    }

    fn still_has(&self, row: &SavedAuthentication, answer: &Answer) -> Result<bool> {
        Ok(match self.vault().open(row.id, &row.credentials)? {
            Credentials::OAuth { tokens, .. } => answer.mark.is_on(&tokens),
            _ => false,
        })
    }
}
