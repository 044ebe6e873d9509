//! What the parts and the tests both write, so that each can tell what the other did: texts that follow from ids.

use std::time::Duration;

use maestro_core::{
    Id, Store,
    auth::{AuthName, AuthRef, AuthType, HolderId, NewAuthentication, SealedCredentials},
    chat::{Part, PartStart, Role, StreamEvent},
    conversations::{
        ChatEntry, EntryContent, JournalSeq, NewChatEntry, NewSession, NewStreamedEntry, Session,
        SessionName, Thread, ThreadHead, WriterLease,
    },
    page::PageLimit,
    provider::ProviderId,
    stream::journal::JournalWriter,
    supplied_context::{Item, ItemName, ItemText, ItemType, JsonMap, NewItem, Tags},
    time::{Clock as _, SystemClock, Timestamp},
};

/// Longer than any test takes, so that no lease ends by itself.
const LEASE: Duration = Duration::from_secs(3_600);

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

/// When every lease that was ever given is over.
pub(super) fn after_all_leases() -> Timestamp {
    now().saturating_add(LEASE * 2)
}

/// The text of an entry, which can be told from its id.
pub(super) fn text_of(entry: Id<ChatEntry>) -> String {
    format!("{entry} {}", "all work and no play ".repeat(entry.as_bytes()[15].into()))
}

/// The text of a chunk of a journal.
pub(super) fn chunk_of(entry: Id<ChatEntry>, seq: u32) -> String {
    format!("chunk {seq} of {entry}; ")
}

/// The text of an item in a version.
pub(super) fn item_text(item: Id<Item>, version: u32) -> ItemText {
    ItemText::new(format!("version {version} of {item}")).unwrap()
}

/// The credentials of a row at a revision.
pub(super) fn sealed(revision: u64) -> SealedCredentials {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&[7; 32]);
    bytes.extend_from_slice(&revision.to_be_bytes());
    SealedCredentials::from_bytes(&bytes).unwrap()
}

pub(super) fn new_entry() -> NewChatEntry {
    let mut new = NewChatEntry::new(Role::User, Vec::new(), now());
    new.content.parts = vec![Part::text(text_of(new.id))];
    new
}

pub(super) async fn new_session(store: &dyn Store) -> Session {
    store.session_create(NewSession::new(SessionName::new("a session").unwrap(), now())).await.unwrap()
}

/// The first thread of a new session.
pub(super) async fn new_thread(store: &dyn Store) -> Id<Thread> {
    new_session(store).await.root_thread_id
}

pub(super) fn new_auth(name: &str) -> NewAuthentication {
    let provider = ProviderId::new("anthropic").unwrap();
    NewAuthentication {
        id: Id::new(),
        reference: AuthRef::new(provider, AuthType::ApiKey, AuthName::new(name).unwrap()),
        credentials: sealed(1),
        expires_at: None,
        now: now(),
    }
}

pub(super) fn new_item(name: &str) -> NewItem {
    let id = Id::new();
    NewItem {
        id,
        item_type: ItemType::Persona,
        name: ItemName::new(name).unwrap(),
        text: item_text(id, 1),
        tags: Tags::default(),
        metadata: JsonMap::new(),
        now: now(),
    }
}

pub(super) async fn head_of(store: &dyn Store, thread: Id<Thread>) -> ThreadHead {
    store.thread_get(thread).await.unwrap().head()
}

/// Ends what nobody writes any more at the moment `now`.
pub(super) async fn recover(store: &dyn Store, now: Timestamp) -> Vec<ChatEntry> {
    store.entry_recover(None, now, PageLimit::new(1_000).unwrap()).await.unwrap()
}

/// Begins to stream behind the head of a thread.
pub(super) async fn begin(store: &dyn Store, thread: Id<Thread>, holder: HolderId) -> Id<ChatEntry> {
    let new = NewStreamedEntry {
        id: Id::new(),
        actor: Role::Assistant,
        content: EntryContent::default(),
        writer: lease(holder),
        now: now(),
    };
    store.entry_begin(head_of(store, thread).await, new).await.unwrap().id
}

/// Adds the chunk `seq` to the journal of an entry.
pub(super) async fn extend(store: &dyn Store, entry: Id<ChatEntry>, holder: HolderId, seq: u32) {
    let mut writer = JournalWriter::new();
    if seq == 1 {
        writer.push(&StreamEvent::PartStart { index: 0, part: PartStart::Text });
    }
    writer.push(&StreamEvent::TextDelta { index: 0, text: chunk_of(entry, seq).as_str().into() });
    let data = writer.take();
    store.entry_extend(entry, lease(holder), JournalSeq::from_stored(seq), &data).await.unwrap();
}

pub(super) fn lease(holder: HolderId) -> WriterLease {
    WriterLease { holder, until: now().saturating_add(LEASE) }
}
