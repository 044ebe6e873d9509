//! Copies that do not come to their end.

use maestro::{
    MemoryStore,
    archive::{Archive as _, CopyOptions, CopyProgress, OntoExisting, RecordKind, copy},
};
use maestro_core::ErrorKind;
use maestro_store_postgres::PostgresStore;
use maestro_testkit::{needs_postgres, needs_private_postgres, postgres::Postgres};
use tokio::sync::mpsc;

use crate::{
    fresh::Fresh,
    world::{are_equal, filled, keys, session, sqlite},
};

fn merging(batch_records: usize) -> CopyOptions {
    CopyOptions { batch_records, onto: OntoExisting::Merge, ..CopyOptions::default() }
}

needs_postgres! {

#[tokio::test]
async fn a_copy_that_was_stopped_is_taken_up_again() {
    let from = MemoryStore::new();
    filled(&from).await;
    let fresh = Fresh::schema();
    let to = fresh.builder().open().await.unwrap();
    for stop_at in [1, 3, 9, 20] {
        let (tell, mut told) = mpsc::unbounded_channel();
        let options = merging(1);
        let mut progress = move |progress: CopyProgress| {
            // Nobody listens any more once it is to be stopped.
            let _ = tell.send(progress.done);
        };
        let stopped = async { while told.recv().await.is_some_and(|done| done < stop_at) {} };
        tokio::select! {
            biased;
            () = stopped => {}
            done = copy(&from, &to, &options, &mut progress) => panic!("it was to be stopped: {done:?}"),
        }
        assert_eq!(to.check().await.unwrap(), [], "whole records and no half ones");
    }
    let there = to.stats().await.unwrap().entries;
    assert!(there > 0 && there < from.stats().await.unwrap().entries, "{there}");
    let done = copy(&from, &to, &merging(5), &mut |_| ()).await.unwrap();
    assert!(done.present >= 20 && done.present + done.written == 25, "{done:?}");
    assert!(are_equal(&from, &to).await);
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_leaves_nothing_of_itself() {
    let (from, _directory) = sqlite().await;
    filled(&from).await;
    let fresh = Fresh::schema();
    let to = fresh.builder().open().await.unwrap();
    let items = keys(&from, RecordKind::Item).await;
    // Sessions of two personas of which only one has come.
    let mut records = vec![from.record_get(items[0]).await.unwrap()];
    for key in keys(&from, RecordKind::Session).await {
        records.push(from.record_get(key).await.unwrap());
    }
    let error = to.record_restore(&records).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for kind in RecordKind::ALL {
        assert_eq!(keys(&to, kind).await, []);
    }
}

}

needs_private_postgres! {

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_server_crashed_is_taken_up_again() {
    let from = MemoryStore::new();
    for _ in 0..40 {
        session(&from, None, None, 5).await;
    }
    let server = Postgres::private().unwrap();
    let to = PostgresStore::connect(server.url()).await.unwrap();
    let mut crash = |progress: CopyProgress| {
        if progress.done == 10 {
            server.crash().unwrap();
        }
    };
    let error = copy(&from, &to, &merging(1), &mut crash).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    server.start().unwrap();
    assert_eq!(to.check().await.unwrap(), []);
    let done = copy(&from, &to, &merging(7), &mut |_| ()).await.unwrap();
    assert_eq!(done.present + done.written, 40);
    assert!(done.written > 0);
    assert!(are_equal(&from, &to).await);
    to.close().await;
}

}
