//! What is in a database, and what may be made there.

use maestro_core::{
    ErrorKind,
    conversations::{Conversations as _, SessionQuery},
    page::PageRequest,
};
use maestro_store_postgres::{Migration, PostgresStore, SchemaName};
use maestro_testkit::{needs_postgres, needs_private_postgres, postgres::Postgres};

use crate::{
    fresh::Fresh,
    given::{ask, new_thread, refused, talk, texts},
};

needs_postgres! {

#[tokio::test]
async fn two_schemas_in_one_database_are_two_stores() {
    let (here, there) = (Fresh::schema(), Fresh::schema());
    let (store, other) = (here.builder().open().await.unwrap(), there.builder().open().await.unwrap());
    let thread = new_thread(&store).await;
    talk(&store, thread, 2).await;
    refused(other.thread_get(thread).await, ErrorKind::NotFound);
    let sessions = other.session_list(&SessionQuery::default(), PageRequest::default().counted()).await.unwrap();
    assert_eq!((sessions.items.len(), sessions.total), (0, Some(0)));
    assert_eq!((store.schema(), other.schema()), (&here.name, &there.name));
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_left_alone() {
    let fresh = Fresh::schema();
    fresh.builder().open().await.unwrap().close().await;
    let newer = PostgresStore::SCHEMA_VERSION + 1;
    let add = format!("insert into {}.maestro_migrations values ({newer}, 'of tomorrow', 0)", fresh.name);
    ask(&fresh.url, add).await;
    let opened = refused(fresh.builder().open().await, ErrorKind::Unsupported);
    let migrated = refused(fresh.builder().migrate_to(1).await, ErrorKind::Unsupported);
    for error in [opened, migrated] {
        assert!(error.to_string().contains(&format!("(schema {newer}; this one knows {})", newer - 1)), "{error}");
    }
    let steps = texts(&fresh.url, format!("select name from {}.maestro_migrations", fresh.name)).await;
    assert_eq!(steps.len(), newer as usize);
}

#[tokio::test]
async fn a_schema_of_something_else_is_left_alone() {
    let fresh = Fresh::schema();
    ask(&fresh.url, format!("create schema {0}; create table {0}.invoices (no bigint)", fresh.name)).await;
    let error = refused(fresh.builder().open().await, ErrorKind::Unsupported);
    assert!(error.to_string().contains("belongs to something else"), "{error}");
    let tables = format!("select relname::text from pg_class where relnamespace = '{}'::regnamespace", fresh.name);
    assert_eq!(texts(&fresh.url, tables).await, [Some("invoices".to_owned())]);
}

#[tokio::test]
async fn a_schema_that_is_there_and_empty_is_filled() {
    let fresh = Fresh::schema();
    ask(&fresh.url, format!("create schema {}", fresh.name)).await;
    let store = fresh.builder().open().await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), PostgresStore::SCHEMA_VERSION);
}

#[tokio::test]
async fn a_schema_that_is_migrated_by_hand_is_not_changed_by_opening() {
    let fresh = Fresh::schema();
    let by_hand = || fresh.builder().migration(Migration::ByHand);
    assert_eq!(fresh.builder().schema_version().await.unwrap(), 0, "to look makes nothing");
    let error = refused(by_hand().open().await, ErrorKind::Unsupported);
    assert!(error.to_string().contains("is at version 0"), "{error}");
    fresh.builder().migrate_to(1).await.unwrap();
    let error = refused(by_hand().open().await, ErrorKind::Unsupported);
    assert!(error.to_string().contains("is at version 1"), "{error}");
    fresh.builder().migrate_to(PostgresStore::SCHEMA_VERSION).await.unwrap();
    new_thread(&by_hand().open().await.unwrap()).await;
}

}

needs_private_postgres! {

#[tokio::test]
async fn who_may_not_make_a_schema_is_told_what_to_grant() {
    let postgres = Postgres::private().unwrap();
    ask(postgres.url(), "create role ann login").await;
    let url = postgres.url().replace("user=postgres", "user=ann");
    let error = refused(PostgresStore::connect(&url).await, ErrorKind::Forbidden);
    assert!(error.to_string().contains("create schema maestro authorization"), "{error}");

    // An administrator makes it; from then on no right on the database is needed.
    ask(postgres.url(), "create schema maestro authorization ann").await;
    let store = PostgresStore::connect(&url).await.unwrap();
    new_thread(&store).await;

    // One who may use the tables and may not change them.
    let grants = "create role bob login;
                  grant usage on schema maestro to bob;
                  grant select, insert, update, delete on all tables in schema maestro to bob";
    ask(postgres.url(), grants).await;
    let url = postgres.url().replace("user=postgres", "user=bob");
    let store = PostgresStore::builder(&url).migration(Migration::ByHand).open().await.unwrap();
    new_thread(&store).await;
    ask(postgres.url(), "revoke insert on maestro.sessions from bob").await;
    let new = maestro_core::conversations::NewSession::new("x".parse().unwrap(), crate::given::now());
    let error = refused(store.session_create(new).await, ErrorKind::Forbidden);
    assert!(error.to_string().contains("permission denied for table sessions"), "{error}");
}

#[tokio::test]
async fn a_database_that_is_not_there_or_is_of_another_encoding_is_refused() {
    let postgres = Postgres::private().unwrap();
    let to = |database: &str| postgres.url().replace("///postgres", &format!("///{database}"));
    let error = refused(PostgresStore::connect(&to("nowhere")).await, ErrorKind::NotFound);
    assert!(error.to_string().contains("no such database") && error.to_string().contains("/nowhere"), "{error}");
    ask(postgres.url(), "create database latin encoding 'LATIN1' locale 'C' template template0").await;
    let error = refused(PostgresStore::connect(&to("latin")).await, ErrorKind::Unsupported);
    assert!(error.to_string().contains("as LATIN1, not as UTF8"), "{error}");
    ask(postgres.url(), "create database standby").await;
    ask(postgres.url(), "alter database standby set default_transaction_read_only = on").await;
    let error = refused(PostgresStore::connect(&to("standby")).await, ErrorKind::Unavailable);
    assert!(error.to_string().contains("may only be read"), "{error}");
    assert!(SchemaName::new("pg_temp").is_err());
}

}
