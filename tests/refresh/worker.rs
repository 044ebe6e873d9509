//! Workers: sign-ins are refreshed before their tokens end, once, whatever happens.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use maestro::{
    Error, ErrorKind, Id, Result, Worker, WorkerEvent, WorkerPolicy,
    core::{
        auth::{
            AuthRef, AuthType, Credentials, HolderId, NewAuthentication, SavedAuthentication, Vault, VaultKey,
        },
        jobs::{Job, JobCounts, JobHandler, JobQuery, JobQueue, JobState, RefreshJob, Stop, WorkerSeen},
        page::PageLimit,
        time::{Clock as _, Timestamp},
    },
};
use maestro_jobs::{MemoryQueue, QueueTiming};
use tokio_util::sync::CancellationToken;

use crate::{
    server::Fault,
    world::{LIFETIME, World},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A worker of a program of its own, and what it tells.
fn worker(world: &World, queue: &Arc<dyn JobQueue>) -> (Worker, Arc<Mutex<Vec<WorkerEvent>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let policy = WorkerPolicy {
        look_every: Duration::from_millis(10),
        upkeep_every: Duration::from_millis(20),
        ..WorkerPolicy::default()
    };
    let worker = world
        .program()
        .worker(Arc::clone(queue))
        .policy(policy)
        .on_event(move |event| telling.lock().unwrap().push(event.clone()));
    (worker, told)
}

fn queue(world: &World) -> Arc<dyn JobQueue> {
    let often = QueueTiming { look_every: Duration::from_millis(5), ..QueueTiming::default() };
    Arc::new(MemoryQueue::with_clock(Arc::clone(&world.clock) as _).with_timing(often))
}

async fn jobs(queue: &Arc<dyn JobQueue>, state: JobState) -> Vec<Job> {
    let query = JobQuery { state: Some(state), auth_id: None };
    queue.job_list(&query, PageLimit::default()).await.unwrap()
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

/// Workers that run until they are stopped.
struct Crew {
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<Result<()>>>,
}

impl Crew {
    fn start(workers: impl IntoIterator<Item = Worker>) -> Self {
        let stop = CancellationToken::new();
        let start = |worker: Worker| {
            let stop = stop.clone();
            tokio::spawn(async move { worker.run(stop.cancelled()).await })
        };
        let tasks = workers.into_iter().map(start).collect();
        Self { stop, tasks }
    }

    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_sign_in_is_refreshed_when_it_is_due_and_the_next_time_is_put() {
    let world = World::new().await;
    let queue = queue(&world);
    let (worker, told) = worker(&world, &queue);
    worker.run_once().await.unwrap();
    assert_eq!(world.server.exchanges(), 1);
    let end = world.clock.now().saturating_add(LIFETIME);
    let waiting = jobs(&queue, JobState::Waiting).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].job.expires_at, end);
    assert_eq!(waiting[0].job.run_at, end.saturating_sub(Duration::from_secs(60)));
    assert!(told.lock().unwrap().iter().any(|event| matches!(event, WorkerEvent::Refreshed { .. })));

    worker.run_once().await.unwrap();
    assert_eq!(world.server.asked(), 1, "it is not due yet");
    world.clock.advance(LIFETIME - Duration::from_secs(59));
    worker.run_once().await.unwrap();
    assert_eq!(world.server.exchanges(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_workers_refresh_once_each_time_for_many_times() {
    const ROTATIONS: u32 = 25;
    let world = World::new().await;
    let queue = queue(&world);
    let crew = Crew::start((0..3).map(|_| worker(&world, &queue).0));
    for rotation in 1..=ROTATIONS {
        until(async || world.server.exchanges() >= rotation).await;
        until(async || world.stored().await.1.asked.is_none()).await;
        world.clock.advance(LIFETIME);
    }
    until(async || world.server.exchanges() > ROTATIONS).await;
    crew.stop().await;
    assert_eq!((world.server.exchanges(), world.server.reuses()), (ROTATIONS + 1, 0));
    assert_eq!(world.server.asked(), ROTATIONS + 1);
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_and_its_reason_kept() {
    let world = World::new().await;
    let queue = queue(&world);
    world.server.next(Fault::Busy);
    let (worker, _) = worker(&world, &queue);
    worker.run_once().await.unwrap();
    assert_eq!((world.server.asked(), world.server.exchanges()), (1, 0));
    let failed = jobs(&queue, JobState::Failed).await;
    assert_eq!(failed.len(), 1);
    assert!(failed[0].result.as_deref().unwrap().contains("refresh"), "{failed:?}");
    let next = jobs(&queue, JobState::Waiting).await;
    assert_eq!((next.len(), next[0].job.attempt), (1, 2));
    let pause = next[0].job.run_at.since(world.clock.now());
    assert!((Duration::from_secs(2)..=Duration::from_secs(4)).contains(&pause), "{pause:?}");

    world.clock.advance(pause);
    worker.run_once().await.unwrap();
    assert_eq!(world.server.exchanges(), 1);
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let world = World::new().await;
    let queue = queue(&world);
    world.server.next(Fault::Revoked);
    let (worker, told) = worker(&world, &queue);
    for _ in 0..3 {
        worker.run_once().await.unwrap();
        world.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(world.server.asked(), 1);
    assert_eq!(jobs(&queue, JobState::Waiting).await, []);
    let failed = jobs(&queue, JobState::Failed).await;
    assert!(failed[0].result.as_deref().unwrap().contains("sign in again"), "{failed:?}");
    let told = told.lock().unwrap();
    assert!(told.iter().any(|event| matches!(event, WorkerEvent::Failed { again_at: None, .. })));
}

#[tokio::test]
async fn the_jobs_of_a_deleted_sign_in_are_taken_back() {
    let world = World::new().await;
    let queue = queue(&world);
    let (worker, told) = worker(&world, &queue);
    worker.run_once().await.unwrap();
    assert_eq!(jobs(&queue, JobState::Waiting).await.len(), 1);
    let crew = Crew::start([worker]);
    // Seen once, so that its end is seen too; and one that was never seen alive.
    until(async || {
        told.lock().unwrap().iter().filter(|it| matches!(it, WorkerEvent::Working(_))).count() > 1
    })
    .await;
    let never_seen = Id::new();
    let due = world.clock.now().saturating_add(LIFETIME);
    queue
        .job_push(RefreshJob { auth_id: never_seen, expires_at: due, attempt: 1, run_at: due })
        .await
        .unwrap();
    world.store.auth_delete(world.id).await.unwrap();
    until(async || jobs(&queue, JobState::Cancelled).await.len() == 2).await;
    crew.stop().await;
    assert_eq!(jobs(&queue, JobState::Waiting).await, []);
}

#[tokio::test]
async fn a_job_for_what_is_gone_ends_without_a_request() {
    let world = World::new().await;
    let queue = queue(&world);
    let now = world.clock.now();
    queue
        .job_push(RefreshJob { auth_id: Id::new(), expires_at: now, attempt: 1, run_at: now })
        .await
        .unwrap();
    world.store.auth_delete(world.id).await.unwrap();
    let (worker, _) = worker(&world, &queue);
    let stop = CancellationToken::new();
    let stopped = Box::pin(stop.clone().cancelled_owned());
    let running = queue.run(HolderId::new(), Arc::new(worker), stopped);
    let waiting = async {
        until(async || jobs(&queue, JobState::Cancelled).await.len() == 1).await;
        stop.cancel();
    };
    tokio::join!(running, waiting).0.unwrap();
    assert_eq!(world.server.asked(), 0);
}

#[tokio::test]
async fn a_sign_in_of_another_vault_is_skipped_and_told_and_the_others_are_refreshed() {
    let world = World::new().await;
    let queue = queue(&world);
    let foreign = Vault::new(VaultKey::generate());
    let (id, now) = (Id::new(), world.clock.now());
    let credentials = Credentials::OAuth { tokens: Box::new(crate::world::tokens(0, now)), base_url: None };
    let new = NewAuthentication {
        id,
        // The first in the order in which they are looked at.
        reference: AuthRef::new("counting".parse().unwrap(), AuthType::OAuth, "another".parse().unwrap()),
        credentials: foreign.seal(id, &credentials).unwrap(),
        expires_at: Some(now),
        now,
    };
    world.store.auth_create(new).await.unwrap();
    let (worker, told) = worker(&world, &queue);
    worker.run_once().await.unwrap();
    assert_eq!(world.server.exchanges(), 1);
    let told = told.lock().unwrap();
    let skipped = told.iter().find_map(|event| match event {
        WorkerEvent::Skipped { auth, problem } => Some((auth.name.as_str(), problem)),
        _ => None,
    });
    let (name, problem) = skipped.unwrap();
    assert!(name == "another" && problem.contains("key"), "{problem}");
}

/// A queue that breaks the first times it is worked on, in two ways.
struct Breaking {
    queue: Arc<dyn JobQueue>,
    left: AtomicU32,
}

#[async_trait]
impl JobQueue for Breaking {
    async fn job_push(&self, job: RefreshJob) -> Result<()> {
        self.queue.job_push(job).await
    }
    async fn job_cancel(&self, auth: Id<SavedAuthentication>, reason: &str, now: Timestamp) -> Result<u64> {
        self.queue.job_cancel(auth, reason, now).await
    }
    async fn job_list(&self, query: &JobQuery, limit: PageLimit) -> Result<Vec<Job>> {
        self.queue.job_list(query, limit).await
    }
    async fn job_counts(&self, now: Timestamp) -> Result<JobCounts> {
        self.queue.job_counts(now).await
    }
    async fn job_prune(&self, before: Timestamp) -> Result<u64> {
        self.queue.job_prune(before).await
    }
    async fn worker_list(&self) -> Result<Vec<WorkerSeen>> {
        self.queue.worker_list().await
    }
    async fn run(&self, worker: HolderId, handler: Arc<dyn JobHandler>, stop: Stop) -> Result<()> {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(2) => {
                Err(Error::new(ErrorKind::Unavailable, "work on jobs").because("the connection was lost"))
            }
            Ok(_) => unreachable!("the queue breaks down, as it is meant to"),
            Err(_) => self.queue.run(worker, handler, stop).await,
        }
    }
}

#[tokio::test]
async fn a_worker_goes_on_after_its_queue_was_lost() {
    let world = World::new().await;
    let queue: Arc<dyn JobQueue> = Arc::new(Breaking { queue: queue(&world), left: AtomicU32::new(2) });
    let (worker, told) = worker(&world, &queue);
    let crew = Crew::start([worker]);
    until(async || world.server.exchanges() == 1).await;
    crew.stop().await;
    let told = told.lock().unwrap();
    let ids: Vec<_> = told.iter().filter(|event| matches!(event, WorkerEvent::Working(_))).collect();
    assert_eq!(ids.len(), 3, "each beginning is a worker of its own: {told:?}");
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    assert_eq!(told.iter().filter(|event| matches!(event, WorkerEvent::Trouble { .. })).count(), 2);
}
