//! Programs that are killed while they write.

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    env,
    hash::{BuildHasher as _, Hasher as _},
    thread,
    time::Duration,
};

use maestro_core::{
    ErrorKind, Id, Store,
    auth::SavedAuthentication,
    conversations::{ChatEntry, ChunkRef, EntryState, LineageRange, Session, Thread},
    supplied_context::{Item, SuppliedContextExt as _},
};

use super::{
    Place,
    given::{
        after_all_leases, chunk_of, head_of, item_text, new_entry, new_thread, now, recover, sealed, text_of,
    },
    program::Program,
    walk,
};

/// How many programs are killed when `MAESTRO_CRASH_ROUNDS` does not say.
const ROUNDS: usize = 25;

/// What was acknowledged to programs that were killed.
#[derive(Debug, Default)]
struct Acknowledged {
    entries: BTreeMap<Id<ChatEntry>, ToldOfEntry>,
    forks: Vec<Id<Thread>>,
    /// The last revision or version of each.
    authentications: BTreeMap<Id<SavedAuthentication>, u64>,
    items: BTreeMap<Id<Item>, u64>,
    sessions: BTreeMap<Id<Session>, u64>,
}

#[derive(Debug, Default)]
struct ToldOfEntry {
    /// Its turn index, if it was appended.
    appended: Option<u64>,
    /// The last chunk of its journal, if it was begun.
    streamed: Option<u32>,
    finished: bool,
    deleted: bool,
    marked: bool,
}

/// Programs that write all kinds of things are killed in the middle, many times; what was acknowledged to them is there,
/// nothing is half done, and the next program goes on.
pub async fn what_was_acknowledged_outlives_a_kill(place: Place) {
    let rounds = env::var("MAESTRO_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let store = place.open().await;
    let (to_append, to_stream) = (new_thread(&*store).await, new_thread(&*store).await);
    drop(store);

    let (mut everything, mut recovered) = (Acknowledged::default(), 0);
    for round in 0..rounds {
        let begun = now();
        let told = write_and_kill(&place, to_append, to_stream, round);
        let store = place.open().await;
        let after_the_kill = format!("after the kill of round {round}");
        walk::assert_sound(&*store, begun, &after_the_kill).await;
        place.assert_checked(&after_the_kill).await;
        recovered += recover(&*store, after_all_leases()).await.len();
        told.assert_kept(&*store).await;
        for thread in [to_append, to_stream] {
            store.entry_append(head_of(&*store, thread).await, new_entry()).await.unwrap();
        }
        walk::assert_sound(&*store, begun, &format!("after the recovery of round {round}")).await;
        everything.add(told);
    }
    everything.assert_kept(&*place.open().await).await;
    place.assert_sound("at the end").await;
    assert!(
        everything.entries.len() > rounds && recovered > 0 && !everything.items.is_empty(),
        "hardly anything was written before the kills"
    );
}

/// Lets a program write, kills it in the middle, and tells what had been acknowledged to it.
fn write_and_kill(place: &Place, to_append: Id<Thread>, to_stream: Id<Thread>, round: usize) -> Acknowledged {
    let mut program = place.start("write until killed", &[to_append.to_string(), to_stream.to_string()]);
    let mut lines = Vec::new();
    if round.is_multiple_of(4) {
        // Maybe while it opens the store.
        thread::sleep(Duration::from_micros(random(40_000)));
    } else {
        lines.extend((0..random(200)).map_while(|_| program.next_line()));
        thread::sleep(Duration::from_micros(random(3_000)));
    }
    program.kill();
    lines.extend(program.remaining_lines());
    let mut told = Acknowledged::default();
    lines.iter().for_each(|line| told.hear(line));
    told
}

impl Acknowledged {
    fn hear(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let [what, id, number] = words[..] else { panic!("what is {line}?") };
        let number: u64 = number.parse().unwrap();
        match what {
            "forked" => self.forks.push(id.parse().unwrap()),
            "authenticated" => drop(self.authentications.insert(id.parse().unwrap(), number)),
            "worded" => drop(self.items.insert(id.parse().unwrap(), number)),
            "settled" => drop(self.sessions.insert(id.parse().unwrap(), number)),
            _ => {
                let entry = self.entries.entry(id.parse().unwrap()).or_default();
                match what {
                    "appended" => entry.appended = Some(number),
                    "began" | "extended" => entry.streamed = Some(u32::try_from(number).unwrap()),
                    "finished" => entry.finished = true,
                    "deleted" => entry.deleted = true,
                    "marked" => entry.marked = true,
                    _ => panic!("what is {line}?"),
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.forks.extend(other.forks);
        self.authentications.extend(other.authentications);
        self.items.extend(other.items);
        self.sessions.extend(other.sessions);
    }

    /// Fails unless all of it is there. Of what counts, one more may have been done without a word.
    async fn assert_kept(&self, store: &dyn Store) {
        for (id, told) in &self.entries {
            told.assert_kept(store, *id).await;
        }
        for fork in &self.forks {
            assert!(store.thread_get(*fork).await.is_ok(), "thread {fork} is lost");
        }
        let is_next = |found: u64, told: u64| found == told || found == told + 1;
        for (id, told) in &self.authentications {
            let row = store.auth_get(*id).await.unwrap();
            assert!(is_next(row.revision.get(), *told), "{id} is at {}, not {told}", row.revision);
            assert_eq!(row.credentials, sealed(row.revision.get()), "the credentials of {id}");
        }
        for (id, told) in &self.items {
            let item = store.item_get(*id).await.unwrap();
            assert!(is_next(item.version.get().into(), *told), "{id} is at {}, not {told}", item.version);
            assert_eq!(item.text, item_text(*id, item.version.get()));
            let found = store.item_text_at(*id, item.version).await.unwrap();
            assert_eq!(found.text, item.text, "the last version of {id}");
        }
        for (id, told) in &self.sessions {
            let session = store.session_get(*id).await.unwrap();
            assert!(is_next(session.revision.get(), *told), "{id} is at {}, not {told}", session.revision);
        }
    }
}

impl ToldOfEntry {
    async fn assert_kept(&self, store: &dyn Store, id: Id<ChatEntry>) {
        if self.deleted {
            assert_eq!(store.entry_get(id).await.unwrap_err().kind(), ErrorKind::NotFound);
            return;
        }
        let entry = store.entry_get(id).await.unwrap_or_else(|error| panic!("{self:?} is lost: {error}"));
        let text = entry.content.parts.first().and_then(|part| part.as_text()).unwrap_or_default();
        if let Some(turn) = self.appended {
            assert_eq!((u64::from(entry.turn_index.get()), text), (turn, text_of(id).as_str()));
        }
        if self.marked {
            let lineage = store.lineage(entry.thread_id, LineageRange::All).await.unwrap();
            assert!(
                lineage.excluded.contains(&ChunkRef { entry_id: id, part: 0 }),
                "the mark on {id} is lost"
            );
        }
        let Some(chunks) = self.streamed else { return };
        match entry.state {
            // It may have been finished without a word.
            EntryState::Complete => assert_eq!(text, text_of(id)),
            EntryState::Interrupted => {
                assert!(!self.finished, "{id} was finished");
                let acknowledged: String = (1..=chunks).map(|seq| chunk_of(id, seq)).collect();
                assert!(text.starts_with(&acknowledged), "{id} has lost chunks: {text:?} of {chunks}");
            }
            state => panic!("{id} is {state}"),
        }
    }
}

/// A program that dies is not waited for: what it was writing is recovered while its lease still runs, and a program that
/// lives is left alone. For stores that can see that a program has ended.
pub async fn a_dead_writer_is_not_waited_for(place: Place) {
    let store = place.open().await;
    let threads = [new_thread(&*store).await, new_thread(&*store).await];
    let mut writers = threads.map(|thread| place.start("hold a stream", &[thread.to_string()]));
    let [dying, living] = writers.each_mut().map(|writer| writer.next_line().unwrap().parse().unwrap());

    assert_eq!(place.start("recover", &[]).finish(), ["0"]);
    writers[0].kill();
    let recovered = recover(&*store, now()).await;
    assert_interrupted(&recovered, dying);
    assert_eq!(store.entry_get(living).await.unwrap().state, EntryState::Streaming);
    writers[1].go();
    assert_eq!(writers[1].next_line().as_deref(), Some("extended"), "the living one goes on");
    writers[1].remaining_lines();
    assert_eq!(place.start("recover", &[]).finish(), ["1"], "it has ended without finishing");
    drop(store);
    place.assert_sound("at the end").await;
}

/// What a program was writing when it died is recovered with all that was acknowledged to it, by any other program, once
/// its lease is over; not while it lives.
pub async fn what_was_streaming_is_recovered(place: Place) {
    let store = place.open().await;
    let thread = new_thread(&*store).await;
    let mut writer: Program = place.start("hold a stream", &[thread.to_string()]);
    let dying = writer.next_line().unwrap().parse().unwrap();
    assert_eq!(recover(&*store, now()).await, [], "it lives");
    writer.kill();
    assert_interrupted(&recover(&*store, after_all_leases()).await, dying);
    drop(store);
    place.assert_sound("at the end").await;
}

#[track_caller]
fn assert_interrupted(recovered: &[ChatEntry], id: Id<ChatEntry>) {
    assert_eq!(recovered.iter().map(|entry| entry.id).collect::<Vec<_>>(), [id]);
    assert_eq!(recovered[0].state, EntryState::Interrupted);
    assert_eq!(recovered[0].content.parts[0].as_text(), Some(chunk_of(id, 1).as_str()));
}

/// A number below `end`.
fn random(end: u64) -> u64 {
    RandomState::new().build_hasher().finish() % end
}
