//! Ending a sign-in: at the server, then here.

use maestro_core::{
    Error, ErrorKind, Id, Result,
    auth::{AuthType, SavedAuthentication},
};

use crate::Maestro;

/// How far a sign-in has been ended. It is deleted here either way.
#[derive(Debug)]
pub enum SignedOut {
    /// The server has ended it, too.
    AtServer,
    /// The server has no way to end it: its tokens work until their own end.
    HereOnly,
    /// The server did not end it, for this reason: its tokens may go on working.
    Refused(Error),
}

impl Maestro {
    /// Ends a sign-in at the server, as far as that is possible, and deletes it.
    ///
    /// It is the newest tokens that end: a refresh of another task or program that is under way is waited for, for as long
    /// as its answer may still come (see [`RefreshPolicy`](crate::RefreshPolicy)), and none begins meanwhile. What has
    /// begun is finished on a task of its own.
    ///
    /// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Unsupported`] for an API key, which no request ends:
    /// delete it; [`ErrorKind::Unavailable`] when the store cannot be reached.
    pub async fn sign_out(&self, id: Id<SavedAuthentication>) -> Result<SignedOut> {
        let maestro = self.clone();
        let task = tokio::spawn(async move { maestro.sign_out_row(id).await });
        task.await.map_err(|error| {
            Error::new(ErrorKind::Internal, OPERATION).because("it ended half-way").caused_by(error)
        })?
    }

    async fn sign_out_row(&self, id: Id<SavedAuthentication>) -> Result<SignedOut> {
        let row = self.store().auth_get(id).await?;
        if row.auth_type == AuthType::ApiKey {
            return Err(Error::new(ErrorKind::Unsupported, OPERATION)
                .on(row.reference())
                .because("it is an API key, which only its provider's console ends")
                .advise("remove it here"));
        }
        // No refresh of this program may put new tokens in the place of those that end.
        let of_row = self.inner.refreshing.of(id);
        let mut unsaved = of_row.lock().await;
        let (row, tokens) = self.halt_refreshes(id, &mut unsaved).await?;
        let signed_out = match self.flow_for(&row.provider, &tokens) {
            Ok(flow) if flow.get().client().profile.revocation.is_none() => SignedOut::HereOnly,
            Ok(flow) => match flow.get().revoke(self.http(), &tokens).await {
                Ok(()) => SignedOut::AtServer,
                Err(error) => SignedOut::Refused(error),
            },
            Err(error) => SignedOut::Refused(error),
        };
        match self.store().auth_delete(id).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(signed_out),
        }
    }
}

const OPERATION: &str = "sign out";
