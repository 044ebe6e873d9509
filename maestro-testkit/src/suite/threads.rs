//! Threads: forks, edits, labels, and what may be deleted.

use maestro_core::{
    ErrorKind, Id, Store,
    conversations::{
        ChatEntry, EntryState, LineageRange, NewChatEntry, NewEdit, NewFork, Thread, ThreadHead, ThreadLabel,
        TurnIndex,
    },
};

use super::given::{
    at, begin, conversation, edit, fork, names, new_edit, new_fork, refused, said, say, session, texts,
    writer,
};

fn label(text: &str) -> ThreadLabel {
    ThreadLabel::new(text).unwrap()
}

async fn told(store: &dyn Store, thread: Id<Thread>) -> Vec<String> {
    texts(&store.lineage(thread, LineageRange::All).await.unwrap().entries)
}

/// A fork begins with the entry that it goes on from as its head, and owns nothing.
pub async fn a_fork_goes_on_from_its_entry(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let new = NewFork { label: Some(label("another way")), ..new_fork(&entries[1]) };
    let thread = store.thread_fork(new.clone()).await.unwrap();
    let expected = Thread {
        id: new.id,
        session_id: session.id,
        parent_thread_id: Some(session.root_thread_id),
        fork_from_entry_id: Some(entries[1].id),
        fork_turn: TurnIndex::new(2),
        label: new.label,
        head_entry_id: Some(entries[1].id),
        head_turn: TurnIndex::new(2),
        inserted_at: new.now,
        updated_at: new.now,
    };
    assert_eq!(thread, expected);
    assert_eq!(store.thread_get(thread.id).await.unwrap(), thread);
    assert_eq!(told(store, thread.id).await, ["1", "2"]);
    // A fork is no use of the session: it moves neither its latest entry nor its last use.
    assert_eq!(store.session_get(session.id).await.unwrap().latest_chat_entry_id, Some(entries[2].id));
}

/// What is said on a fork counts on from there, and the thread that it left stays as it was.
pub async fn a_fork_and_its_parent_go_separate_ways(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let branch = fork(store, &entries[0]).await;
    let entry = say(store, branch.id, "2 on the branch").await;
    assert_eq!((entry.turn_index, entry.edit_version), (TurnIndex::new(2), 1));
    say(store, session.root_thread_id, "4").await;
    assert_eq!(told(store, branch.id).await, ["1", "2 on the branch"]);
    assert_eq!(told(store, session.root_thread_id).await, ["1", "2", "3", "4"]);
    let branch = store.thread_get(branch.id).await.unwrap();
    assert_eq!((branch.head_entry_id, branch.head_turn), (Some(entry.id), TurnIndex::new(2)));
    assert_eq!(branch.updated_at, at(2), "an entry is no change of its thread");
}

/// A fork of an entry that a fork has inherited goes on from the thread that owns the entry.
pub async fn a_fork_of_an_empty_fork_goes_on_from_the_owner(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let empty = fork(store, &entries[1]).await;
    let from = store.entry_get(empty.head_entry_id.unwrap()).await.unwrap();
    let twig = fork(store, &from).await;
    assert_eq!(twig.parent_thread_id, Some(session.root_thread_id));
    say(store, twig.id, "3").await;
    assert_eq!(told(store, twig.id).await, ["1", "2", "3"]);
    store.thread_delete(empty.id).await.unwrap();
    assert_eq!(told(store, twig.id).await, ["1", "2", "3"]);
}

/// An entry can be the beginning of any number of threads, and all of them are listed, oldest first, then by id.
pub async fn threads_are_listed_in_order_of_creation(store: &dyn Store) {
    let (session, entries) = conversation(store, 1).await;
    let mut expected = vec![session.root_thread_id];
    let mut same_moment = Vec::new();
    for _ in 0..3 {
        same_moment.push(fork(store, &entries[0]).await.id);
    }
    let early = store.thread_fork(NewFork { now: at(1), ..new_fork(&entries[0]) }).await.unwrap();
    same_moment.sort();
    expected.push(early.id);
    expected.extend(same_moment);
    conversation(store, 1).await;
    let threads = store.thread_list(session.id).await.unwrap();
    assert_eq!(threads.iter().map(|thread| thread.id).collect::<Vec<_>>(), expected);
    for thread in threads {
        assert_eq!(store.thread_get(thread.id).await.unwrap(), thread);
    }
}

/// Every method that names a thread or an entry says which one is missing.
pub async fn a_missing_thread_is_not_found_and_named(store: &dyn Store) {
    let id = Id::new();
    names(&refused(store.thread_get(id).await, ErrorKind::NotFound), id);
    names(&refused(store.thread_label(id, None, at(1)).await, ErrorKind::NotFound), id);
    names(&refused(store.thread_delete(id).await, ErrorKind::NotFound), id);
    let head = ThreadHead { thread_id: id, entry_id: None };
    names(&refused(store.entry_append(head, said("x")).await, ErrorKind::NotFound), id);
    names(&refused(store.entry_delete(head).await, ErrorKind::NotFound), id);
    names(&refused(store.lineage(id, LineageRange::All).await, ErrorKind::NotFound), id);
}

/// What does not exist is neither forked nor edited.
pub async fn a_missing_entry_is_neither_forked_nor_edited(store: &dyn Store) {
    let (session, mut entries) = conversation(store, 1).await;
    entries[0].id = Id::new();
    names(&refused(store.thread_fork(new_fork(&entries[0])).await, ErrorKind::NotFound), entries[0].id);
    let edited = store.thread_edit(new_edit(&entries[0], "x")).await;
    names(&refused(edited, ErrorKind::NotFound), entries[0].id);
    assert_eq!(store.thread_list(session.id).await.unwrap().len(), 1);
}

/// The id of a thread is taken once, for forks and edits as well.
pub async fn a_fork_needs_a_free_thread_id(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let taken = session.root_thread_id;
    let fork = store.thread_fork(NewFork { id: taken, ..new_fork(&entries[0]) }).await;
    names(&refused(fork, ErrorKind::Conflict), taken);
    let edit = NewEdit { thread_id: taken, ..new_edit(&entries[0], "x") };
    let entry = edit.entry.id;
    names(&refused(store.thread_edit(edit).await, ErrorKind::Conflict), taken);
    refused(store.entry_get(entry).await, ErrorKind::NotFound);
    assert_eq!(store.thread_list(session.id).await.unwrap().len(), 1);
}

/// An edit with the id of an entry that is there makes no thread either.
pub async fn an_edit_needs_a_free_entry_id(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let edit =
        NewEdit { entry: NewChatEntry { id: entries[1].id, ..said("x") }, ..new_edit(&entries[0], "x") };
    let before = store.session_get(session.id).await.unwrap();
    names(&refused(store.thread_edit(edit.clone()).await, ErrorKind::Conflict), entries[1].id);
    refused(store.thread_get(edit.thread_id).await, ErrorKind::NotFound);
    assert_eq!(store.session_get(session.id).await.unwrap(), before);
    assert_eq!(store.entry_get(entries[1].id).await.unwrap(), entries[1]);
}

/// An edit stands in the place of the edited entry, on a thread that goes on from the entry before it. What was
/// there stays, and the session's latest entry and last use move to the new one.
pub async fn an_edit_stands_in_the_place_of_its_entry(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let new = NewEdit {
        label: Some(label("again")),
        entry: NewChatEntry { now: at(50), state: EntryState::Cancelled, ..said("2, better") },
        ..new_edit(&entries[1], "")
    };
    let (thread, entry) = store.thread_edit(new.clone()).await.unwrap();
    let expected_entry = ChatEntry {
        id: new.entry.id,
        session_id: session.id,
        thread_id: new.thread_id,
        turn_index: TurnIndex::new(2),
        actor: new.entry.actor,
        edit_version: 2,
        state: EntryState::Cancelled,
        writer: None,
        content: new.entry.content.clone(),
        inserted_at: at(50),
        updated_at: at(50),
    };
    let expected_thread = Thread {
        id: new.thread_id,
        session_id: session.id,
        parent_thread_id: Some(session.root_thread_id),
        fork_from_entry_id: Some(entries[0].id),
        fork_turn: TurnIndex::FIRST,
        label: new.label,
        head_entry_id: Some(entry.id),
        head_turn: TurnIndex::new(2),
        inserted_at: at(50),
        updated_at: at(50),
    };
    assert_eq!((&thread, &entry), (&expected_thread, &expected_entry));
    assert_eq!(store.thread_get(thread.id).await.unwrap(), thread);
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    assert_eq!(told(store, thread.id).await, ["1", "2, better"]);
    assert_eq!(told(store, session.root_thread_id).await, ["1", "2", "3"]);
    let session = store.session_get(session.id).await.unwrap();
    assert_eq!((session.latest_chat_entry_id, session.last_used_at), (Some(entry.id), at(50)));
}

/// An edit of the very first entry goes on from nothing.
pub async fn an_edit_of_the_first_entry_goes_on_from_nothing(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let (thread, entry) = edit(store, &entries[0], "1, better").await;
    assert_eq!((thread.parent_thread_id, thread.fork_from_entry_id), (None, None));
    assert_eq!((thread.fork_turn, entry.turn_index), (TurnIndex::ZERO, TurnIndex::FIRST));
    assert_eq!(entry.edit_version, 2);
    assert_eq!(store.thread_get(thread.id).await.unwrap(), thread);
    say(store, thread.id, "2 after it").await;
    assert_eq!(told(store, thread.id).await, ["1, better", "2 after it"]);
    assert_eq!(store.thread_list(session.id).await.unwrap().len(), 2);
}

/// Each edit counts its version on from the entry that it stands for, and goes on from the same place.
pub async fn an_edit_of_an_edit_counts_on(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let (_, second) = edit(store, &entries[1], "2b").await;
    let (thread, third) = edit(store, &second, "2c").await;
    let (_, again) = edit(store, &entries[1], "2d").await;
    assert_eq!((second.edit_version, third.edit_version, again.edit_version), (2, 3, 2));
    assert_eq!(thread.parent_thread_id, Some(session.root_thread_id));
    assert_eq!(thread.fork_from_entry_id, Some(entries[0].id));
    assert_eq!(told(store, thread.id).await, ["1", "2c"]);
    assert_eq!(say(store, thread.id, "3").await.edit_version, 1);
}

/// The first own entry of a fork is edited from the entry that the fork went on from.
pub async fn an_edit_of_the_first_entry_of_a_fork_goes_on_from_its_parent(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let branch = fork(store, &entries[1]).await;
    let own = say(store, branch.id, "3b").await;
    say(store, branch.id, "4b").await;
    let (thread, entry) = edit(store, &own, "3c").await;
    assert_eq!(thread.parent_thread_id, Some(session.root_thread_id));
    assert_eq!(thread.fork_from_entry_id, Some(entries[1].id));
    assert_eq!((entry.turn_index, entry.edit_version), (TurnIndex::new(3), 2));
    assert_eq!(told(store, thread.id).await, ["1", "2", "3c"]);
}

/// An entry cannot be edited into one that is streaming.
pub async fn an_edit_is_never_streaming(store: &dyn Store) {
    let (_, entries) = conversation(store, 1).await;
    let entry = NewChatEntry { state: EntryState::Streaming, ..said("x") };
    let error =
        refused(store.thread_edit(NewEdit { entry, ..new_edit(&entries[0], "") }).await, ErrorKind::Invalid);
    assert_eq!(error.fields()[0].field, "state");
}

/// An entry that is still being written is neither forked nor edited; what is before it is both.
pub async fn a_streaming_entry_is_neither_forked_nor_edited(store: &dyn Store) {
    let (session, entries) = conversation(store, 1).await;
    let streaming = begin(store, session.root_thread_id, writer()).await;
    names(&refused(store.thread_fork(new_fork(&streaming)).await, ErrorKind::InUse), streaming.id);
    let edited = store.thread_edit(new_edit(&streaming, "x")).await;
    names(&refused(edited, ErrorKind::InUse), streaming.id);
    fork(store, &entries[0]).await;
    edit(store, &entries[0], "y").await;
}

/// A label is written and taken away; nothing but it and the time of the write changes.
pub async fn a_thread_is_labelled_and_unlabelled(store: &dyn Store) {
    let (session, _) = conversation(store, 2).await;
    let root = store.thread_get(session.root_thread_id).await.unwrap();
    for (text, moment) in [(Some("draft"), 5), (Some("ﬁnal — ✓"), 6), (None, 7)] {
        let labelled = store.thread_label(root.id, text.map(label), at(moment)).await.unwrap();
        let expected = Thread { label: text.map(label), updated_at: at(moment), ..root.clone() };
        assert_eq!(labelled, expected);
        assert_eq!(store.thread_get(root.id).await.unwrap(), expected);
    }
}

/// A deleted thread takes its own entries along and leaves those that it inherited.
pub async fn a_deleted_thread_takes_its_own_entries_along(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let branch = fork(store, &entries[0]).await;
    let own = say(store, branch.id, "2b").await;
    store.thread_delete(branch.id).await.unwrap();
    refused(store.thread_get(branch.id).await, ErrorKind::NotFound);
    refused(store.entry_get(own.id).await, ErrorKind::NotFound);
    refused(store.thread_delete(branch.id).await, ErrorKind::NotFound);
    assert_eq!(told(store, session.root_thread_id).await, ["1", "2"]);
    assert_eq!(store.thread_list(session.id).await.unwrap().len(), 1);
}

/// A thread that was made after one was deleted has nothing of it.
pub async fn a_new_thread_inherits_nothing_from_a_deleted_one(store: &dyn Store) {
    let (_, entries) = conversation(store, 2).await;
    let gone = fork(store, &entries[1]).await;
    say(store, gone.id, "3, gone").await;
    store.thread_delete(gone.id).await.unwrap();
    let next = fork(store, &entries[1]).await;
    assert_eq!(told(store, next.id).await, ["1", "2"]);
    say(store, next.id, "3").await;
    assert_eq!(told(store, next.id).await, ["1", "2", "3"]);
}

/// If the latest entry of a session goes with a thread, the one that the thread went on from is the latest; the last
/// use stays when it was. Any other latest entry stays.
pub async fn a_deleted_thread_moves_the_latest_entry_back(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let branch = fork(store, &entries[1]).await;
    say(store, branch.id, "3b").await;
    say(store, branch.id, "4b").await;
    let used = store.session_get(session.id).await.unwrap();
    store.thread_delete(branch.id).await.unwrap();
    let now = store.session_get(session.id).await.unwrap();
    assert_eq!(now.latest_chat_entry_id, Some(entries[1].id));
    assert_eq!((now.last_used_at, now.revision), (used.last_used_at, used.revision));

    let (from_nothing, _) = edit(store, &entries[0], "1b").await;
    store.thread_delete(from_nothing.id).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap().latest_chat_entry_id, None);

    let other = fork(store, &entries[0]).await;
    say(store, other.id, "2c").await;
    let latest = say(store, session.root_thread_id, "4").await;
    store.thread_delete(other.id).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap().latest_chat_entry_id, Some(latest.id));
}

/// The first thread goes only with its session.
pub async fn the_first_thread_of_a_session_stays(store: &dyn Store) {
    let session = session(store).await;
    let error = refused(store.thread_delete(session.root_thread_id).await, ErrorKind::InUse);
    names(&error, session.root_thread_id);
    store.thread_get(session.root_thread_id).await.unwrap();
}

/// A thread from which others go on stays until they are gone; forks of what it inherited do not count.
pub async fn a_thread_from_which_others_go_on_stays(store: &dyn Store) {
    let (_, entries) = conversation(store, 2).await;
    let branch = fork(store, &entries[0]).await;
    let own = say(store, branch.id, "2b").await;
    let twig = fork(store, &own).await;
    names(&refused(store.thread_delete(branch.id).await, ErrorKind::InUse), branch.id);
    assert_eq!(told(store, twig.id).await, ["1", "2b"]);
    store.thread_delete(twig.id).await.unwrap();
    fork(store, &entries[0]).await;
    store.thread_delete(branch.id).await.unwrap();
}

/// A thread on which an entry is being written stays until the entry has ended.
pub async fn a_thread_that_is_written_to_stays(store: &dyn Store) {
    let (_, entries) = conversation(store, 2).await;
    let branch = fork(store, &entries[0]).await;
    let writer = writer();
    let streaming = begin(store, branch.id, writer).await;
    let error = refused(store.thread_delete(branch.id).await, ErrorKind::InUse);
    names(&error, branch.id);
    names(&error, streaming.id);
    let end = super::streamed_entries::whole("done");
    store.entry_finish(streaming.id, writer.holder, end).await.unwrap();
    store.thread_delete(branch.id).await.unwrap();
}
