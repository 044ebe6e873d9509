//! The queue in the database of a Postgres store, with apalis.

use std::{fmt, sync::Arc, time::Duration};

use apalis::prelude::{TaskBuilder, TaskSink as _, TaskSinkError};
use apalis_postgres::{Config, PostgresStorage};
use async_trait::async_trait;
use maestro_core::{
    Error, ErrorKind, FieldError, Id, Result,
    auth::{HolderId, SavedAuthentication},
    jobs::{Job, JobCounts, JobHandler, JobQuery, JobQueue, RefreshJob, Stop, WorkerSeen},
    page::PageLimit,
    time::Timestamp,
};
use sqlx::{
    ConnectOptions as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use url::Url;

use crate::{
    error::{of_database, of_worker},
    timing::QueueTiming,
    work::{JobColumns, job_of, key_range, run_worker, seconds, state, taken_back, wanted, worker_of},
};

const OPEN: &str = "open job queue";
/// How long a connection is waited for.
const ACQUIRE: Duration = Duration::from_secs(10);
/// What Postgres calls a key that is there already.
const UNIQUE_VIOLATION: &str = "23505";

/// Jobs in the database of a Postgres store, in the schema `apalis`. Clones share its connections.
///
/// The extensions `pgcrypto` and `hstore`, which come with Postgres, must be there, or the user must be allowed to make them
/// (`grant create on database … to …`). A pooler must keep a session for each client: the tables are made under a lock that
/// a transaction does not hold.
#[derive(Clone)]
pub struct PostgresQueue {
    pool: PgPool,
    queue: String,
    timing: QueueTiming,
}

impl PostgresQueue {
    /// Opens the queue of the store in `schema` of the database at `url`, and makes its tables if they are not there.
    ///
    /// [`ErrorKind::Forbidden`] when the user may not make them.
    pub async fn open(url: &str, schema: &str) -> Result<Self> {
        let queue = Self::connect(url, schema).await?;
        PostgresStorage::setup(&queue.pool).await.map_err(|error| match error {
            apalis_postgres::Error::Database(error) => of_database(OPEN, &root(error)),
            _ => Error::new(ErrorKind::Unsupported, OPEN)
                .because("the database holds a queue of another version of apalis")
                .advise("bring it up to date as the documentation of apalis-postgres 1.0 says"),
        })?;
        Ok(queue)
    }

    /// Opens the queue of a store. Absent when no worker has made one yet.
    pub async fn open_existing(url: &str, schema: &str) -> Result<Option<Self>> {
        let queue = Self::connect(url, schema).await?;
        // The latest column that is asked for: tables that were made half-way, or by an old apalis, are none.
        let is_there: bool = sqlx::query_scalar(
            "select exists (select 1 from information_schema.columns
               where table_schema = 'apalis' and table_name = 'jobs' and column_name = 'idempotency_key')",
        )
        .fetch_one(&queue.pool)
        .await
        .map_err(|error| of_database(OPEN, &error))?;
        Ok(is_there.then_some(queue))
    }

    /// The same queue, looked at with this timing.
    #[must_use]
    pub fn with_timing(mut self, timing: QueueTiming) -> Self {
        self.timing = timing;
        self
    }

    async fn connect(url: &str, schema: &str) -> Result<Self> {
        // The parser's error quotes what it read, password included.
        let parsed = Url::parse(url).ok().and_then(|url| PgConnectOptions::from_url(&url).ok());
        let options = parsed.ok_or_else(|| {
            let problem = "must be of the form postgres://user:password@host:port/database?sslmode=require";
            Error::invalid(OPEN, [FieldError::new("url", problem)])
        })?;
        // What apalis makes without naming a schema, the extension hstore among it, goes into its own: from Postgres 15 on only
        // the owner of a database may make anything in `public`.
        let options = options.options([("search_path", "apalis,public")]).disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(3)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await
            .map_err(|error| of_database(OPEN, &error))?;
        Ok(Self { pool, queue: format!("maestro/refresh/{schema}"), timing: QueueTiming::default() })
    }

    fn storage(&self) -> PostgresStorage<RefreshJob> {
        let config = Config::default()
            .queue(&self.queue)
            .batch_size(crate::timing::AT_ONCE)
            .heartbeat_interval(self.timing.sign_of_life)
            .missed_heartbeats(self.timing.missing_signs as usize);
        PostgresStorage::new(&self.pool).with_config(config)
    }
}

impl fmt::Debug for PostgresQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresQueue").field("queue", &self.queue).finish_non_exhaustive()
    }
}

#[async_trait]
impl JobQueue for PostgresQueue {
    async fn job_push(&self, job: RefreshJob) -> Result<()> {
        const OPERATION: &str = "put a job";
        let task = TaskBuilder::new(job)
            .run_at_timestamp(u64::try_from(seconds(job.run_at)).unwrap_or(0))
            .idempotency_key(job.key())
            .max_attempts(1)
            .build();
        match self.storage().push_task(task).await {
            Ok(()) => Ok(()),
            // A key that is there already is an error here, and none on SQLite.
            Err(TaskSinkError::PushError(apalis_postgres::Error::Database(sqlx::Error::Database(error))))
                if error.code().as_deref() == Some(UNIQUE_VIOLATION) =>
            {
                Ok(())
            }
            Err(TaskSinkError::PushError(apalis_postgres::Error::Database(error))) => {
                Err(of_database(OPERATION, &error))
            }
            Err(_) => Err(Error::new(ErrorKind::Internal, OPERATION).because("the queue did not take it")),
        }
    }

    async fn job_cancel(&self, auth: Id<SavedAuthentication>, reason: &str, now: Timestamp) -> Result<u64> {
        let (from, to) = key_range(&RefreshJob::key_prefix(auth));
        let done = sqlx::query(
            r#"update apalis.jobs set status = 'Killed', done_at = to_timestamp($1::bigint), last_result = $2::jsonb
               where job_type = $3 and idempotency_key >= $4 collate "C" and idempotency_key < $5 collate "C"
                 and status = 'Pending'"#,
        )
        .bind(seconds(now))
        .bind(taken_back(reason))
        .bind(&self.queue)
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
            r#"select job, status, lock_by, floor(extract(epoch from done_at))::bigint, last_result::text from apalis.jobs
               where job_type = $1
                 and ($2::text is null or idempotency_key >= $2 collate "C" and idempotency_key < $3 collate "C")
                 and status = any($4)
               order by status not in ('Pending', 'Queued', 'Running'),
                        case when status in ('Pending', 'Queued', 'Running')
                             then extract(epoch from run_at) else -extract(epoch from done_at) end,
                        id
               limit $5"#,
        )
        .bind(&self.queue)
        .bind(from)
        .bind(to)
        .bind(wanted(query.state))
        .bind(i64::try_from(limit.get()).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| of_database(OPERATION, &error))?;
        rows.into_iter().map(job_of).collect::<Result<_, _>>().map_err(|error| of_database(OPERATION, &error))
    }

    async fn job_counts(&self, now: Timestamp) -> Result<JobCounts> {
        let rows: Vec<(String, bool, i64)> = sqlx::query_as(
            "select status, run_at <= to_timestamp($1::bigint), count(*) from apalis.jobs
             where job_type = $2 group by 1, 2",
        )
        .bind(seconds(now))
        .bind(&self.queue)
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
        let done = sqlx::query(
            "delete from apalis.jobs
             where job_type = $1 and status in ('Done', 'Failed', 'Killed') and done_at < to_timestamp($2::bigint)",
        )
        .bind(&self.queue)
        .bind(seconds(before))
        .execute(&self.pool)
        .await
        .map_err(failed)?;
        sqlx::query(
            "delete from apalis.workers w where w.worker_type = $1 and w.last_seen < to_timestamp($2::bigint)
               and not exists (select 1 from apalis.jobs where lock_by = w.id)",
        )
        .bind(&self.queue)
        .bind(seconds(before))
        .execute(&self.pool)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn worker_list(&self) -> Result<Vec<WorkerSeen>> {
        let rows: Vec<(String, Option<i64>, i64)> = sqlx::query_as(
            "select id, floor(extract(epoch from started_at))::bigint, floor(extract(epoch from last_seen))::bigint
             from apalis.workers where worker_type = $1 order by last_seen desc, id",
        )
        .bind(&self.queue)
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

/// What a migration met, without its wrapping.
fn root(error: sqlx::Error) -> sqlx::Error {
    match error {
        sqlx::Error::Migrate(error) => match *error {
            sqlx::migrate::MigrateError::Execute(error)
            | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => error,
            other => sqlx::Error::Migrate(Box::new(other)),
        },
        other => other,
    }
}
