//! A restored store is a store: everything goes on in it.

use maestro_core::{
    ErrorKind,
    archive::{Archive, Record, RecordKey},
    auth::HolderId,
    conversations::{ChunkRef, EntryState, JournalSeq, LineageRange, SessionChange, WriterLease},
    supplied_context::{ItemChange, ItemQuery},
};

use super::{
    super::{
        given::{at, edit, first, fork, item_text, limit, refused, say, used},
        streamed_entries::whole,
    },
    world::{World, all_records, move_all},
};

/// The writer of a streaming entry that was moved can go on with it where it is now.
pub async fn a_moved_writer_goes_on(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let (id, writer) = (world.streaming.id, WriterLease { until: at(300), ..world.writer });
    to.entry_extend(id, writer, JournalSeq::from_stored(4), "x").await.unwrap();
    assert_eq!(to.entry_get(id).await.unwrap().writer, Some(writer));
    let ended = to.entry_finish(id, writer.holder, whole("all of it")).await.unwrap();
    assert_eq!(ended.state, EntryState::Complete);
    assert_eq!(to.entry_journal(id).await.unwrap(), []);
}

/// What was streaming becomes `interrupted`, with what its journal gives, in both stores alike.
pub async fn a_moved_entry_is_recovered_when_its_writer_is_gone(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let there = to.entry_recover(None, world.writer.until, limit(9)).await.unwrap();
    let here = from.entry_recover(None, world.writer.until, limit(9)).await.unwrap();
    assert_eq!(there, here);
    assert_eq!(there[0].to_message().text(), "half\0");
    assert_eq!(all_records(to).await, all_records(from).await);
}

/// One can append behind the heads, fork and edit.
pub async fn a_restored_conversation_goes_on(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let root = world.session.root_thread_id;
    let entry = say(to, root, "5").await;
    assert_eq!((entry.turn_index.get(), entry.session_id), (5, world.session.id));
    assert_eq!(to.session_get(world.session.id).await.unwrap().latest_chat_entry_id, Some(entry.id));
    let branch = fork(to, &world.entries[2]).await;
    assert_eq!(say(to, branch.id, "4").await.turn_index.get(), 4);
    let (_, edited) = edit(to, &world.entries[1], "edited").await;
    assert_eq!((edited.turn_index.get(), edited.edit_version), (2, 2));
    assert_eq!(to.lineage(root, LineageRange::All).await.unwrap().entries.len(), 5);
}

/// The next change names the revision that was moved.
pub async fn a_restored_session_is_changed_at_its_revision(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let change = || SessionChange { model_id: Some(None), ..SessionChange::default() };
    let session = world.session;
    let changed = to.session_update(session.id, session.revision, change(), at(9)).await.unwrap();
    assert_eq!(changed.revision, session.revision.next());
    refused(to.session_update(session.id, session.revision, change(), at(9)).await, ErrorKind::Stale);
}

/// An item is found by its words and its tags, cannot be deleted while it is used, and counts its versions on.
pub async fn a_restored_item_is_found_and_gets_its_next_version(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    for words in ["kind", "teach", "naive", "東京", "lang"] {
        let query = ItemQuery { text: words.to_owned(), ..ItemQuery::default() };
        let found = to.item_search(&query, first(9)).await.unwrap();
        assert_eq!(found.items.len(), 1, "{words}");
    }
    refused(to.item_delete_many(&[world.persona.id]).await, ErrorKind::InUse);
    let change = ItemChange { text: Some(item_text("You are asleep.")), ..ItemChange::default() };
    let changed = to.item_update(world.persona.id, world.persona.revision, change, at(9)).await.unwrap();
    assert_eq!(changed.version, world.persona.version.next());
    let versions = to.item_versions(world.persona.id).await.unwrap();
    assert_eq!((versions.len(), used(&changed).version.get()), (4, 4));
}

/// Who has a lease has it at the target, and nobody else.
pub async fn a_restored_lease_keeps_others_away(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let (row, holder) = (&world.sign_in, HolderId::new());
    refused(to.auth_lease(row.id, row.revision, holder, at(200), at(89)).await, ErrorKind::InUse);
    to.auth_lease(row.id, row.revision, holder, at(200), at(90)).await.unwrap();
    let due = to.auth_due(at(601), limit(9)).await.unwrap();
    assert_eq!(due.iter().map(|row| row.id).collect::<Vec<_>>(), [row.id]);
}

/// What is excluded stays so, and forks inherit it.
pub async fn restored_marks_count(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let excluded = to.lineage(world.session.root_thread_id, LineageRange::All).await.unwrap().excluded;
    let chunk = |number: usize, part| ChunkRef { entry_id: world.entries[number].id, part };
    assert_eq!(excluded.into_iter().collect::<Vec<_>>(), [chunk(0, 0), chunk(2, 3)]);
    let branch = fork(to, &world.entries[3]).await;
    assert_eq!(to.lineage(branch.id, LineageRange::All).await.unwrap().excluded.len(), 2);
    assert!(to.lineage(world.fork.id, LineageRange::All).await.unwrap().excluded.is_empty());
}

/// Every id of what was deleted is free again.
pub async fn what_is_deleted_can_be_restored(from: &dyn Archive, _to: &dyn Archive) {
    let world = World::make(from).await;
    let record = from.record_get(RecordKey::Session(world.session.id)).await.unwrap();
    from.session_delete(world.session.id).await.unwrap();
    from.auth_delete(world.key.id).await.unwrap();
    from.record_restore(&[record.clone(), Record::Authentication(world.key.clone())]).await.unwrap();
    assert_eq!(from.record_get(record.key()).await.unwrap(), record);
    assert_eq!(from.auth_get(world.key.id).await.unwrap(), world.key);
}
