//! The same statements through sqlx: what SQL by hand costs a program that must not block its runtime.

use std::path::Path;

use maestro_core::auth::SealedCredentials;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};
use uuid::Uuid;

use crate::floor::{Body, CONVERSATION, Row, decode};

pub(crate) struct Asynchronous(SqlitePool);

impl Asynchronous {
    pub(crate) async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-8192")
            .statement_cache_capacity(64);
        let pool = SqlitePoolOptions::new().max_connections(2).test_before_acquire(false);
        Self(pool.connect_with(options).await.unwrap())
    }

    /// The conversation of a thread from a turn on.
    pub(crate) async fn load(&self, thread: i64, first: i64) -> Vec<Row<Body>> {
        let read = |row: SqliteRow| Row {
            no: row.get(0),
            id: Uuid::from_slice(row.get(1)).unwrap(),
            actor: row.get(2),
            state: row.get(3),
            times: (row.get(4), row.get(5)),
            body: decode(row.get(6)),
        };
        let query = sqlx::query(CONVERSATION).bind(thread).bind(first);
        let mut rows: Vec<_> = query.fetch_all(&self.0).await.unwrap().into_iter().map(read).collect();
        rows.sort_by_key(|row| row.no & 0xffff_ffff);
        rows
    }

    /// The credentials of a name, sealed.
    pub(crate) async fn credentials(&self, provider: &str, name: &str) -> (Uuid, SealedCredentials) {
        let row = sqlx::query(
            "select id, credentials, expires_at, revision, inserted_at, updated_at
             from authentications
             where provider = ?1
               and auth_type = 'api_key'
               and name = ?2",
        )
        .bind(provider)
        .bind(name)
        .fetch_one(&self.0)
        .await
        .unwrap();
        (Uuid::from_slice(row.get(0)).unwrap(), SealedCredentials::from_bytes(row.get(1)).unwrap())
    }
}
