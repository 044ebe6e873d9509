//! A schema for one test, which goes with it.

use maestro_store_postgres::{PostgresStore, PostgresStoreBuilder, SchemaName};
use maestro_testkit::postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// The name of a schema in the database for tests. When it is dropped, so is the schema.
pub struct Fresh {
    pub url: String,
    pub name: SchemaName,
}

impl Fresh {
    /// A schema that is not made yet.
    pub fn schema() -> Self {
        let postgres = Postgres::for_tests().unwrap();
        Self { url: postgres.url().to_owned(), name: SchemaName::new(postgres.fresh_schema()).unwrap() }
    }

    /// How a store is opened there. Tests run side by side, so each has few connections.
    pub fn builder(&self) -> PostgresStoreBuilder {
        PostgresStore::builder(&self.url).schema(self.name.clone()).max_connections(4)
    }

    /// The store there.
    pub async fn store(&self) -> PostgresStore {
        self.builder().open().await.unwrap()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let (url, drop) = (self.url.clone(), format!("drop schema if exists {} cascade", self.name));
        // On a thread of its own, because a runtime cannot be waited for within itself.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            });
        });
        let dropped = dropping.join();
        if !std::thread::panicking() {
            dropped.unwrap();
        }
    }
}
