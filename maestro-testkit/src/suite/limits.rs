//! The longest, largest and deepest values that the contract allows, and those just beyond.

use maestro_core::{
    ErrorKind, Store,
    auth::AuthType,
    chat::{ArgsEnd, ArgsState, Native, Part, PartKind, RawJson, Role, ToolCall},
    conversations::{
        ConversationsExt as _, EntryContent, EntryEnd, EntryState, JournalSeq, LineageRange, NewChatEntry,
        NewFork, NewSession, SessionChange, SessionQuery, ThreadHead,
    },
    supplied_context::{ItemChange, ItemText, ItemType, JSON_MAP_DEPTH, JsonMap, NewItem, Tags},
};
use serde_json::Value;

use super::given::{
    at, begin, conversation, first, item_name, item_text, new_auth, new_fork, new_item, new_session, persona,
    reference, refused, session, session_name, writer,
};

/// A map with one value that lies `depth` levels deep, the map itself being the first.
fn deep(depth: usize) -> JsonMap {
    let wrap = |inner: Value, level: usize| match level % 2 {
        0 => Value::Array(vec![inner]),
        _ => Value::Object(JsonMap::from_iter([("in".to_owned(), inner)])),
    };
    let value = (1..depth).fold(Value::Null, wrap);
    JsonMap::from_iter([("deep".to_owned(), value)])
}

async fn keeps_parts(store: &dyn Store, parts: Vec<Part>) {
    let thread_id = session(store).await.root_thread_id;
    let new = NewChatEntry::new(Role::Assistant, parts, at(1));
    let entry = store.entry_append(ThreadHead { thread_id, entry_id: None }, new.clone()).await.unwrap();
    assert!(entry.content == new.content, "what append returns");
    assert!(store.entry_get(entry.id).await.unwrap() == entry, "what get returns");
    let lineage = store.lineage(thread_id, LineageRange::All).await.unwrap();
    assert!(lineage.entries == [entry], "what the lineage returns");
}

/// Names of the greatest length, in characters of four bytes where they are allowed, are kept whole.
pub async fn the_longest_names_are_kept(store: &dyn Store) {
    let name = "𝔐".repeat(200);
    let session = store.session_create(new_session(&name)).await.unwrap();
    let query = SessionQuery { name: Some(session_name(&name)), auth_id: None };
    assert_eq!(store.session_list(&query, first(9)).await.unwrap().items, [session]);

    let (_, entries) = conversation(store, 1).await;
    let label = Some("𝔏".repeat(100).parse().unwrap());
    let thread = store.thread_fork(NewFork { label, ..new_fork(&entries[0]) }).await.unwrap();
    assert_eq!(store.thread_get(thread.id).await.unwrap(), thread);

    let name = reference("openai", AuthType::ApiKey, &"n".repeat(50));
    let row = store.auth_create(new_auth(name.clone())).await.unwrap();
    assert_eq!(store.auth_find(&name).await.unwrap(), row);

    let item = persona(store, &"𝔓".repeat(100)).await;
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
    // One that differs in its last character is another name.
    persona(store, &format!("{}Q", "𝔓".repeat(99))).await;
}

/// Names are text, not code: quotes, wild cards and white space within are kept as they are.
pub async fn names_may_hold_any_character_of_a_line(store: &dyn Store) {
    for name in ["'; drop table sessions; --", "%_\\", "a\u{a0}b  c", "\u{202e}rtl", "ﬀ e\u{301} é", "🧑‍🚀"]
    {
        let session = store.session_create(new_session(name)).await.unwrap();
        let query = SessionQuery { name: Some(session_name(name)), auth_id: None };
        assert_eq!(store.session_list(&query, first(9)).await.unwrap().items, [session], "{name:?}");
        let item = persona(store, name).await;
        assert_eq!(item.name, item_name(name));
        assert_eq!(store.item_get(item.id).await.unwrap(), item);
    }
}

/// The greatest text of an item is kept, and stays readable as an old version.
pub async fn the_largest_item_text_is_kept(store: &dyn Store) {
    let text = "東京é\n\"\\ word".repeat(ItemText::MAX_BYTES / 16);
    assert_eq!(text.len(), ItemText::MAX_BYTES);
    let new = NewItem { text: item_text(&text), ..new_item(ItemType::SystemPrompt, "large", "x") };
    let item = store.item_create(new).await.unwrap();
    assert!(store.item_get(item.id).await.unwrap() == item);
    let change = ItemChange { text: Some(item_text("small")), ..ItemChange::default() };
    store.item_update(item.id, item.revision, change, at(1)).await.unwrap();
    assert!(store.item_versions(item.id).await.unwrap()[0].text == item.text);
}

/// As many tags as there may be, as long as they may be.
pub async fn the_most_and_longest_tags_are_kept(store: &dyn Store) {
    let tags = (0..50).map(|number| (format!("{number:0>2}{}", "𝔱".repeat(48)), "𝔳".repeat(200)));
    let tags = Tags::new(tags).unwrap();
    let new = NewItem { tags, ..new_item(ItemType::Persona, "tagged", "x") };
    let item = store.item_create(new).await.unwrap();
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
}

/// A text of 16 MiB is kept, with what JSON escapes in it.
pub async fn a_text_of_sixteen_mebibytes_is_kept(store: &dyn Store) {
    let text = "0123456789abc\"\n\u{e9}".repeat((16 << 20) / 17 + 1);
    assert!(text.len() >= 16 << 20);
    keeps_parts(store, vec![Part::text(text)]).await;
}

/// A chunk of 4 MiB and many small ones are kept.
pub async fn large_and_many_chunks_are_kept(store: &dyn Store) {
    let (thread, lease) = (session(store).await.root_thread_id, writer());
    let entry = begin(store, thread, lease).await;
    let large = "é\"".repeat((4 << 20) / 3);
    store.entry_extend(entry.id, lease, JournalSeq::FIRST, &large).await.unwrap();
    for number in 2..=200 {
        let seq = JournalSeq::from_stored(number);
        store.entry_extend(entry.id, lease, seq, &number.to_string()).await.unwrap();
    }
    let journal = store.entry_journal(entry.id).await.unwrap();
    assert!(journal.len() == 200 && journal[0].data == large);
    assert!(journal.iter().zip(1..).all(|(chunk, number)| chunk.seq.get() == number));
    assert_eq!(journal[199].data, "200");
}

/// NUL, the other control characters, and the last of Unicode are kept in texts of parts.
pub async fn every_character_is_kept_in_texts_of_parts(store: &dyn Store) {
    let low: String = ('\0'..='\u{ff}').collect();
    let rare = "\u{2028}\u{2029}\u{d7ff}\u{e000}\u{feff}\u{fffd}\u{ffff}\u{10000}\u{10ffff}";
    let texts = [low.as_str(), rare, "\0", "a\0b\0", "\\u0000", "\\ud800", ""];
    keeps_parts(store, texts.map(Part::text).to_vec()).await;
}

/// What a session keeps in its maps may hold NUL and all else; its directory all but NUL.
pub async fn every_character_is_kept_in_maps(store: &dyn Store) {
    let all: String = ('\0'..='\u{ff}').chain(['\u{ffff}', '\u{10ffff}']).collect();
    let map = JsonMap::from_iter([(all.clone(), Value::String(all.clone())), (String::new(), Value::Null)]);
    let new = NewSession {
        memory: map.clone(),
        tools: map.clone(),
        mcps: map.clone(),
        working_dir: Some(all.replace('\0', "")),
        ..new_session("maps")
    };
    let session = store.session_create(new).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap(), session);
    let new = NewItem { metadata: map, ..new_item(ItemType::Persona, "maps", "x") };
    let item = store.item_create(new).await.unwrap();
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
}

/// Arguments of calls are kept to the letter: escapes that are no character, spacing, order, keys that come twice,
/// and arguments that are cut or no JSON at all.
pub async fn arguments_are_kept_to_the_letter(store: &dyn Store) {
    let raw = [
        r#"{"half":"\ud800","other":"\udc00\ud800"}"#,
        "{ \"b\" : 1 ,\n\"a\":2, \"b\":3}",
        r#"{"nul":"\u0000","slash":"\/"}"#,
        "[]",
    ];
    let mut parts = Vec::new();
    for raw in raw {
        let call = ToolCall::new("c", "f", raw, ArgsEnd::Complete);
        assert_eq!((call.args_raw.as_str(), call.state), (raw, ArgsState::Complete));
        parts.push(Part::new(PartKind::ToolCall(call)));
    }
    for (raw, end) in [("{\"cut\":\"\\ud8", ArgsEnd::Cut), ("not json \0", ArgsEnd::Complete)] {
        parts.push(Part::new(PartKind::ToolCall(ToolCall::new("c", "f", raw, end))));
    }
    keeps_parts(store, parts).await;
}

/// Numbers in arguments and native JSON are kept to the digit.
pub async fn numbers_in_arguments_are_kept_to_the_digit(store: &dyn Store) {
    let digits = "9".repeat(5_000);
    let raw = format!(
        "{{\"huge\":{digits},\"id\":12345678901234567890123,\"tiny\":1e-999,\"whole\":1.0,\"exp\":1E+2,\"zero\":-0}}"
    );
    let native =
        Native { api: maestro_core::chat::ApiId::new("gemini"), json: RawJson::parse(raw.clone()).unwrap() };
    let call = ToolCall::new("c", "f", raw, ArgsEnd::Complete);
    keeps_parts(store, vec![Part { native: Some(native), ..Part::new(PartKind::ToolCall(call)) }]).await;
}

/// Native JSON and arguments may be nested as deep as a provider likes.
pub async fn native_json_may_be_nested_deeply(store: &dyn Store) {
    let json = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let native =
        Native { api: maestro_core::chat::ApiId::new("x"), json: RawJson::parse(json.clone()).unwrap() };
    let call = ToolCall { args_raw: json, ..ToolCall::new("c", "f", "{}", ArgsEnd::Complete) };
    keeps_parts(store, vec![Part { native: Some(native), ..Part::new(PartKind::ToolCall(call)) }]).await;
}

/// Maps are kept down to the promised depth.
pub async fn maps_are_kept_down_to_their_depth(store: &dyn Store) {
    let map = deep(JSON_MAP_DEPTH);
    let new =
        NewSession { memory: map.clone(), tools: map.clone(), mcps: map.clone(), ..new_session("deep") };
    let session = store.session_create(new).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap(), session);
    let new = NewItem { metadata: map, ..new_item(ItemType::Persona, "deep", "x") };
    let item = store.item_create(new).await.unwrap();
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
}

/// A map that is deeper is refused, by name of its field, before anything is written that could not be read again.
pub async fn a_map_that_is_too_deep_is_refused(store: &dyn Store) {
    let map = deep(JSON_MAP_DEPTH + 1);
    let there = session(store).await;
    let sessions = [
        ("memory", NewSession { memory: map.clone(), ..new_session("deep") }),
        ("tools", NewSession { tools: map.clone(), ..new_session("deep") }),
        ("mcps", NewSession { mcps: map.clone(), ..new_session("deep") }),
    ];
    for (field, new) in sessions {
        let id = new.id;
        let error = refused(store.session_create(new).await, ErrorKind::Invalid);
        assert_eq!(error.fields()[0].field, field);
        refused(store.session_get(id).await, ErrorKind::NotFound);
    }
    let changes = [
        ("memory", SessionChange { memory: Some(map.clone()), ..SessionChange::default() }),
        ("tools", SessionChange { tools: Some(map.clone()), ..SessionChange::default() }),
        ("mcps", SessionChange { mcps: Some(map.clone()), ..SessionChange::default() }),
    ];
    for (field, change) in changes {
        let update = store.session_update(there.id, there.revision, change, at(1)).await;
        assert_eq!(refused(update, ErrorKind::Invalid).fields()[0].field, field);
    }
    assert_eq!(store.session_get(there.id).await.unwrap(), there);

    let new = NewItem { metadata: map.clone(), ..new_item(ItemType::Persona, "deep", "x") };
    assert_eq!(refused(store.item_create(new).await, ErrorKind::Invalid).fields()[0].field, "metadata");
    let item = persona(store, "there").await;
    let change = ItemChange { metadata: Some(map), ..ItemChange::default() };
    let update = store.item_update(item.id, item.revision, change, at(1)).await;
    assert_eq!(refused(update, ErrorKind::Invalid).fields()[0].field, "metadata");
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
}

/// A working directory that holds a NUL is refused by name, and nothing is written.
pub async fn a_directory_with_a_nul_is_refused(store: &dyn Store) {
    let there = session(store).await;
    let directory = Some("/tmp/\0".to_owned());
    let new = NewSession { working_dir: directory.clone(), ..new_session("nowhere") };
    let id = new.id;
    let error = refused(store.session_create(new).await, ErrorKind::Invalid);
    assert_eq!(error.fields()[0].field, "working_dir");
    refused(store.session_get(id).await, ErrorKind::NotFound);
    let change = SessionChange { working_dir: Some(directory), ..SessionChange::default() };
    let update = store.session_update(there.id, there.revision, change, at(1)).await;
    assert_eq!(refused(update, ErrorKind::Invalid).fields()[0].field, "working_dir");
    assert_eq!(store.session_get(there.id).await.unwrap(), there);
}

/// An entry may have thousands of parts, or none.
pub async fn an_entry_has_any_number_of_parts(store: &dyn Store) {
    keeps_parts(store, (0..5_000).map(|number| Part::text(number.to_string())).collect()).await;
    keeps_parts(store, Vec::new()).await;
    let (thread, lease) = (session(store).await.root_thread_id, writer());
    let entry = begin(store, thread, lease).await;
    let end = EntryEnd { state: EntryState::Failed, content: EntryContent::default(), now: at(9) };
    let ended = store.entry_finish(entry.id, lease.holder, end).await.unwrap();
    assert_eq!(store.combined_chat(ended.id).await.unwrap().len(), 1);
}
