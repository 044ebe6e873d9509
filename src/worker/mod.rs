//! The worker: refreshes sign-ins before their tokens end, ends answers whose writer died, and tidies up (requirement
//! M-W1).
//!
//! Any number of workers, in any number of programs and machines, may work on one store. Each *looks* at the sign-ins every
//! few seconds and *puts* a job for each whose tokens end; the [`JobQueue`] takes the same job once and hands it to one of
//! them. That no token is exchanged twice does not rest on that: [`Maestro::refresh_tokens`] is a compare-and-set.
//!
//! | file | holds |
//! |---|---|
//! | `plan.rs` | when a sign-in is to be refreshed next |
//! | `look.rs` | putting the jobs that are missing, taking back those that are for nothing |
//! | `refresh.rs` | doing one job |
//! | `upkeep.rs` | ending what is stale, forgetting what is old |
//! | `supervise.rs` | going on after the queue was lost |

mod look;
mod plan;
mod refresh;
mod supervise;
mod upkeep;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use maestro_core::{
    Error, ErrorKind, Id, Result,
    auth::{AuthRef, HolderId, SavedAuthentication},
    conversations::ChatEntry,
    jobs::{JobQueue, RefreshJob},
    time::Timestamp,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Maestro, Refreshed};

const OPERATION: &str = "work on jobs";

/// How often a round that is to end looks whether everything has been done.
const ROUND_PAUSE: Duration = Duration::from_millis(100);

/// How a worker is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerPolicy {
    /// How often it looks for new, changed and deleted sign-ins; each 5 seconds when nothing is said.
    pub look_every: Duration,
    /// How often it compares all sign-ins with all jobs, ends stale answers and forgets old jobs; each minute when nothing
    /// is said, and once at the beginning.
    pub upkeep_every: Duration,
    /// The pause after the first failure of a refresh, doubled with each further one and drawn a little longer by chance; 2
    /// seconds when nothing is said.
    pub first_pause: Duration,
    /// The longest such pause; 10 minutes when nothing is said.
    pub longest_pause: Duration,
    /// For how long jobs that have ended are remembered; 7 days when nothing is said.
    pub keep_ended: Duration,
}

impl Default for WorkerPolicy {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(5),
            upkeep_every: Duration::from_secs(60),
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(600),
            keep_ended: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// What a worker does, as it happens. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// It works on the queue from now on, under this id.
    Working(HolderId),
    /// A refresh was put into the queue.
    Planned {
        /// Whose tokens.
        auth: AuthRef,
        /// The job.
        job: RefreshJob,
    },
    /// A refresh was done.
    Refreshed {
        /// Whose tokens.
        auth: AuthRef,
        /// Who asked, if anybody had to.
        outcome: Refreshed,
        /// When the tokens end now.
        expires_at: Option<Timestamp>,
    },
    /// A refresh failed.
    Failed {
        /// Whose tokens.
        auth_id: Id<SavedAuthentication>,
        /// Why.
        problem: String,
        /// When it is tried again; absent when only a new sign-in helps.
        again_at: Option<Timestamp>,
    },
    /// A sign-in that this worker cannot refresh: it lacks the key of the vault, or the provider. It is looked at again.
    Skipped {
        /// Whose tokens.
        auth: AuthRef,
        /// Why.
        problem: String,
    },
    /// Jobs of a sign-in that is gone were taken back.
    Cancelled {
        /// The id it had.
        auth_id: Id<SavedAuthentication>,
        /// How many.
        jobs: u64,
    },
    /// Answers whose writer died were ended as interrupted.
    Recovered(Vec<Id<ChatEntry>>),
    /// Jobs that ended long ago were forgotten.
    Forgotten(u64),
    /// The store or the queue cannot be reached; it is tried again.
    Trouble {
        /// What is wrong.
        problem: String,
        /// How long it waits.
        again_in: Duration,
    },
}

type Observer = Arc<dyn Fn(&WorkerEvent) + Send + Sync>;

/// A worker on a store and its queue. Clones are the same worker.
#[derive(Clone)]
pub struct Worker {
    maestro: Maestro,
    queue: Arc<dyn JobQueue>,
    policy: WorkerPolicy,
    observer: Observer,
}

impl Maestro {
    /// A worker for the sign-ins and answers of this store. It does nothing until it is [run](Worker::run).
    pub fn worker(&self, queue: Arc<dyn JobQueue>) -> Worker {
        Worker { maestro: self.clone(), queue, policy: WorkerPolicy::default(), observer: Arc::new(|_| {}) }
    }
}

impl Worker {
    /// The same worker, timed otherwise.
    #[must_use]
    pub fn policy(mut self, policy: WorkerPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The same worker, which tells what it does.
    #[must_use]
    pub fn on_event(mut self, observer: impl Fn(&WorkerEvent) + Send + Sync + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Works until `stop` is ready, then finishes the jobs it has begun. A store or a queue that cannot be reached is waited
    /// for.
    ///
    /// [`ErrorKind::Internal`] when one of its tasks broke down. Dropping the future ends the work at once; a refresh that is
    /// under way is still finished, as every refresh is.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let stopping = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(self.clone().supervise(stopping.clone()));
        tasks.spawn(self.clone().keep_looking(stopping.clone()));
        tasks.spawn(self.clone().keep_up(stopping.clone()));
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop, if !stopping.is_cancelled() => stopping.cancel(),
                ended = tasks.join_next() => match ended {
                    None => return Ok(()),
                    Some(Ok(())) => {}
                    Some(Err(error)) => {
                        return Err(Error::new(ErrorKind::Internal, OPERATION)
                            .because("a part of the worker broke down")
                            .caused_by(error));
                    }
                },
            }
        }
    }

    /// Puts what is missing, does everything that is due, tidies up, and returns when nothing is due any more.
    ///
    /// Errors are those of the store and the queue: nothing is waited for here.
    pub async fn run_once(&self) -> Result<()> {
        self.compare_all().await?;
        self.tidy().await?;
        let stopping = CancellationToken::new();
        let holder = HolderId::new();
        self.tell(&WorkerEvent::Working(holder));
        let working =
            self.queue.run(holder, Arc::new(self.clone()), Box::pin(stopping.clone().cancelled_owned()));
        let until_done = async {
            loop {
                let counts = self.queue.job_counts(self.maestro.now()).await?;
                if counts.due == 0 && counts.running == 0 {
                    stopping.cancel();
                    return Ok(());
                }
                tokio::time::sleep(ROUND_PAUSE).await;
            }
        };
        tokio::try_join!(working, until_done).map(|_: ((), ())| ())
    }

    fn tell(&self, event: &WorkerEvent) {
        (self.observer)(event);
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("maestro", &self.maestro)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
