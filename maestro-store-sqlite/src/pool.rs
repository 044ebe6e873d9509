//! One connection that writes, some that read, each on a thread of its own.
//!
//! SQLite lets one connection write at a time, and a commit takes a sync of the disk. So all writes of this program go
//! through one thread: what waits while a commit is under way goes together into the next one. A job that is refused
//! takes none of its neighbours along ([`Apart`]), and none is answered before the commit.
//!
//! Chunks of a journal are worth less than a sync each: a group of nothing else commits without one
//! ([`Durability::Program`]).

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{Builder, JoinHandle},
};

use maestro_core::{Error, ErrorKind, Result};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Failure, Outcome, from_sqlite};

/// How many jobs go into one commit at the most.
const GROUP_MAX: usize = 256;

/// What a job's changes outlive once it has been answered, where the store is one that syncs at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the machine: the commit waits for the disk.
    Machine,
    /// The end of the program. After a power cut the file is as it was before this job or an earlier one of this kind;
    /// a later job that waits for the disk brings these along.
    Program,
}

/// The threads of a store and the ways to them. Dropping it finishes what was asked for, then closes the file.
pub(crate) struct Pool {
    // Declared before the writer: the last connection to close folds the log into the file, and a reader cannot.
    readers: Readers,
    writer: Writer,
}

impl Pool {
    /// Starts the threads: `open_writer` runs on the writer's, then `open_reader` on each of the readers'.
    pub(crate) async fn start(
        readers: usize,
        open_writer: impl FnOnce() -> Result<Connection> + Send + 'static,
        open_reader: impl Fn() -> Result<Connection> + Send + Sync + 'static,
    ) -> Result<Self> {
        let writer = Writer::start(open_writer).await?;
        let readers = Readers::start(readers, open_reader).await?;
        Ok(Self { readers, writer })
    }

    /// Runs `work` in a transaction that writes, and answers when it is as durable as that. It may run more than
    /// once: when its group cannot be committed, the group is tried again with its jobs apart, and then each job alone.
    ///
    /// Once it has been handed over it is done, even if the caller no longer waits.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        durability: Durability,
        work: impl Fn(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(TypedJob { operation, durability, work, outcome: None, reply });
        self.writer.jobs.send(job).map_err(|_| gone(operation))?;
        answer.await.map_err(|_| gone(operation))?
    }

    /// Runs `work` in a transaction that only reads: all its statements see the same moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: ReadJob = Box::new(move |connection| {
            let outcome = guarded(operation, || {
                connection.prepare_cached("begin")?.execute([])?;
                work(connection)
            });
            if !connection.is_autocommit() {
                // Nothing was written, so there is nothing that an end could fail to keep.
                let _ = connection.prepare_cached("commit").and_then(|mut end| end.execute([]));
            }
            // Nobody may be waiting any more.
            let _ = reply.send(outcome.map_err(|failure| failure.into_error(operation)));
        });
        self.readers.jobs.as_ref().ok_or_else(|| gone(operation))?.send(job).map_err(|_| gone(operation))?;
        answer.await.map_err(|_| gone(operation))?
    }
}

/// A job for the writer.
trait Job: Send {
    fn durability(&self) -> Durability;
    /// Does the work, and says whether its changes are to be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers with what the work came to.
    fn answer(self: Box<Self>);
    /// Answers that nothing was kept.
    fn fail(self: Box<Self>, error: &rusqlite::Error);
}

struct TypedJob<T, W> {
    operation: &'static str,
    durability: Durability,
    work: W,
    outcome: Option<Outcome<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: Fn(&Connection) -> Outcome<T> + Send> Job for TypedJob<T, W> {
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome.insert(guarded(self.operation, || (self.work)(connection))).is_ok()
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(gone(self.operation).into()));
        let _ = self.reply.send(outcome.map_err(|failure| failure.into_error(self.operation)));
    }

    fn fail(self: Box<Self>, error: &rusqlite::Error) {
        let _ = self.reply.send(Err(from_sqlite(self.operation, error)));
    }
}

struct Writer {
    jobs: Sender<Box<dyn Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    async fn start(open: impl FnOnce() -> Result<Connection> + Send + 'static) -> Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let thread =
            spawn("maestro-sqlite-writer", open, move |connection| write_groups(connection, &queue)).await?;
        Ok(Self { jobs, thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when nobody can send any more.
        let (nowhere, _) = mpsc::channel();
        self.jobs = nowhere;
        join(self.thread.take());
    }
}

/// Takes what waits, commits it together, answers, and so on until nobody can ask any more.
fn write_groups(connection: &Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut syncing = Syncing::of(connection);
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(GROUP_MAX - 1));
        if let [_] = &*group {
            group.into_iter().for_each(|job| write_alone(connection, &mut syncing, job));
        } else if let Some(group) = write_together(connection, &mut syncing, group) {
            tracing::debug!(jobs = group.len(), "a group could not be committed; trying its jobs one by one");
            group.into_iter().for_each(|job| write_alone(connection, &mut syncing, job));
        }
    }
}

/// One job, one transaction.
fn write_alone(connection: &Connection, syncing: &mut Syncing, mut job: Box<dyn Job>) {
    let done = syncing
        .begin(connection, std::slice::from_ref(&job))
        .and_then(|()| if job.run(connection) { step(connection, "commit") } else { roll_back(connection) });
    match done {
        Ok(()) => job.answer(),
        Err(error) => {
            let _ = roll_back(connection);
            job.fail(&error);
        }
    }
}

/// How the jobs of a group are kept apart within their transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// Not at all. A job that is refused before it has changed anything needs nothing else, and that is nearly every
    /// one that is refused.
    NotYet,
    /// By a savepoint for each, which costs two statements a job.
    BySavepoint,
}

/// Several jobs, one transaction. Gives the jobs back when that is not possible.
fn write_together(
    connection: &Connection,
    syncing: &mut Syncing,
    mut group: Vec<Box<dyn Job>>,
) -> Option<Vec<Box<dyn Job>>> {
    for apart in [Apart::NotYet, Apart::BySavepoint] {
        if let Err(error) = syncing.begin(connection, &group) {
            // It has waited for the lock as long as it may; to wait as long again for each job would help nobody.
            group.into_iter().for_each(|job| job.fail(&error));
            return None;
        }
        if run_all(connection, &mut group, apart) && step(connection, "commit").is_ok() {
            group.into_iter().for_each(Job::answer);
            return None;
        }
        let _ = roll_back(connection);
    }
    Some(group)
}

/// Runs the jobs of a group within the transaction that has begun, and says whether it may be committed.
fn run_all(connection: &Connection, group: &mut [Box<dyn Job>], apart: Apart) -> bool {
    group.iter_mut().all(|job| match apart {
        Apart::NotYet => {
            let before = connection.total_changes();
            // A full disk, for one, ends the whole transaction.
            job.run(connection) || (connection.total_changes() == before && !connection.is_autocommit())
        }
        Apart::BySavepoint => {
            step(connection, "savepoint job").is_ok()
                // Of a transaction that has ended there is no savepoint to go back to.
                && (job.run(connection) || step(connection, "rollback to job").is_ok())
                && step(connection, "release job").is_ok()
        }
    })
}

/// Whether commits of the connection that writes wait for the disk.
struct Syncing {
    /// Whether the store is one that syncs.
    wanted: bool,
    /// Whether the next commit will.
    on: bool,
}

impl Syncing {
    fn of(connection: &Connection) -> Self {
        let level = connection.query_row("pragma synchronous", [], |row| row.get::<_, i64>(0));
        // 2 is `full`. What cannot be told is left as it is.
        let wanted = level.is_ok_and(|level| level >= 2);
        Self { wanted, on: wanted }
    }

    /// Begins a transaction whose commit waits for the disk if one of its jobs has to.
    fn begin(&mut self, connection: &Connection, jobs: &[Box<dyn Job>]) -> rusqlite::Result<()> {
        let on = self.wanted && jobs.iter().any(|job| job.durability() == Durability::Machine);
        if on != self.on {
            // Prepared each time, because this pragma acts when it is prepared, and does nothing in a transaction.
            connection.execute_batch(if on {
                "pragma synchronous = full"
            } else {
                "pragma synchronous = normal"
            })?;
            self.on = on;
        }
        step(connection, "begin immediate")
    }
}

fn roll_back(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() { Ok(()) } else { step(connection, "rollback") }
}

fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

struct Readers {
    jobs: Option<Sender<ReadJob>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    async fn start(
        count: usize,
        open: impl Fn() -> Result<Connection> + Send + Sync + 'static,
    ) -> Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let mut readers = Self { jobs: Some(jobs), threads: Vec::new() };
        let (queue, open) = (Arc::new(Mutex::new(queue)), Arc::new(open));
        for _ in 0..count {
            let (queue, open) = (Arc::clone(&queue), Arc::clone(&open));
            let thread = spawn(
                "maestro-sqlite-reader",
                move || open(),
                move |connection| read_jobs(connection, &queue),
            );
            readers.threads.push(thread.await?);
        }
        Ok(readers)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs = None;
        self.threads.drain(..).for_each(|thread| join(Some(thread)));
    }
}

/// Takes jobs from the queue that the readers share, one at a time.
fn read_jobs(connection: &Connection, queue: &Mutex<Receiver<ReadJob>>) {
    loop {
        // Whoever waits for a job holds the lock; the others wait for the lock, which comes to the same.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(connection),
            Err(_) => return,
        }
    }
}

/// Starts a thread that opens its connection, and waits until it has.
async fn spawn(
    name: &str,
    open: impl FnOnce() -> Result<Connection> + Send + 'static,
    work: impl FnOnce(&Connection) + Send + 'static,
) -> Result<JoinHandle<()>> {
    let (opened, is_open) = oneshot::channel();
    let run = move || match open() {
        Ok(connection) => {
            let _ = opened.send(Ok(()));
            work(&connection);
        }
        Err(error) => {
            let _ = opened.send(Err(error));
        }
    };
    let thread = start(name, run)?;
    is_open.await.map_err(|_| gone("open store"))??;
    Ok(thread)
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(run).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "open store")
            .because("no thread could be started")
            .caused_by(error)
    })
}

/// Does one job on a thread of its own, for what is done before there are any others.
pub(crate) async fn once<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (reply, answer) = oneshot::channel();
    let run = move || {
        // Nobody may be waiting any more.
        let _ = reply.send(work());
    };
    let thread = start("maestro-sqlite-once", run)?;
    let outcome = answer.await.map_err(|_| gone(operation))?;
    join(Some(thread));
    outcome
}

fn join(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("a thread of the SQLite store panicked");
    }
}

/// Runs work so that a fault in it fails this job alone, and not all that come after it.
fn guarded<T>(operation: &'static str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Failure::Refused(Error::new(ErrorKind::Internal, operation).because("the store has a fault")))
    })
}

fn gone(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation).because("the store has been closed")
}

#[cfg(test)]
mod tests;
