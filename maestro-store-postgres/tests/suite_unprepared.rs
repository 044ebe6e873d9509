//! The Postgres store keeps every promise of the context traits and of the archive when nothing is kept prepared, too.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

mod fresh;

use std::sync::Arc;

use maestro_core::{Store, archive::Archive};
use maestro_store_postgres::{PostgresStore, Statements};

use fresh::Fresh;

async fn open() -> (PostgresStore, Fresh) {
    let fresh = Fresh::schema();
    let store = fresh.builder().statements(Statements::Unprepared).open().await.unwrap();
    (store, fresh)
}

async fn fresh() -> (Arc<dyn Store>, Fresh) {
    let (store, fresh) = open().await;
    (Arc::new(store), fresh)
}

async fn fresh_archive() -> (Arc<dyn Archive>, Fresh) {
    let (store, fresh) = open().await;
    (Arc::new(store), fresh)
}

maestro_testkit::store_suite!(fresh, needs = postgres);
maestro_testkit::archive_suite!(fresh_archive, needs = postgres);
