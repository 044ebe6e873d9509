//! The conversation of a thread: its ancestors' entries up to each fork, then its own.

use maestro_core::{
    Id, Result,
    conversations::{ChatEntry, Lineage, LineageRange, Thread, TurnIndex},
    page::{Cursor, CursorKey, Direction, Page, PageRequest, Total},
    refusal::operation,
};

use super::State;

impl State {
    pub(super) fn lineage(&self, id: Id<Thread>, range: LineageRange) -> Result<Lineage> {
        let thread = self.line(operation::LINEAGE, id)?.thread.clone();
        let (first, last) = range.bounds(thread.head_turn);
        let entries: Vec<_> = self.between(id, first, last).into_iter().cloned().collect();
        let excluded = self.excluded(id, &entries);
        Ok(Lineage { thread, entries, excluded })
    }

    pub(super) fn entry_page(
        &self,
        id: Id<Thread>,
        direction: Direction,
        page: &PageRequest,
    ) -> Result<Page<ChatEntry>> {
        let after = page.after.as_ref().map(Cursor::number).transpose()?;
        let thread = &self.line(operation::ENTRY_PAGE, id)?.thread;
        let mut entries = self.between(id, TurnIndex::FIRST, thread.head_turn);
        if direction == Direction::Descending {
            entries.reverse();
        }
        let entries = (entries.into_iter())
            .filter(|entry| {
                let turn = i64::from(entry.turn_index.get());
                after.is_none_or(|after| match direction {
                    Direction::Ascending => turn > after,
                    Direction::Descending => turn < after,
                })
            })
            .take(page.limit.get() + 1)
            .cloned()
            .collect();
        let total = (page.total == Total::Count).then_some(u64::from(thread.head_turn.get()));
        Ok(Page::from_rows(entries, page.limit, total, |entry| {
            Cursor::at(CursorKey::Number(entry.turn_index.get().into()), entry.id.uuid())
        }))
    }

    /// The entries of a thread's lineage with a turn index from `first` to `last`, oldest first: from the tip back to
    /// the root, of each thread what it owns, up to where the one after it forked.
    pub(super) fn between(&self, thread: Id<Thread>, first: TurnIndex, last: TurnIndex) -> Vec<&ChatEntry> {
        let mut entries = Vec::new();
        let mut last = last;
        for line in self.ancestry(thread) {
            let own = line.own_within(first..=last);
            entries.extend(own.iter().rev().filter_map(|id| self.entries.get(id)));
            last = last.min(line.thread.fork_turn);
        }
        entries.reverse();
        entries
    }

    /// A thread, the one from which it goes on, and so on back to one that goes on from nothing.
    pub(super) fn ancestry(&self, thread: Id<Thread>) -> impl Iterator<Item = &super::threads::Line> {
        std::iter::successors(self.threads.get(&thread), |line| {
            line.thread.parent_thread_id.and_then(|parent| self.threads.get(&parent))
        })
    }
}
