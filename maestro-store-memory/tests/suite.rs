//! The memory store keeps every promise of the context traits and of the archive.

use std::sync::Arc;

use maestro_core::{Store, archive::Archive};
use maestro_store_memory::MemoryStore;

async fn fresh() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

maestro_testkit::store_suite!(fresh);

async fn fresh_archive() -> (Arc<dyn Archive>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

maestro_testkit::archive_suite!(fresh_archive);
