//! What is moved.

use maestro::{
    MemoryStore, SqliteStore,
    archive::{Archive, CopyOptions, RecordKind, copy, verify},
    core::{
        archive::{Record, RecordKey, SessionRecord},
        auth::NewAuthentication,
        conversations::{ItemUse, NewChatEntry},
        page::PageLimit,
        supplied_context::JsonMap,
        time::Timestamp,
    },
    prelude::*,
};
use tempfile::TempDir;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_123_456 + seconds * 1_000_000)
}

/// A SQLite store in a directory that is gone with it.
pub(crate) async fn sqlite() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("m.sqlite")).await.unwrap();
    (store, directory)
}

pub(crate) async fn authentication(store: &dyn Archive, name: &str) -> SavedAuthentication {
    let id = Id::new();
    let credentials = Credentials::api_key(Secret::new("sandbox-canary").unwrap());
    let reference = AuthRef::new("anthropic".parse().unwrap(), AuthType::ApiKey, name.parse().unwrap());
    let credentials = Vault::new(VaultKey::generate()).seal(id, &credentials).unwrap();
    let new = NewAuthentication { id, reference, credentials, expires_at: None, now: at(0) };
    store.auth_create(new).await.unwrap()
}

pub(crate) async fn persona(store: &dyn Archive, name: &str, text: &str) -> Item {
    let new = NewItem {
        id: Id::new(),
        item_type: ItemType::Persona,
        name: name.parse().unwrap(),
        text: ItemText::new(text).unwrap(),
        tags: Default::default(),
        metadata: JsonMap::new(),
        now: at(0),
    };
    store.item_create(new).await.unwrap()
}

/// A conversation of so many entries, held with an authentication as a persona.
pub(crate) async fn session(
    store: &dyn Archive,
    auth: Option<&SavedAuthentication>,
    persona: Option<&Item>,
    entries: u32,
) -> Session {
    let new = NewSession {
        auth_id: auth.map(|auth| auth.id),
        persona: persona.map(|item| ItemUse { item_id: item.id, version: item.version }),
        ..NewSession::new("talk".parse().unwrap(), at(1))
    };
    let session = store.session_create(new).await.unwrap();
    let mut head = store.thread_get(session.root_thread_id).await.unwrap().head();
    for number in 0..entries {
        let entry = NewChatEntry::new(Role::User, vec![Part::text(format!("{number}\u{0}"))], at(2));
        head.entry_id = Some(store.entry_append(head, entry).await.unwrap().id);
    }
    store.session_get(session.id).await.unwrap()
}

/// Twenty sessions of which each is held as one of three personas.
pub(crate) async fn filled(store: &dyn Archive) {
    let auth = authentication(store, "work").await;
    for number in 0..3 {
        let item = persona(store, &format!("persona {number}"), "You are patient.").await;
        for _ in 0..7 {
            session(store, Some(&auth), Some(&item), 3).await;
        }
    }
}

pub(crate) async fn keys(store: &dyn Archive, kind: RecordKind) -> Vec<RecordKey> {
    store.record_keys(kind, None, PageLimit::new(1_000).unwrap()).await.unwrap()
}

pub(crate) async fn record(store: &dyn Archive, id: Id<Session>) -> SessionRecord {
    match store.record_get(RecordKey::Session(id)).await.unwrap() {
        Record::Session(record) => *record,
        other => panic!("{other:?}"),
    }
}

/// A copy of a store in memory.
pub(crate) async fn copied(from: &dyn Archive) -> MemoryStore {
    let to = MemoryStore::new();
    copy(from, &to, &CopyOptions::default(), &mut |_| ()).await.unwrap();
    to
}

pub(crate) async fn are_equal(first: &dyn Archive, second: &dyn Archive) -> bool {
    verify(first, second, &mut |_| ()).await.unwrap().is_equal()
}
