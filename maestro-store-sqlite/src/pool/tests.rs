use std::{
    sync::{Arc, mpsc},
    thread::sleep,
    time::Duration,
};

use maestro_core::{
    Error, ErrorKind, Result,
    archive::Archive as _,
    chat::{Part, Role},
    conversations::{Conversations as _, LineageRange, NewChatEntry, NewSession, SessionName, ThreadHead},
    time::Timestamp,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Connection, Durability, GROUP_MAX, Outcome};
use crate::{SqliteStore, Synchronous, rows::run};

type Work<T> = Box<dyn Fn(&Connection) -> Outcome<T> + Send>;

const SYNCS: i64 = 2;
const DOES_NOT_SYNC: i64 = 1;

async fn store(synchronous: Synchronous) -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::builder(directory.path().join("m.db")).synchronous(synchronous).open().await.unwrap();
    (directory, store)
}

/// Keeps the writer busy until a group of jobs stands behind it, and gives what they came to.
async fn in_one_group<T: Send + 'static>(
    store: &SqliteStore,
    jobs: Vec<(Durability, Work<T>)>,
) -> Vec<Result<T>> {
    let ((let_go, wait), (begin, has_begun)) = (mpsc::channel::<()>(), mpsc::channel());
    let holding: JoinHandle<Result<()>> = {
        let store = store.clone();
        let hold = move |_: &Connection| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
            Ok(())
        };
        tokio::spawn(async move { store.write("hold", hold).await })
    };
    tokio::task::yield_now().await;
    // Else it could come into the same group as the others, and be run again with them.
    has_begun.recv().unwrap();
    let mut waiting = Vec::new();
    for (durability, job) in jobs {
        let store = store.clone();
        waiting.push(tokio::spawn(async move { store.write_as(durability, "test", job).await }));
        tokio::task::yield_now().await;
    }
    let_go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    let mut results = Vec::new();
    for result in waiting {
        results.push(result.await.unwrap());
    }
    results
}

/// Notes a number in a table, and fails in some way or none.
fn note(number: i64, end: impl Fn() -> Outcome<()> + Send + 'static) -> (Durability, Work<()>) {
    let work = move |tx: &Connection| {
        run(tx, "insert into notes (number) values (?1)", [number])?;
        end()
    };
    (Durability::Machine, Box::new(work))
}

async fn notes(store: &SqliteStore) -> Vec<i64> {
    store
        .read("read notes", |tx| {
            crate::rows::all(tx, "select number from notes order by number", [], |row| row.integer())
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_job_that_fails_or_panics_takes_no_neighbour_along() {
    let (_directory, store) = store(Synchronous::Full).await;
    store
        .write("make", |tx| Ok(tx.execute_batch("create table notes (number integer not null unique)")?))
        .await
        .unwrap();
    let results = in_one_group(
        &store,
        vec![
            note(1, || Ok(())),
            note(2, || Err(Error::new(ErrorKind::Stale, "test").into())),
            note(3, || Ok(())),
            note(4, || panic!("a fault, as the test wants it")),
            note(3, || Ok(())),
            note(5, || Ok(())),
        ],
    )
    .await;
    let kinds: Vec<_> = results.iter().map(|result| result.as_ref().err().map(Error::kind)).collect();
    let internal = Some(ErrorKind::Internal);
    assert_eq!(kinds, [None, Some(ErrorKind::Stale), None, internal, internal, None]);
    assert_eq!(notes(&store).await, [1, 3, 5]);
    store.write("go on", |tx| Ok(run(tx, "insert into notes (number) values (6)", [])?)).await.unwrap();
    assert_eq!(notes(&store).await, [1, 3, 5, 6]);
}

#[tokio::test]
async fn a_job_that_ends_the_transaction_of_its_group_is_the_only_one_to_fail() {
    let (_directory, store) = store(Synchronous::Full).await;
    store
        .write("make", |tx| Ok(tx.execute_batch("create table notes (number integer not null unique)")?))
        .await
        .unwrap();
    let ending: Work<()> = Box::new(|tx| {
        tx.execute_batch("rollback")?;
        Err(Error::new(ErrorKind::Unavailable, "test").into())
    });
    let jobs = vec![note(1, || Ok(())), (Durability::Machine, ending), note(2, || Ok(()))];
    let results = in_one_group(&store, jobs).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(notes(&store).await, [1, 2]);
}

#[tokio::test]
async fn only_groups_of_nothing_but_journal_chunks_commit_without_a_sync() {
    use Durability::{Machine, Program};

    for (synchronous, groups) in [
        (
            Synchronous::Full,
            [
                (vec![Program], DOES_NOT_SYNC),
                (vec![Program, Program, Program], DOES_NOT_SYNC),
                (vec![Program, Machine, Program], SYNCS),
                (vec![Program], DOES_NOT_SYNC),
                (vec![Machine], SYNCS),
                (vec![Machine, Machine], SYNCS),
            ],
        ),
        (
            Synchronous::Normal,
            [
                (vec![Program], DOES_NOT_SYNC),
                (vec![Machine], DOES_NOT_SYNC),
                (vec![Program, Machine], DOES_NOT_SYNC),
                (vec![Machine, Machine], DOES_NOT_SYNC),
                (vec![Program, Program], DOES_NOT_SYNC),
                (vec![Machine], DOES_NOT_SYNC),
            ],
        ),
    ] {
        let (_directory, store) = store(synchronous).await;
        for (group, expected) in groups {
            let ask = |durability| {
                let ask =
                    |tx: &Connection| Ok(tx.query_row("pragma synchronous", [], |row| row.get::<_, i64>(0))?);
                (durability, Box::new(ask) as Work<i64>)
            };
            let levels = in_one_group(&store, group.iter().copied().map(ask).collect()).await;
            assert!(
                levels.iter().all(|level| *level.as_ref().unwrap() == expected),
                "{synchronous:?}, {group:?}: {levels:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_told_of_and_leaves_everything_as_it_was() {
    let (_directory, store) = store(Synchronous::Full).await;
    let now = Timestamp::from_micros(0);
    let session = store.session_create(NewSession::new(SessionName::new("s").unwrap(), now)).await.unwrap();
    let mut head = ThreadHead { thread_id: session.root_thread_id, entry_id: None };
    let entry = |length| NewChatEntry::new(Role::User, vec![Part::text("x".repeat(length))], now);
    head.entry_id = Some(store.entry_append(head, entry(10)).await.unwrap().id);
    limit(&store, 20).await;

    let error = store.entry_append(head, entry(200_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = error.to_string();
    assert!(text.contains("the disk is full") && text.contains("m.db"), "{text}");
    assert_eq!(store.thread_get(session.root_thread_id).await.unwrap().head(), head);
    assert_eq!(store.check().await.unwrap(), []);

    // A small entry still fits, beside large ones that do not.
    let other = store.session_create(NewSession::new(SessionName::new("t").unwrap(), now)).await.unwrap();
    let other = ThreadHead { thread_id: other.root_thread_id, entry_id: None };
    let (large, small) =
        tokio::join!(store.entry_append(head, entry(200_000)), store.entry_append(other, entry(10)),);
    assert_eq!((large.unwrap_err().kind(), small.is_ok()), (ErrorKind::Unavailable, true));

    limit(&store, 1_000).await;
    store.entry_append(head, entry(200_000)).await.unwrap();
    assert_eq!(store.lineage(head.thread_id, LineageRange::All).await.unwrap().entries.len(), 2);
    assert_eq!(store.check().await.unwrap(), []);
}

/// Lets the file grow by so many pages and no further, as a full disk does.
async fn limit(store: &SqliteStore, pages: i64) {
    store
        .write("limit", move |tx| {
            let present: i64 = tx.query_row("pragma page_count", [], |row| row.get(0))?;
            tx.query_row(&format!("pragma max_page_count = {}", present + pages), [], |_| Ok(()))?;
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_handed_over_is_done_although_nobody_waits_and_the_store_is_dropped() {
    let (directory, store) = store(Synchronous::Full).await;
    store
        .write("make", |tx| Ok(tx.execute_batch("create table notes (number integer not null unique)")?))
        .await
        .unwrap();
    let store = Arc::new(store);
    for number in 0..i64::try_from(GROUP_MAX).unwrap() * 2 {
        let (_, work) = note(number, || {
            sleep(Duration::from_micros(20));
            Ok(())
        });
        let store = Arc::clone(&store);
        let waiting = tokio::spawn(async move { store.write("test", work).await });
        tokio::task::yield_now().await;
        waiting.abort();
    }
    tokio::task::yield_now().await;
    drop(store);
    let store = SqliteStore::open(directory.path().join("m.db")).await.unwrap();
    assert_eq!(notes(&store).await.len(), GROUP_MAX * 2);
}
