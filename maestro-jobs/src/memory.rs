//! The queue in memory: gone with the program, and written to be read.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use maestro_core::{
    Id, Result,
    auth::{HolderId, SavedAuthentication},
    jobs::{Job, JobCounts, JobEnd, JobHandler, JobQuery, JobQueue, JobState, RefreshJob, Stop, WorkerSeen},
    page::PageLimit,
    time::{Clock, SystemClock, Timestamp},
};
use tokio::sync::Notify;

use crate::{
    handle::handle,
    timing::{AT_ONCE, QueueTiming},
};

/// Jobs in this program. Clones share them.
#[derive(Clone)]
pub struct MemoryQueue {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: Mutex<Jobs>,
    /// That there is something new to look at.
    pushed: Notify,
    clock: Arc<dyn Clock>,
    timing: QueueTiming,
}

#[derive(Default)]
struct Jobs {
    by_key: BTreeMap<String, Job>,
    workers: BTreeMap<String, WorkerSeen>,
}

impl MemoryQueue {
    /// An empty queue that goes by the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty queue that goes by `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let (jobs, pushed, timing) = (Mutex::default(), Notify::new(), QueueTiming::default());
        Self { inner: Arc::new(Inner { jobs, pushed, clock, timing }) }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the job that has been due for the longest.
    fn take(&self, worker: &str) -> Option<RefreshJob> {
        let now = self.inner.clock.now();
        let mut jobs = self.jobs();
        let due = |job: &&mut Job| job.state == JobState::Waiting && job.job.run_at <= now;
        let job = jobs.by_key.values_mut().filter(due).min_by_key(|job| job.job.run_at)?;
        job.state = JobState::Running;
        job.worker = Some(worker.to_owned());
        Some(job.job)
    }

    fn end(&self, job: &RefreshJob, end: &JobEnd) {
        let now = self.inner.clock.now();
        if let Some(job) = self.jobs().by_key.get_mut(&job.key()) {
            job.state = end.state();
            job.ended_at = Some(now);
            job.result = Some(end.text().to_owned());
        }
    }

    fn sign_of_life(&self, worker: &str) {
        let now = self.inner.clock.now();
        let new = || WorkerSeen { id: worker.to_owned(), started_at: Some(now), last_seen: now };
        self.jobs().workers.entry(worker.to_owned()).or_insert_with(new).last_seen = now;
    }
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQueue").field("jobs", &self.jobs().by_key.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl JobQueue for MemoryQueue {
    async fn job_push(&self, job: RefreshJob) -> Result<()> {
        let new = Job { job, state: JobState::Waiting, worker: None, ended_at: None, result: None };
        self.jobs().by_key.entry(job.key()).or_insert(new);
        self.inner.pushed.notify_waiters();
        Ok(())
    }

    async fn job_cancel(&self, auth: Id<SavedAuthentication>, reason: &str, now: Timestamp) -> Result<u64> {
        let mut count = 0;
        for job in self.jobs().by_key.values_mut() {
            if job.job.auth_id == auth && job.state == JobState::Waiting {
                job.state = JobState::Cancelled;
                job.ended_at = Some(now);
                job.result = Some(reason.to_owned());
                count += 1;
            }
        }
        Ok(count)
    }

    async fn job_list(&self, query: &JobQuery, limit: PageLimit) -> Result<Vec<Job>> {
        let fits = |job: &&Job| {
            query.auth_id.is_none_or(|id| job.job.auth_id == id)
                && query.state.is_none_or(|state| job.state == state)
        };
        let mut found: Vec<Job> = self.jobs().by_key.values().filter(fits).cloned().collect();
        found.sort_by_key(|job| match job.ended_at {
            None => (0, job.job.run_at.micros()),
            Some(end) => (1, -end.micros()),
        });
        found.truncate(limit.get());
        Ok(found)
    }

    async fn job_counts(&self, now: Timestamp) -> Result<JobCounts> {
        let mut counts = JobCounts::default();
        for job in self.jobs().by_key.values() {
            *counts.count_mut(job.state, job.job.run_at <= now) += 1;
        }
        Ok(counts)
    }

    async fn job_prune(&self, before: Timestamp) -> Result<u64> {
        let mut jobs = self.jobs();
        let there = jobs.by_key.len();
        jobs.by_key.retain(|_, job| job.ended_at.is_none_or(|end| end >= before));
        jobs.workers.retain(|_, worker| worker.last_seen >= before);
        Ok((there - jobs.by_key.len()) as u64)
    }

    async fn worker_list(&self) -> Result<Vec<WorkerSeen>> {
        let mut workers: Vec<_> = self.jobs().workers.values().cloned().collect();
        workers.sort_by_key(|worker| std::cmp::Reverse(worker.last_seen));
        Ok(workers)
    }

    async fn run(&self, worker: HolderId, handler: Arc<dyn JobHandler>, mut stop: Stop) -> Result<()> {
        let name = worker.to_string();
        let mut doing: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        loop {
            self.sign_of_life(&name);
            let pushed = self.inner.pushed.notified();
            while doing.len() < AT_ONCE
                && let Some(job) = self.take(&name)
            {
                let handler = Arc::clone(&handler);
                doing.push(Box::pin(async move { self.end(&job, &handle(handler.as_ref(), job).await) }));
            }
            tokio::select! {
                () = &mut stop => break,
                Some(()) = doing.next() => {}
                () = pushed => {}
                () = tokio::time::sleep(self.inner.timing.look_every) => {}
            }
        }
        while doing.next().await.is_some() {}
        Ok(())
    }
}
