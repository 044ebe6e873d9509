//! Every queue keeps the promises of queues.

#![expect(clippy::unwrap_used, reason = "what must not fail may panic, which fails the test")]

use std::{sync::Arc, time::Duration};

use maestro_core::jobs::JobQueue;
use maestro_jobs::{MemoryQueue, QueueTiming};

/// Often, so that the tests are quick.
#[allow(dead_code, reason = "what is built without a durable queue does not use it")]
const QUICK: QueueTiming = QueueTiming {
    look_every: Duration::from_millis(20),
    sign_of_life: Duration::from_secs(1),
    missing_signs: 3,
};

mod memory {
    use super::{Arc, JobQueue, MemoryQueue};

    async fn fresh() -> (Arc<dyn JobQueue>, ()) {
        (Arc::new(MemoryQueue::new()), ())
    }

    maestro_testkit::job_suite!(fresh);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use maestro_jobs::SqliteQueue;
    use maestro_store_sqlite::SqliteStore;
    use tempfile::TempDir;

    use super::{Arc, JobQueue, QUICK};

    async fn fresh() -> (Arc<dyn JobQueue>, (TempDir, SqliteStore)) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("maestro.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let queue = SqliteQueue::open(&file).await.unwrap().with_timing(QUICK);
        (Arc::new(queue), (directory, store))
    }

    maestro_testkit::job_suite!(fresh);
}

#[cfg(feature = "postgres")]
mod postgres {
    use maestro_core::{
        ErrorKind, Id,
        jobs::{JobCounts, RefreshJob},
        time::Timestamp,
    };
    use maestro_jobs::PostgresQueue;
    use maestro_testkit::postgres::Postgres;
    use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
    use url::Url;

    use super::{Arc, JobQueue, QUICK};

    async fn fresh() -> (Arc<dyn JobQueue>, ()) {
        let server = Postgres::for_tests().unwrap();
        // Queues of several schemas share the tables of apalis, and meet no job of each other.
        let queue = PostgresQueue::open(server.url(), &server.fresh_schema()).await.unwrap();
        (Arc::new(queue.with_timing(QUICK)), ())
    }

    maestro_testkit::job_suite!(fresh, needs = postgres);

    maestro_testkit::needs_postgres! {

    #[test]
    fn a_user_who_may_make_schemas_makes_the_queue_and_one_who_may_not_is_told_what_is_missing() {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let server = Postgres::for_tests().unwrap();
            let name = server.fresh_schema();
            let mut admin = PgConnection::connect(server.url()).await.unwrap();
            let mut ask = async |statement: String| {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
            };
            ask(format!("create database {name}")).await;
            ask(format!("create role {name} login")).await;
            let mut url: Url = server.url().parse().unwrap();
            url.set_path(&name);
            let query: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != "user").collect();
            url.query_pairs_mut().clear().extend_pairs(query).append_pair("user", &name);

            let error = PostgresQueue::open(url.as_str(), "maestro").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
            assert!(error.to_string().contains("grant create on the database"), "{error}");
            assert!(PostgresQueue::open_existing(url.as_str(), "maestro").await.unwrap().is_none());

            ask(format!("grant create on database {name} to {name}")).await;
            let queue = PostgresQueue::open(url.as_str(), "maestro").await.unwrap();
            assert_eq!(queue.job_counts(Timestamp::from_micros(0)).await.unwrap(), JobCounts::default());
            let now = Timestamp::from_micros(1_790_000_000_000_000);
            queue.job_push(RefreshJob { auth_id: Id::new(), expires_at: now, attempt: 1, run_at: now }).await.unwrap();
            assert_eq!(queue.job_counts(now).await.unwrap().due, 1);
            assert!(PostgresQueue::open_existing(url.as_str(), "maestro").await.unwrap().is_some());
            drop(queue);
            ask(format!("drop database {name} with (force)")).await;
            ask(format!("drop role {name}")).await;
        });
    }

    }
}
