//! Several programs on one Postgres store, and programs that are killed.

#![expect(clippy::unwrap_used, reason = "without a store there is nothing to test")]

mod fresh;

use std::sync::Arc;

use maestro_core::{
    Result, Store,
    archive::{Archive as _, Violation},
};
use maestro_store_postgres::{PostgresStore, SchemaName};

use fresh::Fresh;

/// A schema that is not made yet. Its locator is the URL and the schema, with a space between.
async fn place() -> (String, Fresh) {
    let fresh = Fresh::schema();
    (format!("{} {}", fresh.url, fresh.name), fresh)
}

async fn store(locator: &str) -> Result<PostgresStore> {
    let (url, schema) = locator.split_once(' ').unwrap();
    PostgresStore::builder(url).schema(SchemaName::new(schema)?).max_connections(4).open().await
}

async fn open(locator: String) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(store(&locator).await?))
}

async fn check(locator: String) -> Vec<String> {
    let violations = store(&locator).await.unwrap().check().await.unwrap();
    violations.iter().map(Violation::to_string).collect()
}

maestro_testkit::store_processes!(place, open, check = check, needs = postgres, ignore = {
    a_dead_writer_is_not_waited_for => "a writer's lease alone tells whether it lives",
});
