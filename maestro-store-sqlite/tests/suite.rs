//! The SQLite store keeps every promise of the context traits.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

use std::sync::Arc;

use maestro_core::Store;
use maestro_store_sqlite::SqliteStore;
use tempfile::TempDir;

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("maestro.db")).await.unwrap();
    (Arc::new(store), directory)
}

maestro_testkit::store_suite!(fresh);
