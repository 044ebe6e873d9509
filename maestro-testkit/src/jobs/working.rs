//! What becomes of jobs while workers are there.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use maestro_core::{
    jobs::{JobEnd, JobHandler, JobQuery, JobQueue, JobState, RefreshJob},
    page::PageLimit,
};
use tokio::sync::Semaphore;

use super::given::{Noting, Running, all, hours, job, now, only, until, until_done, work};

fn done(text: &str) -> JobEnd {
    JobEnd::Done(text.to_owned())
}

/// With its worker, its end and what came of it.
pub async fn a_due_job_is_done_and_its_text_kept(queue: Arc<dyn JobQueue>) {
    let job = job(hours(-1));
    queue.job_push(job).await.unwrap();
    let hands = Noting::new(|_| done("refreshed"));
    let before = hours(0);
    work(&queue, hands.clone()).await;
    assert_eq!(hands.done(), [job]);
    let there = only(queue.as_ref()).await;
    assert_eq!((there.state, there.result.as_deref()), (JobState::Done, Some("refreshed")));
    assert!(there.worker.is_some());
    let end = there.ended_at.unwrap();
    assert!(before <= end && end <= now(), "{end}");
}

/// Only what is due is handed out.
pub async fn a_job_that_is_not_due_waits(queue: Arc<dyn JobQueue>) {
    let (later, due) = (job(hours(1)), job(hours(-1)));
    queue.job_push(later).await.unwrap();
    queue.job_push(due).await.unwrap();
    let hands = Noting::new(|_| done("refreshed"));
    work(&queue, hands.clone()).await;
    assert_eq!(hands.done(), [due]);
    let counts = queue.job_counts(now()).await.unwrap();
    assert_eq!((counts.waiting, counts.done), (1, 1));
}

/// Trying again is another job.
pub async fn a_failed_job_keeps_its_reason_and_is_not_done_again(queue: Arc<dyn JobQueue>) {
    queue.job_push(job(hours(-1))).await.unwrap();
    let failing = Noting::new(|_| JobEnd::Failed("no \"answer\" came".to_owned()));
    work(&queue, failing.clone()).await;
    // Another worker does everything that is due, and finds nothing.
    queue.job_push(job(hours(-1))).await.unwrap();
    let hands = Noting::new(|_| done("refreshed"));
    work(&queue, hands.clone()).await;
    assert_eq!((failing.done().len(), hands.done().len()), (1, 1));
    let query = JobQuery { state: Some(JobState::Failed), auth_id: None };
    let failed = queue.job_list(&query, PageLimit::default()).await.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].result.as_deref(), Some("no \"answer\" came"));
}

/// The one who does it may find that there is nothing to do.
pub async fn a_job_that_is_for_nothing_ends_as_cancelled(queue: Arc<dyn JobQueue>) {
    queue.job_push(job(hours(-1))).await.unwrap();
    work(&queue, Noting::new(|_| JobEnd::Cancelled("it was deleted".to_owned()))).await;
    let there = only(queue.as_ref()).await;
    assert_eq!((there.state, there.result.as_deref()), (JobState::Cancelled, Some("it was deleted")));
}

/// A panic is a failure of that job, and of no other.
pub async fn a_job_that_breaks_down_fails_and_the_next_is_done(queue: Arc<dyn JobQueue>) {
    let (broken, whole) = (job(hours(-2)), job(hours(-1)));
    queue.job_push(broken).await.unwrap();
    queue.job_push(whole).await.unwrap();
    let id = broken.auth_id;
    work(
        &queue,
        Noting::new(move |job| {
            assert!(job.auth_id != id, "this one breaks down, as it is meant to");
            done("refreshed")
        }),
    )
    .await;
    let state = async |job: RefreshJob| {
        let query = JobQuery { auth_id: Some(job.auth_id), state: None };
        queue.job_list(&query, PageLimit::default()).await.unwrap()[0].state
    };
    assert_eq!((state(broken).await, state(whole).await), (JobState::Failed, JobState::Done));
}

/// A worker that found nothing looks again.
pub async fn a_job_put_while_a_worker_runs_is_done(queue: Arc<dyn JobQueue>) {
    let hands = Noting::new(|_| done("refreshed"));
    let worker = Running::start(&queue, hands.clone());
    for count in 1..=3 {
        queue.job_push(job(hours(-1))).await.unwrap();
        until(|| async { (hands.done().len() == count).then_some(()) }).await;
    }
    until_done(queue.as_ref()).await;
    worker.stopped().await;
    assert_eq!(queue.job_counts(now()).await.unwrap().done, 3);
}

/// None is lost and none done twice.
pub async fn each_job_is_done_by_one_of_many_workers(queue: Arc<dyn JobQueue>) {
    const JOBS: usize = 60;
    let hands = Noting::new(|_| done("refreshed"));
    let workers: Vec<_> = (0..3).map(|_| Running::start(&queue, hands.clone())).collect();
    for _ in 0..JOBS {
        queue.job_push(job(hours(-1))).await.unwrap();
    }
    until_done(queue.as_ref()).await;
    for worker in workers {
        worker.stopped().await;
    }
    let jobs = hands.done();
    assert_eq!(jobs.len(), JOBS);
    assert_eq!(jobs.iter().map(|job| job.auth_id).collect::<BTreeSet<_>>().len(), JOBS);
    assert_eq!(queue.job_counts(now()).await.unwrap().done, JOBS as u64);
}

/// Says that it has begun, and ends when it is let.
struct Held {
    begun: Semaphore,
    release: Semaphore,
}

impl Held {
    fn new() -> Arc<Self> {
        Arc::new(Self { begun: Semaphore::new(0), release: Semaphore::new(0) })
    }
}

#[async_trait]
impl JobHandler for Held {
    async fn handle(&self, _: RefreshJob) -> JobEnd {
        self.begun.add_permits(1);
        self.release.acquire().await.unwrap().forget();
        done("refreshed")
    }
}

/// It returns only after that.
pub async fn a_worker_that_is_to_stop_finishes_what_it_has_begun(queue: Arc<dyn JobQueue>) {
    queue.job_push(job(hours(-1))).await.unwrap();
    let held = Held::new();
    let worker = Running::start(&queue, held.clone());
    held.begun.acquire().await.unwrap().forget();
    worker.ask_to_stop();
    tokio::task::yield_now().await;
    assert!(worker.is_running());
    held.release.add_permits(1);
    worker.stopped().await;
    assert_eq!(only(queue.as_ref()).await.state, JobState::Done);
}

/// It is neither due nor waiting, and goes on.
pub async fn what_runs_is_not_taken_back(queue: Arc<dyn JobQueue>) {
    let job = job(hours(-1));
    queue.job_push(job).await.unwrap();
    let held = Held::new();
    let worker = Running::start(&queue, held.clone());
    held.begun.acquire().await.unwrap().forget();
    assert_eq!(queue.job_cancel(job.auth_id, "gone", now()).await.unwrap(), 0);
    let counts = queue.job_counts(now()).await.unwrap();
    assert_eq!((counts.running, counts.due), (1, 0));
    held.release.add_permits(1);
    until_done(queue.as_ref()).await;
    worker.stopped().await;
    assert_eq!(only(queue.as_ref()).await.state, JobState::Done);
}

/// By their id, with a sign of life.
pub async fn workers_are_known_while_they_work(queue: Arc<dyn JobQueue>) {
    let before = hours(0);
    let worker = Running::start(&queue, Noting::new(|_| done("refreshed")));
    let id = worker.id.to_string();
    let seen =
        until(|| async { queue.worker_list().await.unwrap().into_iter().find(|seen| seen.id == id) }).await;
    assert!(before <= seen.last_seen && seen.last_seen <= now(), "{seen:?}");
    worker.stopped().await;
}

/// Whatever their moments were.
pub async fn ended_jobs_come_after_the_others(queue: Arc<dyn JobQueue>) {
    let (ended, waiting) = (job(hours(-1)), job(hours(1)));
    queue.job_push(ended).await.unwrap();
    work(&queue, Noting::new(|_| done("refreshed"))).await;
    queue.job_push(waiting).await.unwrap();
    let listed: Vec<_> = all(queue.as_ref()).await.into_iter().map(|job| job.job).collect();
    assert_eq!(listed, [waiting, ended]);
}
