//! What the promises are given: jobs, those who do them, and a worker that can be stopped.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use maestro_core::{
    Id, Result,
    auth::{HolderId, SavedAuthentication},
    jobs::{Job, JobEnd, JobHandler, JobQuery, JobQueue, RefreshJob},
    page::PageLimit,
    time::{Clock as _, SystemClock, Timestamp},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3600);
/// For how long something is waited for that must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

/// A moment that many hours away: in the past when negative. In whole seconds, since some queues count so.
pub(super) fn hours(count: i32) -> Timestamp {
    let by = HOUR * count.unsigned_abs();
    let moment = if count < 0 { now().saturating_sub(by) } else { now().saturating_add(by) };
    Timestamp::from_micros(moment.micros().div_euclid(1_000_000) * 1_000_000)
}

/// The first attempt for some authentication, at a moment.
pub(super) fn job(run_at: Timestamp) -> RefreshJob {
    job_of(Id::new(), run_at)
}

pub(super) fn job_of(auth_id: Id<SavedAuthentication>, run_at: Timestamp) -> RefreshJob {
    RefreshJob { auth_id, expires_at: hours(2), attempt: 1, run_at }
}

/// All jobs, as they are listed.
pub(super) async fn all(queue: &dyn JobQueue) -> Vec<Job> {
    queue.job_list(&JobQuery::default(), PageLimit::new(1000).unwrap()).await.unwrap()
}

/// The one job.
pub(super) async fn only(queue: &dyn JobQueue) -> Job {
    let mut jobs = all(queue).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

/// Waits until something holds.
pub(super) async fn until<T, F: Future<Output = Option<T>>>(mut holds: impl FnMut() -> F) -> T {
    let waiting = async {
        loop {
            if let Some(found) = holds().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

/// Waits until no job is waiting for a moment that has come, and none is running.
pub(super) async fn until_done(queue: &dyn JobQueue) {
    until(|| async {
        let counts = queue.job_counts(now()).await.unwrap();
        (counts.due == 0 && counts.running == 0).then_some(())
    })
    .await;
}

/// Notes the jobs that it is given, and ends each as it is told.
pub(super) struct Noting<F> {
    done: Mutex<Vec<RefreshJob>>,
    end: F,
}

impl<F: Fn(&RefreshJob) -> JobEnd> Noting<F> {
    pub(super) fn new(end: F) -> Arc<Self> {
        Arc::new(Self { done: Mutex::default(), end })
    }

    pub(super) fn done(&self) -> Vec<RefreshJob> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl<F: Fn(&RefreshJob) -> JobEnd + Send + Sync> JobHandler for Noting<F> {
    async fn handle(&self, job: RefreshJob) -> JobEnd {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(job);
        (self.end)(&job)
    }
}

/// A worker on a task of its own.
pub(super) struct Running {
    pub(super) id: HolderId,
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl Running {
    pub(super) fn start(queue: &Arc<dyn JobQueue>, handler: Arc<dyn JobHandler>) -> Self {
        let (id, stop, queue) = (HolderId::new(), CancellationToken::new(), Arc::clone(queue));
        let stopped = Box::pin(stop.clone().cancelled_owned());
        let task = tokio::spawn(async move { queue.run(id, handler, stopped).await });
        Self { id, stop, task }
    }

    /// Tells it to stop, without waiting for that.
    pub(super) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    pub(super) fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Waits until it has stopped.
    pub(super) async fn stopped(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

/// Has a worker do everything that is due.
pub(super) async fn work(queue: &Arc<dyn JobQueue>, handler: Arc<dyn JobHandler>) {
    let worker = Running::start(queue, handler);
    until_done(queue.as_ref()).await;
    worker.stopped().await;
}
