//! What is written: turns of about 200 bytes of question and 1.5 kB of answer.

use std::path::Path;

use maestro_core::{
    Id,
    chat::{Part, Role},
    conversations::{
        ChatEntry, Conversations as _, NewChatEntry, NewFork, NewSession, SessionName, Thread, ThreadHead,
    },
    time::Timestamp,
};
use maestro_store_sqlite::{SqliteStore, Synchronous};

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

const WORDS: &str =
    "The route table of a \"leaf\" holds its own prefixes;\nwhat it learns from the spine comes by BGP. ";

pub(crate) fn text(bytes: usize) -> String {
    WORDS.chars().cycle().take(bytes).collect()
}

/// The question and the answer of a turn.
pub(crate) fn turn() -> [NewChatEntry; 2] {
    [(Role::User, 200), (Role::Assistant, 1_500)]
        .map(|(actor, bytes)| NewChatEntry::new(actor, vec![Part::text(text(bytes))], NOW))
}

/// A store whose commits wait for the disk, as the floor's do.
pub(crate) async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).await.unwrap()
}

/// A store that is filled fast.
pub(crate) async fn open_to_fill(path: &Path) -> SqliteStore {
    SqliteStore::builder(path).synchronous(Synchronous::Normal).open().await.unwrap()
}

pub(crate) async fn session(store: &SqliteStore, name: usize) -> ThreadHead {
    let new = NewSession::new(SessionName::new(format!("session {name}")).unwrap(), NOW);
    let session = store.session_create(new).await.unwrap();
    ThreadHead { thread_id: session.root_thread_id, entry_id: None }
}

pub(crate) async fn append(store: &SqliteStore, head: &mut ThreadHead, turns: usize) {
    for entry in (0..turns).flat_map(|_| turn()) {
        head.entry_id = Some(store.entry_append(*head, entry).await.unwrap().id);
    }
}

/// A thread with `turns` visible turns, the tip of so many forks that follow one another.
pub(crate) async fn forked(store: &SqliteStore, turns: usize, depth: usize) -> Id<Thread> {
    let mut head = session(store, depth).await;
    for segment in 0..=depth {
        if segment > 0 {
            head.thread_id = fork(store, head.entry_id.unwrap()).await;
        }
        let share = turns * (segment + 1) / (depth + 1) - turns * segment / (depth + 1);
        append(store, &mut head, share).await;
    }
    head.thread_id
}

pub(crate) async fn fork(store: &SqliteStore, from: Id<ChatEntry>) -> Id<Thread> {
    store.thread_fork(NewFork { id: Id::new(), from, label: None, now: NOW }).await.unwrap().id
}
