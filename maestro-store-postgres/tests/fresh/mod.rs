//! A schema for one test, which goes with it.

use maestro_core::archive::{Archive as _, Violation};
use maestro_store_postgres::{Migration, PostgresStore, PostgresStoreBuilder, SchemaName};
use maestro_testkit::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// The name of a schema in the database for tests. When it is dropped, so is the schema.
pub(crate) struct Fresh {
    pub(crate) url: String,
    pub(crate) name: SchemaName,
}

impl Fresh {
    /// A schema that is not made yet.
    pub(crate) fn schema() -> Self {
        let postgres = Postgres::for_tests().unwrap();
        Self { url: postgres.url().to_owned(), name: SchemaName::new(postgres.fresh_schema()).unwrap() }
    }

    /// How a store is opened there. Tests run side by side, so each has few connections.
    pub(crate) fn builder(&self) -> PostgresStoreBuilder {
        PostgresStore::builder(&self.url).schema(self.name.clone()).max_connections(4)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let (builder, url, name) = (self.builder(), self.url.clone(), self.name.clone());
        // On a thread of its own, because a runtime cannot be waited for within itself.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let found = check(builder).await;
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let drop = AssertSqlSafe(format!("drop schema if exists {name} cascade"));
                sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                found
            })
        });
        let found = dropping.join();
        if !std::thread::panicking() {
            assert_eq!(found.unwrap(), Vec::<Violation>::new(), "what a test leaves behind is sound");
        }
    }
}

/// What does not hold in the store, if it was made.
async fn check(builder: PostgresStoreBuilder) -> Vec<Violation> {
    match builder.migration(Migration::ByHand).open().await {
        Ok(store) => store.check().await.unwrap(),
        Err(_) => Vec::new(),
    }
}
