//! Several programs on one store at once.

use std::collections::{BTreeMap, BTreeSet};

use maestro_core::{
    ErrorKind, Id, Store,
    conversations::{ChatEntry, LineageRange, Thread},
};

use super::{
    Place, Race,
    given::{new_auth, new_session, new_thread, text_of},
    program::Program,
};

/// How many entries each program appends.
const EACH: usize = 30;

/// How often programs race for each kind of thing.
const RACES: usize = 12;

/// Two and four programs append to threads of their own and to one that they share: no entry is lost or doubled, and each
/// stands where its program was told.
pub async fn programs_that_append_at_once_lose_nothing(place: Place) {
    for programs in [2, 4] {
        append_at_once(&place, programs).await;
    }
    place.assert_sound("at the end").await;
}

async fn append_at_once(place: &Place, programs: usize) {
    let store = place.open().await;
    let shared = new_thread(&*store).await;
    let mut running = Vec::new();
    for _ in 0..programs {
        let own = new_thread(&*store).await;
        let told = [EACH.to_string(), own.to_string(), shared.to_string()];
        running.push((own, place.start("append", &told)));
    }
    start_together(running.iter_mut().map(|(_, program)| program));
    let mut told_of_shared = Vec::new();
    for (own, program) in running {
        let lines = program.finish();
        let told = |of: &str| {
            let lines = lines.iter().filter_map(|line| line.strip_prefix(of)?.trim().parse().ok());
            lines.collect::<Vec<Id<ChatEntry>>>()
        };
        assert_eq!(entries_of(&*store, own).await, told("own"));
        told_of_shared.extend(told("shared"));
    }
    let there = entries_of(&*store, shared).await;
    assert_eq!(there.len(), programs * EACH, "lost or doubled");
    assert_eq!(BTreeSet::from_iter(there), BTreeSet::from_iter(told_of_shared));
}

/// The entries of a thread, whose texts and turn indexes must be right.
async fn entries_of(store: &dyn Store, thread: Id<Thread>) -> Vec<Id<ChatEntry>> {
    let entries = store.lineage(thread, LineageRange::All).await.unwrap().entries;
    for (entry, turn) in entries.iter().zip(1..) {
        assert_eq!(entry.turn_index.get(), turn);
        assert_eq!(entry.content.parts[0].as_text(), Some(text_of(entry.id).as_str()));
    }
    entries.iter().map(|entry| entry.id).collect()
}

/// Of three programs that want a thing that there is one of - the place behind a head, a name, a lease, a revision - one
/// gets it, and the others are told what the contexts promise.
pub async fn of_programs_that_race_exactly_one_wins(place: Place) {
    let store = place.open().await;
    let mut races = Vec::new();
    for number in 0..RACES {
        let session = new_session(&*store).await;
        let leased = store.auth_create(new_auth(&format!("leased-{number}"))).await.unwrap().id;
        let updated = store.auth_create(new_auth(&format!("updated-{number}"))).await.unwrap().id;
        races.push(Race { thread: session.root_thread_id, session: session.id, leased, updated });
    }
    let told: Vec<_> = races.iter().map(Race::to_string).collect();
    let mut programs: Vec<_> = (0..3).map(|_| place.start("race", &told)).collect();
    start_together(&mut programs);
    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for program in programs {
        for line in program.finish() {
            let (what, outcome) = line.rsplit_once(' ').unwrap();
            outcomes.entry(what.to_owned()).or_default().push(outcome.to_owned());
        }
    }
    assert_eq!(outcomes.len(), RACES * 6);
    for (what, outcomes) in &mut outcomes {
        let loser = match what.split(' ').next_back() {
            Some("append" | "revision" | "session") => ErrorKind::Stale,
            Some("name" | "item") => ErrorKind::Conflict,
            Some("lease") => ErrorKind::InUse,
            _ => panic!("what is {what}?"),
        };
        outcomes.sort_by_key(|outcome| outcome != "won");
        assert_eq!(*outcomes, ["won", &loser.to_string(), &loser.to_string()], "{what}");
    }
    for race in &races {
        assert_eq!(entries_of(&*store, race.thread).await.len(), 1);
        assert_eq!(store.auth_get(race.updated).await.unwrap().revision.get(), 2);
        assert_eq!(store.session_get(race.session).await.unwrap().revision.get(), 2);
    }
    drop(store);
    place.assert_sound("at the end").await;
}

/// Programs that open a place where no store is yet, at the same moment, make one and all use it.
pub async fn a_new_store_is_made_once(place: Place) {
    let mut programs: Vec<_> = (0..6).map(|_| place.start("open", &[])).collect();
    start_together(&mut programs);
    for program in programs {
        assert_eq!(program.finish(), ["opened"]);
    }
    let store = place.open().await;
    new_thread(&*store).await;
    drop(store);
    place.assert_sound("at the end").await;
}

/// Waits until all are ready, then lets them go.
fn start_together<'a>(programs: impl IntoIterator<Item = &'a mut Program>) {
    let mut programs: Vec<_> = programs.into_iter().collect();
    for program in &mut programs {
        assert_eq!(program.next_line().as_deref(), Some("ready"));
    }
    for program in programs {
        program.go();
    }
}
