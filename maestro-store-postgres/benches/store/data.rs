//! What is written: turns of about 200 bytes of question and 1.5 kB of answer.

use maestro_core::{
    Id,
    chat::{Part, Role},
    conversations::{
        ChatEntry, Conversations as _, NewChatEntry, NewFork, NewSession, SessionName, Thread, ThreadHead,
    },
    time::Timestamp,
};
use maestro_store_postgres::{PostgresStore, SchemaName};
use uuid::Uuid;

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

/// The name of a new schema.
pub(crate) fn schema() -> SchemaName {
    SchemaName::new(format!("bench_{}", Uuid::now_v7().simple())).unwrap()
}

/// A store whose commits wait for the disk, as the floor's do.
pub(crate) async fn open(url: &str, schema: &SchemaName) -> PostgresStore {
    PostgresStore::builder(url).schema(schema.clone()).open().await.unwrap()
}

/// A store that is filled fast.
pub(crate) async fn open_to_fill(url: &str, schema: &SchemaName) -> PostgresStore {
    open(&format!("{url}&options=-csynchronous_commit%3Doff"), schema).await
}

pub(crate) async fn session(store: &PostgresStore, name: usize) -> ThreadHead {
    let new = NewSession::new(SessionName::new(format!("session {name}")).unwrap(), NOW);
    let session = store.session_create(new).await.unwrap();
    ThreadHead { thread_id: session.root_thread_id, entry_id: None }
}

pub(crate) async fn append(store: &PostgresStore, head: &mut ThreadHead, turns: usize) {
    for entry in (0..turns).flat_map(|_| turn()) {
        head.entry_id = Some(store.entry_append(*head, entry).await.unwrap().id);
    }
}

/// A thread with `turns` visible turns, the tip of so many forks that follow one another.
pub(crate) async fn forked(store: &PostgresStore, turns: usize, depth: usize) -> Id<Thread> {
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

pub(crate) async fn fork(store: &PostgresStore, from: Id<ChatEntry>) -> Id<Thread> {
    store.thread_fork(NewFork { id: Id::new(), from, label: None, now: NOW }).await.unwrap().id
}
