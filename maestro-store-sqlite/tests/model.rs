//! Random programs cannot tell the SQLite store from the one in memory.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

use std::{fs, path::Path, sync::Arc};

use maestro_core::Store;
use maestro_store_memory::MemoryStore;
use maestro_store_sqlite::{SqliteStore, Synchronous};
use tempfile::TempDir;
use tokio::sync::OnceCell;

async fn reference() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

/// A store for one program. Thousands are wanted, so each is a copy of one that is empty, and has one reader.
async fn fresh() -> (Arc<dyn Store>, TempDir) {
    static EMPTY: OnceCell<Vec<u8>> = OnceCell::const_new();
    let directory = directory();
    let file = directory.path().join("m.db");
    let empty = EMPTY
        .get_or_init(async || {
            drop(SqliteStore::open(&file).await.unwrap());
            fs::read(&file).unwrap()
        })
        .await;
    fs::write(&file, empty).unwrap();
    let store = SqliteStore::builder(file).synchronous(Synchronous::Normal).readers(1);
    (Arc::new(store.open().await.unwrap()), directory)
}

/// In memory, where the system has a place for files there.
fn directory() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { TempDir::new_in(in_memory).unwrap() } else { TempDir::new().unwrap() }
}

maestro_testkit::store_model!(reference, fresh, cases = 2_000);
