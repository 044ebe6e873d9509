//! The conversation of a thread, read with one recursive statement over its ancestors.

use maestro_core::{
    Id,
    conversations::{ChatEntry, Lineage, LineageRange, Thread, TurnIndex},
    page::{Cursor, CursorKey, Direction, Page, PageRequest, Total},
    refusal::operation,
};
use rusqlite::{Connection, params};

use super::{
    chunks,
    entries::{self, columns},
    threads::{self, Stored},
};
use crate::{error::Outcome, rows::all_of};

pub(super) fn read(tx: &Connection, id: Id<Thread>, range: LineageRange) -> Outcome<Lineage> {
    let stored = threads::get(tx, operation::LINEAGE, id)?;
    let (first, last) = range.bounds(stored.thread.head_turn);
    let entries = between(tx, &stored, first, last)?;
    let excluded = chunks::excluded(tx, &stored, &entries, first)?;
    Ok(Lineage { thread: stored.thread, entries, excluded })
}

pub(super) fn page(
    tx: &Connection,
    id: Id<Thread>,
    direction: Direction,
    page: &PageRequest,
    after: Option<i64>,
) -> Outcome<Page<ChatEntry>> {
    let stored = threads::get(tx, operation::ENTRY_PAGE, id)?;
    let head = stored.thread.head_turn;
    // Turn indexes have no holes, so the place of a page tells the turn indexes that are on it.
    let wanted = page.limit.get() as i64 + 1;
    let (first, last) = match direction {
        Direction::Ascending => {
            let first = after.map_or(1, |after| after.saturating_add(1).max(1));
            (first, first.saturating_add(wanted - 1))
        }
        Direction::Descending => {
            let last = after.map_or(i64::MAX, |after| after.saturating_sub(1)).min(head.get().into());
            (last.saturating_sub(wanted - 1), last)
        }
    };
    let mut entries = between(tx, &stored, turn(first), turn(last).min(head))?;
    if direction == Direction::Descending {
        entries.reverse();
    }
    let total = (page.total == Total::Count).then_some(u64::from(head.get()));
    Ok(Page::from_rows(entries, page.limit, total, |entry| {
        Cursor::at(CursorKey::Number(entry.turn_index.get().into()), entry.id.uuid())
    }))
}

/// The entries of a thread's lineage with a turn index from `first` to `last`, oldest first.
///
/// A segment is a thread with the last turn index that the threads after it see of it. The recursion goes over
/// threads, not over entries, and ends where a segment begins before `first`. The `cross join` forces the one good
/// order: for each segment, one range of the table.
pub(super) fn between(
    tx: &Connection,
    stored: &Stored,
    first: TurnIndex,
    last: TurnIndex,
) -> Outcome<Vec<ChatEntry>> {
    if last < first {
        return Ok(Vec::new());
    }
    // Turn indexes have no holes, so this is how many there are.
    let expected = (last.get() - first.get()) as usize + 1;
    let mut entries = all_of(
        tx,
        concat!(
            "with recursive segments (no, id, parent_no, fork_turn, last) as (
               select no, id, parent_no, fork_turn, ?3
               from threads
               where no = ?1
               union all
               select t.no, t.id, t.parent_no, t.fork_turn, min(s.last, s.fork_turn)
               from segments s
               join threads t on t.no = s.parent_no
               where s.fork_turn >= ?2
             )
             select s.id, ",
            columns!(),
            "
             from segments s
             cross join entries e
             where e.no between (s.no << 32 | ?2) and (s.no << 32 | s.last)"
        ),
        params![stored.no, first.get(), last.get()],
        expected,
        |row| {
            let thread_id = row.id()?;
            entries::from_row(row, stored.thread.session_id, thread_id).map(|(_, entry)| entry)
        },
    )?;
    // Segments come from the tip back to the root, each in order; mostly there is one.
    if !entries.is_sorted_by_key(|entry| entry.turn_index) {
        entries.sort_unstable_by_key(|entry| entry.turn_index);
    }
    Ok(entries)
}

fn turn(number: i64) -> TurnIndex {
    TurnIndex::new(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}
