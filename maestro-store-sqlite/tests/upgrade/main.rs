//! Files of every version of the schema are brought up to date, and nothing in them is lost.
//!
//! `NNNN.sql` is a file at version NNNN, `NNNN.jsonl` what must be read from it afterwards. How to add the next one is told
//! at `maestro_testkit::collection`; `cargo test -p maestro-store-sqlite --test upgrade -- --ignored` writes both files.
//!
//! Version 1 was filled at version 2, taken back with `migrate_to`, and four of its authentications lost their names by hand:
//! that is what programs from before there were names have left behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod dump;

use std::{fs, path::Path};

use maestro_core::{
    archive::Archive as _,
    auth::{Auth as _, AuthName},
};
use maestro_store_sqlite::SqliteStore;
use maestro_testkit::collection::{Collection, contents, fill};
use rusqlite::Connection;

fn collection() -> Collection {
    Collection::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade"))
}

/// A file as it was at a version.
fn load(version: u32, file: &Path) {
    let dump = fs::read_to_string(collection().dump(version)).unwrap();
    Connection::open(file).unwrap().execute_batch(&dump).unwrap();
}

#[tokio::test]
async fn every_version_is_brought_up_to_date_with_all_that_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    for version in 1..=SqliteStore::SCHEMA_VERSION {
        let file = directory.path().join(format!("{version}.db"));
        load(version, &file);
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(store.schema_version().await.unwrap(), SqliteStore::SCHEMA_VERSION);
        let expected = fs::read_to_string(collection().contents(version)).unwrap();
        let found = contents(&store).await.unwrap();
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "a record of version {version} is read differently");
        }
        assert_eq!(found, expected, "of version {version}");
        assert_eq!(store.check().await.unwrap(), [], "of version {version}");
    }
}

#[test]
fn every_version_is_in_the_collection() {
    let missing = collection().missing(SqliteStore::SCHEMA_VERSION);
    assert!(
        missing.is_empty(),
        "there are no files of the versions {missing:?}; see the top of tests/upgrade/main.rs"
    );
}

#[tokio::test]
async fn a_dump_has_the_schema_that_its_version_makes() {
    let directory = tempfile::tempdir().unwrap();
    for version in 1..=SqliteStore::SCHEMA_VERSION {
        let [old, new] = ["old", "new"].map(|name| directory.path().join(format!("{version}.{name}.db")));
        load(version, &old);
        SqliteStore::builder(&new).migrate_to(version).await.unwrap();
        let schema = |file: &Path| dump::schema(&Connection::open(file).unwrap());
        assert_eq!(schema(&old), schema(&new), "step {version} has changed since it was collected");
    }
}

#[tokio::test]
async fn going_back_and_forward_again_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    for version in 1..=SqliteStore::SCHEMA_VERSION {
        let _ = fs::remove_file(&file);
        load(version, &file);
        let read = async || contents(&SqliteStore::open(&file).await.unwrap()).await.unwrap();
        let before = read().await;
        for back in (1..SqliteStore::SCHEMA_VERSION).rev() {
            SqliteStore::builder(&file).migrate_to(back).await.unwrap();
        }
        assert_eq!(read().await, before);
    }
}

#[tokio::test]
async fn rows_of_the_first_version_without_a_name_have_the_default_ones() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    load(1, &file);
    let unnamed: u32 = Connection::open(&file)
        .unwrap()
        .query_row("select count(*) from authentications where name is null", [], |row| row.get(0))
        .unwrap();
    assert!(unnamed >= 3, "the first version is to hold some");
    let store = SqliteStore::open(&file).await.unwrap();
    let rows = store.auth_list(&Default::default(), Default::default()).await.unwrap().items;
    let default = |row: &maestro_core::auth::SavedAuthentication| {
        (1..=unnamed).any(|n| AuthName::default_for(row.provider.as_str(), row.auth_type, n) == row.name)
    };
    // One has such a name because somebody chose it.
    assert_eq!(rows.iter().filter(|row| default(row)).count(), unnamed as usize + 1);
}

#[tokio::test]
#[ignore = "writes the files of the present version into the collection"]
async fn collect() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = SqliteStore::open(&file).await.unwrap();
    fill(&store).await;
    let contents = contents(&store).await.unwrap();
    drop(store);
    let dump = dump::dump(&Connection::open(&file).unwrap());
    collection().add(SqliteStore::SCHEMA_VERSION, &dump, &contents);
}
