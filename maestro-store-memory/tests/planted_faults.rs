//! x
use std::sync::Arc;

use maestro_core::Store;
use maestro_store_memory::MemoryStore;

async fn fresh() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

#[test]
fn cov() {
    for (m, c) in maestro_testkit::model::coverage(1000, fresh) { println!("{m} {c:?}"); }
}
