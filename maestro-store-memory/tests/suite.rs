//! The memory store keeps every promise of the context traits.

use std::sync::Arc;

use maestro_core::Store;
use maestro_store_memory::MemoryStore;

async fn fresh() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

maestro_testkit::store_suite!(fresh);
