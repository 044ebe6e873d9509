//! Records for the tests of this module, with every field set somewhere.

use serde_json::json;

use super::{EntryRecord, ItemRecord, MarkRecord, Record, SessionRecord, ThreadRecord};
use crate::{
    auth::{AuthName, AuthType, Credentials, Lease, SavedAuthentication, Vault, VaultKey},
    chat::{ApiId, ArgsEnd, Native, Part, PartKind, RawJson, Role, ToolCall, Usage},
    conversations::{
        ChatEntry, ChunkRef, ChunkState, EntryContent, EntryState, ItemUse, JournalChunk, JournalSeq,
        Session, SessionName, Thread, ThreadLabel, TurnIndex, WriterLease,
    },
    id::Id,
    provider::ProviderId,
    revision::Revision,
    secret::Secret,
    supplied_context::{Item, ItemName, ItemText, ItemType, ItemVersion, ItemVersionNumber, JsonMap, Tags},
    time::Timestamp,
};

pub(super) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// A map with the numbers and characters that are easily lost.
pub(super) fn map() -> JsonMap {
    let map = json!({
        "z": [u64::MAX, i64::MIN, 1.0, 0.1, -0.0, 1e300, 5e-324, null, true],
        "a": { "\u{0}": "\u{0}\u{ffff}\u{2028}", "b": {}, "": [] },
    });
    map.as_object().cloned().unwrap()
}

pub(super) fn authentication() -> SavedAuthentication {
    let id = Id::new();
    let credentials = Credentials::api_key(Secret::new("sk-canary").unwrap());
    SavedAuthentication {
        id,
        provider: ProviderId::new("anthropic").unwrap(),
        auth_type: AuthType::OAuth,
        name: AuthName::new("work").unwrap(),
        credentials: Vault::new(VaultKey::generate()).seal(id, &credentials).unwrap(),
        expires_at: Some(at(i64::MAX)),
        lease: Some(Lease { holder: Id::new(), until: at(i64::MIN) }),
        revision: Revision::from_stored(i64::MAX as u64),
        inserted_at: at(-1),
        updated_at: at(0),
    }
}

pub(super) fn item() -> ItemRecord {
    let id = Id::new();
    let version = |number, text: &str| ItemVersion {
        item_id: id,
        version: ItemVersionNumber::new(number),
        text: ItemText::new(text).unwrap(),
        inserted_at: at(i64::from(number)),
    };
    let versions = vec![version(1, "first \u{2028}"), version(2, "second\n")];
    let item = Item {
        id,
        item_type: ItemType::SystemPrompt,
        name: ItemName::new("naïve").unwrap(),
        text: versions[1].text.clone(),
        version: versions[1].version,
        tags: Tags::new([("b".to_owned(), "1".to_owned()), ("a".to_owned(), String::new())]).unwrap(),
        metadata: map(),
        revision: Revision::FIRST.next(),
        inserted_at: at(1),
        updated_at: at(2),
    };
    ItemRecord { item, versions }
}

/// A root of two entries; a fork from the second with an entry that streams, made earlier by its clock; an edit of the
/// first; a mark on each.
pub(super) fn session() -> SessionRecord {
    let (session_id, root_id, fork_id, edit_id) = (Id::new(), Id::new(), Id::new(), Id::new());
    let entry = |thread_id, turn: u32| ChatEntry {
        id: Id::new(),
        session_id,
        thread_id,
        turn_index: TurnIndex::new(turn),
        actor: Role::User,
        edit_version: 1,
        state: EntryState::Complete,
        writer: None,
        content: content(),
        inserted_at: at(10),
        updated_at: at(11),
    };
    let first = entry(root_id, 1);
    let second = ChatEntry { actor: Role::Assistant, state: EntryState::Failed, ..entry(root_id, 2) };
    let streaming = ChatEntry {
        state: EntryState::Streaming,
        writer: Some(WriterLease { holder: Id::new(), until: at(99) }),
        ..entry(fork_id, 3)
    };
    let edited = ChatEntry { edit_version: 2, ..entry(edit_id, 1) };
    let thread = |id, from: Option<&ChatEntry>, head: &ChatEntry, made| Thread {
        id,
        session_id,
        parent_thread_id: from.map(|from| from.thread_id),
        fork_from_entry_id: from.map(|from| from.id),
        fork_turn: from.map_or(TurnIndex::ZERO, |from| from.turn_index),
        label: from.map(|_| ThreadLabel::new("another way").unwrap()),
        head_entry_id: Some(head.id),
        head_turn: head.turn_index,
        inserted_at: at(made),
        updated_at: at(20),
    };
    let whole = |entry: ChatEntry| EntryRecord { entry, journal: Vec::new() };
    let journal = ["{\"t\":[0,\"a\u{0}\"]}\n", ""]
        .into_iter()
        .zip(1..)
        .map(|(data, number)| JournalChunk { seq: JournalSeq::from_stored(number), data: data.to_owned() });
    let mark = |thread_id, entry: &ChatEntry, marked_at| MarkRecord {
        thread_id,
        chunk: ChunkRef { entry_id: entry.id, part: 0 },
        state: ChunkState::Excluded,
        marked_at: at(marked_at),
    };
    let mut marks = vec![mark(root_id, &second, 5), mark(fork_id, &first, 6), mark(edit_id, &edited, 7)];
    marks.sort_by_key(|mark| (mark.thread_id, mark.chunk));
    let used = ItemUse { item_id: Id::new(), version: ItemVersionNumber::new(3) };
    let session = Session {
        id: session_id,
        name: SessionName::new("talk").unwrap(),
        auth_id: Some(Id::new()),
        model_id: Some("m-1".parse().unwrap()),
        persona: Some(used),
        system_prompts: vec![used, used],
        memory: map(),
        tools: JsonMap::new(),
        mcps: map(),
        working_dir: Some("/tmp/\u{1}é".to_owned()),
        root_thread_id: root_id,
        latest_chat_entry_id: Some(streaming.id),
        last_used_at: at(30),
        revision: Revision::FIRST,
        inserted_at: at(1),
        updated_at: at(2),
    };
    let threads = vec![
        ThreadRecord {
            thread: thread(fork_id, Some(&second), &streaming, -5),
            entries: vec![EntryRecord { entry: streaming, journal: journal.collect() }],
        },
        ThreadRecord {
            thread: thread(root_id, None, &second, 0),
            entries: vec![whole(first), whole(second)],
        },
        ThreadRecord { thread: thread(edit_id, None, &edited, 4), entries: vec![whole(edited)] },
    ];
    SessionRecord { session, threads, marks }
}

/// What JSON easily loses: huge integers, spacing, NUL, deep native JSON.
fn content() -> EntryContent {
    let json = format!("{{ \"n\":{}, \"deep\" : {}1{} }}", "9".repeat(400), "[".repeat(300), "]".repeat(300));
    let native = Native { api: ApiId::from_static("a"), json: RawJson::parse(json).unwrap() };
    let call = ToolCall::new("c", "f", "{\"half\":\"\\ud800\",\"n\":-0}", ArgsEnd::Complete);
    let parts = vec![
        Part::text("a\u{0}\u{1}\"\\\u{2028}\u{10ffff}\n"),
        Part { native: Some(native), ..Part::new(PartKind::ToolCall(call)) },
    ];
    EntryContent {
        usage: Some(Usage { input_total: u64::MAX, ..Usage::default() }),
        ..EntryContent::of_parts(parts)
    }
}

pub(super) fn all() -> [Record; 3] {
    [Record::Authentication(authentication()), Record::Item(item()), Record::Session(Box::new(session()))]
}
