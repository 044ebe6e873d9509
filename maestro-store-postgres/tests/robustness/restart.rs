//! The server stops, crashes and comes back.

use std::{sync::Arc, time::Duration};

use maestro_core::{
    Error, ErrorKind, Id, Retry,
    archive::Archive as _,
    conversations::{Conversations as _, LineageRange, ThreadHead},
};
use maestro_store_postgres::{PostgresStore, Statements};
use maestro_testkit::{needs_private_postgres, postgres::Postgres};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};

use crate::given::{new_thread, refused, said, talk};

async fn store(postgres: &Postgres) -> PostgresStore {
    PostgresStore::builder(postgres.url()).acquire_timeout(Duration::from_millis(400)).open().await.unwrap()
}

needs_private_postgres! {

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_goes_on_by_itself_when_the_server_is_back() {
    let postgres = Postgres::private().unwrap();
    let store = store(&postgres).await;
    let thread = new_thread(&store).await;
    talk(&store, thread, 2).await;

    postgres.stop().unwrap();
    for _ in 0..3 {
        let read = refused(store.thread_get(thread).await, ErrorKind::Unavailable);
        let write = refused(
            store.entry_append(ThreadHead { thread_id: thread, entry_id: None }, said("x")).await,
            ErrorKind::Unavailable,
        );
        for error in [read, write] {
            assert_eq!(error.retry(), Retry::Backoff, "{error}");
            assert!(error.entity().unwrap().starts_with("postgres://postgres@/"), "the host is named: {error}");
            assert!(error.advice().is_some(), "{error}");
        }
    }
    postgres.start().unwrap();
    talk(&store, thread, 2).await;
    assert_eq!(store.lineage(thread, LineageRange::All).await.unwrap().entries.len(), 4);
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_call_after_a_restart_is_done() {
    let postgres = Postgres::private().unwrap();
    for statements in [Statements::Prepared, Statements::Unprepared] {
        let store = PostgresStore::builder(postgres.url()).statements(statements).open().await.unwrap();
        let thread = new_thread(&store).await;
        // Several connections that rest, all of which the restart ends.
        let mut threads = JoinSet::new();
        for _ in 0..6 {
            let store = store.clone();
            threads.spawn(async move { new_thread(&store).await });
        }
        let threads: Vec<Id<_>> = threads.join_all().await;

        postgres.restart().unwrap();
        let head = ThreadHead { thread_id: thread, entry_id: None };
        let entry = store.entry_append(head, said("a write")).await.unwrap();
        assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);

        postgres.restart().unwrap();
        for thread in threads {
            assert_eq!(store.thread_get(thread).await.unwrap().id, thread);
        }
        postgres.restart().unwrap();
        store.entry_delete(ThreadHead { thread_id: thread, entry_id: Some(entry.id) }).await.unwrap();
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_the_middle_of_work_loses_nothing_that_was_acknowledged() {
    // What is acknowledged has left the server's memory, as on any server but one for tests.
    let postgres = Postgres::private_with(&[("synchronous_commit", "on")]).unwrap();
    let store = store(&postgres).await;
    let mut writers = JoinSet::new();
    let (crashed, at_work) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    for _ in 0..6 {
        let (store, crashed, thread) = (store.clone(), Arc::clone(&crashed), new_thread(&store).await);
        let at_work = Arc::clone(&at_work);
        writers.spawn(async move {
            let mut head = ThreadHead { thread_id: thread, entry_id: None };
            let mut acknowledged = 0;
            let error: Error = loop {
                match store.entry_append(head, said("x")).await {
                    Ok(entry) => head.entry_id = Some(entry.id),
                    Err(error) => break error,
                }
                acknowledged += 1;
                at_work.add_permits(1);
            };
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
            crashed.notified().await;
            // Of the last one it may be unknown whether it was done; of all others it is not.
            let unknown = usize::from(error.retry() == Retry::Never);
            let entries = store.lineage(thread, LineageRange::All).await.unwrap().entries;
            assert!((acknowledged..=acknowledged + unknown).contains(&entries.len()), "{error}");
            talk(&store, thread, 3).await;
            acknowledged
        });
    }
    at_work.acquire_many(200).await.unwrap().forget();
    postgres.crash().unwrap();
    postgres.start().unwrap();
    let mut acknowledged = Vec::new();
    while !writers.is_empty() {
        crashed.notify_waiters();
        if let Ok(done) = tokio::time::timeout(Duration::from_millis(20), writers.join_next()).await {
            acknowledged.push(done.unwrap().unwrap());
        }
    }
    assert!(acknowledged.iter().sum::<usize>() >= 200, "{acknowledged:?}");
    assert_eq!(store.check().await.unwrap(), []);
}

}
