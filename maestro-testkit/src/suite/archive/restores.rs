//! What is restored is there, and is the same.

use maestro_core::{
    archive::{Archive, Record, Restored},
    conversations::{EntryState, LineageRange, NewFork, NewSession, SessionQuery},
    supplied_context::ItemQuery,
    time::Timestamp,
};

use super::{
    super::given::{api_key, conversation, first, new_fork, new_session, said},
    world::{World, all_keys, all_records, move_all, session_record},
};

/// A record that was restored is equal to the one that was read: ids, revisions, times, leases, journals, marks.
pub async fn a_restored_record_is_equal(from: &dyn Archive, to: &dyn Archive) {
    World::make(from).await;
    let records = all_records(from).await;
    let restored = to.record_restore(&records).await.unwrap();
    assert_eq!(restored, Restored { written: records.len() as u64, present: 0 });
    assert_eq!(all_records(to).await, records);
    for (here, there) in records.iter().zip(all_records(to).await) {
        assert_eq!(here.content_hash().unwrap(), there.content_hash().unwrap(), "{}", here.key());
    }
}

/// The context traits show the same in both stores.
pub async fn a_restored_store_shows_the_same(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let reference = world.sign_in.reference();
    assert_eq!(to.auth_find(&reference).await.unwrap(), world.sign_in);
    let (query, page) = (SessionQuery::default(), || first(100));
    assert_eq!(
        to.session_list(&query, page()).await.unwrap(),
        from.session_list(&query, page()).await.unwrap()
    );
    let query = ItemQuery::default();
    assert_eq!(
        to.item_search(&query, page()).await.unwrap(),
        from.item_search(&query, page()).await.unwrap()
    );
    for thread in from.thread_list(world.session.id).await.unwrap() {
        assert_eq!(
            to.lineage(thread.id, LineageRange::All).await.unwrap(),
            from.lineage(thread.id, LineageRange::All).await.unwrap()
        );
    }
}

/// Each entry reads back as it was, by its id.
pub async fn everything_that_an_entry_can_hold_is_restored(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    for entry in world.entries.iter().chain([&world.streaming]) {
        assert_eq!(to.entry_get(entry.id).await.unwrap(), *entry);
    }
}

/// A restore can be repeated: what is there and equal is passed over, also within one batch.
pub async fn what_is_restored_twice_is_passed_over(from: &dyn Archive, to: &dyn Archive) {
    World::make(from).await;
    let records = all_records(from).await;
    let count = records.len() as u64;
    let twice: Vec<_> = records.iter().chain(&records).cloned().collect();
    assert_eq!(to.record_restore(&twice).await.unwrap(), Restored { written: count, present: count });
    assert_eq!(to.record_restore(&records).await.unwrap(), Restored { written: 0, present: count });
    assert_eq!(all_records(to).await, records);
}

/// Nothing is restored of nothing.
pub async fn an_empty_batch_writes_nothing(_from: &dyn Archive, to: &dyn Archive) {
    assert_eq!(to.record_restore(&[]).await.unwrap(), Restored::default());
    assert_eq!(all_keys(to).await, []);
}

/// One batch may hold a session behind what it refers to.
pub async fn what_is_referred_to_may_come_earlier_in_the_batch(from: &dyn Archive, to: &dyn Archive) {
    let auth = api_key(from, "work").await;
    let new = NewSession { auth_id: Some(auth.id), ..new_session("talk") };
    let session = from.session_create(new).await.unwrap();
    let record = session_record(from, session.id).await;
    to.record_restore(&[Record::Authentication(auth), Record::Session(Box::new(record))]).await.unwrap();
    assert_eq!(to.session_get(session.id).await.unwrap(), session);
}

/// A thread may have been made at an earlier time than the one from which it goes on, when a clock was put back.
pub async fn threads_are_restored_whatever_their_times(from: &dyn Archive, to: &dyn Archive) {
    let (session, entries) = conversation(from, 1).await;
    let mut last = entries[0].clone();
    for depth in 1..=20 {
        let now = Timestamp::from_micros(-depth);
        let fork = from.thread_fork(NewFork { now, ..new_fork(&last) }).await.unwrap();
        last = from.entry_append(fork.head(), said("x")).await.unwrap();
    }
    move_all(from, to).await;
    assert_eq!(session_record(to, session.id).await, session_record(from, session.id).await);
    assert_eq!(
        to.lineage(last.thread_id, LineageRange::All).await.unwrap(),
        from.lineage(last.thread_id, LineageRange::All).await.unwrap()
    );
}

/// The first and the last moment that can be told are kept.
pub async fn the_ends_of_time_are_restored(from: &dyn Archive, to: &dyn Archive) {
    for micros in [i64::MIN, 0, i64::MAX] {
        let now = Timestamp::from_micros(micros);
        from.session_create(NewSession { now, ..new_session("then") }).await.unwrap();
    }
    move_all(from, to).await;
    assert_eq!(all_records(to).await, all_records(from).await);
}

/// What is streaming is streaming at the target too, with its journal and the lease of its writer.
pub async fn a_streaming_entry_moves_with_its_journal(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let entry = to.entry_get(world.streaming.id).await.unwrap();
    assert_eq!((entry.state, entry.writer), (EntryState::Streaming, Some(world.writer)));
    let journal = to.entry_journal(entry.id).await.unwrap();
    assert_eq!(journal.len(), 3);
    assert_eq!(journal, from.entry_journal(entry.id).await.unwrap());
}
