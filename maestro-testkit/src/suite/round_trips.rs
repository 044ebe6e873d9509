//! Every value of every entity comes back as it was.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use maestro_core::{
    Id, Store,
    auth::{AuthType, Lease, NewAuthentication, SealedCredentials},
    chat::{
        ApiId, ArgsEnd, ArgsState, Audio, CacheHint, Citation, Document, Finish, Image, Media, Native,
        Opaque, Origin, Part, PartKind, RawJson, Reasoning, Refusal, Role, Seal, SealKind, Text, ToolCall,
        ToolResult, ToolResultContent, Usage,
    },
    conversations::{
        EntryContent, EntryEnd, EntryProblem, EntryState, LineageRange, NewChatEntry, NewFork, NewSession,
        NewStreamedEntry, SessionQuery, WriterLease,
    },
    http::StoredHeaders,
    page::PAGE_LIMIT_MAX,
    provider::{ModelId, ProviderId},
    supplied_context::{ItemChange, ItemOrder, ItemQuery, ItemType, JsonMap, NewItem},
    time::Timestamp,
    tool::{Intent, Purpose, RiskLevel},
};
use uuid::Uuid;

use super::given::{
    api_key, at, begin, conversation, first, new_auth, new_fork, new_item, new_session, persona, reference,
    said, sealed, session, streamed, writer,
};

/// The ends of what a timestamp can tell, and what is near a rounding.
const MOMENTS: [i64; 9] =
    [i64::MIN, i64::MIN + 1, -1, 0, 1, 999_999, 1_700_000_000_000_001, i64::MAX - 1, i64::MAX];

fn native(json: &str) -> Native {
    Native { api: ApiId::new("anthropic-messages"), json: RawJson::parse(json).unwrap() }
}

fn seal(kind: SealKind) -> Seal {
    Seal { api: ApiId::new("gemini"), model: Some("gemini-x".into()), kind, bytes: "Aa+/=\n\0 ".to_owned() }
}

fn media() -> [Media; 4] {
    let url = "https://example.com/a%20b?c=d&e=%C3%A9#f".parse().unwrap();
    [
        Media::Bytes { media_type: "image/png".into(), data: Bytes::from_iter(0..=255_u8) },
        Media::Bytes { media_type: "application/pdf".into(), data: Bytes::new() },
        Media::Url { url, media_type: None },
        Media::FileRef {
            api: ApiId::new("openai-responses"),
            id: "file-1".to_owned(),
            media_type: Some("x/y".into()),
        },
    ]
}

/// One part of every kind, and of each its fields set and not.
fn kinds() -> Vec<PartKind> {
    let [picture, document, link, file] = media();
    let citation = Citation {
        url: Some("https://example.com".to_owned()),
        title: None,
        quote: Some("\"as it stands\"".to_owned()),
        native: native(r#"{ "b":1, "a":[1.0,2e3] }"#),
    };
    let bare = Citation { url: None, title: None, quote: None, native: native("null") };
    let image = |media, seal| Image { media, detail: Some("high".into()), seal };
    let call = ToolCall::new("call_1", "shell", r#"{"cmd":"ls"}"#, ArgsEnd::Complete);
    let result = ToolResult {
        content: vec![
            ToolResultContent::Text { text: "a\0b".to_owned() },
            ToolResultContent::Image(image(picture.clone(), None)),
            ToolResultContent::Document(Document { media: link.clone(), title: None }),
        ],
        ..ToolResult::error(&call, "")
    };
    vec![
        PartKind::Text(Text {
            text: "cited".to_owned(),
            citations: vec![citation, bare],
            seal: Some(seal(SealKind::ThoughtSignature)),
        }),
        PartKind::Text(Text::default()),
        PartKind::Image(image(picture, Some(seal(SealKind::ThoughtSignature)))),
        PartKind::Image(Image { media: link, detail: None, seal: None }),
        PartKind::Document(Document { media: document, title: Some("ü.pdf".to_owned()) }),
        PartKind::Document(Document { media: file.clone(), title: None }),
        PartKind::Audio(Audio { media: file }),
        PartKind::Reasoning(Reasoning {
            text: "hm".to_owned(),
            seal: Some(Seal { model: None, ..seal(SealKind::Signature) }),
        }),
        PartKind::Reasoning(Reasoning { text: String::new(), seal: Some(seal(SealKind::Redacted)) }),
        PartKind::Reasoning(Reasoning { text: String::new(), seal: Some(seal(SealKind::EncryptedContent)) }),
        PartKind::Reasoning(Reasoning::default()),
        PartKind::ToolCall(ToolCall { seal: Some(seal(SealKind::ThoughtSignature)), ..call.clone() }),
        PartKind::ToolCall(ToolCall {
            args_raw: String::new(),
            state: ArgsState::Incomplete,
            ..call.clone()
        }),
        PartKind::ToolCall(ToolCall { state: ArgsState::Invalid, ..call.clone() }),
        PartKind::ToolResult(result),
        PartKind::ToolResult(ToolResult { content: Vec::new(), ..ToolResult::text(&call, "") }),
        PartKind::Refusal(Refusal { text: "no".to_owned(), category: Some("safety".into()) }),
        PartKind::Refusal(Refusal { text: String::new(), category: None }),
        PartKind::Opaque(Opaque {
            native: native(r#"{"type":"server_tool_use","n":12345678901234567890123}"#),
        }),
    ]
}

/// A content with everything set.
pub(super) fn content() -> EntryContent {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("redacted here already"));
    headers.append("x-ratelimit-left", HeaderValue::from_static("1"));
    headers.append("x-ratelimit-left", HeaderValue::from_static("2"));
    headers.insert("content-type", HeaderValue::from_static("text/event-stream; charset=\"utf-8\""));
    let intents = [
        (Purpose::TestPass, RiskLevel::Low),
        (Purpose::BestPractice, RiskLevel::Medium),
        (Purpose::Maintenance, RiskLevel::High),
    ];
    let parts = kinds().into_iter().zip(0_usize..).map(|(kind, number)| {
        let (purpose, risk_level) = intents[number % 3];
        Part {
            kind,
            native: (number % 2 == 0).then(|| native(" {\"raw\" :\t[ 1.50 ] } ")),
            cache_hint: [None, Some(CacheHint::Short), Some(CacheHint::Long)][number % 3],
            intent: (number % 4 != 1).then(|| Intent { purpose, scope: "/tmp/é".to_owned(), risk_level }),
        }
    });
    EntryContent {
        parts: parts.collect(),
        origin: Some(Origin {
            provider: ProviderId::new("openai").unwrap(),
            auth_type: Some(AuthType::OAuth),
            api: ApiId::new("openai-responses"),
            model_asked: "gpt-x".into(),
            model_served: Some("gpt-x-2026-01-01".into()),
            response_id: Some("resp_\"1\"".into()),
        }),
        finish: Some(Finish::ToolUse),
        usage: Some(Usage {
            input_total: u64::MAX,
            input_cached: u64::MAX - 1,
            input_cache_write: 1 << 53,
            output_total: (1 << 53) + 1,
            output_reasoning: 1,
        }),
        problem: Some(EntryProblem { kind: "failed".to_owned(), message: "it \"broke\"\n\0".to_owned() }),
        request_headers: StoredHeaders::redact(&headers),
        response_headers: StoredHeaders::redact(&headers),
    }
}

/// Every kind of part, with native JSON, seals, cache hints and intents, and all that comes with an answer.
pub async fn every_part_and_everything_beside_it_is_kept(store: &dyn Store) {
    let session = session(store).await;
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    let new = NewChatEntry { content: content(), ..NewChatEntry::new(Role::Assistant, vec![], at(1)) };
    let entry = store.entry_append(head, new).await.unwrap();
    assert_eq!(entry.content, content());
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    assert_eq!(store.lineage(entry.thread_id, LineageRange::All).await.unwrap().entries, [entry]);
}

/// The same for what is known when an entry begins, and for its end.
pub async fn a_streamed_entry_keeps_everything_too(store: &dyn Store) {
    let session = session(store).await;
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    let new = NewStreamedEntry { content: content(), ..streamed(writer()) };
    let begun = store.entry_begin(head, new.clone()).await.unwrap();
    assert_eq!(begun.content, content());
    assert_eq!(store.entry_get(begun.id).await.unwrap(), begun);
    let end = EntryEnd {
        state: EntryState::Failed,
        content: EntryContent { finish: None, ..content() },
        now: at(9),
    };
    let ended = store.entry_finish(begun.id, new.writer.holder, end.clone()).await.unwrap();
    assert_eq!(ended.content, end.content);
    assert_eq!(store.entry_get(begun.id).await.unwrap(), ended);
}

/// Every reason to finish, the provider's own words included.
pub async fn every_finish_is_kept(store: &dyn Store) {
    let thread = session(store).await.root_thread_id;
    for finish in [
        Finish::Stop,
        Finish::ToolUse,
        Finish::Length,
        Finish::ContextFull,
        Finish::Filtered,
        Finish::Paused,
        Finish::ModelFault,
        Finish::Other("stop".into()),
        Finish::Other("".into()),
    ] {
        let head = store.thread_get(thread).await.unwrap().head();
        let content = EntryContent { finish: Some(finish), ..EntryContent::default() };
        let entry = store.entry_append(head, NewChatEntry { content, ..said("") }).await.unwrap();
        assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    }
}

/// Times are kept to the microsecond, from the first moment that can be told to the last, in every place.
pub async fn every_moment_is_kept(store: &dyn Store) {
    for (micros, number) in MOMENTS.into_iter().zip(0..) {
        let now = Timestamp::from_micros(micros);
        let new = NewAuthentication {
            expires_at: Some(now),
            now,
            ..new_auth(reference("openai", AuthType::OAuth, &format!("row-{number}")))
        };
        let row = store.auth_create(new).await.unwrap();
        assert_eq!((row.inserted_at, row.updated_at, row.expires_at), (now, now, Some(now)));
        assert_eq!(store.auth_get(row.id).await.unwrap(), row);
        let holder = Id::new();
        let leased = store.auth_lease(row.id, row.revision, holder, now, at(0)).await.unwrap();
        assert_eq!(leased.lease, Some(Lease { holder, until: now }));
        assert_eq!(store.auth_get(row.id).await.unwrap(), leased);

        let session = store.session_create(NewSession { now, ..new_session("then") }).await.unwrap();
        assert_eq!(store.session_get(session.id).await.unwrap(), session);
        let head = store.thread_get(session.root_thread_id).await.unwrap().head();
        let entry = store.entry_append(head, NewChatEntry { now, ..said("x") }).await.unwrap();
        assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
        let fork = store.thread_fork(NewFork { now, ..new_fork(&entry) }).await.unwrap();
        assert_eq!(store.thread_get(fork.id).await.unwrap(), fork);
        let begun = begin(store, fork.id, WriterLease { until: now, ..writer() }).await;
        assert_eq!(store.entry_get(begun.id).await.unwrap(), begun);

        let new = NewItem { now, ..new_item(ItemType::Persona, &format!("item {number}"), "x") };
        let item = store.item_create(new).await.unwrap();
        assert_eq!(store.item_get(item.id).await.unwrap(), item);
        let changed = store.item_update(item.id, item.revision, ItemChange::default(), now).await.unwrap();
        assert_eq!(store.item_get(item.id).await.unwrap(), changed);
    }
}

/// Times are sorted as numbers, also before 1970 and at both ends, and pages go through all of them.
pub async fn every_moment_has_its_place_in_the_order(store: &dyn Store) {
    for (micros, number) in MOMENTS.into_iter().zip(0..) {
        let now = Timestamp::from_micros(micros);
        store.session_create(NewSession { now, ..new_session("then") }).await.unwrap();
        let new = new_item(ItemType::Persona, &format!("item {number}"), "x");
        store.item_create(NewItem { now, ..new }).await.unwrap();
        let name = reference("openai", AuthType::OAuth, &format!("row-{number}"));
        store.auth_create(NewAuthentication { expires_at: Some(now), ..new_auth(name) }).await.unwrap();
    }
    let (mut sessions, mut items) = (Vec::new(), Vec::new());
    let query = ItemQuery { order: ItemOrder::InsertedAt, ..ItemQuery::default() };
    let (mut after_session, mut after_item) = (Some(first(1)), Some(first(1)));
    while let Some(request) = after_session {
        let page = store.session_list(&SessionQuery::default(), request).await.unwrap();
        sessions.extend(page.items.iter().map(|session| session.last_used_at.micros()));
        after_session = page.next.map(|next| first(1).after(next));
    }
    while let Some(request) = after_item {
        let page = store.item_search(&query, request).await.unwrap();
        items.extend(page.items.iter().map(|item| item.inserted_at.micros()));
        after_item = page.next.map(|next| first(1).after(next));
    }
    sessions.reverse();
    assert_eq!(sessions, MOMENTS);
    assert_eq!(items, MOMENTS);
    let due =
        store.auth_due(Timestamp::from_micros(i64::MAX), super::given::limit(PAGE_LIMIT_MAX)).await.unwrap();
    let due: Vec<_> = due.iter().filter_map(|row| row.expires_at).map(Timestamp::micros).collect();
    assert_eq!(due, MOMENTS[..8], "what expires at a moment does not expire before it");
}

/// Sealed credentials are bytes, whatever they are.
pub async fn sealed_credentials_are_kept_byte_for_byte(store: &dyn Store) {
    let all: Vec<u8> = (0..=255).collect();
    for (bytes, number) in [Vec::new(), vec![0], all.clone(), all.repeat(256)].into_iter().zip(0..) {
        let new = new_auth(reference("openai", AuthType::ApiKey, &format!("row-{number}")));
        let credentials: SealedCredentials = sealed(&bytes);
        let row = store.auth_create(NewAuthentication { credentials, ..new }).await.unwrap();
        assert_eq!(store.auth_get(row.id).await.unwrap().credentials, sealed(&bytes));
    }
}

/// Any UUID is an id, of whatever version, the least and the greatest included.
pub async fn any_uuid_is_an_id(store: &dyn Store) {
    for uuid in [Uuid::nil(), Uuid::max(), Uuid::from_u128(1 << 127), Uuid::from_u128(0x0102_0304)] {
        let new =
            NewSession { id: Id::from_uuid(uuid), root_thread_id: Id::from_uuid(uuid), ..new_session("any") };
        let session = store.session_create(new).await.unwrap();
        let head = store.thread_get(session.root_thread_id).await.unwrap().head();
        let entry =
            store.entry_append(head, NewChatEntry { id: Id::from_uuid(uuid), ..said("x") }).await.unwrap();
        assert_eq!(store.entry_get(Id::from_uuid(uuid)).await.unwrap(), entry);
        let name = uuid.simple().to_string();
        let new = NewItem { id: Id::from_uuid(uuid), ..new_item(ItemType::Persona, &name, "x") };
        let item = store.item_create(new).await.unwrap();
        assert_eq!(store.item_get(Id::from_uuid(uuid)).await.unwrap(), item);
        let new = new_auth(reference("openai", AuthType::ApiKey, &name));
        let new = NewAuthentication { id: Id::from_uuid(uuid), ..new };
        let row = store.auth_create(new).await.unwrap();
        assert_eq!(store.auth_get(Id::from_uuid(uuid)).await.unwrap(), row);
    }
    let page = store.session_list(&SessionQuery::default(), first(9)).await.unwrap();
    assert!(page.items.is_sorted_by(|a, b| a.id > b.id), "ids are sorted as their bytes are");
}

/// Numbers in maps keep their kind and their value: whole, with a fraction, at the ends of 64 bits.
pub async fn numbers_in_maps_are_kept(store: &dyn Store) {
    let numbers = serde_json::json!({
        "whole": [0, -1, i64::MIN, i64::MAX, u64::MAX, 9_007_199_254_740_993_u64],
        "real": [0.0, 1.0, 0.1, -2.5, 1e300, 5e-324, 0.1 + 0.2, 1.797_693_134_862_315_7e308, 2.225_073_858_507_201_4e-308],
        "other": [true, false, null, "", [], {}],
    });
    let map: JsonMap = numbers.as_object().cloned().unwrap_or_default();
    let new = NewSession { memory: map.clone(), mcps: map.clone(), ..new_session("numbers") };
    let session = store.session_create(new).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap(), session);
    let new = NewItem { metadata: map, ..new_item(ItemType::Persona, "numbers", "x") };
    let item = store.item_create(new).await.unwrap();
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
}

/// Names of models, directories and the like are kept, empty ones where they may be.
pub async fn what_a_session_names_is_kept(store: &dyn Store) {
    let auth = api_key(store, "work").await;
    let item = persona(store, "tutor").await;
    for directory in ["", " ", "C:\\Users\\ü", "/a/\u{2028}b", "~"] {
        let new = NewSession {
            auth_id: Some(auth.id),
            model_id: Some(ModelId::new("models/gemini-2.5:latest@eu").unwrap()),
            persona: Some(super::given::used(&item)),
            working_dir: Some(directory.to_owned()),
            ..new_session("named")
        };
        let session = store.session_create(new).await.unwrap();
        assert_eq!(store.session_get(session.id).await.unwrap(), session);
    }
}

/// What a method returned is what every way of reading returns afterwards.
pub async fn every_way_of_reading_gives_the_same(store: &dyn Store) {
    let (session, _) = conversation(store, 3).await;
    let read = store.session_get(session.id).await.unwrap();
    assert_eq!(store.session_open(session.id).await.unwrap().session, read);
    assert_eq!(store.session_list(&SessionQuery::default(), first(1)).await.unwrap().items, [read]);
    let thread = store.thread_get(session.root_thread_id).await.unwrap();
    assert_eq!(store.thread_list(session.id).await.unwrap(), std::slice::from_ref(&thread));
    let lineage = store.lineage(thread.id, LineageRange::All).await.unwrap();
    assert_eq!(lineage.thread, thread);
    let page = store.entry_page(thread.id, maestro_core::page::Direction::Ascending, first(9)).await.unwrap();
    assert_eq!(page.items, lineage.entries);
    for entry in lineage.entries {
        assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    }
}
