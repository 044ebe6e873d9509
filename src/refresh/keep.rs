//! Writing an answer down, whatever happens to the row and the store meanwhile: it exists nowhere else.

use std::time::Duration;

use maestro_core::{
    Error, ErrorKind, Result,
    auth::{AuthChange, Credentials, SavedAuthentication},
    revision::Revision,
};
use tokio::time::{Instant, sleep};

use super::{OPERATION, Standing, Unsaved, exchange::Answer};
use crate::Maestro;

/// The first pause before a store that cannot be reached is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Maestro {
    /// Writes an answer over its mark.
    ///
    /// A row that has moved on and still has the mark was renamed or sealed anew: the answer is written all the same. So
    /// are new tokens over the very ones that bought them, whatever others have noted beside these while they waited in
    /// vain; while another's answer may still come, that is waited for. A row that has other credentials by now keeps
    /// them. What cannot be written in time is left in `unsaved`.
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
            let error = match error.kind() {
                ErrorKind::Stale => match self.look_for(&answer).await {
                    Ok(Place::Free(revision)) => {
                        answer.revision = revision;
                        continue;
                    }
                    Ok(Place::Taken(row)) => return Ok(*row),
                    Ok(Place::Asked) => error,
                    Err(error) => error,
                },
                _ => error,
            };
            if error.kind() == ErrorKind::NotFound {
                return Err(error);
            }
            if Instant::now() >= end {
                *unsaved = Some(answer);
                return Err(Error::new(ErrorKind::Unavailable, OPERATION)
                    .because("new tokens could not be written down; this program keeps them and tries again")
                    .caused_by(error));
            }
            tracing::warn!(%error, "new tokens are not written down yet");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
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

    /// Looks at a row that has moved on.
    async fn look_for(&self, answer: &Answer) -> Result<Place> {
        let row = self.store().auth_get(answer.id).await?;
        let Credentials::OAuth { tokens, .. } = self.vault().open(row.id, &row.credentials)? else {
            return Ok(Place::Taken(Box::new(row)));
        };
        if answer.mark.is_on(&tokens) {
            return Ok(Place::Free(row.revision));
        }
        if !answer.bought_with.as_ref().is_some_and(|spent| spent.are_in(&tokens)) {
            return Ok(Place::Taken(Box::new(row)));
        }
        let rotation = self.flow_for(&row.provider, &tokens)?.get().client().profile.rotation;
        Ok(match self.standing(tokens.asked, rotation) {
            Standing::InFlight => Place::Asked,
            Standing::Free | Standing::Lost => Place::Free(row.revision),
        })
    }
}

/// What an answer finds where it belongs.
enum Place {
    /// What it is an answer to: it is written over this revision.
    Free(Revision),
    /// The same tokens, with which another program has asked once more: its answer is the newer one, if it comes.
    Asked,
    /// Other credentials, which stay.
    Taken(Box<SavedAuthentication>),
}
