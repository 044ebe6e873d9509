//! Programs that are killed while they write.

use maestro_core::archive::Archive as _;
use std::{
    collections::{BTreeMap, hash_map::RandomState},
    env,
    hash::{BuildHasher as _, Hasher as _},
    path::Path,
    thread,
    time::Duration,
};

use maestro_core::{
    ErrorKind, Id,
    conversations::{ChatEntry, Conversations as _, EntryState, Thread},
};
use maestro_store_sqlite::SqliteStore;

use crate::{
    parts::{chunk_of, head_of, new_entry, new_session, recover, text_of},
    program::Program,
};

/// What a program was told to be done, about one entry.
#[derive(Debug, Default)]
struct Told {
    /// Its turn index, if it was appended.
    appended: Option<u32>,
    /// The last chunk of its journal, if it was begun.
    streamed: Option<u32>,
    finished: bool,
    deleted: bool,
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill_and_what_was_streaming_is_recovered_at_once() {
    let rounds = env::var("MAESTRO_CRASH_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let (to_append, to_stream) = (new_session(&store).await, new_session(&store).await);
    drop(store);

    let (mut everything, mut recovered) = (BTreeMap::new(), 0);
    for round in 0..rounds {
        let told = write_and_kill(&file, to_append, to_stream, round);
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(store.check().await.unwrap(), [], "after the kill of round {round}");
        recovered += recover(&store).await.len();
        assert_eq!(store.check().await.unwrap(), [], "after the recovery of round {round}");
        for (id, told) in &told {
            compare(&store, *id, told).await;
        }
        for thread in [to_append, to_stream] {
            store.entry_append(head_of(&store, thread).await, new_entry()).await.unwrap();
        }
        everything.extend(told);
    }

    let store = SqliteStore::open(&file).await.unwrap();
    for (id, told) in &everything {
        compare(&store, *id, told).await;
    }
    assert!(everything.len() > rounds && recovered > 0, "hardly anything was written before the kills");
    let locks = directory.path().join("m.db-writers");
    let left = locks.read_dir().into_iter().flatten().flatten().map(|file| file.path());
    let left: Vec<_> = left.filter(|path| path.extension().is_some_and(|name| name == "lock")).collect();
    assert!(left.is_empty(), "the locks of the dead are left: {left:?}");
}

/// Lets a program write, kills it in the middle, and tells what had been acknowledged to it.
fn write_and_kill(
    file: &Path,
    to_append: Id<Thread>,
    to_stream: Id<Thread>,
    round: usize,
) -> BTreeMap<Id<ChatEntry>, Told> {
    let mut program =
        Program::start("write until killed", file, &[to_append.to_string(), to_stream.to_string()]);
    let mut lines = Vec::new();
    if round.is_multiple_of(4) {
        // Maybe while it opens the file.
        thread::sleep(Duration::from_micros(random(40_000)));
    } else {
        lines.extend((0..random(150)).map_while(|_| program.next_line()));
        thread::sleep(Duration::from_micros(random(3_000)));
    }
    program.kill();
    lines.extend(program.remaining_lines());
    let mut told: BTreeMap<_, Told> = BTreeMap::new();
    for line in lines {
        let words: Vec<_> = line.split(' ').collect();
        let [what, id, number] = words[..] else { panic!("what is {line}?") };
        let (told, number) = (told.entry(id.parse().unwrap()).or_default(), number.parse().unwrap());
        match what {
            "appended" => told.appended = Some(number),
            "began" | "extended" => told.streamed = Some(number),
            "finished" => told.finished = true,
            "deleted" => told.deleted = true,
            _ => panic!("what is {line}?"),
        }
    }
    told
}

async fn compare(store: &SqliteStore, id: Id<ChatEntry>, told: &Told) {
    if told.deleted {
        assert_eq!(store.entry_get(id).await.unwrap_err().kind(), ErrorKind::NotFound);
        return;
    }
    let entry = store.entry_get(id).await.unwrap_or_else(|error| panic!("{told:?} is lost: {error}"));
    let text = entry.content.parts.first().and_then(|part| part.as_text()).unwrap_or_default();
    if let Some(turn) = told.appended {
        assert_eq!((entry.turn_index.get(), text), (turn, text_of(id).as_str()));
    }
    let Some(chunks) = told.streamed else { return };
    match entry.state {
        // It may have been finished without a word.
        EntryState::Complete => assert_eq!(text, text_of(id)),
        EntryState::Interrupted => {
            assert!(!told.finished, "{id} was finished");
            let acknowledged: String = (1..=chunks).map(|seq| chunk_of(id, seq)).collect();
            assert!(text.starts_with(&acknowledged), "{id} has lost chunks: {text:?} of {chunks}");
        }
        state => panic!("{id} is {state}"),
    }
}

/// A number below `end`.
fn random(end: u64) -> u64 {
    RandomState::new().build_hasher().finish() % end
}
