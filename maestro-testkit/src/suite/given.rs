//! What promises begin with: small values of every entity, and how a refusal is looked at.

use std::fmt::{Debug, Display};

use maestro_core::{
    Error, ErrorKind, Id, Result, Store,
    auth::{
        AuthName, AuthRef, AuthType, HolderId, NewAuthentication, SavedAuthentication, SealedCredentials,
    },
    chat::{Part, Role},
    conversations::{
        ChatEntry, ItemUse, NewChatEntry, NewEdit, NewFork, NewSession, NewStreamedEntry, Session,
        SessionName, Thread, WriterLease,
    },
    page::{PageLimit, PageRequest},
    provider::ProviderId,
    supplied_context::{Item, ItemName, ItemText, ItemType, JsonMap, NewItem, Tags},
    time::Timestamp,
};

/// The moment `seconds` after the beginning of the suite's time, and some microseconds.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_123_456 + seconds * 1_000_000)
}

pub(super) fn limit(items: u16) -> PageLimit {
    PageLimit::new(items).unwrap()
}

pub(super) fn first(items: u16) -> PageRequest {
    PageRequest::first(limit(items))
}

/// Looks at a refusal: it must be of this kind. Returns it, for its text.
#[track_caller]
pub(super) fn refused<T: Debug>(result: Result<T>, kind: ErrorKind) -> Error {
    let error = result.map(|value| format!("{kind} was promised, and it was done: {value:?}")).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    error
}

/// Looks at the text of a refusal: it must name this thing.
#[track_caller]
pub(super) fn names(error: &Error, thing: impl Display) {
    let (text, thing) = (error.to_string(), thing.to_string());
    assert!(text.contains(&thing), "{text:?} does not name {thing:?}");
}

// ---- Authentications

/// Credentials as a vault would have sealed them; stores see nothing but the bytes.
pub(super) fn sealed(ciphertext: &[u8]) -> SealedCredentials {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&[7; 8]);
    bytes.extend_from_slice(&[9; 24]);
    bytes.extend_from_slice(ciphertext);
    SealedCredentials::from_bytes(&bytes).unwrap()
}

pub(super) fn auth_name(name: &str) -> AuthName {
    AuthName::new(name).unwrap()
}

pub(super) fn reference(provider: &str, auth_type: AuthType, name: &str) -> AuthRef {
    AuthRef::new(ProviderId::new(provider).unwrap(), auth_type, auth_name(name))
}

pub(super) fn new_auth(reference: AuthRef) -> NewAuthentication {
    NewAuthentication {
        id: Id::new(),
        reference,
        credentials: sealed(b"\x00\xff secret"),
        expires_at: None,
        now: at(0),
    }
}

/// A saved API key of anthropic.
pub(super) async fn api_key(store: &dyn Store, name: &str) -> SavedAuthentication {
    store.auth_create(new_auth(reference("anthropic", AuthType::ApiKey, name))).await.unwrap()
}

/// A saved sign-in of openai that expires at `expires_at`.
pub(super) async fn sign_in(
    store: &dyn Store,
    name: &str,
    expires_at: Option<Timestamp>,
) -> SavedAuthentication {
    let new = new_auth(reference("openai", AuthType::OAuth, name));
    store.auth_create(NewAuthentication { expires_at, ..new }).await.unwrap()
}

// ---- The library

pub(super) fn item_name(name: &str) -> ItemName {
    ItemName::new(name).unwrap()
}

pub(super) fn item_text(text: &str) -> ItemText {
    ItemText::new(text).unwrap()
}

pub(super) fn tags(tags: &[(&str, &str)]) -> Tags {
    Tags::new(tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap()
}

pub(super) fn new_item(item_type: ItemType, name: &str, text: &str) -> NewItem {
    NewItem {
        id: Id::new(),
        item_type,
        name: item_name(name),
        text: item_text(text),
        tags: Tags::default(),
        metadata: JsonMap::new(),
        now: at(0),
    }
}

pub(super) async fn persona(store: &dyn Store, name: &str) -> Item {
    store.item_create(new_item(ItemType::Persona, name, "You are patient.")).await.unwrap()
}

pub(super) async fn prompt(store: &dyn Store, name: &str, text: &str) -> Item {
    store.item_create(new_item(ItemType::SystemPrompt, name, text)).await.unwrap()
}

/// The use of an item in its present version.
pub(super) fn used(item: &Item) -> ItemUse {
    ItemUse { item_id: item.id, version: item.version }
}

// ---- Conversations

pub(super) fn session_name(name: &str) -> SessionName {
    SessionName::new(name).unwrap()
}

pub(super) fn new_session(name: &str) -> NewSession {
    NewSession::new(session_name(name), at(0))
}

pub(super) async fn session(store: &dyn Store) -> Session {
    store.session_create(new_session("talk")).await.unwrap()
}

/// A text of the user, said at the moment 1.
pub(super) fn said(text: &str) -> NewChatEntry {
    NewChatEntry::new(Role::User, vec![Part::text(text)], at(1))
}

/// Appends a text behind the present head of a thread.
pub(super) async fn say(store: &dyn Store, thread: Id<Thread>, text: &str) -> ChatEntry {
    let head = store.thread_get(thread).await.unwrap().head();
    store.entry_append(head, said(text)).await.unwrap()
}

/// Appends `count` texts, numbered from 1.
pub(super) async fn talk(store: &dyn Store, thread: Id<Thread>, count: u32) -> Vec<ChatEntry> {
    let mut head = store.thread_get(thread).await.unwrap().head();
    let mut entries = Vec::new();
    for number in 1..=count {
        let entry = store.entry_append(head, said(&number.to_string())).await.unwrap();
        head.entry_id = Some(entry.id);
        entries.push(entry);
    }
    entries
}

/// A session and the entries of its only thread.
pub(super) async fn conversation(store: &dyn Store, count: u32) -> (Session, Vec<ChatEntry>) {
    let session = session(store).await;
    let entries = talk(store, session.root_thread_id, count).await;
    (session, entries)
}

pub(super) async fn fork(store: &dyn Store, from: &ChatEntry) -> Thread {
    store.thread_fork(new_fork(from)).await.unwrap()
}

pub(super) fn new_fork(from: &ChatEntry) -> NewFork {
    NewFork { id: Id::new(), from: from.id, label: None, now: at(2) }
}

pub(super) async fn edit(store: &dyn Store, edited: &ChatEntry, text: &str) -> (Thread, ChatEntry) {
    store.thread_edit(new_edit(edited, text)).await.unwrap()
}

pub(super) fn new_edit(edited: &ChatEntry, text: &str) -> NewEdit {
    NewEdit { thread_id: Id::new(), edited: edited.id, label: None, entry: said(text) }
}

/// A writer whose lease is over at the moment 100.
pub(super) fn writer() -> WriterLease {
    WriterLease { holder: HolderId::new(), until: at(100) }
}

pub(super) fn streamed(writer: WriterLease) -> NewStreamedEntry {
    NewStreamedEntry {
        id: Id::new(),
        actor: Role::Assistant,
        content: Default::default(),
        writer,
        now: at(1),
    }
}

/// Begins an entry behind the present head of a thread.
pub(super) async fn begin(store: &dyn Store, thread: Id<Thread>, writer: WriterLease) -> ChatEntry {
    let head = store.thread_get(thread).await.unwrap().head();
    store.entry_begin(head, streamed(writer)).await.unwrap()
}

/// The texts of entries, in order.
pub(super) fn texts(entries: &[ChatEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.to_message().text()).collect()
}
