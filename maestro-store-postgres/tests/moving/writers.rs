//! Records come in while others write.

use std::sync::Arc;

use maestro::{
    MemoryStore,
    archive::{Archive, RecordKind},
    core::archive::Record,
    prelude::*,
};
use maestro_core::conversations::{ItemUse, NewChatEntry, NewFork};
use maestro_store_postgres::PostgresStore;
use maestro_testkit::needs_postgres;
use tokio::task::JoinSet;

use crate::{
    fresh::Fresh,
    world::{at, filled, keys},
};

/// Every record of a store, those first to which others refer.
async fn records(store: &dyn Archive) -> Vec<Record> {
    let mut records = Vec::new();
    for kind in RecordKind::ALL {
        for key in keys(store, kind).await {
            records.push(store.record_get(key).await.unwrap());
        }
    }
    records
}

/// Restores all of them in batches, the sessions from another one on for each `turn`.
async fn restore(store: PostgresStore, records: Arc<Vec<Record>>, turn: usize) -> u64 {
    let is_session = |record: &Record| record.key().kind() == RecordKind::Session;
    let first_session = records.iter().position(is_session).unwrap();
    let (referred, sessions) = records.split_at(first_session);
    let mut sessions = sessions.to_vec();
    let first = turn * 5 % sessions.len();
    sessions.rotate_left(first);
    if turn % 2 == 1 {
        sessions.reverse();
    }
    let mut written = store.record_restore(referred).await.unwrap().written;
    for batch in sessions.chunks(turn + 2) {
        written += store.record_restore(batch).await.unwrap().written;
    }
    written
}

/// Holds, forks and deletes conversations of its own, with whatever persona has come.
async fn talk(store: PostgresStore) -> Vec<Session> {
    let mut kept = Vec::new();
    for round in 0..12 {
        let items = store.item_search(&ItemQuery::default(), PageRequest::default()).await.unwrap().items;
        let persona = items.first().map(|item| ItemUse { item_id: item.id, version: item.version });
        let new = NewSession { persona, ..NewSession::new("own".parse().unwrap(), at(1)) };
        let session = store.session_create(new).await.unwrap();
        let mut head = store.thread_get(session.root_thread_id).await.unwrap().head();
        for _ in 0..3 {
            let said = NewChatEntry::new(Role::User, vec![Part::text("said")], at(2));
            head.entry_id = Some(store.entry_append(head, said).await.unwrap().id);
        }
        let fork = NewFork { id: Id::new(), from: head.entry_id.unwrap(), label: None, now: at(3) };
        store.thread_fork(fork).await.unwrap();
        if round % 3 == 0 {
            store.session_delete(session.id).await.unwrap();
        } else {
            kept.push(store.session_get(session.id).await.unwrap());
        }
    }
    kept
}

needs_postgres! {

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_restore_at_once_is_written_once_beside_what_others_write() {
    let from = MemoryStore::new();
    filled(&from).await;
    let records = Arc::new(records(&from).await);
    let fresh = Fresh::schema();
    let store = fresh.builder().max_connections(8).open().await.unwrap();

    let (mut restoring, mut talking) = (JoinSet::new(), JoinSet::new());
    for turn in 0..4 {
        restoring.spawn(restore(store.clone(), Arc::clone(&records), turn));
    }
    for _ in 0..2 {
        talking.spawn(talk(store.clone()));
    }
    let written: u64 = restoring.join_all().await.into_iter().sum();
    let kept = talking.join_all().await.concat();

    assert_eq!(written, records.len() as u64);
    for record in records.iter() {
        assert_eq!(store.record_get(record.key()).await.unwrap(), *record);
    }
    assert_eq!(kept.len(), 16);
    for session in kept {
        assert_eq!(store.session_get(session.id).await.unwrap(), session);
    }
    assert_eq!(keys(&store, RecordKind::Session).await.len(), 21 + 16);
    assert_eq!(store.check().await.unwrap(), []);
}

}
