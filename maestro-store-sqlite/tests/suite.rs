//! The SQLite store keeps every promise of the context traits and of the archive.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

use std::sync::Arc;

use maestro_core::{Store, archive::Archive};
use maestro_store_sqlite::SqliteStore;
use tempfile::TempDir;

async fn open() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("maestro.db")).await.unwrap();
    (store, directory)
}

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let (store, directory) = open().await;
    (Arc::new(store), directory)
}

async fn fresh_archive() -> (Arc<dyn Archive>, TempDir) {
    let (store, directory) = open().await;
    (Arc::new(store), directory)
}

maestro_testkit::store_suite!(fresh);
maestro_testkit::archive_suite!(fresh_archive);
