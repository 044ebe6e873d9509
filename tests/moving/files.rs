//! Sessions as files.

use std::io::BufReader;

use maestro::{
    MemoryStore,
    archive::{Archive as _, ImportIds, ImportNotice, RecordKind, SessionFile},
    core::{
        archive::{Record, RecordKey, SessionRecord},
        auth::HolderId,
        conversations::{
            ChunkRef, ChunkState, JournalSeq, NewChatEntry, NewEdit, NewStreamedEntry, WriterLease,
        },
        supplied_context::ItemChange,
    },
    prelude::*,
};

use crate::world::{at, authentication, copied, keys, persona, record, session};

/// A session with a fork, an edit, marks and an answer that is streaming.
async fn whole(store: &MemoryStore) -> Session {
    let auth = authentication(store, "work").await;
    let item = persona(store, "teacher", "You are patient.").await;
    let change =
        ItemChange { text: Some(ItemText::new("You are strict.").unwrap()), ..ItemChange::default() };
    let item = store.item_update(item.id, item.revision, change, at(3)).await.unwrap();
    let talk = session(store, Some(&auth), Some(&item), 3).await;
    let entries = store.lineage(talk.root_thread_id, LineageRange::All).await.unwrap().entries;
    // Made earlier by its clock than what it goes on from.
    let fork = NewFork { id: Id::new(), from: entries[1].id, label: None, now: at(-9) };
    let fork = store.thread_fork(fork).await.unwrap();
    let entry = NewChatEntry::new(Role::User, vec![Part::text("uno")], at(4));
    let edit = NewEdit { thread_id: Id::new(), edited: entries[0].id, label: None, entry };
    store.thread_edit(edit).await.unwrap();
    let chunk = ChunkRef { entry_id: entries[0].id, part: 0 };
    for thread in [talk.root_thread_id, fork.id] {
        store.chunk_mark(thread, chunk, ChunkState::Excluded, at(5)).await.unwrap();
    }
    let writer = WriterLease { holder: HolderId::new(), until: at(100) };
    let new = NewStreamedEntry {
        id: Id::new(),
        actor: Role::Assistant,
        content: Default::default(),
        writer,
        now: at(6),
    };
    let streaming = store.entry_begin(fork.head(), new).await.unwrap();
    store.entry_extend(streaming.id, writer, JournalSeq::FIRST, "{\"t\":[0,\"half\"]}\n").await.unwrap();
    store.session_get(talk.id).await.unwrap()
}

async fn exported(store: &MemoryStore, session: &Session) -> String {
    let mut file = Vec::new();
    SessionFile::export(store, session.id).await.unwrap().write(&mut file).unwrap();
    String::from_utf8(file).unwrap()
}

fn read(text: &str) -> Result<SessionFile> {
    SessionFile::read(BufReader::new(text.as_bytes()))
}

/// The refusal of a text that is no good file.
#[track_caller]
fn refused(text: &str) -> Error {
    let error = read(text).expect_err("it is refused");
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported), "{error}");
    error
}

#[tokio::test]
async fn a_file_gives_the_session_back_to_the_last_bit() {
    let store = MemoryStore::new();
    let talk = whole(&store).await;
    let text = exported(&store, &talk).await;
    assert_eq!(text, exported(&store, &talk).await, "always the same bytes");
    let file = read(&text).unwrap();
    assert_eq!(file, SessionFile::export(&store, talk.id).await.unwrap());

    let other = MemoryStore::new();
    let auth = store.record_get(keys(&store, RecordKind::Authentication).await[0]).await.unwrap();
    other.record_restore(&[auth]).await.unwrap();
    let imported = file.import(&other, ImportIds::Keep).await.unwrap();
    assert_eq!((imported.session, imported.is_new, &*imported.notices), (talk.id, true, &[][..]));
    assert!(crate::world::are_equal(&store, &other).await);
}

#[tokio::test]
async fn a_file_holds_no_credentials() {
    let store = MemoryStore::new();
    let talk = whole(&store).await;
    let text = exported(&store, &talk).await;
    let line = text.lines().nth(1).unwrap();
    let id = talk.auth_id.unwrap();
    assert_eq!(
        line,
        format!(
            "{{\"type\":\"authentication_reference\",\"id\":\"{id}\",\"provider\":\"anthropic\",\"auth_type\":\"api_key\",\"name\":\"work\"}}"
        )
    );
    assert!(!text.contains("credentials") && !text.contains("canary"));
}

#[tokio::test]
async fn a_file_that_was_cut_off_anywhere_is_refused() {
    let store = MemoryStore::new();
    let text = exported(&store, &whole(&store).await).await;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        refused(&kept);
        refused(&(kept.clone() + line.trim_end()));
        kept.push_str(line);
    }
    read(&kept).unwrap();
    for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)).step_by(7) {
        refused(&text[..cut]);
    }
    refused(&(text.clone() + "\n"));
    refused(&(text.clone() + &text));
}

#[tokio::test]
async fn a_file_that_was_changed_is_refused() {
    let store = MemoryStore::new();
    let text = exported(&store, &whole(&store).await).await;
    let error = refused(&text.replacen("You are strict", "You are lenient", 1));
    assert!(error.to_string().contains("hash"), "{error}");
    let lines: Vec<_> = text.lines().collect();
    for left_out in 0..lines.len() {
        let rest: Vec<_> =
            lines.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, line)| *line).collect();
        refused(&(rest.join("\n") + "\n"));
    }
    let newer = refused(&text.replacen("\"version\":1", "\"version\":2", 1));
    assert_eq!(newer.kind(), ErrorKind::Unsupported);
    for other in ["{}\n", "not json\n", "[1]\n", "{\"type\":\"session\"}\n", "\u{feff}\n"] {
        refused(other);
    }
    let error = SessionFile::read(BufReader::new(&b"\xff\xfe\n"[..])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn what_is_there_is_passed_over_and_what_differs_is_refused() {
    let store = MemoryStore::new();
    let talk = whole(&store).await;
    let file = read(&exported(&store, &talk).await).unwrap();
    let again = file.clone().import(&store, ImportIds::Keep).await.unwrap();
    assert!(!again.is_new);

    let now = store.lineage(talk.root_thread_id, LineageRange::All).await.unwrap();
    store.entry_delete(now.thread.head()).await.unwrap();
    let before = record(&store, talk.id).await;
    let error = file.import(&store, ImportIds::Keep).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.advice().is_some_and(|advice| advice.contains("copy")), "{error:?}");
    assert_eq!(record(&store, talk.id).await, before);
}

#[tokio::test]
async fn a_session_imported_with_new_ids_stands_beside_the_other_and_is_alike() {
    let store = MemoryStore::new();
    let talk = whole(&store).await;
    let file = read(&exported(&store, &talk).await).unwrap();
    let imported = file.clone().import(&store, ImportIds::New).await.unwrap();
    assert!(imported.is_new && imported.session != talk.id && imported.notices.is_empty());
    assert_eq!(store.check().await.unwrap(), []);
    assert_eq!(keys(&store, RecordKind::Item).await.len(), 1, "the item is there already");

    let (old, new) = (record(&store, talk.id).await, record(&store, imported.session).await);
    assert_eq!((new.session.auth_id, new.session.persona), (old.session.auth_id, old.session.persona));
    // The ids of the file, and none of them in the new session.
    let text = |record: SessionRecord| {
        let mut lines = Vec::new();
        Record::Session(Box::new(record)).write_lines(&mut lines).unwrap();
        String::from_utf8(lines).unwrap()
    };
    let new_text = text(new.clone());
    for thread in &old.threads {
        assert!(!new_text.contains(&thread.thread.id.to_string()));
        for entry in &thread.entries {
            assert!(!new_text.contains(&entry.entry.id.to_string()));
        }
    }
    for (one, other) in old.threads.iter().zip(&new.threads) {
        let one = store.lineage(one.thread.id, LineageRange::All).await.unwrap();
        let other = store.lineage(other.thread.id, LineageRange::All).await.unwrap();
        assert_eq!(one.combined_chat(), other.combined_chat());
        assert_eq!(one.context(), other.context());
    }
    // It goes on by itself.
    let second = file.import(&store, ImportIds::New).await.unwrap();
    assert_ne!(second.session, imported.session);
    store.session_delete(talk.id).await.unwrap();
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn an_authentication_is_linked_by_id_then_by_name_else_left_out() {
    let from = MemoryStore::new();
    let talk = whole(&from).await;
    let file = || async { SessionFile::export(&from, talk.id).await.unwrap() };
    let reference = file().await.authentication.unwrap().reference;

    let nobody = MemoryStore::new();
    let imported = file().await.import(&nobody, ImportIds::Keep).await.unwrap();
    assert_eq!(imported.notices, [ImportNotice::AuthenticationMissing(reference.clone())]);
    assert_eq!(nobody.session_get(talk.id).await.unwrap().auth_id, None);

    let namesake = MemoryStore::new();
    let there = authentication(&namesake, "work").await;
    let imported = file().await.import(&namesake, ImportIds::Keep).await.unwrap();
    assert_eq!(imported.notices, [ImportNotice::AuthenticationByName(reference)]);
    assert_eq!(namesake.session_get(talk.id).await.unwrap().auth_id, Some(there.id));
    let again = file().await.import(&namesake, ImportIds::Keep).await.unwrap();
    assert!(!again.is_new, "what the import left is what it finds");
}

#[tokio::test]
async fn an_item_with_a_later_version_is_used_as_it_is() {
    let store = MemoryStore::new();
    let talk = whole(&store).await;
    let file = SessionFile::export(&store, talk.id).await.unwrap();
    let other = copied(&store).await;
    other.session_delete(talk.id).await.unwrap();
    let item = other.item_get(file.items[0].item.id).await.unwrap();
    let change = ItemChange { text: Some(ItemText::new("third").unwrap()), ..ItemChange::default() };
    let item = other.item_update(item.id, item.revision, change, at(50)).await.unwrap();
    file.import(&other, ImportIds::Keep).await.unwrap();
    assert_eq!(other.item_get(item.id).await.unwrap(), item);
    assert_eq!(record(&other, talk.id).await, record(&store, talk.id).await);
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_or_for_a_copy_linked_or_changed() {
    let from = MemoryStore::new();
    let talk = whole(&from).await;
    let file = || async { SessionFile::export(&from, talk.id).await.unwrap() };
    let name: ItemName = "teacher".parse().unwrap();

    let other = MemoryStore::new();
    let there = persona(&other, "teacher", "You are another.").await;
    let error = file().await.import(&other, ImportIds::Keep).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(keys(&other, RecordKind::Session).await, []);
    let imported = file().await.import(&other, ImportIds::New).await.unwrap();
    let renamed: ItemName = "teacher (2)".parse().unwrap();
    let notice = ImportNotice::ItemRenamed(ItemType::Persona, name.clone(), renamed.clone());
    assert!(imported.notices.contains(&notice), "{:?}", imported.notices);
    let written = other.item_find(ItemType::Persona, &renamed).await.unwrap();
    let used = other.session_get(imported.session).await.unwrap().persona.unwrap();
    assert_eq!((used.item_id, used.version.get()), (written.id, 2));
    assert_eq!(other.item_get(there.id).await.unwrap(), there);

    let namesake = MemoryStore::new();
    let there = persona(&namesake, "teacher", "You are strict.").await;
    let imported = file().await.import(&namesake, ImportIds::New).await.unwrap();
    assert!(imported.notices.contains(&ImportNotice::ItemByName(ItemType::Persona, name)));
    let used = namesake.session_get(imported.session).await.unwrap().persona.unwrap();
    assert_eq!((used.item_id, used.version.get()), (there.id, 1));
    assert_eq!(keys(&namesake, RecordKind::Item).await, [RecordKey::Item(there.id)]);
}

#[tokio::test]
async fn an_item_whose_text_differs_under_its_id_is_refused_or_for_a_copy_written_anew() {
    let from = MemoryStore::new();
    let talk = whole(&from).await;
    let mut file = SessionFile::export(&from, talk.id).await.unwrap();
    let to = copied(&from).await;
    for version in &mut file.items[0].versions {
        version.text = ItemText::new(format!("other {}", version.version)).unwrap();
    }
    file.items[0].item.text = file.items[0].versions[1].text.clone();
    let error = file.clone().import(&to, ImportIds::Keep).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let imported = file.import(&to, ImportIds::New).await.unwrap();
    let used = to.session_get(imported.session).await.unwrap().persona.unwrap();
    assert_eq!(to.item_text_at(used.item_id, used.version).await.unwrap().text.as_str(), "other 2");
    assert_eq!(to.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_session_that_is_not_there_is_not_exported() {
    let error = SessionFile::export(&MemoryStore::new(), Id::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
