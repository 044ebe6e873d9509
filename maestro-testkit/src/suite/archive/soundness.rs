//! What is counted and checked, and what holds while others write.

use std::sync::Arc;

use maestro_core::{
    archive::{Archive, RecordKey, Restored},
    conversations::JournalSeq,
};

use super::{
    super::{
        given::{begin, fork, say, session, writer},
        streamed_entries::whole,
    },
    world::{World, all_records, move_all, session_record, small_session},
};

/// Entries, turns and what is streaming are counted, and every table has as many rows after a move as before.
pub async fn what_is_there_is_counted(from: &dyn Archive, to: &dyn Archive) {
    let stats = from.stats().await.unwrap();
    assert_eq!((stats.entries, stats.turns, stats.streaming), (0, 0, 0));
    World::make(from).await;
    let stats = from.stats().await.unwrap();
    // Four on the root, one and the streaming one on the fork, two edits; all but two are the user's.
    assert_eq!((stats.entries, stats.turns, stats.streaming), (8, 6, 1));
    assert!(stats.tables.is_sorted_by_key(|table| table.name.clone()));
    assert_eq!(stats.bytes.is_some(), stats.tables.iter().any(|table| table.bytes.is_some()));

    move_all(from, to).await;
    let moved = to.stats().await.unwrap();
    assert_eq!((moved.entries, moved.turns, moved.streaming), (8, 6, 1));
    assert_eq!(moved.schema_version, stats.schema_version);
    let rows = |stats: &maestro_core::archive::StoreStats| {
        stats.tables.iter().map(|table| (table.name.clone(), table.rows)).collect::<Vec<_>>()
    };
    assert_eq!(rows(&moved), rows(&stats));
}

/// Nothing is told of a store that is empty, in use, or restored.
pub async fn a_sound_store_has_nothing_to_tell(from: &dyn Archive, to: &dyn Archive) {
    assert_eq!(from.check().await.unwrap(), []);
    World::make(from).await;
    assert_eq!(from.check().await.unwrap(), []);
    move_all(from, to).await;
    assert_eq!(to.check().await.unwrap(), []);
}

/// A session that is being written is read as it was at one moment: it never contradicts itself.
pub async fn a_session_is_read_whole_at_one_moment(from: Arc<dyn Archive>, _to: Arc<dyn Archive>) {
    let session = session(&*from).await;
    let (id, root) = (session.id, session.root_thread_id);
    let writing = tokio::spawn({
        let store = Arc::clone(&from);
        async move {
            for number in 0..10 {
                let entry = say(&*store, root, "x").await;
                let branch = fork(&*store, &entry).await;
                let lease = writer();
                let streamed = begin(&*store, branch.id, lease).await;
                store.entry_extend(streamed.id, lease, JournalSeq::FIRST, "").await.unwrap();
                store.entry_finish(streamed.id, lease.holder, whole("y")).await.unwrap();
                if number % 2 == 0 {
                    store.thread_delete(branch.id).await.unwrap();
                }
            }
        }
    });
    while !writing.is_finished() {
        let record = from.record_get(RecordKey::Session(id)).await.unwrap();
        record.validate().unwrap();
    }
    writing.await.unwrap();
    assert_eq!(session_record(&*from, id).await.threads.len(), 6);
}

/// Of several that restore the same at once, one writes each record and the others pass it over.
pub async fn a_record_is_restored_once(from: Arc<dyn Archive>, to: Arc<dyn Archive>) {
    small_session(&*from).await;
    let records = all_records(&*from).await;
    let restores: Vec<_> = (0..8)
        .map(|_| {
            let (to, records) = (Arc::clone(&to), records.clone());
            tokio::spawn(async move { to.record_restore(&records).await.unwrap() })
        })
        .collect();
    let mut all = Restored::default();
    for restore in restores {
        let Restored { written, present } = restore.await.unwrap();
        all = Restored { written: all.written + written, present: all.present + present };
    }
    assert_eq!(all, Restored { written: 1, present: 7 });
    assert_eq!(all_records(&*to).await, records);
}
