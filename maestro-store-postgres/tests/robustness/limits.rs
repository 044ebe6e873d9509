//! A store that may not have all that it wants: connections, time, rights.

use std::time::Duration;

use maestro_core::{
    ErrorKind, Id, Retry,
    conversations::{Conversations as _, LineageRange},
};
use maestro_store_postgres::{PostgresStore, Statements};
use maestro_testkit::{needs_postgres, needs_private_postgres, postgres::Postgres};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    fresh::Fresh,
    given::{new_thread, refused, said, texts},
};

needs_private_postgres! {

#[tokio::test]
async fn a_server_without_connections_left_says_so() {
    let settings = [("max_connections", "4"), ("superuser_reserved_connections", "0")];
    let postgres = Postgres::private_with(&settings).unwrap();
    let builder = PostgresStore::builder(postgres.url()).acquire_timeout(Duration::from_millis(300));
    let store = builder.clone().open().await.unwrap();
    let mut others = Vec::new();
    while let Ok(other) = PgConnection::connect(postgres.url()).await {
        others.push(other);
    }
    for error in [
        refused(store.thread_get(Id::new()).await, ErrorKind::Unavailable),
        refused(builder.open().await, ErrorKind::Unavailable),
    ] {
        assert_eq!(error.retry(), Retry::Backoff);
        assert!(error.to_string().contains("has no connection left"), "{error}");
    }
    for other in others {
        other.close().await.unwrap();
    }
}

}

needs_postgres! {

#[tokio::test]
async fn a_store_whose_connections_are_all_busy_says_so() {
    let fresh = Fresh::schema();
    let builder = fresh.builder().max_connections(1).acquire_timeout(Duration::from_millis(100));
    let store = builder.open().await.unwrap();
    let thread = new_thread(&store).await;
    // Somebody keeps the thread, so an append keeps the one connection.
    let mut other = PgConnection::connect(&fresh.url).await.unwrap();
    let lock = format!("begin; select 1 from {}.threads for update", fresh.name);
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut other).await.unwrap();
    let head = store.thread_get(thread).await.unwrap().head();
    let (writer, reader) = (store.clone(), store.clone());
    let writing = tokio::spawn(async move { writer.entry_append(head, said("x")).await });
    let error = loop {
        match reader.thread_get(thread).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Backoff));
    assert!(error.to_string().contains("all 1 connections of the store were busy"), "{error}");
    other.close().await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(store.lineage(thread, LineageRange::All).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    for statements in [Statements::Prepared, Statements::Unprepared] {
        let fresh = Fresh::schema();
        let builder = fresh.builder().statements(statements).statement_timeout(Duration::from_millis(50));
        let store = builder.open().await.unwrap();
        let thread = new_thread(&store).await;
        let mut other = PgConnection::connect(&fresh.url).await.unwrap();
        let lock = format!("begin; select 1 from {}.threads for update", fresh.name);
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut other).await.unwrap();
        let head = store.thread_get(thread).await.unwrap().head();
        let error = refused(store.entry_append(head, said("x")).await, ErrorKind::Unavailable);
        assert!(error.to_string().contains("statement timeout"), "{error}");
        other.close().await.unwrap();
        store.entry_append(head, said("x")).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_left_on_a_connection() {
    let fresh = Fresh::schema();
    let builder = fresh.builder().statements(Statements::Unprepared).max_connections(1);
    let url = format!("{}&application_name={}", fresh.url, fresh.name);
    let store = PostgresStore::builder(&url).schema(fresh.name.clone()).max_connections(1);
    let store = store.statements(Statements::Unprepared).open().await.unwrap();
    drop(builder);
    let thread = new_thread(&store).await;
    let entry = crate::given::talk(&store, thread, 2).await.pop().unwrap();
    store.lineage(thread, LineageRange::All).await.unwrap();
    assert_eq!(entry.turn_index.get(), 2);
    let locks = format!(
        "select count(*)::text
         from pg_locks l
         join pg_stat_activity a on a.pid = l.pid
         where a.application_name = '{}'",
        fresh.name
    );
    assert_eq!(texts(&fresh.url, locks).await, [Some("0".to_owned())]);
    let last = format!(
        "select state from pg_stat_activity where application_name = '{}'",
        fresh.name
    );
    assert_eq!(texts(&fresh.url, last).await, [Some("idle".to_owned())], "and no transaction is open");
}

}
