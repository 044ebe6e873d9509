//! The conversation of a thread, read with one recursive statement over its ancestors.

use std::collections::{BTreeMap, BTreeSet};

use maestro_core::{
    Id,
    conversations::{ChatEntry, ChunkRef, Lineage, LineageRange, Thread, TurnIndex},
    page::{Cursor, CursorKey, Direction, Page, PageRequest, Total},
    refusal::{self, operation},
};
use uuid::Uuid;

use super::{
    chunks,
    entries::{self, columns},
};
use crate::{
    error::Outcome,
    rows::{Db, Fields, params},
};

/// For how many entries room is made at the most before they come.
const RESERVED: usize = 1 << 16;

/// Which turn indexes are wanted: from `first`, at most `count` of them, up to `last` or the head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    first: i64,
    count: i64,
    last: i64,
}

impl Range {
    const ALL: Self = Self { first: 1, count: i64::MAX, last: i64::MAX };

    /// One turn index.
    pub(super) fn of(turn: TurnIndex) -> Self {
        let turn = i64::from(turn.get());
        Self { first: turn, count: 1, last: turn }
    }

    fn of_lineage(range: LineageRange) -> Self {
        match range {
            LineageRange::All => Self::ALL,
            LineageRange::Last(count) => Self { count: i64::from(count.get()), ..Self::ALL },
            LineageRange::UpTo(last) => Self { last: i64::from(last.get()), ..Self::ALL },
        }
    }

    /// How many turn indexes of a thread with this head are in it.
    fn most(self, head: TurnIndex) -> usize {
        let last = self.last.min(head.get().into());
        usize::try_from(self.count.min(last - self.first + 1)).unwrap_or(0)
    }

    /// Turn indexes have no holes, so the place of a page tells the turn indexes that are on it.
    fn of_page(direction: Direction, wanted: i64, after: Option<i64>) -> Self {
        match direction {
            Direction::Ascending => {
                let first = after.map_or(1, |after| after.saturating_add(1).max(1));
                Self { first, count: i64::MAX, last: first.saturating_add(wanted - 1) }
            }
            Direction::Descending => {
                let last = after.map_or(i64::MAX, |after| after.saturating_sub(1).max(0));
                Self { first: 1, count: wanted, last }
            }
        }
    }
}

/// A thread, its entries within a range, oldest first, and what of them it does not send.
pub(super) async fn read(db: &mut Db<'_>, id: Id<Thread>, range: LineageRange) -> Outcome<Lineage> {
    between(db, operation::LINEAGE, id, Range::of_lineage(range)).await
}

pub(super) async fn page(
    db: &mut Db<'_>,
    id: Id<Thread>,
    direction: Direction,
    page: &PageRequest,
    after: Option<i64>,
) -> Outcome<Page<ChatEntry>> {
    let wanted = page.limit.get() as i64 + 1;
    let lineage = between(db, operation::ENTRY_PAGE, id, Range::of_page(direction, wanted, after)).await?;
    let mut entries = lineage.entries;
    if direction == Direction::Descending {
        entries.reverse();
    }
    let total = (page.total == Total::Count).then_some(u64::from(lineage.thread.head_turn.get()));
    Ok(Page::from_rows(entries, page.limit, total, |entry| {
        Cursor::at(CursorKey::Number(entry.turn_index.get().into()), entry.id.uuid())
    }))
}

/// The entries of a thread's lineage within a range, with the thread and what of them is excluded.
pub(super) async fn between(
    db: &mut Db<'_>,
    operation: &'static str,
    id: Id<Thread>,
    range: Range,
) -> Outcome<Lineage> {
    let (mut thread, mut entries, mut marks) = (None, Vec::new(), BTreeMap::new());
    let rows = db.all(BETWEEN, params![id.uuid(), range.first, range.count, range.last], |row| {
        match row.integer()? {
            0 => {
                let found = thread_from_row(row)?;
                entries.reserve(range.most(found.head_turn).min(RESERVED));
                thread = Some(found);
            }
            1 => {
                let thread_id = row.id()?;
                // Every entry of a lineage belongs to the session of its thread, which stands in another row.
                let session_id = Id::from_uuid(Uuid::nil());
                entries.push(entries::from_row(row, session_id, thread_id)?);
            }
            _ => {
                let (chunk, distance, is_excluded) = mark_from_row(row)?;
                let nearest = marks.entry(chunk).or_insert((distance, is_excluded));
                *nearest = (distance, is_excluded).min(*nearest);
            }
        }
        Ok(())
    });
    rows.await?;
    let thread: Thread = thread.ok_or_else(|| refusal::missing(operation, id))?;
    for entry in &mut entries {
        entry.session_id = thread.session_id;
    }
    // Segments come from the tip back to the root, each in order; mostly there is one.
    if !entries.is_sorted_by_key(|entry: &ChatEntry| entry.turn_index) {
        entries.sort_unstable_by_key(|entry| entry.turn_index);
    }
    let excluded = excluded(&entries, marks);
    Ok(Lineage { thread, entries, excluded })
}

/// The pieces of `entries` whose nearest mark takes them out.
fn excluded(entries: &[ChatEntry], marks: BTreeMap<ChunkRef, (i64, bool)>) -> BTreeSet<ChunkRef> {
    if marks.is_empty() {
        return BTreeSet::new();
    }
    let wanted: BTreeSet<_> = entries.iter().map(|entry| entry.id).collect();
    let excluded = marks.into_iter().filter(|(chunk, (_, out))| *out && wanted.contains(&chunk.entry_id));
    excluded.map(|(chunk, _)| chunk).collect()
}

/// Thread, entries and marks in one statement, because they are to be of one moment and of one round trip. Its rows are
/// of three kinds, in this order; what a kind does not have is null.
///
/// | column | 0: the thread | 1: an entry | 2: a mark |
/// |---|---|---|---|
/// | `thread_id` | its id | its owner | |
/// | as [`columns!`] | turn index and id of its head, times; `body` is the label | all | id, `state`; the part as `edit_version`, the distance as `turn_index` |
/// | `session_id`, `parent_id`, `fork_entry_id`, `fork_turn` | all | | |
///
/// A segment is a thread with the first and the last turn index that are wanted of it. The recursion goes over threads,
/// not over entries, and ends where a segment begins before the first. The lateral query with `offset 0` forces the one
/// good order: for each segment, one range of the key. Its entries are sorted by who asked.
const BETWEEN: &str = concat!(
    "with recursive thread as materialized (
       select t.*, s.id as session_id, p.id as parent_id,
              least($4, t.head_turn) as last,
              greatest($2, least($4, t.head_turn) - $3 + 1) as first
       from maestro.threads t
       join maestro.sessions s on s.no = t.session_no
       left join maestro.threads p on p.no = t.parent_no
       where t.id = $1
     ), segments (no, id, parent_no, fork_turn, first, last, distance) as (
       select no, id, parent_no, fork_turn, first, last, 0::bigint
       from thread
       union all
       select t.no, t.id, t.parent_no, t.fork_turn, s.first, least(s.last, s.fork_turn), s.distance + 1
       from segments s
       join maestro.threads t on t.no = s.parent_no
       where s.fork_turn >= s.first
     )
     select 0::bigint, id, head_turn, head_entry_id, null::text, null::bigint, null::text, null::uuid, null::bigint,
            label, inserted_at, updated_at, session_id, parent_id, fork_entry_id, fork_turn
     from thread
     union all
     select 1, s.id, ",
    columns!(),
    ", null, null, null, null
     from segments s
     cross join lateral (
       select *
       from maestro.entries e
       where e.thread_no = s.no
         and e.turn_index between s.first and s.last
       order by e.turn_index
       offset 0
     ) e
     union all
     select 2, null, s.distance, m.entry_id, null, m.part, m.state, null, null, null, null, null, null, null, null, null
     from segments s
     join maestro.chunk_marks m on m.thread_no = s.no"
);

fn thread_from_row(row: &mut Fields<'_>) -> Outcome<Thread> {
    let id = row.id()?;
    let (head_turn, head_entry_id) = (TurnIndex::new(row.number()?), row.id_optional()?);
    row.skip(5);
    let label = row.parsed_optional()?;
    let (inserted_at, updated_at) = (row.time()?, row.time()?);
    Ok(Thread {
        id,
        session_id: row.id()?,
        parent_thread_id: row.id_optional()?,
        fork_from_entry_id: row.id_optional()?,
        fork_turn: TurnIndex::new(row.number()?),
        label,
        head_entry_id,
        head_turn,
        inserted_at,
        updated_at,
    })
}

/// A mark: the piece, how far the thread that it is on is from the tip, and whether it takes the piece out.
fn mark_from_row(row: &mut Fields<'_>) -> Outcome<(ChunkRef, i64, bool)> {
    row.skip(1);
    let distance = row.integer()?;
    let entry_id = row.id()?;
    row.skip(1);
    let part = row.number()?;
    Ok((ChunkRef { entry_id, part }, distance, chunks::is_excluded(row.text()?)))
}
