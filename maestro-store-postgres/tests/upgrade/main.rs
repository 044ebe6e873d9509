//! Schemas of every version are brought up to date, and nothing in them is lost.
//!
//! `NNNN.sql` is a schema at version NNNN, `NNNN.jsonl` what must be read from it afterwards. How to add the next one is told
//! at `maestro_testkit::collection`; `cargo test -p maestro-store-postgres --test upgrade -- --ignored collect` writes both
//! files.
//!
//! Both versions hold the records of the collection of the SQLite store. Version 1 was taken back from version 2 with
//! `migrate_to`, and four of its authentications lost their names by hand: that is what programs from before there were
//! names have left behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../fresh/mod.rs"]
mod fresh;

mod dump;

use std::{fs, path::Path};

use maestro_core::{
    archive::Archive as _,
    auth::{Auth as _, AuthName, SavedAuthentication},
    conversations::{Conversations as _, NewSession, SessionName},
    time::Timestamp,
};
use maestro_store_postgres::{Migrated, PostgresStore};
use maestro_testkit::{
    collection::{Collection, contents, fill},
    needs_postgres,
};

use fresh::Fresh;

const LAST: u32 = PostgresStore::SCHEMA_VERSION;

fn collection() -> Collection {
    Collection::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade"))
}

/// The dump of a version.
fn dumped(version: u32) -> String {
    fs::read_to_string(collection().dump(version)).unwrap()
}

/// A schema as it was at a version.
async fn loaded(version: u32) -> Fresh {
    let fresh = Fresh::schema();
    dump::load(&fresh, &dumped(version)).await;
    fresh
}

/// Whether an authentication has a name as those have that had none.
fn has_default_name(row: &SavedAuthentication) -> bool {
    (1..=9).any(|n| AuthName::default_for(row.provider.as_str(), row.auth_type, n) == row.name)
}

#[test]
fn every_version_is_in_the_collection() {
    let missing = collection().missing(LAST);
    assert!(
        missing.is_empty(),
        "there are no files of the versions {missing:?}; see the top of tests/upgrade/main.rs"
    );
}

needs_postgres! {

#[tokio::test]
async fn every_version_is_brought_up_to_date_with_all_that_it_holds() {
    for version in 1..=LAST {
        let fresh = loaded(version).await;
        assert_eq!(fresh.builder().schema_version().await.unwrap(), version);
        let store = fresh.builder().open().await.unwrap();
        assert_eq!(store.schema_version().await.unwrap(), LAST);
        let expected = fs::read_to_string(collection().contents(version)).unwrap();
        let found = contents(&store).await.unwrap();
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "a record of version {version} is read differently");
        }
        assert_eq!(found, expected, "of version {version}");
        assert_eq!(store.check().await.unwrap(), [], "of version {version}");
    }
}

#[tokio::test]
async fn what_was_brought_up_to_date_is_written_to_as_any_other() {
    for version in 1..=LAST {
        let fresh = loaded(version).await;
        let store = fresh.builder().open().await.unwrap();
        let new = NewSession::new(SessionName::new("late").unwrap(), Timestamp::from_micros(0));
        let session = store.session_create(new).await.unwrap();
        assert_eq!(store.session_get(session.id).await.unwrap(), session);
        assert_eq!(store.check().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_dump_makes_what_was_dumped() {
    for version in 1..=LAST {
        let fresh = loaded(version).await;
        assert_eq!(dump::dump(&fresh).await, dumped(version), "of version {version}");
    }
}

#[tokio::test]
async fn a_dump_has_the_schema_that_its_version_makes() {
    for version in 1..=LAST {
        let (old, new) = (loaded(version).await, Fresh::schema());
        new.builder().migrate_to(version).await.unwrap();
        assert_eq!(
            dump::schema(&old).await,
            dump::schema(&new).await,
            "step {version} has changed since it was collected"
        );
    }
}

#[tokio::test]
async fn going_back_and_forward_again_changes_nothing() {
    for version in 1..=LAST {
        let fresh = loaded(version).await;
        let read = async || contents(&fresh.builder().open().await.unwrap()).await.unwrap();
        let before = read().await;
        for back in (1..LAST).rev() {
            fresh.builder().migrate_to(back).await.unwrap();
        }
        assert_eq!(read().await, before);
    }
}

#[tokio::test]
async fn an_upgrade_that_is_taken_back_leaves_every_row_as_it_was() {
    for version in 1..LAST {
        let fresh = loaded(version).await;
        let before = dump::dump(&fresh).await;
        let migrated = fresh.builder().migrate_to(LAST).await.unwrap();
        assert_eq!(migrated, Migrated { from: version, to: LAST });
        assert_ne!(dump::dump(&fresh).await, before);
        fresh.builder().migrate_to(version).await.unwrap();
        assert_eq!(dump::dump(&fresh).await, before, "of version {version}");
    }
}

#[tokio::test]
async fn rows_of_the_first_version_without_a_name_have_the_default_ones() {
    let fresh = loaded(1).await;
    let unnamed = unnamed(&fresh).await;
    assert!(unnamed >= 3, "the first version is to hold some");
    let store = fresh.builder().open().await.unwrap();
    let rows = store.auth_list(&Default::default(), Default::default()).await.unwrap().items;
    // One has such a name because somebody chose it.
    assert_eq!(rows.iter().filter(|row| has_default_name(row)).count(), unnamed + 1);
    fresh.builder().migrate_to(1).await.unwrap();
    assert_eq!(self::unnamed(&fresh).await, unnamed, "the one that was chosen stays");
}

}

/// How many authentications have no name.
async fn unnamed(fresh: &Fresh) -> usize {
    let dump = dump::dump(fresh).await;
    let rows = dump.lines().skip_while(|line| !line.starts_with("insert into maestro.authentications "));
    rows.take_while(|line| !line.starts_with("create table"))
        .filter(|line| line.contains("', 'oauth', null, ") || line.contains("', 'api_key', null, "))
        .count()
}

#[tokio::test]
#[ignore = "writes the files of the present version into the collection"]
async fn collect() {
    let fresh = Fresh::schema();
    let store = fresh.builder().open().await.unwrap();
    fill(&store).await;
    let contents = contents(&store).await.unwrap();
    store.close().await;
    collection().add(LAST, &dump::dump(&fresh).await, &contents);
}
