//! The parts that other programs play.

use std::sync::Arc;

use maestro_core::{
    ErrorKind, Id, Result, Store,
    auth::AuthChange,
    chat::Part,
    conversations::{
        ChunkRef, ChunkState, EntryContent, EntryEnd, EntryState, NewEdit, NewFork, SessionChange,
        SessionName, Thread, ThreadHead,
    },
    revision::Revision,
    supplied_context::ItemChange,
};

use super::{
    Open, Race,
    given::{
        after_all_leases, begin, extend, head_of, item_text, lease, new_auth, new_entry, new_item,
        new_session, new_thread, now, recover, sealed, text_of,
    },
    program::{say, told, wait},
};

/// Plays the part that this program was started for; nothing when it was not.
pub(super) async fn play(open: &Open) {
    let Some((part, locator, arguments)) = told() else { return };
    let thread = |at: usize| arguments[at].parse::<Id<Thread>>().unwrap();
    let store = async || open(locator.clone()).await.unwrap();
    match part.as_str() {
        "open" => {
            say("ready");
            wait();
            match open(locator.clone()).await {
                Ok(_) => say("opened"),
                Err(error) => say(format_args!("{} {error}", error.kind())),
            }
        }
        "append" => append_many(&*store().await, &arguments[0], thread(1), thread(2)).await,
        "race" => race(&*store().await, &arguments).await,
        "hold a stream" => hold_a_stream(&*store().await, thread(0)).await,
        "recover" => say(recover(&*store().await, now()).await.len()),
        "write until killed" => write_until_killed(store().await, thread(0), thread(1)).await,
        other => panic!("there is no part {other}"),
    }
}

/// Appends `count` entries to a thread of its own, and as many to one that others append to as well.
async fn append_many(store: &dyn Store, count: &str, own: Id<Thread>, shared: Id<Thread>) {
    say("ready");
    wait();
    for _ in 0..count.parse().unwrap() {
        let entry = store.entry_append(head_of(store, own).await, new_entry()).await.unwrap();
        say(format_args!("own {}", entry.id));
        let entry = loop {
            match store.entry_append(head_of(store, shared).await, new_entry()).await {
                Ok(entry) => break entry,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Stale, "{error}"),
            }
        };
        say(format_args!("shared {}", entry.id));
    }
}

/// Tries to be the one that does each of the things for which there can be one only.
async fn race(store: &dyn Store, arguments: &[String]) {
    let races: Vec<Race> = arguments.iter().map(|line| line.parse().unwrap()).collect();
    let holder = Id::new();
    say("ready");
    wait();
    for (race, number) in races.iter().zip(0..) {
        let tell = |what: &str, outcome: Result<()>| match outcome {
            Ok(()) => say(format_args!("{number} {what} won")),
            Err(error) => say(format_args!("{number} {what} {}", error.kind())),
        };
        let start = ThreadHead { thread_id: race.thread, entry_id: None };
        tell("append", store.entry_append(start, new_entry()).await.map(drop));
        tell("name", store.auth_create(new_auth(&format!("race-{number}"))).await.map(drop));
        tell("item", store.item_create(new_item(&format!("race {number}"))).await.map(drop));
        let lease = lease(holder);
        let leased = store.auth_lease(race.leased, Revision::FIRST, holder, lease.until, now()).await;
        tell("lease", leased.map(drop));
        let change = AuthChange { credentials: Some(sealed(2)), ..AuthChange::default() };
        tell("revision", store.auth_update(race.updated, Revision::FIRST, change, now()).await.map(drop));
        let change =
            SessionChange { name: Some(SessionName::new("won").unwrap()), ..SessionChange::default() };
        tell("session", store.session_update(race.session, Revision::FIRST, change, now()).await.map(drop));
    }
}

async fn hold_a_stream(store: &dyn Store, thread: Id<Thread>) {
    let holder = Id::new();
    let id = begin(store, thread, holder).await;
    extend(store, id, holder, 1).await;
    say(id);
    wait();
    extend(store, id, holder, 2).await;
    say("extended");
}

/// Tasks that write at once and say what has been acknowledged to them.
async fn write_until_killed(store: Arc<dyn Store>, to_append: Id<Thread>, to_stream: Id<Thread>) {
    // What a program that was killed before this one has begun.
    recover(&*store, after_all_leases()).await;
    let tasks = [
        tokio::spawn(append_for_ever(Arc::clone(&store), to_append)),
        tokio::spawn(stream_for_ever(Arc::clone(&store), to_stream)),
        tokio::spawn(build_for_ever(Arc::clone(&store))),
        tokio::spawn(change_for_ever(store)),
    ];
    for task in tasks {
        task.await.unwrap();
    }
}

async fn append_for_ever(store: Arc<dyn Store>, thread: Id<Thread>) {
    let mut head = head_of(&*store, thread).await;
    loop {
        let entry = store.entry_append(head, new_entry()).await.unwrap();
        head.entry_id = Some(entry.id);
        say(format_args!("appended {} {}", entry.id, entry.turn_index));
    }
}

async fn stream_for_ever(store: Arc<dyn Store>, thread: Id<Thread>) {
    let holder = Id::new();
    loop {
        let id = begin(&*store, thread, holder).await;
        say(format_args!("began {id} 0"));
        for seq in 1..=12 {
            extend(&*store, id, holder, seq).await;
            say(format_args!("extended {id} {seq}"));
        }
        let content = EntryContent::of_parts(vec![Part::text(text_of(id))]);
        let end = EntryEnd { state: EntryState::Complete, content, now: now() };
        store.entry_finish(id, holder, end).await.unwrap();
        say(format_args!("finished {id} 0"));
    }
}

/// Sessions, forks, edits, marks and deletions, which write several rows each.
async fn build_for_ever(store: Arc<dyn Store>) {
    loop {
        let root = new_thread(&*store).await;
        let first = store.entry_append(head_of(&*store, root).await, new_entry()).await.unwrap();
        say(format_args!("appended {} 1", first.id));
        let chunk = ChunkRef { entry_id: first.id, part: 0 };
        store.chunk_mark(root, chunk, ChunkState::Excluded, now()).await.unwrap();
        say(format_args!("marked {} 0", first.id));
        let fork = NewFork { id: Id::new(), from: first.id, label: None, now: now() };
        let fork = store.thread_fork(fork).await.unwrap();
        say(format_args!("forked {} 1", fork.id));
        let edit = NewEdit { thread_id: Id::new(), edited: first.id, label: None, entry: new_entry() };
        let (edited, entry) = store.thread_edit(edit).await.unwrap();
        say(format_args!("appended {} 1", entry.id));
        say(format_args!("forked {} 1", edited.id));
        let second = store.entry_append(head_of(&*store, fork.id).await, new_entry()).await.unwrap();
        store.entry_delete(ThreadHead { thread_id: fork.id, entry_id: Some(second.id) }).await.unwrap();
        say(format_args!("deleted {} 2", second.id));
    }
}

/// Changes of one authentication, one item and one session, each of which counts.
async fn change_for_ever(store: Arc<dyn Store>) {
    loop {
        let mut auth = store.auth_create(new_auth(&format!("a-{}", Id::<Thread>::new()))).await.unwrap();
        let mut item = store.item_create(new_item(&format!("i {}", Id::<Thread>::new()))).await.unwrap();
        let mut session = new_session(&*store).await;
        for number in 2..=20 {
            let change = AuthChange { credentials: Some(sealed(number)), ..AuthChange::default() };
            auth = store.auth_update(auth.id, auth.revision, change, now()).await.unwrap();
            say(format_args!("authenticated {} {}", auth.id, auth.revision));
            let text = item_text(item.id, item.version.next().get());
            let change = ItemChange { text: Some(text), ..ItemChange::default() };
            item = store.item_update(item.id, item.revision, change, now()).await.unwrap();
            say(format_args!("worded {} {}", item.id, item.version));
            let change = SessionChange { auth_id: Some(Some(auth.id)), ..SessionChange::default() };
            session = store.session_update(session.id, session.revision, change, now()).await.unwrap();
            say(format_args!("settled {} {}", session.id, session.revision));
        }
    }
}
