//! Connections, and how a job is done on one of them.
//!
//! Nothing that a job does outlives its transaction on a connection: no `set`, no `search_path`, no lock of the session. So
//! a pooler may hand each transaction to another server process.
//!
//! | a job that | is done by | and when its connection is lost |
//! |---|---|---|
//! | reads, in one statement | [`reading!`] | is done again |
//! | reads, in several | [`reading_together!`] | is done again |
//! | writes, in one statement | [`writing!`] | is done again if it surely was not done |
//! | writes, in several | [`transacting!`] | is done again unless the commit was under way |
//!
//! A statement that changes nothing because its condition does not hold, or that meets a key, says nothing of the reason.
//! So a job that writes comes with a second one that reads why, and the first is done again when there is no reason any
//! more.

use std::{
    ops::ControlFlow,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use maestro_core::{Error, ErrorKind, Result};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, SqlSafeStr as _, Transaction,
    error::DatabaseError,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::runtime::Handle;

use crate::{
    Statements,
    error::{self, Failure, Loss, Outcome},
    rows::Db,
    schema::Schema,
    target::Target,
};

/// How often a job is done before it is given up because others keep changing the same rows.
const TRIES: usize = 16;

/// A connection that has rested for longer is asked for a sign of life before it is used; one that is busy never is.
const RESTED: Duration = Duration::from_secs(1);

/// How long is looked for the reason when no connection could be made in time.
const LOOK: Duration = Duration::from_secs(1);

/// The first pause before a server that has no connection left is asked again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Does a job that reads, given as `|db| …`, which comes to an [`Outcome`].
macro_rules! reading {
    ($pool:expr, $operation:expr, |$db:ident| $job:expr $(,)?) => {
        $crate::pool::reading!(@ OneStatement, $pool, $operation, |$db| $job)
    };
    (@ $kind:ident, $pool:expr, $operation:expr, |$db:ident| $job:expr) => {{
        let mut tries = $crate::pool::Tries::new($operation, $pool.target());
        loop {
            let done = $crate::pool::doing!($pool, $operation, $kind, |$db| $job);
            match tries.read(done) {
                ::std::ops::ControlFlow::Break(result) => break result,
                ::std::ops::ControlFlow::Continue(()) => {}
            }
        }
    }};
}
pub(crate) use reading;

/// Does a job that reads in several statements, all of which see the same moment; else as [`reading!`].
macro_rules! reading_together {
    ($pool:expr, $operation:expr, |$db:ident| $job:expr $(,)?) => {
        $crate::pool::reading!(@ Snapshot, $pool, $operation, |$db| $job)
    };
}
pub(crate) use reading_together;

/// Does a job that writes in one statement. `None` says that it found nothing to do; the second job reads the reason.
macro_rules! writing {
    ($pool:expr, $operation:expr, |$db:ident| $job:expr, |$asked:pat_param| $why:expr $(,)?) => {
        $crate::pool::deciding!($pool, $operation, OneStatement, |$db| $job, |$asked| $why)
    };
}
pub(crate) use writing;

/// Does a job that writes in several statements, all of them or none; else as [`writing!`].
macro_rules! transacting {
    ($pool:expr, $operation:expr, |$db:ident| $job:expr, |$asked:pat_param| $why:expr $(,)?) => {
        $crate::pool::deciding!($pool, $operation, Several, |$db| $job, |$asked| $why)
    };
}
pub(crate) use transacting;

/// Makes attempts until one is done or there is a reason why none can be.
macro_rules! deciding {
    ($pool:expr, $operation:expr, $kind:ident, |$db:ident| $job:expr, |$asked:pat_param| $why:expr) => {{
        let mut tries = $crate::pool::Tries::new($operation, $pool.target());
        loop {
            let done = $crate::pool::doing!($pool, $operation, $kind, |$db| $job);
            match tries.write(done) {
                $crate::pool::Next::End(result) => break result,
                $crate::pool::Next::Again => {}
                $crate::pool::Next::AskWhy => {
                    match $crate::pool::reading!($pool, $operation, |asked| {
                        let $asked = asked;
                        $why
                    }) {
                        Ok(Some(refusal)) | Err(refusal) => break Err(refusal),
                        Ok(None) => {}
                    }
                }
            }
        }
    }};
}
pub(crate) use deciding;

/// Does a job once. A macro and not a function that takes the job, because the compiler cannot be told yet that the
/// future of an async closure may go to another thread.
macro_rules! doing {
    ($pool:expr, $operation:expr, $kind:ident, |$db:ident| $job:expr) => {{
        let pool = $pool;
        match pool.hold($operation, $crate::pool::Job::$kind).await {
            Ok(mut held) => {
                let done = {
                    let $db = &mut pool.db(&mut held);
                    $crate::pool::job(async { $job }).await
                };
                pool.end(held, done).await
            }
            Err(failure) => Err(failure),
        }
    }};
}
pub(crate) use doing;

/// Says what a job comes to, which the compiler does not find out by itself.
pub(crate) fn job<T>(job: impl Future<Output = Outcome<T>>) -> impl Future<Output = Outcome<T>> {
    job
}

/// How many statements a job has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    OneStatement,
    Several,
    /// Several that read and see the same moment.
    Snapshot,
}

/// A connection that a job has for itself.
pub(crate) enum Held {
    Alone(PoolConnection<Postgres>),
    InTransaction(Transaction<'static, Postgres>),
}

/// A `begin` that is not left half done. Whoever drops a job while the answer to its `begin` is under way would hand a
/// connection back to the pool that is in a transaction of which sqlx does not know, and what the next job writes would
/// not be committed. So the `begin` goes on by itself, and the transaction is rolled back.
struct ToItsEnd(Option<BoxFuture<'static, Result<Transaction<'static, Postgres>, sqlx::Error>>>);

impl ToItsEnd {
    fn new(begin: BoxFuture<'static, Result<Transaction<'static, Postgres>, sqlx::Error>>) -> Self {
        Self(Some(begin))
    }
}

impl Future for ToItsEnd {
    type Output = Result<Transaction<'static, Postgres>, sqlx::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(begin) = &mut self.0 else { return Poll::Pending };
        let begun = begin.as_mut().poll(context);
        if begun.is_ready() {
            self.0 = None;
        }
        begun
    }
}

impl Drop for ToItsEnd {
    fn drop(&mut self) {
        if let (Some(begin), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(begin);
        }
    }
}

/// What comes after an attempt to write.
pub(crate) enum Next<T> {
    End(Result<T>),
    Again,
    AskWhy,
}

/// Counts attempts.
pub(crate) struct Tries<'a> {
    operation: &'static str,
    target: &'a Target,
    left: usize,
}

impl<'a> Tries<'a> {
    pub(crate) const fn new(operation: &'static str, target: &'a Target) -> Self {
        Self { operation, target, left: TRIES }
    }

    /// After an attempt to read.
    pub(crate) fn read<T>(&mut self, done: Outcome<T>) -> ControlFlow<Result<T>> {
        match done {
            Ok(value) => ControlFlow::Break(Ok(value)),
            Err(failure) if self.more() && (failure.loss().is_some() || failure.is_contended()) => {
                ControlFlow::Continue(())
            }
            Err(failure) => ControlFlow::Break(Err(self.error(failure.before_the_end()))),
        }
    }

    /// After an attempt to write.
    pub(crate) fn write<T>(&mut self, done: Outcome<Option<T>>) -> Next<T> {
        let next = match done {
            Ok(Some(value)) => return Next::End(Ok(value)),
            Ok(None) => Next::AskWhy,
            Err(failure) if failure.is_violation() => Next::AskWhy,
            Err(failure) if failure.is_contended() || failure.loss() == Some(Loss::NotDone) => Next::Again,
            Err(failure) => return Next::End(Err(self.error(failure))),
        };
        if self.more() { next } else { Next::End(Err(self.target.named(error::contended(self.operation)))) }
    }

    fn error(&self, failure: Failure) -> Error {
        self.target.named(failure.into_error(self.operation))
    }

    const fn more(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

/// How a store is connected.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) options: PgConnectOptions,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) statements: Statements,
}

impl Settings {
    /// A connection outside of the pool. As in the pool, a server that has none left, or is just starting, is asked again
    /// until the time is over.
    pub(crate) async fn connect(&self, operation: &'static str) -> Result<PgConnection> {
        let end = tokio::time::Instant::now() + self.acquire_timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            let connected = tokio::time::timeout_at(end, PgConnection::connect_with(&self.options));
            let error = match connected.await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error,
                Err(_) => return Err(unanswered(operation)),
            };
            let is_passing =
                error.as_database_error().is_some_and(DatabaseError::is_transient_in_connect_phase);
            if !is_passing || tokio::time::Instant::now() + pause >= end {
                return Err(error::from_postgres(operation, &error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Begins a transaction. Its time limit is set here where the connection is not the store's alone.
    fn begin(&self, how: &str) -> Arc<str> {
        match (self.statements, self.statement_timeout) {
            (Statements::Unprepared, Some(timeout)) => {
                format!("{how}; set local statement_timeout = {}", timeout.as_millis().max(1)).into()
            }
            _ => how.into(),
        }
    }
}

/// The connections of a store.
pub(crate) struct Pool {
    connections: PgPool,
    schema: Schema,
    settings: Settings,
    begin: Arc<str>,
    begin_snapshot: Arc<str>,
    lost: Arc<Lost>,
    target: Target,
}

impl Pool {
    pub(crate) fn new(settings: Settings, schema: Schema, target: Target) -> Self {
        let lost = Arc::new(Lost::new());
        let seen = Arc::clone(&lost);
        let connections = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(move |connection, of| {
                let suspect = of.idle_for > RESTED || seen.is_older(of.age);
                Box::pin(async move { Ok(!suspect || connection.ping().await.is_ok()) })
            })
            .connect_lazy_with(settings.options.clone());
        Self {
            connections,
            schema,
            begin: settings.begin("begin"),
            begin_snapshot: settings.begin("begin isolation level repeatable read, read only"),
            settings,
            lost,
            target,
        }
    }

    pub(crate) const fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A connection for a job; in a transaction if the job has several statements, or the pooler between needs one.
    pub(crate) async fn hold(&self, operation: &'static str, job: Job) -> Outcome<Held> {
        let connection = self.acquire(operation).await?;
        if job == Job::OneStatement && self.settings.statements == Statements::Prepared {
            return Ok(Held::Alone(connection));
        }
        let begin = match job {
            Job::Snapshot => &self.begin_snapshot,
            Job::OneStatement | Job::Several => &self.begin,
        };
        let begin = AssertSqlSafe(Arc::clone(begin)).into_sql_str();
        let begun = ToItsEnd::new(Transaction::begin(connection, Some(begin))).await;
        begun.map(Held::InTransaction).map_err(|error| self.seen(error.into()).before_the_end())
    }

    /// What a job works with.
    pub(crate) fn db<'a>(&'a self, held: &'a mut Held) -> Db<'a> {
        let keep = self.settings.statements == Statements::Prepared;
        let connection = match held {
            Held::Alone(connection) => &mut **connection,
            Held::InTransaction(transaction) => &mut **transaction,
        };
        Db { connection, schema: &self.schema, keep }
    }

    /// Ends what a job has begun: all of it, or nothing when it failed.
    pub(crate) async fn end<T>(&self, held: Held, done: Outcome<T>) -> Outcome<T> {
        match (held, done) {
            (Held::Alone(_), done) => done.map_err(|failure| self.seen(failure)),
            (Held::InTransaction(transaction), Ok(value)) => match transaction.commit().await {
                Ok(()) => Ok(value),
                Err(error) => Err(self.seen(error.into())),
            },
            (Held::InTransaction(transaction), Err(failure)) => {
                // When even this fails the connection is gone, and the transaction with it.
                let _ = transaction.rollback().await;
                Err(self.seen(failure).before_the_end())
            }
        }
    }

    async fn acquire(&self, operation: &'static str) -> Result<PoolConnection<Postgres>> {
        match self.connections.acquire().await {
            Ok(connection) => Ok(connection),
            Err(sqlx::Error::PoolTimedOut) => Err(self.why_none(operation).await),
            Err(error) => Err(error::from_postgres(operation, &error)),
        }
    }

    /// Why there was no connection in time: all were busy, or none could be made.
    async fn why_none(&self, operation: &'static str) -> Error {
        let most = self.settings.max_connections;
        if self.connections.size() >= most && self.connections.num_idle() == 0 {
            return Error::new(ErrorKind::Unavailable, operation)
                .because(format!(
                    "all {most} connections of the store were busy for {:?}",
                    self.settings.acquire_timeout
                ))
                .advise("try again; allow the store more connections if this goes on");
        }
        let look =
            Settings { acquire_timeout: LOOK.min(self.settings.acquire_timeout), ..self.settings.clone() };
        match look.connect(operation).await {
            Err(error) => error,
            Ok(connection) => {
                let _ = connection.close().await;
                unanswered(operation)
            }
        }
    }

    /// Remembers that a connection was lost, so that the others of its age are looked at before they are used.
    fn seen(&self, failure: Failure) -> Failure {
        if failure.loss().is_some() {
            self.lost.note();
        }
        failure
    }

    /// Ends what is under way and closes the connections.
    pub(crate) async fn close(&self) {
        self.connections.close().await;
    }
}

fn unanswered(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .because("the server did not answer in time")
        .advise("check that it runs, host and port, and what lies between")
}

/// When a connection was last lost. Where one has gone, those that were made before it have often gone too.
struct Lost {
    begun: Instant,
    /// Microseconds since `begun`; zero for never.
    at: AtomicU64,
}

impl Lost {
    fn new() -> Self {
        Self { begun: Instant::now(), at: AtomicU64::new(0) }
    }

    fn note(&self) {
        let micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.at.store(micros.max(1), Ordering::Relaxed);
    }

    /// Whether a connection of this age was made before the last loss.
    fn is_older(&self, age: Duration) -> bool {
        match self.at.load(Ordering::Relaxed) {
            0 => false,
            at => self.begun.elapsed().saturating_sub(age) <= Duration::from_micros(at),
        }
    }
}
