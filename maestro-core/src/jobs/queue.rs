//! The contract of job queues.

use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;

use super::{Job, JobCounts, JobEnd, JobQuery, RefreshJob, WorkerSeen};
use crate::{
    auth::{HolderId, SavedAuthentication},
    error::Result,
    id::Id,
    page::PageLimit,
    time::Timestamp,
};

/// Ready when a worker is to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does jobs.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// Does one job. What is to be tried again it puts into the queue anew, with the next attempt.
    async fn handle(&self, job: RefreshJob) -> JobEnd;
}

/// Jobs that outlive the program which put them, and the workers that do them (requirement M-W1).
///
/// Any number of workers, in any number of programs, may [`run`](Self::run) on one queue: each job is with one of them at a
/// time. Every method is atomic, and any may fail with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the
/// queue cannot be reached; it may be called again then.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Puts a job. Nothing happens when one with the same [key](RefreshJob::key) is there, in whatever state, so that
    /// several programs may put the same.
    async fn job_push(&self, job: RefreshJob) -> Result<()>;

    /// Takes back the waiting jobs of an authentication, with the reason, and returns how many there were. One that is
    /// running goes on.
    async fn job_cancel(&self, auth: Id<SavedAuthentication>, reason: &str, now: Timestamp) -> Result<u64>;

    /// Jobs that match: those that have not ended first, the soonest first; then those that have, the latest first.
    async fn job_list(&self, query: &JobQuery, limit: PageLimit) -> Result<Vec<Job>>;

    /// How many jobs there are in each state.
    async fn job_counts(&self, now: Timestamp) -> Result<JobCounts>;

    /// Forgets jobs that ended before a moment, and workers that have given no sign of life since, and returns how many
    /// jobs there were.
    async fn job_prune(&self, before: Timestamp) -> Result<u64>;

    /// The workers that are known, those last seen first.
    async fn worker_list(&self) -> Result<Vec<WorkerSeen>>;

    /// Works until `stop` is ready, then finishes what has begun and returns. A job whose worker died is handed to another
    /// after some time.
    ///
    /// Errors end the work: whoever wants it to go on calls this again, with another `worker`.
    async fn run(&self, worker: HolderId, handler: Arc<dyn JobHandler>, stop: Stop) -> Result<()>;
}
