//! Entries whose writer is gone.
//!
//! Writers here belong to the store that is tested, so every store sees that they live, and their lease decides.

use maestro_core::{
    ErrorKind, Store,
    auth::HolderId,
    chat::{ApiId, Origin, Part, PartStart, Role, StreamEvent, Usage},
    conversations::{ChatEntry, EntryContent, EntryState, JournalSeq, NewStreamedEntry, WriterLease},
    provider::ProviderId,
    stream::journal::JournalWriter,
};

use super::{
    given::{at, begin, conversation, limit, refused, say, session, streamed},
    streamed_entries::whole,
};

fn until(seconds: i64) -> WriterLease {
    WriterLease { holder: HolderId::new(), until: at(seconds) }
}

/// What `writer` has journalled of an answer that says `text`.
fn journal(text: &str) -> String {
    let mut journal = JournalWriter::new();
    for event in [
        StreamEvent::Started { response_id: Some("r1".into()), model: Some("m-2026".into()) },
        StreamEvent::PartStart { index: 0, part: PartStart::Text },
        StreamEvent::TextDelta { index: 0, text: text.into() },
        StreamEvent::UsageSnapshot(Usage { input_total: 3, output_total: 1, ..Usage::default() }),
    ] {
        journal.push(&event);
    }
    journal.take()
}

/// At the end of its lease an entry is `interrupted`, with the parts of its journal, beside what was known before.
pub async fn an_abandoned_entry_keeps_what_had_arrived(store: &dyn Store) {
    let session = session(store).await;
    let origin = Origin {
        provider: ProviderId::new("openai").unwrap(),
        auth_type: None,
        api: ApiId::new("openai-responses"),
        model_asked: "m".into(),
        model_served: None,
        response_id: None,
    };
    let content = EntryContent { origin: Some(origin.clone()), ..EntryContent::default() };
    let lease = until(100);
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    let new = NewStreamedEntry { actor: Role::Assistant, content, ..streamed(lease) };
    let entry = store.entry_begin(head, new).await.unwrap();
    store.entry_extend(entry.id, lease, JournalSeq::FIRST, &journal("half an ans")).await.unwrap();
    let chunks = store.entry_journal(entry.id).await.unwrap();

    let recovered = store.entry_recover(None, at(100), limit(10)).await.unwrap();
    let expected = ChatEntry {
        state: EntryState::Interrupted,
        writer: None,
        content: entry.content.clone().interrupted(&chunks),
        updated_at: at(100),
        ..entry.clone()
    };
    assert_eq!(recovered, std::slice::from_ref(&expected));
    assert_eq!(store.entry_get(entry.id).await.unwrap(), expected);
    assert_eq!(store.entry_journal(entry.id).await.unwrap(), []);

    let content = expected.content;
    assert_eq!(content.parts, [Part::text("half an ans")]);
    let served = Origin { model_served: Some("m-2026".into()), response_id: Some("r1".into()), ..origin };
    assert_eq!(content.origin, Some(served));
    assert_eq!(content.usage.map(|usage| usage.input_total), Some(3));
    assert_eq!(content.problem.map(|problem| problem.kind).as_deref(), Some("interrupted"));
}

/// An entry is not recovered as long as the lease of its writer is live, and each chunk makes it live longer.
pub async fn a_living_writer_is_left_alone(store: &dyn Store) {
    let session = session(store).await;
    let lease = until(100);
    let entry = begin(store, session.root_thread_id, lease).await;
    assert_eq!(store.entry_recover(None, at(99), limit(10)).await.unwrap(), []);
    let renewed = WriterLease { until: at(200), ..lease };
    store.entry_extend(entry.id, renewed, JournalSeq::FIRST, "").await.unwrap();
    assert_eq!(store.entry_recover(None, at(199), limit(10)).await.unwrap(), []);
    assert_eq!(store.entry_get(entry.id).await.unwrap().state, EntryState::Streaming);
    assert_eq!(store.entry_recover(None, at(200), limit(10)).await.unwrap().len(), 1);
}

/// A writer that comes back after its entry was recovered is told that it has ended.
pub async fn a_writer_that_was_given_up_is_told_so(store: &dyn Store) {
    let session = session(store).await;
    let lease = until(10);
    let entry = begin(store, session.root_thread_id, lease).await;
    let recovered = store.entry_recover(None, at(10), limit(1)).await.unwrap().remove(0);
    let renewed = WriterLease { until: at(900), ..lease };
    let late = store.entry_extend(entry.id, renewed, JournalSeq::FIRST, "x").await;
    refused(late, ErrorKind::Stale);
    refused(store.entry_finish(entry.id, lease.holder, whole("x")).await, ErrorKind::Stale);
    assert_eq!(store.entry_get(entry.id).await.unwrap(), recovered);
}

/// What was recovered is recovered once, and the conversation goes on behind it.
pub async fn an_entry_is_recovered_once(store: &dyn Store) {
    let (session, _) = conversation(store, 1).await;
    begin(store, session.root_thread_id, until(10)).await;
    assert_eq!(store.entry_recover(None, at(10), limit(10)).await.unwrap().len(), 1);
    assert_eq!(store.entry_recover(None, at(11), limit(10)).await.unwrap(), []);
    assert_eq!(say(store, session.root_thread_id, "3").await.turn_index.get(), 3);
}

/// Abandoned entries come the oldest id first, at most as many as asked for, the others at the next call.
pub async fn recovery_goes_by_id_up_to_its_limit(store: &dyn Store) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        let session = session(store).await;
        ids.push(begin(store, session.root_thread_id, until(10)).await.id);
    }
    let live = session(store).await;
    begin(store, live.root_thread_id, until(99)).await;
    ids.sort();
    for expected in ids.chunks(2) {
        let recovered = store.entry_recover(None, at(50), limit(2)).await.unwrap();
        assert_eq!(recovered.iter().map(|entry| entry.id).collect::<Vec<_>>(), expected);
    }
    assert_eq!(store.entry_recover(None, at(50), limit(2)).await.unwrap(), []);
}

/// With a session, only entries of that one are recovered.
pub async fn recovery_of_one_session_leaves_the_others(store: &dyn Store) {
    let (one, two) = (session(store).await, session(store).await);
    let first = begin(store, one.root_thread_id, until(10)).await;
    let second = begin(store, two.root_thread_id, until(10)).await;
    let recovered = store.entry_recover(Some(two.id), at(50), limit(9)).await.unwrap();
    assert_eq!(recovered.iter().map(|entry| entry.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(store.entry_get(first.id).await.unwrap(), first);
    let nobody = maestro_core::Id::new();
    assert_eq!(store.entry_recover(Some(nobody), at(50), limit(9)).await.unwrap(), []);
}

/// Where nothing was journalled nothing is said, and the entry says that it was interrupted.
pub async fn an_entry_abandoned_before_its_first_chunk_is_empty(store: &dyn Store) {
    let session = session(store).await;
    let lease = until(10);
    let entry = begin(store, session.root_thread_id, lease).await;
    store.entry_extend(entry.id, lease, JournalSeq::FIRST, "").await.unwrap();
    let recovered = store.entry_recover(None, at(10), limit(1)).await.unwrap().remove(0);
    assert_eq!(recovered.content.parts, []);
    assert_eq!(recovered.content.problem.map(|problem| problem.kind).as_deref(), Some("interrupted"));
}
