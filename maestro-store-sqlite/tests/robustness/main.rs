//! What happens to a file when programs die, meet, or find something else in its place.
//!
//! `MAESTRO_CRASH_ROUNDS=500 cargo nextest run -p maestro-store-sqlite kill` kills for longer than the usual run does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod bad_files;
mod several_programs;

use std::{path::Path, sync::Arc, time::Duration};

use maestro_core::{
    Result, Store,
    archive::{Archive as _, Violation},
};
use maestro_store_sqlite::SqliteStore;
use tempfile::TempDir;

async fn place() -> (String, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (locator(&directory.path().join("m.db")), directory)
}

fn locator(file: &Path) -> String {
    file.to_str().unwrap().to_owned()
}

async fn open(file: String) -> Result<Arc<dyn Store>> {
    let store = SqliteStore::builder(file).busy_timeout(Duration::from_secs(5)).open().await?;
    Ok(Arc::new(store))
}

/// What the file tells of itself, and whether each step of the schema was done once.
async fn check(file: String) -> Vec<String> {
    let violations = SqliteStore::open(&file).await.unwrap().check().await.unwrap();
    let mut wrong: Vec<_> = violations.iter().map(Violation::to_string).collect();
    let steps: u32 = rusqlite::Connection::open(&file)
        .unwrap()
        .query_row("select count(*) from maestro_migrations", [], |row| row.get(0))
        .unwrap();
    if steps != SqliteStore::SCHEMA_VERSION {
        wrong.push(format!("{steps} steps of the schema were done"));
    }
    wrong
}

maestro_testkit::store_processes!(place, open, check = check);
