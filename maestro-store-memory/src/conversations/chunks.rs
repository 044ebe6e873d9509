//! Marks on the pieces of a conversation.

use std::collections::BTreeSet;

use maestro_core::{
    Id, Result,
    conversations::{ChatEntry, ChunkRef, ChunkState, Thread},
    refusal::{self, operation},
    time::Timestamp,
};

use super::State;

/// Whether a piece is sent, and since when that is so.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) state: ChunkState,
    pub(super) marked_at: Timestamp,
}

impl State {
    pub(super) fn chunk_mark(
        &mut self,
        thread: Id<Thread>,
        chunk: ChunkRef,
        state: ChunkState,
        now: Timestamp,
    ) -> Result<()> {
        self.line(operation::CHUNK_MARK, thread)?;
        let entry = (self.entries.get(&chunk.entry_id))
            .filter(|entry| {
                let found = self.between(thread, entry.turn_index, entry.turn_index);
                found.first().is_some_and(|found| found.id == entry.id)
            })
            .filter(|entry| (chunk.part as usize) < entry.content.parts.len());
        if entry.is_none() {
            return Err(refusal::chunk_missing(operation::CHUNK_MARK, thread, chunk));
        }
        self.marks.entry(thread).or_default().insert(chunk, Mark { state, marked_at: now });
        Ok(())
    }

    /// The pieces of `entries` that `thread` does not send: the nearest mark along its lineage decides.
    pub(super) fn excluded(&self, thread: Id<Thread>, entries: &[ChatEntry]) -> BTreeSet<ChunkRef> {
        let wanted: BTreeSet<_> = entries.iter().map(|entry| entry.id).collect();
        let mut decided = BTreeSet::new();
        let mut excluded = BTreeSet::new();
        for marks in self.ancestry(thread).filter_map(|line| self.marks.get(&line.thread.id)) {
            for (chunk, mark) in marks.iter().filter(|(chunk, _)| wanted.contains(&chunk.entry_id)) {
                if decided.insert(*chunk) && mark.state == ChunkState::Excluded {
                    excluded.insert(*chunk);
                }
            }
        }
        excluded
    }
}
