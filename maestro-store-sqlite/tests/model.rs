//! Random programs cannot tell the SQLite store from the one in memory.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

use std::{path::Path, sync::Arc};

use maestro_core::Store;
use maestro_store_memory::MemoryStore;
use maestro_store_sqlite::{SqliteStore, Synchronous};
use tempfile::TempDir;

async fn reference() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

/// A store for one program: in memory where the system has a directory there, with no thread too many.
async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let in_memory = Path::new("/dev/shm");
    let directory = match in_memory.is_dir() {
        true => tempfile::tempdir_in(in_memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let store = SqliteStore::builder(directory.path().join("m.db"))
        .synchronous(Synchronous::Normal)
        .readers(1)
        .open()
        .await
        .unwrap();
    (Arc::new(store), directory)
}

maestro_testkit::store_model!(reference, fresh, cases = 500);
