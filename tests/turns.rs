//! Turns over the reference store, with a provider from outside and a script in place of the network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

#[path = "echo/mod.rs"]
mod echo;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use http::StatusCode;
use maestro::{
    Flush, RetryPolicy,
    core::{
        conversations::{ChunkRef, NewChatEntry, NewEdit, SessionChange},
        http::HttpClient,
        page::PageLimit,
        stream::journal,
        time::{ManualClock, Timestamp},
    },
    prelude::*,
};
use maestro_testkit::replay::{After, Answer, ReplayClient};

struct World {
    maestro: Maestro,
    store: Arc<MemoryStore>,
    client: Arc<ReplayClient>,
    clock: Arc<ManualClock>,
    session: Session,
}

/// A Maestro over a script, with one session.
async fn world(answers: impl IntoIterator<Item = Answer>) -> World {
    world_with(answers, Flush::BeforeShown).await
}

async fn world_with(answers: impl IntoIterator<Item = Answer>, flush: Flush) -> World {
    let store = Arc::new(MemoryStore::new());
    let client = Arc::new(ReplayClient::new(answers));
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_800_000_000_000_000)));
    let retry = RetryPolicy { first_delay: Duration::from_millis(1), ..RetryPolicy::default() };
    let maestro = Maestro::builder()
        .shared_store(store.clone())
        .vault(Vault::new(VaultKey::generate()))
        .registry(Registry::new().with(echo::Echo::new(echo::rules())))
        .shared_http(client.clone() as Arc<dyn HttpClient>)
        .shared_clock(clock.clone())
        .retry(retry)
        .flush(flush)
        .build()
        .unwrap();
    let mut new = NewSession::new(SessionName::new("test").unwrap(), maestro.now());
    new.model_id = Some("m".parse().unwrap());
    let session = maestro.store().session_create(new).await.unwrap();
    World { maestro, store, client, clock, session }
}

impl World {
    async fn say(&self, text: &str) -> Result<Turn> {
        self.maestro.turn(self.session.id).user(text).target(target()).start().await
    }

    async fn entries(&self) -> Vec<ChatEntry> {
        self.store.lineage(self.session.root_thread_id, LineageRange::All).await.unwrap().entries
    }

    fn sent(&self, request: usize) -> String {
        String::from_utf8(self.client.requests()[request].body().to_vec()).unwrap()
    }
}

fn target() -> Target {
    Target::new("echo".parse().unwrap(), Endpoint::default())
}

fn hello() -> Answer {
    Answer::events(["data: Hel\n\n", "data: lo\n\n", "data: [END]\n\n"])
}

async fn read(turn: &mut Turn) -> (String, Option<StreamEvent>) {
    let (mut text, mut last) = (String::new(), None);
    while let Some(event) = turn.next().await {
        let event = event.unwrap();
        if let StreamEvent::TextDelta { text: delta, .. } = &event {
            text.push_str(delta);
        }
        last = Some(event);
    }
    (text, last)
}

fn text_of(entry: &ChatEntry) -> String {
    entry.to_message().text()
}

#[tokio::test]
async fn an_answer_is_stored_as_it_was_shown() {
    let world = world([hello()]).await;
    let mut turn = world.say("hi").await.unwrap();
    let (text, last) = read(&mut turn).await;
    assert_eq!(text, "Hello");
    assert!(matches!(last, Some(StreamEvent::Finished { finish: Finish::Stop })));

    let entry = turn.into_outcome().unwrap().entry;
    assert_eq!(
        (entry.state, text_of(&entry).as_str(), entry.turn_index.get()),
        (EntryState::Complete, "Hello", 2)
    );
    assert_eq!(entry.content.origin.as_ref().unwrap().response_id.as_deref(), Some("echo-1"));
    assert_eq!(world.store.session_get(world.session.id).await.unwrap().latest_chat_entry_id, Some(entry.id));
    assert_eq!(world.store.entry_journal(entry.id).await.unwrap(), []);
}

#[tokio::test]
async fn the_next_turn_sends_what_was_said_before_and_the_persona() {
    let world = world([hello(), hello()]).await;
    let item = NewItem {
        id: Id::new(),
        item_type: ItemType::Persona,
        name: ItemName::new("pirate").unwrap(),
        text: ItemText::new("Be a pirate.").unwrap(),
        tags: Default::default(),
        metadata: Default::default(),
        now: world.maestro.now(),
    };
    let item = world.store.item_create(item).await.unwrap();
    let persona = maestro::core::conversations::ItemUse { item_id: item.id, version: item.version };
    let change = SessionChange { persona: Some(Some(persona)), ..SessionChange::default() };
    world
        .store
        .session_update(world.session.id, world.session.revision, change, world.maestro.now())
        .await
        .unwrap();

    world.say("one").await.unwrap().finish().await.unwrap();
    world.say("two").await.unwrap().finish().await.unwrap();
    assert_eq!(world.sent(1), "system: Be a pirate.\nuser: one\nassistant: Hello\nuser: two");
}

#[tokio::test]
async fn a_piece_that_is_excluded_is_not_sent_and_stays_in_history() {
    let world = world([hello(), hello()]).await;
    world.say("secret plan").await.unwrap().finish().await.unwrap();
    let first = world.entries().await.remove(0);
    let universal = world.maestro.universal();
    universal
        .delete_context_chunk(world.session.root_thread_id, ChunkRef { entry_id: first.id, part: 0 })
        .await
        .unwrap();
    world.say("two").await.unwrap().finish().await.unwrap();
    assert!(!world.sent(1).contains("secret plan"), "{}", world.sent(1));
    assert_eq!(text_of(&world.entries().await[0]), "secret plan");
}

#[tokio::test]
async fn what_was_shown_is_in_the_journal_before_it_is_shown() {
    let world = world([Answer::events(["data: Hel\n\n"]).then(After::Silence)]).await;
    let mut turn = world.say("hi").await.unwrap();
    loop {
        if let StreamEvent::TextDelta { .. } = turn.next().await.unwrap().unwrap() {
            break;
        }
    }
    let journal = world.store.entry_journal(turn.entry_id()).await.unwrap();
    assert_eq!(journal::assemble(&journal).parts[0].as_text(), Some("Hel"));
}

#[tokio::test]
async fn a_refusal_before_the_first_event_leaves_the_session_as_it_was() {
    let world = world([Answer::json(StatusCode::UNAUTHORIZED, "{}")]).await;
    let before = world.store.session_get(world.session.id).await.unwrap();
    let mut turn = world.say("hi").await.unwrap();
    let error = turn.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthenticated, Some(401)));
    assert!(turn.next().await.is_none());
    assert_eq!(world.entries().await, []);
    let after = world.store.session_get(world.session.id).await.unwrap();
    assert_eq!(after.latest_chat_entry_id, before.latest_chat_entry_id);
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again_before_the_first_event_only() {
    let busy = || Answer::json(StatusCode::SERVICE_UNAVAILABLE, "{}");
    let world = world([busy(), Answer::events(["data: [ERROR]\n\n"]), hello()]).await;
    let outcome = world.say("hi").await.unwrap().finish().await.unwrap();
    // The echo decoder starts before it reports the error, so that error is shown, not tried again.
    assert_eq!(outcome.entry.state, EntryState::Failed);
    assert_eq!(world.client.requests().len(), 2);
}

#[tokio::test]
async fn a_compressed_answer_is_told_as_such() {
    let world = world([hello().header("content-encoding", "gzip")]).await;
    let error = world.say("hi").await.unwrap().next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("gzip"), "{error}");
}

#[tokio::test]
async fn a_cut_answer_is_kept_as_interrupted() {
    for after in [After::End, After::Break] {
        let world = world([Answer::events(["data: Hel\n\n"]).then(after)]).await;
        let mut turn = world.say("hi").await.unwrap();
        let (text, last) = read(&mut turn).await;
        assert_eq!(text, "Hel");
        assert!(matches!(last, Some(StreamEvent::Truncated(_))), "{last:?}");
        let entry = turn.into_outcome().unwrap().entry;
        assert_eq!((entry.state, text_of(&entry).as_str()), (EntryState::Interrupted, "Hel"));
        assert_eq!(entry.content.problem.unwrap().kind, "interrupted");
    }
}

#[tokio::test]
async fn cancelling_keeps_what_had_come() {
    let world = world([Answer::events(["data: Hel\n\n"]).then(After::Silence)]).await;
    let mut turn = world.say("hi").await.unwrap();
    turn.next().await.unwrap().unwrap();
    let entry = turn.cancel().await.unwrap();
    assert_eq!((entry.state, text_of(&entry).as_str()), (EntryState::Cancelled, "Hel"));
}

#[tokio::test]
async fn dropping_a_turn_cancels_it() {
    let world = world([Answer::events(["data: Hel\n\n"]).then(After::Silence), hello()]).await;
    let mut turn = world.say("hi").await.unwrap();
    turn.next().await.unwrap().unwrap();
    drop(turn);
    // The end is written by a task; once it has run, the thread is free again.
    while world.entries().await[1].state == EntryState::Streaming {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.entries().await[1].state, EntryState::Cancelled);
    world.say("again").await.unwrap().finish().await.unwrap();
}

#[tokio::test]
async fn dropping_the_future_of_next_loses_and_repeats_nothing() {
    let world = world([hello()]).await;
    let mut turn = world.say("hi").await.unwrap();
    let mut text = String::new();
    loop {
        // Polled once and dropped, again and again.
        match turn.next().now_or_never() {
            Some(Some(Ok(StreamEvent::TextDelta { text: delta, .. }))) => text.push_str(&delta),
            Some(Some(event)) => drop(event.unwrap()),
            Some(None) => break,
            None => tokio::task::yield_now().await,
        }
    }
    assert_eq!(text, "Hello");
    assert_eq!(text_of(&world.entries().await[1]), "Hello");
}

#[tokio::test]
async fn an_answer_whose_writer_is_gone_is_found_interrupted_and_the_conversation_goes_on() {
    let world = world([Answer::events(["data: Hel\n\n"]).then(After::Silence), hello()]).await;
    let mut turn = world.say("hi").await.unwrap();
    while !matches!(turn.next().await.unwrap().unwrap(), StreamEvent::TextDelta { .. }) {}
    // As a crash would: nobody ends it.
    std::mem::forget(turn);

    let error = world.say("again").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InUse, "its writer may still live");
    world.clock.advance(Duration::from_secs(3600));
    world.say("again").await.unwrap().finish().await.unwrap();
    let entries = world.entries().await;
    assert_eq!((entries[1].state, text_of(&entries[1]).as_str()), (EntryState::Interrupted, "Hel"));
    assert_eq!(world.sent(1), "user: hi\nassistant: Hel\nuser: again");
}

#[tokio::test]
async fn an_edit_is_answered_without_saying_more() {
    let world = world([hello(), hello()]).await;
    world.say("Name a bird.").await.unwrap().finish().await.unwrap();
    let question = world.entries().await.remove(0);
    let entry = NewChatEntry::new(Role::User, vec![Part::text("Name a fish.")], world.maestro.now());
    let edit = NewEdit { thread_id: Id::new(), edited: question.id, label: None, entry };
    let (thread, _) = world.store.thread_edit(edit).await.unwrap();

    let turn = world.maestro.turn(world.session.id).thread(thread.id).target(target()).start().await.unwrap();
    let answer = turn.finish().await.unwrap().entry;
    assert_eq!(world.sent(1), "user: Name a fish.");
    assert_eq!(
        (answer.thread_id, answer.turn_index.get(), text_of(&answer).as_str()),
        (thread.id, 2, "Hello")
    );
    // An answer is not answered.
    let again =
        world.maestro.turn(world.session.id).thread(thread.id).target(target()).start().await.err().unwrap();
    assert_eq!(again.fields()[0].field, "parts");
}

#[tokio::test]
async fn at_the_end_only_means_no_journal_and_the_same_answer() {
    let world = world_with([hello()], Flush::AtEnd).await;
    let outcome = world.say("hi").await.unwrap().finish().await.unwrap();
    assert_eq!(text_of(&outcome.entry), "Hello");
}

#[tokio::test]
async fn bad_input_is_told_before_anything_is_written() {
    let world = world([]).await;
    let nothing_said = world.maestro.turn(world.session.id).target(target()).start().await.err().unwrap();
    assert_eq!((nothing_said.kind(), nothing_said.fields()[0].field.as_str()), (ErrorKind::Invalid, "parts"));

    let no_auth = world.maestro.turn(world.session.id).user("hi").start().await.err().unwrap();
    assert_eq!(no_auth.kind(), ErrorKind::Unauthenticated);

    let nobody = Target::new("nobody".parse().unwrap(), Endpoint::default());
    let unknown = world.maestro.turn(world.session.id).user("hi").target(nobody).start().await.err().unwrap();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert!(unknown.to_string().contains("known are echo"), "{unknown}");

    let foreign = world
        .maestro
        .turn(world.session.id)
        .user("hi")
        .target(target())
        .thread(Id::new())
        .start()
        .await
        .err()
        .unwrap();
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
    let no_session = world.maestro.turn(Id::new()).user("hi").target(target()).start().await.err().unwrap();
    assert_eq!(no_session.kind(), ErrorKind::NotFound);
    assert_eq!(world.entries().await, []);
    assert_eq!(world.store.entry_recover(None, world.maestro.now(), PageLimit::default()).await.unwrap(), []);
}
