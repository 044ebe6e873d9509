//! Random programs cannot tell the Postgres store from the one in memory.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

mod fresh;

use std::sync::Arc;

use maestro_core::Store;
use maestro_store_memory::MemoryStore;

use fresh::Fresh;

async fn reference() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

async fn fresh() -> (Arc<dyn Store>, Fresh) {
    let fresh = Fresh::schema();
    (Arc::new(fresh.builder().open().await.unwrap()), fresh)
}

maestro_testkit::store_model!(reference, fresh, needs = postgres, cases = 40);
