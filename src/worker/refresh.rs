//! Doing one job.

use std::time::Duration;

use async_trait::async_trait;
use maestro_core::{
    Error, ErrorKind,
    auth::SavedAuthentication,
    jobs::{JobEnd, JobHandler, JobState, RefreshJob},
};

use super::{Worker, WorkerEvent, look::GONE};
use crate::{RefreshWhen, Refreshed};

/// How long a job that is handed out early is held back: queues count in seconds.
const EARLY: Duration = Duration::from_secs(2);

#[async_trait]
impl JobHandler for Worker {
    async fn handle(&self, job: RefreshJob) -> JobEnd {
        let early = job.run_at.since(self.maestro.now());
        if !early.is_zero() {
            tokio::time::sleep(early.min(EARLY)).await;
        }
        match self.maestro.refresh_tokens(job.auth_id, RefreshWhen::Due).await {
            Ok((outcome, row)) => self.done(job, outcome, &row).await,
            Err(error) if error.kind() == ErrorKind::NotFound => JobEnd::Cancelled(GONE.to_owned()),
            Err(error) => self.failed(job, &error).await,
        }
    }
}

impl Worker {
    /// What is refreshed is to be refreshed again before its new end.
    async fn done(&self, job: RefreshJob, outcome: Refreshed, row: &SavedAuthentication) -> JobEnd {
        self.tell(&WorkerEvent::Refreshed { auth: row.reference(), outcome, expires_at: row.expires_at });
        self.put_next(job, JobState::Done, row).await;
        JobEnd::Done(outcome.as_str().to_owned())
    }

    async fn failed(&self, job: RefreshJob, error: &Error) -> JobEnd {
        // What was refused for good is written down with the tokens, so no job is missing then.
        let again = match self.maestro.store().auth_get(job.auth_id).await {
            Ok(row) => self.put_next(job, JobState::Failed, &row).await,
            Err(_) => None,
        };
        let problem = error.to_string();
        tracing::warn!(%error, attempt = job.attempt, "tokens were not refreshed");
        let again_at = again.map(|job| job.run_at);
        self.tell(&WorkerEvent::Failed { auth_id: job.auth_id, problem: problem.clone(), again_at });
        JobEnd::Failed(problem)
    }

    /// Puts the job after this one, if there is one. Where that fails, the next comparison of all finds that it is missing.
    async fn put_next(
        &self,
        job: RefreshJob,
        came_to: JobState,
        row: &SavedAuthentication,
    ) -> Option<RefreshJob> {
        let due = match self.due(row) {
            Ok(due) => due?,
            Err(error) => {
                tracing::warn!(authentication = %row.reference(), %error, "cannot be refreshed by this worker");
                return None;
            }
        };
        let last = (due.expires_at == job.expires_at).then_some((job.attempt, came_to));
        let next = due.after(row, last, &self.policy, self.maestro.now());
        match self.queue.job_push(next).await {
            Ok(()) => {
                self.tell(&WorkerEvent::Planned { auth: row.reference(), job: next });
                Some(next)
            }
            Err(error) => {
                tracing::warn!(%error, "the next refresh was not put into the queue yet");
                None
            }
        }
    }
}
