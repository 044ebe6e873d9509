//! Entries that stream in: begun, extended, finished.

use maestro_core::{
    ErrorKind, Id, Store,
    auth::HolderId,
    chat::{Part, Role},
    conversations::{
        ChatEntry, EntryContent, EntryEnd, EntryState, JournalChunk, JournalSeq, LineageRange,
        NewStreamedEntry, TurnIndex, WriterLease,
    },
};

use super::given::{at, begin, conversation, names, refused, say, session, streamed, texts, writer};

/// A complete end with this text, at the moment 9.
pub(super) fn whole(text: &str) -> EntryEnd {
    EntryEnd {
        state: EntryState::Complete,
        content: EntryContent::of_parts(vec![Part::text(text)]),
        now: at(9),
    }
}

fn seq(number: u32) -> JournalSeq {
    JournalSeq::from_stored(number)
}

/// A begun entry takes the next turn, in state `streaming`, with its writer and what is known, and moves head and
/// session to it.
pub async fn a_begun_entry_takes_the_next_turn(store: &dyn Store) {
    let (session, _) = conversation(store, 1).await;
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    let new = NewStreamedEntry {
        actor: Role::Assistant,
        content: EntryContent::of_parts(vec![Part::text("known")]),
        now: at(5),
        ..streamed(writer())
    };
    let entry = store.entry_begin(head, new.clone()).await.unwrap();
    let expected = ChatEntry {
        id: new.id,
        session_id: session.id,
        thread_id: session.root_thread_id,
        turn_index: TurnIndex::new(2),
        actor: Role::Assistant,
        edit_version: 1,
        state: EntryState::Streaming,
        writer: Some(new.writer),
        content: new.content,
        inserted_at: at(5),
        updated_at: at(5),
    };
    assert_eq!(entry, expected);
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    assert_eq!(store.entry_journal(entry.id).await.unwrap(), []);
    let session = store.session_get(session.id).await.unwrap();
    assert_eq!((session.latest_chat_entry_id, session.last_used_at), (Some(entry.id), at(5)));
    assert_eq!(store.thread_get(entry.thread_id).await.unwrap().head_entry_id, Some(entry.id));
    let lineage = store.lineage(entry.thread_id, LineageRange::All).await.unwrap();
    assert_eq!(lineage.entries.last(), Some(&entry));
}

/// The journal gives back every chunk, in order and byte for byte, empty ones too.
pub async fn a_journal_keeps_its_chunks_in_order(store: &dyn Store) {
    let (session, writer) = (session(store).await, writer());
    let entry = begin(store, session.root_thread_id, writer).await;
    let data = ["{\"t\":[0,\"é\"]}\n", "", "not json \\ \" ' 東京\r\n\t", "a\0b", "\u{feff}\u{10ffff}"];
    let mut expected = Vec::new();
    for (data, number) in data.into_iter().zip(1..) {
        store.entry_extend(entry.id, writer, seq(number), data).await.unwrap();
        expected.push(JournalChunk { seq: seq(number), data: data.to_owned() });
        assert_eq!(store.entry_journal(entry.id).await.unwrap(), expected);
    }
}

/// Every chunk renews the writer's lease, to an earlier end as well; nothing else of the entry changes.
pub async fn a_chunk_renews_the_lease_of_its_writer(store: &dyn Store) {
    let session = session(store).await;
    let lease = writer();
    let entry = begin(store, session.root_thread_id, lease).await;
    for (until, number) in [(at(500), 1), (at(50), 2), (at(700), 3)] {
        let lease = WriterLease { until, ..lease };
        store.entry_extend(entry.id, lease, seq(number), "").await.unwrap();
        let expected = ChatEntry { writer: Some(lease), ..entry.clone() };
        assert_eq!(store.entry_get(entry.id).await.unwrap(), expected);
        let lineage = store.lineage(entry.thread_id, LineageRange::All).await.unwrap();
        assert_eq!(lineage.entries, [expected]);
    }
}

/// A chunk whose number is not the next one is stale, and told the next one. The journal stays as it was.
pub async fn a_chunk_must_have_the_next_number(store: &dyn Store) {
    let (session, writer) = (session(store).await, writer());
    let entry = begin(store, session.root_thread_id, writer).await;
    store.entry_extend(entry.id, writer, seq(1), "a").await.unwrap();
    let renewed = WriterLease { until: at(900), ..writer };
    for wrong in [0, 1, 3, u32::MAX] {
        let error = refused(store.entry_extend(entry.id, renewed, seq(wrong), "b").await, ErrorKind::Stale);
        names(&error, entry.id);
        names(&error, format_args!("is 2, not {wrong}"));
    }
    let chunks = [JournalChunk { seq: seq(1), data: "a".to_owned() }];
    assert_eq!(store.entry_journal(entry.id).await.unwrap(), chunks);
    assert_eq!(store.entry_get(entry.id).await.unwrap().writer, Some(writer), "nothing was renewed");
}

/// Another program neither extends nor finishes an entry, and is told whose it is.
pub async fn only_its_writer_writes_an_entry(store: &dyn Store) {
    let (session, writer) = (session(store).await, writer());
    let entry = begin(store, session.root_thread_id, writer).await;
    let other = WriterLease { holder: HolderId::new(), until: at(900) };
    let error = refused(store.entry_extend(entry.id, other, seq(1), "x").await, ErrorKind::Stale);
    names(&error, entry.id);
    names(&error, writer.holder);
    let error = refused(store.entry_finish(entry.id, other.holder, whole("x")).await, ErrorKind::Stale);
    names(&error, writer.holder);
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    assert_eq!(store.entry_journal(entry.id).await.unwrap(), []);
}

/// A lease that is over takes nothing from a writer that is not: it goes on until somebody recovers the entry.
pub async fn a_writer_goes_on_after_its_lease_until_it_is_recovered(store: &dyn Store) {
    let session = session(store).await;
    let past = WriterLease { holder: HolderId::new(), until: at(-1) };
    let entry = begin(store, session.root_thread_id, past).await;
    store.entry_extend(entry.id, past, seq(1), "x").await.unwrap();
    let ended = store.entry_finish(entry.id, past.holder, whole("done")).await.unwrap();
    assert_eq!(ended.state, EntryState::Complete);
}

/// The end is written over what was known at the beginning; writer and journal go.
pub async fn a_finished_entry_is_its_end(store: &dyn Store) {
    for state in [EntryState::Complete, EntryState::Interrupted, EntryState::Cancelled, EntryState::Failed] {
        let (session, writer) = (session(store).await, writer());
        let entry = begin(store, session.root_thread_id, writer).await;
        store.entry_extend(entry.id, writer, seq(1), "x").await.unwrap();
        let end = EntryEnd { state, ..whole("all of it") };
        let ended = store.entry_finish(entry.id, writer.holder, end.clone()).await.unwrap();
        let expected =
            ChatEntry { state, writer: None, content: end.content, updated_at: at(9), ..entry.clone() };
        assert_eq!(ended, expected);
        assert_eq!(store.entry_get(entry.id).await.unwrap(), ended);
        assert_eq!(store.entry_journal(entry.id).await.unwrap(), []);
        let session = store.session_get(session.id).await.unwrap();
        assert_eq!(session.last_used_at, entry.inserted_at, "the end is no new use");
    }
}

/// After its end an entry is written no more, and tells how it ended.
pub async fn an_ended_entry_is_written_no_more(store: &dyn Store) {
    let (session, writer) = (session(store).await, writer());
    let entry = begin(store, session.root_thread_id, writer).await;
    let end = EntryEnd { state: EntryState::Cancelled, ..whole("done") };
    let ended = store.entry_finish(entry.id, writer.holder, end).await.unwrap();
    let late = refused(store.entry_extend(entry.id, writer, seq(1), "x").await, ErrorKind::Stale);
    names(&late, entry.id);
    names(&late, "cancelled");
    refused(store.entry_finish(entry.id, writer.holder, whole("again")).await, ErrorKind::Stale);
    assert_eq!(store.entry_get(entry.id).await.unwrap(), ended);
    // Nor is one that was appended whole.
    let appended = say(store, session.root_thread_id, "whole").await;
    refused(store.entry_extend(appended.id, writer, seq(1), "x").await, ErrorKind::Stale);
    refused(store.entry_finish(appended.id, writer.holder, whole("x")).await, ErrorKind::Stale);
}

/// An entry cannot end in the state `streaming`; it goes on as it was.
pub async fn an_end_is_never_streaming(store: &dyn Store) {
    let (session, writer) = (session(store).await, writer());
    let entry = begin(store, session.root_thread_id, writer).await;
    let end = EntryEnd { state: EntryState::Streaming, ..whole("x") };
    let error = refused(store.entry_finish(entry.id, writer.holder, end.clone()).await, ErrorKind::Invalid);
    assert_eq!(error.fields()[0].field, "state");
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    refused(store.entry_finish(Id::new(), writer.holder, end).await, ErrorKind::Invalid);
}

/// What does not exist is neither extended nor finished.
pub async fn a_missing_entry_is_neither_extended_nor_finished(store: &dyn Store) {
    let (id, writer) = (Id::new(), writer());
    names(&refused(store.entry_extend(id, writer, seq(1), "").await, ErrorKind::NotFound), id);
    names(&refused(store.entry_finish(id, writer.holder, whole("x")).await, ErrorKind::NotFound), id);
}

/// Behind an entry that has ended the conversation goes on.
pub async fn the_conversation_goes_on_behind_a_finished_entry(store: &dyn Store) {
    let (session, _) = conversation(store, 1).await;
    let first = writer();
    let entry = begin(store, session.root_thread_id, first).await;
    store.entry_finish(entry.id, first.holder, whole("2")).await.unwrap();
    say(store, session.root_thread_id, "3").await;
    let second = begin(store, session.root_thread_id, first).await;
    assert_eq!(second.turn_index, TurnIndex::new(4));
    let entries = store.lineage(session.root_thread_id, LineageRange::All).await.unwrap().entries;
    assert_eq!(texts(&entries), ["1", "2", "3", ""]);
}

/// One program writes on several threads at once; each entry has a journal of its own.
pub async fn one_writer_streams_on_several_threads(store: &dyn Store) {
    let lease = writer();
    let (one, two) = (session(store).await, session(store).await);
    let one = begin(store, one.root_thread_id, lease).await;
    let two = begin(store, two.root_thread_id, lease).await;
    for number in 1..=3 {
        store.entry_extend(one.id, lease, seq(number), "one").await.unwrap();
        store.entry_extend(two.id, lease, seq(number), "two").await.unwrap();
    }
    store.entry_finish(one.id, lease.holder, whole("one")).await.unwrap();
    let journal = store.entry_journal(two.id).await.unwrap();
    assert!(journal.len() == 3 && journal.iter().all(|chunk| chunk.data == "two"));
}
