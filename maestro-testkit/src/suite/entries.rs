//! Entries that are appended whole.

use maestro_core::{
    ErrorKind, Id, Store,
    chat::{Part, Role},
    conversations::{
        ChatEntry, ConversationsExt as _, EntryState, LineageRange, NewChatEntry, Session, ThreadHead,
        TurnIndex,
    },
};

use super::given::{
    at, begin, conversation, edit, fork, names, refused, said, say, session, streamed, texts, writer,
};

/// What append returns is what get returns: the next turn, version 1, at the moment given.
pub async fn an_appended_entry_is_read_back_as_it_was(store: &dyn Store) {
    let session = session(store).await;
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    let new = NewChatEntry { now: at(7), ..NewChatEntry::new(Role::Tool, vec![Part::text("hi")], at(1)) };
    let entry = store.entry_append(head, new.clone()).await.unwrap();
    let expected = ChatEntry {
        id: new.id,
        session_id: session.id,
        thread_id: session.root_thread_id,
        turn_index: TurnIndex::FIRST,
        actor: Role::Tool,
        edit_version: 1,
        state: EntryState::Complete,
        writer: None,
        content: new.content,
        inserted_at: at(7),
        updated_at: at(7),
    };
    assert_eq!(entry, expected);
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    assert_eq!(store.entry_journal(entry.id).await.unwrap(), []);
}

/// Turn indexes count from 1 without holes, and the head follows.
pub async fn entries_count_on_along_their_thread(store: &dyn Store) {
    let (session, entries) = conversation(store, 5).await;
    let turns: Vec<_> = entries.iter().map(|entry| entry.turn_index.get()).collect();
    assert_eq!(turns, [1, 2, 3, 4, 5]);
    let root = store.thread_get(session.root_thread_id).await.unwrap();
    assert_eq!((root.head_entry_id, root.head_turn), (Some(entries[4].id), TurnIndex::new(5)));
    assert_eq!((root.inserted_at, root.updated_at), (at(0), at(0)));
}

/// Every actor and every state but `streaming` can be appended.
pub async fn every_actor_and_every_end_is_kept(store: &dyn Store) {
    let session = session(store).await;
    for actor in [Role::System, Role::User, Role::Assistant, Role::Tool] {
        for state in
            [EntryState::Complete, EntryState::Interrupted, EntryState::Cancelled, EntryState::Failed]
        {
            let head = store.thread_get(session.root_thread_id).await.unwrap().head();
            let entry = store.entry_append(head, NewChatEntry { actor, state, ..said("x") }).await.unwrap();
            assert_eq!((entry.actor, entry.state), (actor, state));
            assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
        }
    }
}

/// A streamed entry is begun, never appended; the refusal names the field.
pub async fn an_appended_entry_is_never_streaming(store: &dyn Store) {
    let session = session(store).await;
    let head = ThreadHead { thread_id: session.root_thread_id, entry_id: None };
    let new = NewChatEntry { state: EntryState::Streaming, ..said("x") };
    let error = refused(store.entry_append(head, new.clone()).await, ErrorKind::Invalid);
    assert_eq!(error.fields()[0].field, "state");
    refused(store.entry_get(new.id).await, ErrorKind::NotFound);
    // It is told before anything is looked up, on every store.
    let nowhere = ThreadHead { thread_id: Id::new(), entry_id: None };
    refused(store.entry_append(nowhere, new).await, ErrorKind::Invalid);
}

/// A writer that saw another head is refused, and told both heads. Nothing is written.
pub async fn an_append_behind_an_old_head_is_stale_and_names_both_heads(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let thread_id = session.root_thread_id;
    let before = store.session_get(session.id).await.unwrap();
    let unknown = Id::new();
    for seen in [None, Some(entries[0].id), Some(unknown)] {
        let head = ThreadHead { thread_id, entry_id: seen };
        let entry = said("late");
        let id = entry.id;
        let error = refused(store.entry_append(head, entry).await, ErrorKind::Stale);
        names(&error, head);
        names(&error, ThreadHead { thread_id, entry_id: Some(entries[1].id) });
        refused(store.entry_get(id).await, ErrorKind::NotFound);
        refused(store.entry_begin(head, streamed(writer())).await, ErrorKind::Stale);
    }
    assert_eq!(store.session_get(session.id).await.unwrap(), before);
    assert_eq!(store.lineage(thread_id, LineageRange::All).await.unwrap().entries, entries);
}

/// Behind an entry that is being written nothing is appended or begun.
pub async fn nothing_is_appended_behind_a_streaming_entry(store: &dyn Store) {
    let (session, entries) = conversation(store, 1).await;
    let streaming = begin(store, session.root_thread_id, writer()).await;
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    assert_eq!(head.entry_id, Some(streaming.id));
    names(&refused(store.entry_append(head, said("x")).await, ErrorKind::InUse), streaming.id);
    names(&refused(store.entry_begin(head, streamed(writer())).await, ErrorKind::InUse), streaming.id);
    // Who has not even seen it is stale first.
    let old = ThreadHead { entry_id: Some(entries[0].id), ..head };
    refused(store.entry_append(old, said("x")).await, ErrorKind::Stale);
}

/// The id of an entry is taken once, in whatever session.
pub async fn an_entry_id_is_taken_once(store: &dyn Store) {
    let (_, entries) = conversation(store, 1).await;
    let other = session(store).await;
    let head = ThreadHead { thread_id: other.root_thread_id, entry_id: None };
    let again = NewChatEntry { id: entries[0].id, ..said("again") };
    names(&refused(store.entry_append(head, again).await, ErrorKind::Conflict), entries[0].id);
    let mut again = streamed(writer());
    again.id = entries[0].id;
    names(&refused(store.entry_begin(head, again).await, ErrorKind::Conflict), entries[0].id);
    assert_eq!(store.entry_get(entries[0].id).await.unwrap(), entries[0]);
    assert_eq!(store.session_get(other.id).await.unwrap(), other);
    assert_eq!(store.thread_get(other.root_thread_id).await.unwrap().head_entry_id, None);
}

/// An append on any thread moves the session's latest entry and last use, to an earlier moment too.
pub async fn an_append_moves_the_session_to_it(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let branch = fork(store, &entries[0]).await;
    let new = NewChatEntry { now: at(-30), ..said("on the branch") };
    let entry = store.entry_append(branch.head(), new).await.unwrap();
    let expected = Session { latest_chat_entry_id: Some(entry.id), last_used_at: at(-30), ..session.clone() };
    assert_eq!(store.session_get(session.id).await.unwrap(), expected);
}

/// An entry that does not exist is not found, and named.
pub async fn a_missing_entry_is_not_found_and_named(store: &dyn Store) {
    let id = Id::new();
    names(&refused(store.entry_get(id).await, ErrorKind::NotFound), id);
    names(&refused(store.entry_journal(id).await, ErrorKind::NotFound), id);
    refused(store.combined_chat(id).await, ErrorKind::NotFound);
}

/// Deleting the head moves the head, and the session's latest entry, to the entry before it.
pub async fn the_last_entry_of_a_thread_can_be_deleted(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let thread_id = session.root_thread_id;
    for (gone, left) in [(entries[1].id, Some(entries[0].id)), (entries[0].id, None)] {
        store.entry_delete(ThreadHead { thread_id, entry_id: Some(gone) }).await.unwrap();
        refused(store.entry_get(gone).await, ErrorKind::NotFound);
        let root = store.thread_get(thread_id).await.unwrap();
        assert_eq!(root.head_entry_id, left);
        assert_eq!(root.head_turn.get(), u32::from(left.is_some()));
        let session = store.session_get(session.id).await.unwrap();
        assert_eq!((session.latest_chat_entry_id, session.last_used_at), (left, at(1)));
    }
    let entry = say(store, thread_id, "1 again").await;
    assert_eq!(entry.turn_index, TurnIndex::FIRST);
}

/// The latest entry stays when another one is deleted.
pub async fn deleting_an_entry_moves_the_latest_only_if_it_was_that(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let branch = fork(store, &entries[0]).await;
    let latest = say(store, branch.id, "2b").await;
    let root = store.thread_get(session.root_thread_id).await.unwrap();
    store.entry_delete(root.head()).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap().latest_chat_entry_id, Some(latest.id));
    // The last own entry of a fork gives the head back to the entry that the fork went on from.
    let head = ThreadHead { thread_id: branch.id, entry_id: Some(latest.id) };
    store.entry_delete(head).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap().latest_chat_entry_id, Some(entries[0].id));
    let branch = store.thread_get(branch.id).await.unwrap();
    assert_eq!((branch.head_entry_id, branch.head_turn), (Some(entries[0].id), TurnIndex::FIRST));
}

/// Only the head is deleted, as the caller saw it; an empty thread has none of its own.
pub async fn only_the_head_of_a_thread_can_be_deleted(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let thread_id = session.root_thread_id;
    for seen in [Some(entries[0].id), Some(Id::new()), None] {
        let head = ThreadHead { thread_id, entry_id: seen };
        let error = refused(store.entry_delete(head).await, ErrorKind::Stale);
        names(&error, head);
        names(&error, ThreadHead { thread_id, entry_id: Some(entries[2].id) });
    }
    let branch = fork(store, &entries[1]).await;
    names(&refused(store.entry_delete(branch.head()).await, ErrorKind::Stale), branch.id);
    let empty = super::given::session(store).await;
    let head = ThreadHead { thread_id: empty.root_thread_id, entry_id: None };
    refused(store.entry_delete(head).await, ErrorKind::Stale);
    assert_eq!(store.lineage(thread_id, LineageRange::All).await.unwrap().entries, entries);
}

/// An entry from which a thread goes on stays, also when that thread is an edit of the next one.
pub async fn an_entry_from_which_a_thread_goes_on_stays(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let thread_id = session.root_thread_id;
    let head = ThreadHead { thread_id, entry_id: Some(entries[1].id) };
    let branch = fork(store, &entries[1]).await;
    names(&refused(store.entry_delete(head).await, ErrorKind::InUse), entries[1].id);
    store.thread_delete(branch.id).await.unwrap();
    // An edit goes on from the entry before the edited one, which alone it keeps.
    let (edited, _) = edit(store, &entries[1], "2b").await;
    store.entry_delete(head).await.unwrap();
    let head = ThreadHead { thread_id, entry_id: Some(entries[0].id) };
    refused(store.entry_delete(head).await, ErrorKind::InUse);
    store.thread_delete(edited.id).await.unwrap();
    store.entry_delete(head).await.unwrap();
}

/// An entry that is being written is not deleted.
pub async fn a_streaming_entry_is_not_deleted(store: &dyn Store) {
    let session = session(store).await;
    let streaming = begin(store, session.root_thread_id, writer()).await;
    let head = ThreadHead { thread_id: session.root_thread_id, entry_id: Some(streaming.id) };
    names(&refused(store.entry_delete(head).await, ErrorKind::InUse), streaming.id);
    assert_eq!(store.entry_get(streaming.id).await.unwrap(), streaming);
}

/// The conversation up to an entry ends with it, whatever was said after it.
pub async fn a_combined_chat_ends_with_its_entry(store: &dyn Store) {
    let (_, entries) = conversation(store, 3).await;
    let branch = fork(store, &entries[1]).await;
    let own = say(store, branch.id, "3b").await;
    say(store, branch.id, "4b").await;
    let said = async |entry: &ChatEntry| {
        let chat = store.combined_chat(entry.id).await.unwrap();
        chat.iter().map(maestro_core::chat::Message::text).collect::<Vec<_>>()
    };
    assert_eq!(said(&own).await, ["1", "2", "3b"]);
    assert_eq!(said(&entries[0]).await, ["1"]);
    assert_eq!(said(&entries[2]).await, texts(&entries));
}
