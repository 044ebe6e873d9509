//! Looking at the sign-ins: jobs that are missing are put, and those that are for nothing taken back.

use std::collections::{BTreeMap, BTreeSet};

use maestro_core::{
    Id, Result,
    auth::{AuthExt as _, AuthQuery, AuthType, SavedAuthentication},
    jobs::{JobQuery, JobState},
    page::{PAGE_LIMIT_MAX, PageLimit},
    revision::Revision,
};
use tokio_util::sync::CancellationToken;

use super::{Worker, WorkerEvent};

/// How many jobs of one sign-in are looked at: those that have not ended come first.
const OF_ONE: u16 = 20;

/// Why jobs of a sign-in that is gone are taken back.
pub(super) const GONE: &str = "the sign-in was deleted";

/// The sign-ins that were seen, and the revision of each, so that only what has changed is opened.
type Seen = BTreeMap<Id<SavedAuthentication>, Revision>;

impl Worker {
    /// Looks again and again until it is to stop.
    pub(super) async fn keep_looking(self, stopping: CancellationToken) {
        let mut seen = Seen::new();
        loop {
            let pause = self.policy.look_every;
            if let Err(error) = self.look(&mut seen).await {
                self.tell(&WorkerEvent::Trouble { problem: error.to_string(), again_in: pause });
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Compares all sign-ins with all jobs.
    pub(super) async fn compare_all(&self) -> Result<()> {
        self.look(&mut Seen::new()).await?;
        self.take_back_stray().await
    }

    /// Takes back the jobs of sign-ins that are not there.
    pub(super) async fn take_back_stray(&self) -> Result<()> {
        let there: BTreeSet<_> = self.sign_ins().await?.into_iter().map(|row| row.id).collect();
        let query = JobQuery { state: Some(JobState::Waiting), auth_id: None };
        let waiting = self.queue.job_list(&query, PageLimit::new(PAGE_LIMIT_MAX)?).await?;
        let stray: BTreeSet<_> =
            waiting.iter().map(|job| job.job.auth_id).filter(|id| !there.contains(id)).collect();
        for id in stray {
            self.take_back(id).await?;
        }
        Ok(())
    }

    async fn look(&self, seen: &mut Seen) -> Result<()> {
        let rows = self.sign_ins().await?;
        let there: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        let gone: Vec<_> = seen.keys().copied().filter(|id| !there.contains(id)).collect();
        for id in gone {
            self.take_back(id).await?;
            seen.remove(&id);
        }
        for row in rows {
            if seen.get(&row.id) == Some(&row.revision) {
                continue;
            }
            self.put_missing(&row).await?;
            seen.insert(row.id, row.revision);
        }
        Ok(())
    }

    async fn sign_ins(&self) -> Result<Vec<SavedAuthentication>> {
        let query = AuthQuery { auth_type: Some(AuthType::OAuth), ..AuthQuery::default() };
        self.maestro.store().auth_list_all(&query).await
    }

    /// Puts the job of a sign-in, if it lacks one.
    async fn put_missing(&self, row: &SavedAuthentication) -> Result<()> {
        let due = match self.due(row) {
            Ok(Some(due)) => due,
            Ok(None) => return Ok(()),
            Err(error) => {
                // One that this program cannot open must not keep it from the others.
                self.tell(&WorkerEvent::Skipped { auth: row.reference(), problem: error.to_string() });
                return Ok(());
            }
        };
        let query = JobQuery { auth_id: Some(row.id), state: None };
        let jobs = self.queue.job_list(&query, PageLimit::new(OF_ONE)?).await?;
        if let Some(job) = due.missing(row, &jobs, &self.policy, self.maestro.now()) {
            self.queue.job_push(job).await?;
            self.tell(&WorkerEvent::Planned { auth: row.reference(), job });
        }
        Ok(())
    }

    async fn take_back(&self, id: Id<SavedAuthentication>) -> Result<()> {
        let jobs = self.queue.job_cancel(id, GONE, self.maestro.now()).await?;
        if jobs > 0 {
            self.tell(&WorkerEvent::Cancelled { auth_id: id, jobs });
        }
        Ok(())
    }
}
