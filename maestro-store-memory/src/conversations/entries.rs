//! Entries, whole.

use maestro_core::{
    Id, Result,
    conversations::{
        ChatEntry, EntryState, NewChatEntry, NewStreamedEntry, Session, Thread, ThreadHead, TurnIndex,
    },
    refusal::{self, operation},
};

use super::State;

/// Where an entry goes.
pub(super) struct Place {
    pub(super) session_id: Id<Session>,
    pub(super) thread_id: Id<Thread>,
    pub(super) turn_index: TurnIndex,
    pub(super) edit_version: u32,
}

impl Place {
    /// A whole entry at this place.
    pub(super) fn of_whole(self, new: NewChatEntry) -> ChatEntry {
        ChatEntry {
            id: new.id,
            session_id: self.session_id,
            thread_id: self.thread_id,
            turn_index: self.turn_index,
            actor: new.actor,
            edit_version: self.edit_version,
            state: new.state,
            writer: None,
            content: new.content,
            inserted_at: new.now,
            updated_at: new.now,
        }
    }

    /// An entry that begins to stream at this place.
    pub(super) fn of_streamed(self, new: NewStreamedEntry) -> ChatEntry {
        ChatEntry {
            id: new.id,
            session_id: self.session_id,
            thread_id: self.thread_id,
            turn_index: self.turn_index,
            actor: new.actor,
            edit_version: self.edit_version,
            state: EntryState::Streaming,
            writer: Some(new.writer),
            content: new.content,
            inserted_at: new.now,
            updated_at: new.now,
        }
    }
}

impl State {
    pub(super) fn entry_append(&mut self, head: ThreadHead, new: NewChatEntry) -> Result<ChatEntry> {
        if new.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::ENTRY_APPEND));
        }
        let place = self.behind(operation::ENTRY_APPEND, head, new.id)?;
        Ok(self.put(place.of_whole(new)))
    }

    pub(super) fn entry_get(&self, id: Id<ChatEntry>) -> Result<ChatEntry> {
        self.entries.get(&id).cloned().ok_or_else(|| refusal::missing(operation::ENTRY_GET, id))
    }

    pub(super) fn entry_delete(&mut self, head: ThreadHead) -> Result<()> {
        let line = self.line(operation::ENTRY_DELETE, head.thread_id)?;
        let found = line.thread.head();
        if found != head {
            return Err(refusal::head_moved(operation::ENTRY_DELETE, head, found));
        }
        let Some(&id) = line.own.last() else {
            return Err(refusal::head_inherited(operation::ENTRY_DELETE, head));
        };
        if self.journals.contains_key(&id) {
            return Err(refusal::streaming(operation::ENTRY_DELETE, head.thread_id, id));
        }
        if self.threads.values().any(|other| other.thread.fork_from_entry_id == Some(id)) {
            return Err(refusal::entry_continued(operation::ENTRY_DELETE, head.thread_id, id));
        }
        self.entries.remove(&id);
        if let Some(marks) = self.marks.get_mut(&head.thread_id) {
            marks.retain(|chunk, _| chunk.entry_id != id);
        }
        if let Some(line) = self.threads.get_mut(&head.thread_id) {
            line.own.pop();
            line.thread.head_entry_id = line.own.last().copied().or(line.thread.fork_from_entry_id);
            line.thread.head_turn = line.thread.head_turn.previous();
            if let Some(session) = self.sessions.get_mut(&line.thread.session_id)
                && session.latest_chat_entry_id == Some(id)
            {
                session.latest_chat_entry_id = line.thread.head_entry_id;
            }
        }
        Ok(())
    }

    /// The place behind `head` for a new entry, if that is still the head and nothing streams there.
    pub(super) fn behind(
        &self,
        operation: &'static str,
        head: ThreadHead,
        new: Id<ChatEntry>,
    ) -> Result<Place> {
        let thread = &self.line(operation, head.thread_id)?.thread;
        if thread.head() != head {
            return Err(refusal::head_moved(operation, head, thread.head()));
        }
        if let Some(streaming) = head.entry_id.filter(|id| self.journals.contains_key(id)) {
            return Err(refusal::streaming(operation, head.thread_id, streaming));
        }
        if thread.head_turn == TurnIndex::MAX {
            return Err(refusal::thread_full(operation, head.thread_id));
        }
        if self.entries.contains_key(&new) {
            return Err(refusal::id_taken(operation, new));
        }
        Ok(Place {
            session_id: thread.session_id,
            thread_id: thread.id,
            turn_index: thread.head_turn.next(),
            edit_version: 1,
        })
    }

    /// Puts an entry at the end of its thread, and moves head, latest entry and last use to it.
    pub(super) fn put(&mut self, entry: ChatEntry) -> ChatEntry {
        if let Some(line) = self.threads.get_mut(&entry.thread_id) {
            line.own.push(entry.id);
            line.thread.head_entry_id = Some(entry.id);
            line.thread.head_turn = entry.turn_index;
        }
        if let Some(session) = self.sessions.get_mut(&entry.session_id) {
            session.latest_chat_entry_id = Some(entry.id);
            session.last_used_at = entry.inserted_at;
        }
        self.entries.insert(entry.id, entry.clone());
        entry
    }
}
