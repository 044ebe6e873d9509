//! Streamed entries and their journals.

use maestro_core::{
    Id, Result,
    auth::HolderId,
    conversations::{
        ChatEntry, EntryEnd, EntryState, JournalChunk, JournalSeq, NewStreamedEntry, Session, ThreadHead,
        WriterLease,
    },
    page::PageLimit,
    refusal::{self, operation},
    time::Timestamp,
};

use super::State;

impl State {
    pub(super) fn entry_begin(&mut self, head: ThreadHead, new: NewStreamedEntry) -> Result<ChatEntry> {
        let place = self.behind(operation::ENTRY_BEGIN, head, new.id)?;
        self.journals.insert(new.id, Vec::new());
        Ok(self.put(place.of_streamed(new)))
    }

    pub(super) fn entry_extend(
        &mut self,
        id: Id<ChatEntry>,
        writer: WriterLease,
        seq: JournalSeq,
        data: &str,
    ) -> Result<()> {
        self.written_by(operation::ENTRY_EXTEND, id, writer.holder)?;
        let journal = self.journals.entry(id).or_default();
        let next = journal.last().map_or(JournalSeq::FIRST, |chunk| chunk.seq.next());
        if seq != next {
            return Err(refusal::journal_gap(operation::ENTRY_EXTEND, id, next, seq));
        }
        journal.push(JournalChunk { seq, data: data.to_owned() });
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.writer = Some(writer);
        }
        Ok(())
    }

    pub(super) fn entry_finish(
        &mut self,
        id: Id<ChatEntry>,
        writer: HolderId,
        end: EntryEnd,
    ) -> Result<ChatEntry> {
        if end.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::ENTRY_FINISH));
        }
        let entry = self.written_by(operation::ENTRY_FINISH, id, writer)?;
        entry.state = end.state;
        entry.writer = None;
        entry.content = end.content;
        entry.updated_at = end.now;
        let entry = entry.clone();
        self.journals.remove(&id);
        Ok(entry)
    }

    pub(super) fn entry_journal(&self, id: Id<ChatEntry>) -> Result<Vec<JournalChunk>> {
        if !self.entries.contains_key(&id) {
            return Err(refusal::missing(operation::ENTRY_JOURNAL, id));
        }
        Ok(self.journals.get(&id).cloned().unwrap_or_default())
    }

    /// A writer in memory lives as long as the store does, so only its lease tells that it is gone.
    pub(super) fn entry_recover(
        &mut self,
        session: Option<Id<Session>>,
        now: Timestamp,
        limit: PageLimit,
    ) -> Vec<ChatEntry> {
        let gone: Vec<_> = (self.journals.keys())
            .filter_map(|id| self.entries.get(id))
            .filter(|entry| session.is_none_or(|session| entry.session_id == session))
            .filter(|entry| entry.writer.is_none_or(|writer| writer.until <= now))
            .map(|entry| entry.id)
            .take(limit.get())
            .collect();
        gone.into_iter().filter_map(|id| self.interrupt(id, now)).collect()
    }

    fn interrupt(&mut self, id: Id<ChatEntry>, now: Timestamp) -> Option<ChatEntry> {
        let journal = self.journals.remove(&id)?;
        let entry = self.entries.get_mut(&id)?;
        entry.state = EntryState::Interrupted;
        entry.writer = None;
        entry.content = std::mem::take(&mut entry.content).interrupted(&journal);
        entry.updated_at = now;
        Some(entry.clone())
    }

    fn written_by(
        &mut self,
        operation: &'static str,
        id: Id<ChatEntry>,
        holder: HolderId,
    ) -> Result<&mut ChatEntry> {
        let entry = self.entries.get_mut(&id).ok_or_else(|| refusal::missing(operation, id))?;
        match entry.writer {
            None => Err(refusal::ended(operation, id, entry.state)),
            Some(writer) if writer.holder != holder => {
                Err(refusal::other_writer(operation, id, writer.holder))
            }
            Some(_) => Ok(entry),
        }
    }
}
