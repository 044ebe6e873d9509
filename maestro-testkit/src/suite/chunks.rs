//! What of a conversation is sent: marks on its pieces.

use std::{collections::BTreeSet, num::NonZeroU32};

use maestro_core::{
    ErrorKind, Id, Store,
    chat::{Message, Part, Role},
    conversations::{
        ChatEntry, ChunkRef, ChunkState, LineageRange, NewChatEntry, Thread, ThreadHead, TurnIndex,
    },
};

use super::given::{at, conversation, edit, fork, names, refused, say, session};

fn piece(entry: &ChatEntry, part: u32) -> ChunkRef {
    ChunkRef { entry_id: entry.id, part }
}

async fn mark(store: &dyn Store, thread: Id<Thread>, chunk: ChunkRef, state: ChunkState) {
    store.chunk_mark(thread, chunk, state, at(3)).await.unwrap();
}

async fn exclude(store: &dyn Store, thread: Id<Thread>, chunk: ChunkRef) {
    mark(store, thread, chunk, ChunkState::Excluded).await;
}

async fn excluded(store: &dyn Store, thread: Id<Thread>) -> BTreeSet<ChunkRef> {
    store.lineage(thread, LineageRange::All).await.unwrap().excluded
}

/// A session's thread with one entry of three parts.
async fn three_parts(store: &dyn Store) -> (Id<Thread>, ChatEntry) {
    let thread_id = session(store).await.root_thread_id;
    let parts = ["a", "b", "c"].map(Part::text).to_vec();
    let new = NewChatEntry::new(Role::User, parts, at(1));
    (thread_id, store.entry_append(ThreadHead { thread_id, entry_id: None }, new).await.unwrap())
}

/// At first everything is sent. A piece that is excluded is not, history stays, and it can be included again.
pub async fn an_excluded_piece_is_not_sent_and_stays_in_history(store: &dyn Store) {
    let (thread, entry) = three_parts(store).await;
    assert_eq!(excluded(store, thread).await, BTreeSet::new());
    exclude(store, thread, piece(&entry, 1)).await;
    let lineage = store.lineage(thread, LineageRange::All).await.unwrap();
    assert_eq!(lineage.excluded, BTreeSet::from([piece(&entry, 1)]));
    assert_eq!(lineage.entries, std::slice::from_ref(&entry));
    assert_eq!(lineage.combined_chat()[0].text(), "abc");
    assert_eq!(lineage.context().iter().map(Message::text).collect::<Vec<_>>(), ["ac"]);
    mark(store, thread, piece(&entry, 1), ChunkState::Included).await;
    assert_eq!(excluded(store, thread).await, BTreeSet::new());
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
}

/// The last mark of a piece counts, and to mark twice is to mark once.
pub async fn the_last_mark_of_a_piece_counts(store: &dyn Store) {
    let (thread, entry) = three_parts(store).await;
    mark(store, thread, piece(&entry, 0), ChunkState::Included).await;
    for _ in 0..2 {
        exclude(store, thread, piece(&entry, 0)).await;
        exclude(store, thread, piece(&entry, 2)).await;
    }
    let both = BTreeSet::from([piece(&entry, 0), piece(&entry, 2)]);
    assert_eq!(excluded(store, thread).await, both);
}

/// A thread that goes on from another sees its marks, those made after the fork too.
pub async fn marks_are_inherited_by_forks(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let root = session.root_thread_id;
    exclude(store, root, piece(&entries[0], 0)).await;
    let branch = fork(store, &entries[1]).await;
    let own = say(store, branch.id, "own").await;
    let twig = fork(store, &own).await;
    exclude(store, branch.id, piece(&own, 0)).await;
    exclude(store, root, piece(&entries[1], 0)).await;
    let expected = BTreeSet::from([piece(&entries[0], 0), piece(&entries[1], 0), piece(&own, 0)]);
    assert_eq!(excluded(store, twig.id).await, expected);
    assert_eq!(excluded(store, branch.id).await, expected);
}

/// The nearest mark along the lineage decides, and says nothing to the threads before it.
pub async fn the_nearest_mark_decides(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let (root, chunk) = (session.root_thread_id, piece(&entries[0], 0));
    let branch = fork(store, &entries[1]).await.id;
    say(store, branch, "own").await;
    let tip = store.entry_get(store.thread_get(branch).await.unwrap().head_entry_id.unwrap()).await.unwrap();
    let twig = fork(store, &tip).await.id;

    exclude(store, root, chunk).await;
    mark(store, branch, chunk, ChunkState::Included).await;
    assert!(excluded(store, root).await.contains(&chunk));
    assert!(!excluded(store, branch).await.contains(&chunk));
    assert!(!excluded(store, twig).await.contains(&chunk));

    exclude(store, twig, chunk).await;
    mark(store, root, chunk, ChunkState::Included).await;
    assert!(!excluded(store, root).await.contains(&chunk));
    assert!(!excluded(store, branch).await.contains(&chunk));
    assert!(excluded(store, twig).await.contains(&chunk));
}

/// A mark on a fork says nothing to the thread that it left, nor to threads beside it.
pub async fn a_mark_does_not_reach_other_threads(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let (one, two) = (fork(store, &entries[1]).await, fork(store, &entries[1]).await);
    exclude(store, one.id, piece(&entries[0], 0)).await;
    assert_eq!(excluded(store, two.id).await, BTreeSet::new());
    assert_eq!(excluded(store, session.root_thread_id).await, BTreeSet::new());
    store.thread_delete(one.id).await.unwrap();
    let three = fork(store, &entries[1]).await;
    assert_eq!(excluded(store, three.id).await, BTreeSet::new(), "marks go with their thread");
}

/// An edit inherits the marks of what stays before it; those of what it replaces are not in its conversation.
pub async fn an_edit_is_not_excluded_with_what_it_replaces(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    for entry in &entries {
        exclude(store, session.root_thread_id, piece(entry, 0)).await;
    }
    let (thread, _) = edit(store, &entries[1], "better").await;
    assert_eq!(excluded(store, thread.id).await, BTreeSet::from([piece(&entries[0], 0)]));
}

/// Of the marks those are told whose entries were asked for.
pub async fn a_range_tells_the_marks_of_its_entries(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let root = session.root_thread_id;
    let branch = fork(store, &entries[2]).await;
    let own = say(store, branch.id, "own").await;
    for (thread, entry) in [(root, &entries[0]), (root, &entries[2]), (branch.id, &own)] {
        exclude(store, thread, piece(entry, 0)).await;
    }
    exclude(store, branch.id, piece(&entries[1], 0)).await;
    let told = async |range| store.lineage(branch.id, range).await.unwrap().excluded;
    let last = LineageRange::Last(NonZeroU32::new(2).unwrap());
    assert_eq!(told(last).await, BTreeSet::from([piece(&entries[2], 0), piece(&own, 0)]));
    let up_to = LineageRange::UpTo(TurnIndex::new(2));
    assert_eq!(told(up_to).await, BTreeSet::from([piece(&entries[0], 0), piece(&entries[1], 0)]));
}

/// Only a part of an entry in the thread's conversation can be marked; the refusal names thread, entry and part.
pub async fn only_a_piece_of_the_conversation_can_be_marked(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let root = session.root_thread_id;
    let (_, elsewhere) = conversation(store, 1).await;
    let branch = fork(store, &entries[0]).await;
    let own = say(store, branch.id, "own").await;
    let unknown = ChunkRef { entry_id: Id::new(), part: 0 };
    for (thread, chunk) in [
        (root, unknown),
        (root, piece(&entries[0], 1)),
        (root, piece(&entries[0], u32::MAX)),
        (root, piece(&elsewhere[0], 0)),
        (root, piece(&own, 0)),
        (branch.id, piece(&entries[1], 0)),
    ] {
        let marked = store.chunk_mark(thread, chunk, ChunkState::Excluded, at(3)).await;
        let error = refused(marked, ErrorKind::NotFound);
        names(&error, thread);
        names(&error, chunk.entry_id);
        names(&error, format_args!("part {}", chunk.part));
    }
    let nowhere = Id::new();
    let marked = store.chunk_mark(nowhere, piece(&entries[0], 0), ChunkState::Excluded, at(3)).await;
    names(&refused(marked, ErrorKind::NotFound), nowhere);
    assert_eq!(excluded(store, root).await, BTreeSet::new());
}

/// A mark is no use of a session and no change of a thread or an entry.
pub async fn a_mark_changes_nothing_else(store: &dyn Store) {
    let (session, entries) = conversation(store, 1).await;
    let before = (
        store.session_get(session.id).await.unwrap(),
        store.thread_get(session.root_thread_id).await.unwrap(),
    );
    exclude(store, session.root_thread_id, piece(&entries[0], 0)).await;
    let after = (
        store.session_get(session.id).await.unwrap(),
        store.thread_get(session.root_thread_id).await.unwrap(),
    );
    assert_eq!(after, before);
    assert_eq!(store.entry_get(entries[0].id).await.unwrap(), entries[0]);
}

/// The marks of an entry go with it: the next entry in its place is sent.
pub async fn marks_go_with_their_entry(store: &dyn Store) {
    let (session, entries) = conversation(store, 1).await;
    let thread_id = session.root_thread_id;
    exclude(store, thread_id, piece(&entries[0], 0)).await;
    store.entry_delete(ThreadHead { thread_id, entry_id: Some(entries[0].id) }).await.unwrap();
    say(store, thread_id, "again").await;
    assert_eq!(excluded(store, thread_id).await, BTreeSet::new());
}
