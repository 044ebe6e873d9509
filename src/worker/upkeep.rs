//! Ending what is stale, and forgetting what is old.

use maestro_core::{Result, page::PageLimit};
use tokio_util::sync::CancellationToken;

use super::{Worker, WorkerEvent};

impl Worker {
    /// Tidies up and compares all sign-ins with all jobs, again and again until it is to stop.
    pub(super) async fn keep_up(self, stopping: CancellationToken) {
        let mut is_first = true;
        loop {
            let pause = self.policy.upkeep_every;
            let done = async {
                self.tidy().await?;
                // At the beginning every sign-in is new to the one who looks.
                if is_first { self.take_back_stray().await } else { self.compare_all().await }
            };
            if let Err(error) = done.await {
                self.tell(&WorkerEvent::Trouble { problem: error.to_string(), again_in: pause });
            }
            is_first = false;
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Ends answers whose writer died, and forgets jobs that ended long ago.
    pub(super) async fn tidy(&self) -> Result<()> {
        let limit = PageLimit::default();
        loop {
            let ended = self.maestro.store().entry_recover(None, self.maestro.now(), limit).await?;
            let count = ended.len();
            if count > 0 {
                let ids = ended.into_iter().map(|entry| entry.id).collect();
                self.tell(&WorkerEvent::Recovered(ids));
            }
            if count < limit.get() {
                break;
            }
        }
        let before = self.maestro.now().saturating_sub(self.policy.keep_ended);
        let forgotten = self.queue.job_prune(before).await?;
        if forgotten > 0 {
            self.tell(&WorkerEvent::Forgotten(forgotten));
        }
        Ok(())
    }
}
