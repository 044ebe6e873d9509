//! Which records there are, and what they hold.

use maestro_core::{
    ErrorKind, Id,
    archive::{Archive, ItemRecord, Record, RecordKey, RecordKind},
    conversations::LineageRange,
};

use super::{
    super::given::{api_key, limit, names, persona, refused, session},
    world::{World, all_keys, all_records, keys_of, session_record},
};

/// Nothing is told of a store that holds nothing.
pub async fn an_empty_store_has_no_records(from: &dyn Archive, _to: &dyn Archive) {
    assert_eq!(all_keys(from).await, []);
}

/// Keys of each kind come in the order of the bytes of their ids, whatever the order in which they were made.
pub async fn keys_come_in_the_order_of_their_bytes(from: &dyn Archive, to: &dyn Archive) {
    for number in 0..5 {
        session(from).await;
        persona(from, &number.to_string()).await;
        api_key(from, &format!("key-{number}")).await;
    }
    let mut records = all_records(from).await;
    records.reverse();
    // Sessions refer to nothing here, so they may come first.
    to.record_restore(&records).await.unwrap();
    for kind in RecordKind::ALL {
        let keys = keys_of(to, kind).await.unwrap();
        assert_eq!(keys.len(), 5);
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(keys.iter().all(|key| key.kind() == kind));
    }
}

/// Each page begins behind the key that is given, which need not be there.
pub async fn keys_come_page_by_page(from: &dyn Archive, _to: &dyn Archive) {
    for _ in 0..5 {
        session(from).await;
    }
    let all = keys_of(from, RecordKind::Session).await.unwrap();
    let mut after = None;
    for expected in all.chunks(2) {
        let page = from.record_keys(RecordKind::Session, after, limit(2)).await.unwrap();
        assert_eq!(page, expected);
        after = page.last().copied();
    }
    assert_eq!(from.record_keys(RecordKind::Session, after, limit(2)).await.unwrap(), []);
    let RecordKey::Session(gone) = all[1] else { unreachable!() };
    from.session_delete(gone).await.unwrap();
    assert_eq!(from.record_keys(RecordKind::Session, Some(all[1]), limit(9)).await.unwrap(), all[2..]);
}

/// A listing is continued with a key of its own kind only.
pub async fn a_key_of_another_kind_is_refused(from: &dyn Archive, _to: &dyn Archive) {
    let key = RecordKey::Session(Id::new());
    let error = refused(from.record_keys(RecordKind::Item, Some(key), limit(1)).await, ErrorKind::Invalid);
    assert_eq!(error.fields()[0].field, "after");
}

/// What is not there is not found, and the error says what was looked for.
pub async fn a_missing_record_is_not_found_and_named(from: &dyn Archive, _to: &dyn Archive) {
    for kind in RecordKind::ALL {
        let key = RecordKey::new(kind, Id::<Record>::new().uuid());
        let error = refused(from.record_get(key).await, ErrorKind::NotFound);
        names(&error, key);
    }
}

/// A record holds what the context traits show, field by field.
pub async fn a_record_is_what_the_contexts_show(from: &dyn Archive, _to: &dyn Archive) {
    let world = World::make(from).await;
    let key = RecordKey::Authentication(world.sign_in.id);
    assert_eq!(from.record_get(key).await.unwrap(), Record::Authentication(world.sign_in));
    let versions = from.item_versions(world.persona.id).await.unwrap();
    let item = ItemRecord { item: world.persona.clone(), versions };
    assert_eq!(from.record_get(RecordKey::Item(world.persona.id)).await.unwrap(), Record::Item(item));

    let record = session_record(from, world.session.id).await;
    assert_eq!(record.session, world.session);
    let threads: Vec<_> = record.threads.iter().map(|record| record.thread.clone()).collect();
    assert_eq!(threads, from.thread_list(world.session.id).await.unwrap());
    for thread in &record.threads {
        let lineage = from.lineage(thread.thread.id, LineageRange::All).await.unwrap();
        let own: Vec<_> = thread.entries.iter().map(|record| record.entry.clone()).collect();
        assert_eq!(own, lineage.entries[thread.thread.fork_turn.get() as usize..]);
        for entry in &thread.entries {
            assert_eq!(entry.journal, from.entry_journal(entry.entry.id).await.unwrap());
        }
    }
    assert_eq!(record.marks.len(), 3);
}

/// Whatever the context traits let happen, the record of it does not contradict itself.
pub async fn a_record_is_valid_whatever_was_done(from: &dyn Archive, _to: &dyn Archive) {
    let world = World::make(from).await;
    from.auth_delete(world.sign_in.id).await.unwrap();
    from.entry_recover(None, world.writer.until, limit(9)).await.unwrap();
    from.thread_delete(world.fork.id).await.unwrap();
    let head = from.thread_get(world.session.root_thread_id).await.unwrap().head();
    from.entry_delete(head).await.unwrap();
    for record in all_records(from).await {
        record.validate().unwrap();
    }
}
