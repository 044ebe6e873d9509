//! That the user wants an end, known in several places at once.

use maestro::Result;
use tokio::sync::watch;

use crate::interrupt::Interrupts;

/// Whether the user has asked for an end, by Ctrl-C or SIGTERM. Clones know the same.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Begins to listen. From now on signals no longer kill the program: what has been made is removed first.
    pub(super) fn listen() -> Result<Self> {
        let mut interrupts = Interrupts::listen()?;
        let (tell, hear) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                interrupts.next().await;
                tell.send_replace(true);
            }
        });
        Ok(Self(hear))
    }

    /// Waits until an end is asked for, also one that was asked for before.
    pub(super) async fn asked(&self) {
        let mut hear = self.0.clone();
        if hear.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens any more, so nobody can ask.
            std::future::pending::<()>().await;
        }
    }
}
