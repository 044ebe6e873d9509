//! Several programs on one file at once.

use maestro_core::archive::Archive as _;
use std::collections::BTreeSet;

use maestro_core::{
    ErrorKind, Id,
    conversations::{ChatEntry, Conversations as _, EntryState, LineageRange, Thread},
};
use maestro_store_sqlite::SqliteStore;

use crate::{
    parts::{chunk_of, new_session, recover, text_of},
    program::Program,
};

const EACH: usize = 30;

#[tokio::test]
async fn two_programs_append_at_once_and_nothing_is_lost() {
    append_at_once(2).await;
}

#[tokio::test]
async fn four_programs_append_at_once_and_nothing_is_lost() {
    append_at_once(4).await;
}

async fn append_at_once(programs: usize) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let shared = new_session(&store).await;
    let mut running = Vec::new();
    for _ in 0..programs {
        let own = new_session(&store).await;
        let told = [EACH.to_string(), own.to_string(), shared.to_string()];
        running.push((own, Program::start("append", &file, &told)));
    }
    for (_, program) in &mut running {
        assert_eq!(program.next_line().as_deref(), Some("ready"));
    }
    for (_, program) in &mut running {
        program.go();
    }
    let mut told_of_shared = Vec::new();
    for (own, program) in running {
        let lines = program.finish();
        let told = |of: &str| {
            let lines = lines.iter().filter_map(|line| line.strip_prefix(of)?.trim().parse().ok());
            lines.collect::<Vec<Id<ChatEntry>>>()
        };
        assert_eq!(entries_of(&store, own).await, told("own"));
        told_of_shared.extend(told("shared"));
    }
    let there = entries_of(&store, shared).await;
    assert_eq!(there.len(), programs * EACH, "lost or doubled");
    assert_eq!(BTreeSet::from_iter(there), BTreeSet::from_iter(told_of_shared));
    assert_eq!(store.check().await.unwrap(), []);
}

/// The entries of a thread, whose texts and turn indexes must be right.
async fn entries_of(store: &SqliteStore, thread: Id<Thread>) -> Vec<Id<ChatEntry>> {
    let entries = store.lineage(thread, LineageRange::All).await.unwrap().entries;
    for (entry, turn) in entries.iter().zip(1..) {
        assert_eq!(entry.turn_index.get(), turn);
        assert_eq!(entry.content.parts[0].as_text(), Some(text_of(entry.id).as_str()));
    }
    entries.iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn a_living_writer_is_left_alone_and_a_dead_one_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let threads = [new_session(&store).await, new_session(&store).await];
    let mut writers = threads.map(|thread| Program::start("hold a stream", &file, &[thread.to_string()]));
    let [dying, living] = writers.each_mut().map(|writer| writer.next_line().unwrap().parse().unwrap());

    assert_eq!(recover(&store).await, []);
    assert_eq!(Program::start("recover", &file, &[]).finish(), ["0"]);
    writers[0].kill();
    let recovered = recover(&store).await;
    assert_eq!(recovered.iter().map(|entry| entry.id).collect::<Vec<_>>(), [dying]);
    assert_eq!(recovered[0].state, EntryState::Interrupted);
    assert_eq!(recovered[0].content.parts[0].as_text(), Some(chunk_of(dying, 1).as_str()));

    assert_eq!(store.entry_get(living).await.unwrap().state, EntryState::Streaming);
    writers[1].go();
    assert_eq!(writers[1].next_line().as_deref(), Some("extended"), "the living one goes on");
    writers[1].remaining_lines();
    assert_eq!(Program::start("recover", &file, &[]).finish(), ["1"], "it has ended without finishing");
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_new_file_is_made_once_by_the_programs_that_open_it_at_the_same_moment() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let file = directory.path().join(format!("{round}.db"));
        let mut programs: Vec<_> = (0..6).map(|_| Program::start("open", &file, &[])).collect();
        for program in &mut programs {
            assert_eq!(program.next_line().as_deref(), Some("ready"));
        }
        for program in &mut programs {
            program.go();
        }
        for program in programs {
            assert_eq!(program.finish(), ["opened"]);
        }
        let steps: u32 = rusqlite::Connection::open(&file)
            .unwrap()
            .query_row("select count(*) from maestro_migrations", [], |row| row.get(0))
            .unwrap();
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!((steps, store.check().await.unwrap()), (SqliteStore::SCHEMA_VERSION, Vec::new()));
        let unknown = store.thread_get(Id::new()).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
    }
}
