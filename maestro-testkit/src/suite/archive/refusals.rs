//! What is not restored, and that nothing is then.

use maestro_core::{
    Error, ErrorKind, Id,
    archive::{Archive, ItemRecord, Record, RecordKey, SessionRecord},
    conversations::{NewSession, SessionName, TurnIndex},
    revision::Revision,
    supplied_context::{ItemType, ItemVersionNumber},
};

use super::{
    super::given::{item_name, names, new_item, new_session, refused, session, used},
    world::{World, all_records, move_all, session_record, small_session},
};

/// Tries to restore, and sees that it is refused and that the store is as it was.
async fn refuses(to: &dyn Archive, records: &[Record], kind: ErrorKind, named: RecordKey) -> Error {
    let before = all_records(to).await;
    let error = refused(to.record_restore(records).await, kind);
    names(&error, named);
    assert_eq!(all_records(to).await, before, "{error}");
    error
}

fn of_session(record: SessionRecord) -> Record {
    Record::Session(Box::new(record))
}

/// What is there is never overwritten, however small the difference.
pub async fn a_record_that_differs_is_a_conflict(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let mut auth = world.key;
    auth.revision = auth.revision.next();
    let key = RecordKey::Authentication(auth.id);
    refuses(to, &[Record::Authentication(auth)], ErrorKind::Conflict, key).await;

    let mut item = world.persona;
    item.revision = item.revision.next();
    let (key, versions) = (RecordKey::Item(item.id), from.item_versions(item.id).await.unwrap());
    refuses(to, &[Record::Item(ItemRecord { item, versions })], ErrorKind::Conflict, key).await;

    let key = RecordKey::Session(world.session.id);
    let record = session_record(from, world.session.id).await;
    let mut renamed = record.clone();
    renamed.session.name = SessionName::new("another").unwrap();
    refuses(to, &[of_session(renamed)], ErrorKind::Conflict, key).await;
    let mut unmarked = record.clone();
    unmarked.marks.clear();
    refuses(to, &[of_session(unmarked)], ErrorKind::Conflict, key).await;
    let mut lost = record;
    let streaming = lost.threads.iter_mut().flat_map(|thread| &mut thread.entries);
    streaming.filter(|entry| !entry.journal.is_empty()).for_each(|entry| drop(entry.journal.pop()));
    refuses(to, &[of_session(lost)], ErrorKind::Conflict, key).await;
}

/// One record that is refused keeps all others of its batch away, wherever it stands.
pub async fn a_batch_is_written_whole_or_not_at_all(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    let mut records = all_records(from).await;
    to.record_restore(&[Record::Authentication(world.key.clone())]).await.unwrap();
    let mut differs = world.key;
    differs.updated_at = differs.updated_at.saturating_add(std::time::Duration::from_secs(1));
    let key = RecordKey::Authentication(differs.id);
    records.retain(|record| record.key() != key);
    records.push(Record::Authentication(differs));
    refuses(to, &records, ErrorKind::Conflict, key).await;
}

/// A session is not restored without its authentication, which the error names.
pub async fn an_authentication_that_is_not_there_is_not_found(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    let mut records = all_records(from).await;
    records.retain(|record| record.key() != RecordKey::Authentication(world.sign_in.id));
    let error = refuses(to, &records, ErrorKind::NotFound, RecordKey::Session(world.session.id)).await;
    names(&error, world.sign_in.id);
}

/// Nor without the versions of the items that it uses.
pub async fn an_item_version_that_is_not_there_is_not_found(from: &dyn Archive, to: &dyn Archive) {
    let item = from.item_create(new_item(ItemType::Persona, "one", "x")).await.unwrap();
    let new = NewSession { persona: Some(used(&item)), ..new_session("talk") };
    let session = from.session_create(new).await.unwrap();
    let mut record = session_record(from, session.id).await;
    let key = RecordKey::Session(session.id);
    let error = refuses(to, &[of_session(record.clone())], ErrorKind::NotFound, key).await;
    names(&error, item.id);

    let there = from.record_get(RecordKey::Item(item.id)).await.unwrap();
    to.record_restore(&[there]).await.unwrap();
    record.session.persona.as_mut().unwrap().version = ItemVersionNumber::new(2);
    refuses(to, &[of_session(record)], ErrorKind::NotFound, key).await;
}

/// A name that another authentication or item has is not taken twice.
pub async fn a_taken_name_is_a_conflict(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    move_all(from, to).await;
    let mut auth = world.key;
    auth.id = Id::new();
    let key = RecordKey::Authentication(auth.id);
    let error = refuses(to, &[Record::Authentication(auth.clone())], ErrorKind::Conflict, key).await;
    names(&error, auth.name);

    let mut versions = from.item_versions(world.persona.id).await.unwrap();
    let mut item = world.persona;
    item.id = Id::new();
    versions.iter_mut().for_each(|version| version.item_id = item.id);
    let key = RecordKey::Item(item.id);
    let record = Record::Item(ItemRecord { item, versions });
    let error = refuses(to, &[record], ErrorKind::Conflict, key).await;
    names(&error, item_name("teacher"));
}

/// A session that has the id of another's thread or entry is not restored.
pub async fn a_taken_id_within_a_session_is_a_conflict(from: &dyn Archive, to: &dyn Archive) {
    let (first, _) = small_session(from).await;
    let taken = session_record(from, first.id).await;
    to.record_restore(&[of_session(taken.clone())]).await.unwrap();

    let mut threads = session_record(from, session(from).await.id).await;
    let key = RecordKey::Session(threads.session.id);
    threads.session.root_thread_id = first.root_thread_id;
    threads.threads[0].thread.id = first.root_thread_id;
    let error = refuses(to, &[of_session(threads)], ErrorKind::Conflict, key).await;
    names(&error, first.root_thread_id);

    let mut entries = taken;
    entries.session.id = Id::new();
    let key = RecordKey::Session(entries.session.id);
    // Other threads with the same entries.
    let root = entries.session.root_thread_id;
    entries.session.root_thread_id = Id::new();
    entries.threads.retain(|record| record.thread.id == root);
    let record = &mut entries.threads[0];
    record.thread.id = entries.session.root_thread_id;
    record.thread.session_id = entries.session.id;
    for entry in &mut record.entries {
        entry.entry.session_id = entries.session.id;
        entry.entry.thread_id = record.thread.id;
    }
    let first = record.entries[0].entry.id;
    let error = refuses(to, &[of_session(entries)], ErrorKind::Conflict, key).await;
    names(&error, first);
}

/// What contradicts itself is refused before anything is looked up, and the field is named.
pub async fn a_record_that_contradicts_itself_is_refused(from: &dyn Archive, to: &dyn Archive) {
    let world = World::make(from).await;
    let key = RecordKey::Session(world.session.id);
    let record = session_record(from, world.session.id).await;
    let at = record.threads.iter().position(|thread| thread.thread.parent_thread_id.is_none());
    let at = at.unwrap();
    let mut hole = record.clone();
    hole.threads[at].entries[0].entry.turn_index = TurnIndex::new(7);
    let error = refuses(to, &[of_session(hole)], ErrorKind::Invalid, key).await;
    let field = format!("threads[{at}].entries[0].turn_index");
    assert!(error.fields().iter().any(|wrong| wrong.field == field), "{error}");

    // Nor is what comes before it written.
    let mut lost = record;
    lost.session.root_thread_id = Id::new();
    let records = [Record::Authentication(world.key), of_session(lost)];
    let error = refuses(to, &records, ErrorKind::Invalid, key).await;
    assert_eq!(error.fields()[0].field, "root_thread_id");

    let (mut item, versions) = (world.persona.clone(), from.item_versions(world.persona.id).await.unwrap());
    item.revision = Revision::from_stored(0);
    let key = RecordKey::Item(item.id);
    refuses(to, &[Record::Item(ItemRecord { item, versions })], ErrorKind::Invalid, key).await;
    let versions = from.item_versions(world.persona.id).await.unwrap()[1..].to_vec();
    let record = ItemRecord { item: world.persona, versions };
    refuses(to, &[Record::Item(record)], ErrorKind::Invalid, key).await;
}
