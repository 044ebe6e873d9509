//! A small store in which every field of every record is set somewhere.

use maestro_core::{
    Id, Result, Store,
    archive::{Archive, Record, RecordKey, RecordKind, SessionRecord},
    auth::{AuthChange, HolderId, SavedAuthentication},
    chat::Role,
    conversations::{
        ChatEntry, ChunkRef, ChunkState, ItemUse, JournalSeq, NewChatEntry, NewEdit, NewFork, NewSession,
        Session, SessionChange, Thread, ThreadLabel, WriterLease,
    },
    page::PageLimit,
    supplied_context::{Item, ItemChange, ItemType, ItemVersionNumber, JsonMap, NewItem},
};
use serde_json::json;

use super::super::{
    given::{
        api_key, at, begin, conversation, fork, item_text, new_fork, new_item, new_session, persona, said,
        say, sign_in, tags, talk, used,
    },
    round_trips::content,
};

/// What is in it, by what it is for.
pub(super) struct World {
    pub(super) key: SavedAuthentication,
    /// A sign-in with a lease, at its third revision.
    pub(super) sign_in: SavedAuthentication,
    /// A persona with three texts.
    pub(super) persona: Item,
    /// A session with everything that there is.
    pub(super) session: Session,
    /// Of its root thread: four entries.
    pub(super) entries: Vec<ChatEntry>,
    /// Goes on from the second entry.
    pub(super) fork: Thread,
    /// At the end of the fork, with three chunks.
    pub(super) streaming: ChatEntry,
    pub(super) writer: WriterLease,
}

impl World {
    pub(super) async fn make(store: &dyn Store) -> Self {
        let key = api_key(store, "work").await;
        let sign_in = Self::sign_in(store).await;
        let persona = Self::persona(store).await;
        let new = new_item(ItemType::SystemPrompt, "naïve", "Be brief. 東京");
        let prompt = store
            .item_create(NewItem { tags: tags(&[("lang", "en"), ("empty", "")]), metadata: map(), ..new })
            .await
            .unwrap();
        let session = Self::session(store, &sign_in, &persona, &prompt).await;
        let root = session.root_thread_id;

        let mut entries = talk(store, root, 2).await;
        let head = store.thread_get(root).await.unwrap().head();
        let new = NewChatEntry { content: content(), ..NewChatEntry::new(Role::Assistant, vec![], at(1)) };
        entries.push(store.entry_append(head, new).await.unwrap());
        entries.push(say(store, root, "4").await);

        // Made at a time before its parent was.
        let new = NewFork {
            label: Some(ThreadLabel::new("another way").unwrap()),
            now: at(-50),
            ..new_fork(&entries[1])
        };
        let branch = store.thread_fork(new).await.unwrap();
        say(store, branch.id, "3 of the fork").await;
        fork(store, &entries[0]).await;
        for edited in [&entries[0], &entries[2]] {
            let new = NewEdit { thread_id: Id::new(), edited: edited.id, label: None, entry: said("edited") };
            store.thread_edit(new).await.unwrap();
        }
        let chunk = |entry: &ChatEntry, part| ChunkRef { entry_id: entry.id, part };
        for (thread, chunk, state) in [
            (root, chunk(&entries[2], 3), ChunkState::Excluded),
            (root, chunk(&entries[0], 0), ChunkState::Excluded),
            (branch.id, chunk(&entries[0], 0), ChunkState::Included),
        ] {
            store.chunk_mark(thread, chunk, state, at(70)).await.unwrap();
        }

        let writer = WriterLease { holder: HolderId::new(), until: at(100) };
        let streaming = begin(store, branch.id, writer).await;
        let mut writer = writer;
        for number in 1..=3 {
            writer.until = at(100 + i64::from(number));
            let data =
                ["{\"part\":[0,\"text\"]}\n", "", "{\"t\":[0,\"half\\u0000\"]}\n"][number as usize - 1];
            store.entry_extend(streaming.id, writer, JournalSeq::from_stored(number), data).await.unwrap();
        }
        Self {
            session: store.session_get(session.id).await.unwrap(),
            fork: store.thread_get(branch.id).await.unwrap(),
            streaming: store.entry_get(streaming.id).await.unwrap(),
            key,
            sign_in,
            persona,
            entries,
            writer,
        }
    }

    async fn sign_in(store: &dyn Store) -> SavedAuthentication {
        let row = sign_in(store, "private", Some(at(500))).await;
        let change = AuthChange { expires_at: Some(Some(at(600))), ..AuthChange::default() };
        let row = store.auth_update(row.id, row.revision, change, at(3)).await.unwrap();
        let row = store.auth_update(row.id, row.revision, AuthChange::default(), at(4)).await.unwrap();
        store.auth_lease(row.id, row.revision, HolderId::new(), at(90), at(5)).await.unwrap()
    }

    async fn persona(store: &dyn Store) -> Item {
        let mut item = persona(store, "teacher").await;
        for text in ["You are strict.", "You are kind."] {
            let change = ItemChange { text: Some(item_text(text)), ..ItemChange::default() };
            item = store.item_update(item.id, item.revision, change, at(6)).await.unwrap();
        }
        let change = ItemChange { metadata: Some(map()), ..ItemChange::default() };
        store.item_update(item.id, item.revision, change, at(7)).await.unwrap()
    }

    async fn session(
        store: &dyn Store,
        auth: &SavedAuthentication,
        persona: &Item,
        prompt: &Item,
    ) -> Session {
        let first = ItemUse { version: ItemVersionNumber::FIRST, ..used(persona) };
        let new = NewSession {
            auth_id: Some(auth.id),
            model_id: Some("m-1".parse().unwrap()),
            persona: Some(first),
            system_prompts: vec![used(prompt), used(persona), used(prompt)],
            memory: map(),
            working_dir: Some("/tmp/é \u{1}".to_owned()),
            ..new_session("talk")
        };
        let session = store.session_create(new).await.unwrap();
        let change = SessionChange { tools: Some(map()), mcps: Some(map()), ..SessionChange::default() };
        store.session_update(session.id, session.revision, change, at(8)).await.unwrap()
    }
}

/// A map with the numbers and characters that are easily lost.
fn map() -> JsonMap {
    let map = json!({
        "z": [u64::MAX, i64::MIN, 1.0, 0.1, 1e300, 5e-324, null, true],
        "a": { "\u{0}": "\u{0}\u{ffff}", "": {} },
        "m": 9_007_199_254_740_993_u64,
    });
    map.as_object().cloned().unwrap_or_default()
}

/// Every record of a store, in the order in which they are copied.
pub(super) async fn all_records(store: &dyn Archive) -> Vec<Record> {
    let mut records = Vec::new();
    for key in all_keys(store).await {
        records.push(store.record_get(key).await.unwrap());
    }
    records
}

/// Every key of a store.
pub(super) async fn all_keys(store: &dyn Archive) -> Vec<RecordKey> {
    let mut keys = Vec::new();
    for kind in RecordKind::ALL {
        keys.extend(keys_of(store, kind).await.unwrap());
    }
    keys
}

/// Up to a thousand keys of a kind.
pub(super) async fn keys_of(store: &dyn Archive, kind: RecordKind) -> Result<Vec<RecordKey>> {
    store.record_keys(kind, None, PageLimit::new(1_000).unwrap()).await
}

/// Moves everything.
pub(super) async fn move_all(from: &dyn Archive, to: &dyn Archive) {
    to.record_restore(&all_records(from).await).await.unwrap();
}

/// The record of a session.
pub(super) async fn session_record(store: &dyn Archive, id: Id<Session>) -> SessionRecord {
    let Record::Session(record) = store.record_get(RecordKey::Session(id)).await.unwrap() else {
        unreachable!("the key of a session gives a session")
    };
    *record
}

/// A session of its own, with a fork.
pub(super) async fn small_session(store: &dyn Store) -> (Session, Vec<ChatEntry>) {
    let (session, entries) = conversation(store, 2).await;
    fork(store, &entries[0]).await;
    (store.session_get(session.id).await.unwrap(), entries)
}
