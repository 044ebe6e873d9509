//! Working on the queue, and going on after it was lost.

use std::{sync::Arc, time::Duration};

use maestro_core::{Error, ErrorKind, Result, auth::HolderId};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{OPERATION, Worker, WorkerEvent};

/// The first pause after the queue was lost; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After how long the next loss counts as the first again.
const STEADY: Duration = Duration::from_secs(60);

impl Worker {
    /// Works on the queue until it is to stop. Each beginning has an id of its own, so what a lost one had is handed out
    /// again.
    pub(super) async fn supervise(self, stopping: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stopping.is_cancelled() {
            let began = Instant::now();
            let Err(error) = self.work(&stopping).await else { continue };
            if began.elapsed() > STEADY {
                pause = FIRST_PAUSE;
            }
            tracing::warn!(%error, ?pause, "the queue was lost");
            self.tell(&WorkerEvent::Trouble { problem: error.to_string(), again_in: pause });
            tokio::select! {
                () = stopping.cancelled() => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Works on the queue once, on a task of its own, since what lies below may panic.
    async fn work(&self, stopping: &CancellationToken) -> Result<()> {
        let holder = HolderId::new();
        self.tell(&WorkerEvent::Working(holder));
        let (queue, handler) = (Arc::clone(&self.queue), Arc::new(self.clone()));
        let stop = Box::pin(stopping.clone().cancelled_owned());
        let mut task = JoinSet::new();
        task.spawn(async move { queue.run(holder, handler, stop).await });
        match task.join_next().await {
            Some(Ok(ended)) => ended?,
            Some(Err(error)) => {
                return Err(Error::new(ErrorKind::Internal, OPERATION)
                    .because("the queue broke down")
                    .caused_by(error));
            }
            None => {}
        }
        if stopping.is_cancelled() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, OPERATION).because("the queue ended by itself"))
    }
}
