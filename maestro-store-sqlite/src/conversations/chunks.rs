//! Marks on the pieces of a conversation: `chunk_marks`.

use std::collections::BTreeSet;

use maestro_core::{
    ErrorKind, Id,
    conversations::{ChatEntry, ChunkRef, ChunkState, Thread, TurnIndex},
    refusal::{self, operation},
    time::Timestamp,
};
use rusqlite::{Connection, params};

use super::{
    entries::{self, EntryNo},
    lineage,
    threads::{self, Stored, ThreadNo},
};
use crate::{
    error::{Failure, Outcome},
    rows::{all, run},
};

pub(super) fn mark(
    tx: &Connection,
    thread: Id<Thread>,
    chunk: ChunkRef,
    state: ChunkState,
    now: Timestamp,
) -> Outcome<()> {
    let stored = threads::get(tx, operation::CHUNK_MARK, thread)?;
    let no = find(tx, &stored, chunk)?
        .ok_or_else(|| refusal::chunk_missing(operation::CHUNK_MARK, thread, chunk))?;
    put(tx, stored.no, no, chunk.part, (state, now))
}

/// Writes the row of a mark, in place of the one that is there.
pub(super) fn put(
    tx: &Connection,
    thread: ThreadNo,
    entry: EntryNo,
    part: u32,
    (state, marked_at): (ChunkState, Timestamp),
) -> Outcome<()> {
    run(
        tx,
        "insert into chunk_marks (thread_no, entry_no, part, state, marked_at)
         values (?1, ?2, ?3, ?4, ?5)
         on conflict (thread_no, entry_no, part) do update
         set state = excluded.state,
             marked_at = excluded.marked_at",
        params![thread, entry.get(), part, to_stored(state), marked_at.micros()],
    )?;
    Ok(())
}

/// Where the entry of a chunk is stored, if it is in the lineage of the thread and has that part.
fn find(tx: &Connection, stored: &Stored, chunk: ChunkRef) -> Outcome<Option<EntryNo>> {
    let entry = match entries::get(tx, operation::CHUNK_MARK, chunk.entry_id) {
        Ok(entry) => entry,
        Err(Failure::Refused(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let turn = entry.no.turn();
    let found = lineage::between(tx, stored, turn, turn.min(stored.thread.head_turn))?;
    let is_there = found.iter().any(|found| found.id == chunk.entry_id)
        && (chunk.part as usize) < entry.entry.content.parts.len();
    Ok(is_there.then_some(entry.no))
}

/// The pieces of `entries`, none of which is before `first`, that a thread does not send: the nearest mark along its
/// lineage decides.
pub(super) fn excluded(
    tx: &Connection,
    stored: &Stored,
    entries: &[ChatEntry],
    first: TurnIndex,
) -> Outcome<BTreeSet<ChunkRef>> {
    // From the tip back to the root, so that the nearest mark of a piece comes first.
    let marks = all(
        tx,
        "with recursive segments (no, parent_no, fork_turn, distance) as (
           select no, parent_no, fork_turn, 0
           from threads
           where no = ?1
           union all
           select t.no, t.parent_no, t.fork_turn, s.distance + 1
           from segments s
           join threads t on t.no = s.parent_no
           where s.fork_turn >= ?2
         )
         select e.id, m.part, m.state
         from segments s
         cross join chunk_marks m on m.thread_no = s.no
         cross join entries e on e.no = m.entry_no
         order by s.distance",
        params![stored.no, first.get()],
        |row| {
            let chunk = ChunkRef { entry_id: row.id()?, part: row.number()? };
            Ok((chunk, row.text()? == to_stored(ChunkState::Excluded)))
        },
    )?;
    if marks.is_empty() {
        return Ok(BTreeSet::new());
    }
    let wanted: BTreeSet<_> = entries.iter().map(|entry| entry.id).collect();
    let mut decided = BTreeSet::new();
    let nearest = marks.into_iter().filter(|(chunk, _)| decided.insert(*chunk));
    let excluded = nearest.filter(|(chunk, is_excluded)| *is_excluded && wanted.contains(&chunk.entry_id));
    Ok(excluded.map(|(chunk, _)| chunk).collect())
}

pub(super) const fn to_stored(state: ChunkState) -> &'static str {
    match state {
        ChunkState::Included => "included",
        ChunkState::Excluded => "excluded",
    }
}
