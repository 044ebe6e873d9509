//! The parts that other programs play.

use std::{path::Path, time::Duration};

use maestro_core::{
    ErrorKind, Id,
    auth::HolderId,
    chat::{Part, PartStart, Role, StreamEvent},
    conversations::{
        ChatEntry, Conversations as _, EntryContent, EntryEnd, EntryState, JournalSeq, NewChatEntry, NewEdit,
        NewFork, NewSession, NewStreamedEntry, SessionName, Thread, ThreadHead, WriterLease,
    },
    page::PageLimit,
    stream::journal::JournalWriter,
    time::{Clock as _, SystemClock, Timestamp},
};
use maestro_store_sqlite::SqliteStore;

use crate::program::{say, told, wait};

/// Longer than any test takes, so that no lease ends by itself.
pub(crate) const LEASE: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of the other tests, which start it as a program of its own"]
async fn play() {
    let Some((part, file, arguments)) = told() else { return };
    let thread = |at: usize| arguments[at].parse::<Id<Thread>>().unwrap();
    match part.as_str() {
        "write until killed" => write_until_killed(&file, thread(0), thread(1)).await,
        "append" => append_many(&file, &arguments[0], thread(1), thread(2)).await,
        "hold a stream" => hold_a_stream(&file, thread(0)).await,
        "open" => open(&file).await,
        "recover" => say(recover(&SqliteStore::open(&file).await.unwrap()).await.len()),
        other => panic!("there is no part {other}"),
    }
}

/// The text of an entry, which can be told from its id.
pub(crate) fn text_of(entry: Id<ChatEntry>) -> String {
    format!("{entry} {}", "all work and no play ".repeat(entry.as_bytes()[15].into()))
}

/// The text of a chunk of a journal.
pub(crate) fn chunk_of(entry: Id<ChatEntry>, seq: u32) -> String {
    format!("chunk {seq} of {entry}; ")
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn new_entry() -> NewChatEntry {
    let mut new = NewChatEntry::new(Role::User, Vec::new(), now());
    new.content.parts = vec![Part::text(text_of(new.id))];
    new
}

/// A new session, with its first thread.
pub(crate) async fn new_session(store: &SqliteStore) -> Id<Thread> {
    let new = NewSession::new(SessionName::new("a session").unwrap(), now());
    store.session_create(new).await.unwrap().root_thread_id
}

pub(crate) async fn head_of(store: &SqliteStore, thread: Id<Thread>) -> ThreadHead {
    let head = store.thread_get(thread).await.unwrap().head_entry_id;
    ThreadHead { thread_id: thread, entry_id: head }
}

pub(crate) async fn recover(store: &SqliteStore) -> Vec<ChatEntry> {
    store.entry_recover(None, now(), PageLimit::new(1_000).unwrap()).await.unwrap()
}

/// Begins to stream behind the head of a thread.
pub(crate) async fn begin(store: &SqliteStore, thread: Id<Thread>, holder: HolderId) -> Id<ChatEntry> {
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
pub(crate) async fn extend(store: &SqliteStore, entry: Id<ChatEntry>, holder: HolderId, seq: u32) {
    let mut writer = JournalWriter::new();
    if seq == 1 {
        writer.push(&StreamEvent::PartStart { index: 0, part: PartStart::Text });
    }
    writer.push(&StreamEvent::TextDelta { index: 0, text: chunk_of(entry, seq).as_str().into() });
    let data = writer.take();
    store.entry_extend(entry, lease(holder), JournalSeq::from_stored(seq), &data).await.unwrap();
}

fn lease(holder: HolderId) -> WriterLease {
    WriterLease { holder, until: now().saturating_add(LEASE) }
}

/// Three tasks that write at once and say what has been acknowledged to them.
async fn write_until_killed(file: &Path, to_append: Id<Thread>, to_stream: Id<Thread>) {
    let store = SqliteStore::open(file).await.unwrap();
    let appending = tokio::spawn(append_for_ever(store.clone(), to_append));
    let streaming = tokio::spawn(stream_for_ever(store.clone(), to_stream));
    let building = tokio::spawn(build_for_ever(store));
    let _ = tokio::join!(appending, streaming, building);
}

async fn append_for_ever(store: SqliteStore, thread: Id<Thread>) {
    let mut head = head_of(&store, thread).await;
    loop {
        let entry = store.entry_append(head, new_entry()).await.unwrap();
        head.entry_id = Some(entry.id);
        say(format_args!("appended {} {}", entry.id, entry.turn_index));
    }
}

async fn stream_for_ever(store: SqliteStore, thread: Id<Thread>) {
    let holder = Id::new();
    loop {
        let id = begin(&store, thread, holder).await;
        say(format_args!("began {id} 0"));
        for seq in 1..=12 {
            extend(&store, id, holder, seq).await;
            say(format_args!("extended {id} {seq}"));
        }
        let content = EntryContent::of_parts(vec![Part::text(text_of(id))]);
        let end = EntryEnd { state: EntryState::Complete, content, now: now() };
        store.entry_finish(id, holder, end).await.unwrap();
        say(format_args!("finished {id} 0"));
    }
}

/// Sessions, forks, edits and deletions, which write several rows each.
async fn build_for_ever(store: SqliteStore) {
    loop {
        let root = new_session(&store).await;
        let first = store.entry_append(head_of(&store, root).await, new_entry()).await.unwrap();
        say(format_args!("appended {} 1", first.id));
        let fork = NewFork { id: Id::new(), from: first.id, label: None, now: now() };
        let fork = store.thread_fork(fork).await.unwrap();
        let edit = NewEdit { thread_id: Id::new(), edited: first.id, label: None, entry: new_entry() };
        let (_, edited) = store.thread_edit(edit).await.unwrap();
        say(format_args!("appended {} 1", edited.id));
        let second = store.entry_append(head_of(&store, fork.id).await, new_entry()).await.unwrap();
        store.entry_delete(ThreadHead { thread_id: fork.id, entry_id: Some(second.id) }).await.unwrap();
        say(format_args!("deleted {} 2", second.id));
    }
}

/// Appends `count` entries to a thread of its own, and as many to one that others append to as well.
async fn append_many(file: &Path, count: &str, own: Id<Thread>, shared: Id<Thread>) {
    let store = SqliteStore::open(file).await.unwrap();
    say("ready");
    wait();
    for _ in 0..count.parse().unwrap() {
        let entry = store.entry_append(head_of(&store, own).await, new_entry()).await.unwrap();
        say(format_args!("own {}", entry.id));
        let entry = loop {
            match store.entry_append(head_of(&store, shared).await, new_entry()).await {
                Ok(entry) => break entry,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Stale, "{error}"),
            }
        };
        say(format_args!("shared {}", entry.id));
    }
}

async fn hold_a_stream(file: &Path, thread: Id<Thread>) {
    let store = SqliteStore::open(file).await.unwrap();
    let holder = Id::new();
    let id = begin(&store, thread, holder).await;
    extend(&store, id, holder, 1).await;
    say(id);
    wait();
    extend(&store, id, holder, 2).await;
    say("extended");
}

async fn open(file: &Path) {
    say("ready");
    wait();
    match SqliteStore::builder(file).busy_timeout(Duration::from_secs(5)).open().await {
        Ok(_) => say("opened"),
        Err(error) => say(format_args!("{} {error}", error.kind())),
    }
}
