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
    use maestro_jobs::PostgresQueue;
    use maestro_testkit::postgres::Postgres;

    use super::{Arc, JobQueue, QUICK};

    async fn fresh() -> (Arc<dyn JobQueue>, ()) {
        let server = Postgres::for_tests().unwrap();
        // Queues of several schemas share the tables of apalis, and meet no job of each other.
        let queue = PostgresQueue::open(server.url(), &server.fresh_schema()).await.unwrap();
        (Arc::new(queue.with_timing(QUICK)), ())
    }

    maestro_testkit::job_suite!(fresh, needs = postgres);
}
