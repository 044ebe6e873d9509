//! The queue in the file of a SQLite store, with apalis.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use apalis::prelude::{TaskBuilder, TaskSink as _, TaskSinkError};
use apalis_sqlite::{Config, SqliteStorage};
use async_trait::async_trait;
use maestro_core::{
    Error, ErrorKind, Id, Result,
    auth::{HolderId, SavedAuthentication},
    jobs::{Job, JobCounts, JobHandler, JobQuery, JobQueue, RefreshJob, Stop, WorkerSeen},
    page::PageLimit,
    time::Timestamp,
};
use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    error::{of_database, of_worker},
    timing::QueueTiming,
    work::{JobColumns, job_of, key_range, run_worker, seconds, state, taken_back, wanted, worker_of},
};

const OPEN: &str = "open job queue";
/// What apalis calls the queue: a name, so that no change of a type's path strands what is in it.
const QUEUE: &str = "maestro/refresh";
/// How long a busy file is waited for.
const BUSY: Duration = Duration::from_secs(10);
/// How often the tables are tried to be made while other programs make them too.
const SETUP_ROUNDS: u32 = 50;
const SETUP_PAUSE: Duration = Duration::from_millis(50);

/// Jobs in the file of a SQLite store, in tables of their own. Clones share its connections.
#[derive(Clone)]
pub struct SqliteQueue {
    pool: SqlitePool,
    path: PathBuf,
    timing: QueueTiming,
}

impl SqliteQueue {
    /// Opens the queue in the file of a store, and makes its tables if they are not there.
    ///
    /// [`ErrorKind::NotFound`] when there is no such file: open the store first.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let queue = Self::connect(path.as_ref()).await?;
        // Programs that make the tables at the same moment are in each other's way; who loses finds them made.
        let mut round = 0;
        loop {
            let Err(error) = SqliteStorage::migrations().set_ignore_missing(true).run(&queue.pool).await
            else {
                return Ok(queue);
            };
            round += 1;
            if round == SETUP_ROUNDS {
                return Err(of_database(OPEN, &sqlx::Error::from(error)).on(queue.path.display()));
            }
            tracing::debug!(round, "the tables of the queue are not there yet");
            tokio::time::sleep(SETUP_PAUSE).await;
        }
    }

    /// Opens the queue in the file of a store. Absent when no worker has made one yet.
    pub async fn open_existing(path: impl AsRef<Path>) -> Result<Option<Self>> {
        let queue = Self::connect(path.as_ref()).await?;
        let found: i64 = sqlx::query_scalar(
            "select count(*) from sqlite_schema
             where type = 'table' and name in ('Jobs', 'Workers', '_sqlx_migrations')",
        )
        .fetch_one(&queue.pool)
        .await
        .map_err(|error| of_database(OPEN, &error))?;
        Ok((found == 3).then_some(queue))
    }

    /// The same queue, looked at with this timing.
    #[must_use]
    pub fn with_timing(mut self, timing: QueueTiming) -> Self {
        self.timing = timing;
        self
    }

    async fn connect(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::not_found(OPEN, path.display()).advise("open the store first, which makes it"));
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            // A job that a power cut takes away is put again by the next look at what is due.
            .synchronous(SqliteSynchronous::Normal)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .acquire_timeout(BUSY)
            .connect_with(options)
            .await
            .map_err(|error| of_database(OPEN, &error).on(path.display()))?;
        Ok(Self { pool, path: path.to_owned(), timing: QueueTiming::default() })
    }

    fn storage(&self) -> SqliteStorage<RefreshJob> {
        let config = Config::default()
            .queue(QUEUE)
            .batch_size(crate::timing::AT_ONCE)
            .heartbeat_interval(self.timing.sign_of_life)
            .missed_heartbeats(self.timing.missing_signs as usize);
        SqliteStorage::new(&self.pool).with_config(config)
    }
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl JobQueue for SqliteQueue {
    async fn job_push(&self, job: RefreshJob) -> Result<()> {
        const OPERATION: &str = "put a job";
        let task = TaskBuilder::new(job)
            .run_at_timestamp(u64::try_from(seconds(job.run_at)).unwrap_or(0))
            .idempotency_key(job.key())
            .max_attempts(1)
            .build();
        self.storage().push_task(task).await.map_err(|error| match error {
            TaskSinkError::PushError(apalis_sqlite::Error::Database(error)) => of_database(OPERATION, &error),
            _ => Error::new(ErrorKind::Internal, OPERATION).because("the queue did not take it"),
        })
    }

    async fn job_cancel(&self, auth: Id<SavedAuthentication>, reason: &str, now: Timestamp) -> Result<u64> {
        let (from, to) = key_range(&RefreshJob::key_prefix(auth));
        let done = sqlx::query(
            "update Jobs set status = 'Killed', done_at = ?1, last_result = ?2
             where job_type = ?3 and idempotency_key >= ?4 and idempotency_key < ?5 and status = 'Pending'",
        )
        .bind(seconds(now))
        .bind(taken_back(reason))
        .bind(QUEUE)
        .bind(from)
        .bind(to)
        .execute(&self.pool)
        .await
        .map_err(|error| of_database("take back jobs", &error))?;
        Ok(done.rows_affected())
    }

    async fn job_list(&self, query: &JobQuery, limit: PageLimit) -> Result<Vec<Job>> {
        const OPERATION: &str = "list jobs";
        let range = query.auth_id.map(|id| key_range(&RefreshJob::key_prefix(id)));
        let (from, to) = range.unzip();
        let rows: Vec<JobColumns> = sqlx::query_as(
            "select job, status, lock_by, done_at, last_result from Jobs
             where job_type = ?1 and (?2 is null or idempotency_key >= ?2 and idempotency_key < ?3)
               and status in (select value from json_each(?4))
             order by status not in ('Pending', 'Queued', 'Running'),
                      case when status in ('Pending', 'Queued', 'Running') then run_at else -done_at end,
                      id
             limit ?5",
        )
        .bind(QUEUE)
        .bind(from)
        .bind(to)
        .bind(serde_json::json!(wanted(query.state)).to_string())
        .bind(i64::try_from(limit.get()).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| of_database(OPERATION, &error))?;
        rows.into_iter().map(job_of).collect::<Result<_, _>>().map_err(|error| of_database(OPERATION, &error))
    }

    async fn job_counts(&self, now: Timestamp) -> Result<JobCounts> {
        let rows: Vec<(String, bool, i64)> = sqlx::query_as(
            "select status, run_at <= ?1, count(*) from Jobs where job_type = ?2 group by 1, 2",
        )
        .bind(seconds(now))
        .bind(QUEUE)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| of_database("count jobs", &error))?;
        let mut counts = JobCounts::default();
        for (status, is_due, count) in rows {
            *counts.count_mut(state(&status), is_due) += u64::try_from(count).unwrap_or(0);
        }
        Ok(counts)
    }

    async fn job_prune(&self, before: Timestamp) -> Result<u64> {
        let failed = |error: sqlx::Error| of_database("forget jobs", &error);
        let mut tx = self.pool.begin_with("begin immediate").await.map_err(failed)?;
        let done = sqlx::query(
            "delete from Jobs where job_type = ?1 and status in ('Done', 'Failed', 'Killed') and done_at < ?2",
        )
        .bind(QUEUE)
        .bind(seconds(before))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        sqlx::query(
            "delete from Workers where worker_type = ?1 and last_seen < ?2
               and not exists (select 1 from Jobs where lock_by = Workers.id)",
        )
        .bind(QUEUE)
        .bind(seconds(before))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn worker_list(&self) -> Result<Vec<WorkerSeen>> {
        let rows: Vec<(String, Option<i64>, i64)> = sqlx::query_as(
            "select id, started_at, last_seen from Workers where worker_type = ?1 order by last_seen desc, id",
        )
        .bind(QUEUE)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| of_database("list workers", &error))?;
        Ok(rows.into_iter().map(worker_of).collect())
    }

    async fn run(&self, worker: HolderId, handler: Arc<dyn JobHandler>, stop: Stop) -> Result<()> {
        run_worker!(self.storage(), self.timing, worker, handler, stop)
            .map_err(|error| of_worker("work on jobs", &error))
    }
}
