//! The Postgres store keeps every promise of the context traits.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

mod fresh;

use std::sync::Arc;

use maestro_core::Store;

use fresh::Fresh;

async fn fresh() -> (Arc<dyn Store>, Fresh) {
    let fresh = Fresh::schema();
    (Arc::new(fresh.builder().open().await.unwrap()), fresh)
}

maestro_testkit::store_suite!(fresh, needs = postgres);
