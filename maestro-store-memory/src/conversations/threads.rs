//! Threads, forks and edits.

use std::ops::RangeInclusive;

use maestro_core::{
    Id, Result,
    conversations::{ChatEntry, EntryState, NewEdit, NewFork, Session, Thread, ThreadLabel, TurnIndex},
    refusal::{self, ThreadUse, operation},
    time::Timestamp,
};

use super::{State, entries::Place};

/// A thread and the entries that it owns, in order.
pub(super) struct Line {
    pub(super) thread: Thread,
    pub(super) own: Vec<Id<ChatEntry>>,
}

impl Line {
    /// The first thread of a session.
    pub(super) fn root(id: Id<Thread>, session_id: Id<Session>, now: Timestamp) -> Self {
        let thread = Thread {
            id,
            session_id,
            parent_thread_id: None,
            fork_from_entry_id: None,
            fork_turn: TurnIndex::ZERO,
            label: None,
            head_entry_id: None,
            head_turn: TurnIndex::ZERO,
            inserted_at: now,
            updated_at: now,
        };
        Self { thread, own: Vec::new() }
    }

    /// A thread that goes on from `from`, or from nothing.
    fn going_on(
        id: Id<Thread>,
        session_id: Id<Session>,
        from: Option<&ChatEntry>,
        label: Option<ThreadLabel>,
        now: Timestamp,
    ) -> Self {
        let mut line = Self::root(id, session_id, now);
        line.thread.label = label;
        if let Some(from) = from {
            line.thread.parent_thread_id = Some(from.thread_id);
            line.thread.fork_from_entry_id = Some(from.id);
            line.thread.fork_turn = from.turn_index;
            line.thread.head_entry_id = Some(from.id);
            line.thread.head_turn = from.turn_index;
        }
        line
    }

    /// Those of its own entries whose turn index is in `turns`.
    pub(super) fn own_within(&self, turns: RangeInclusive<TurnIndex>) -> &[Id<ChatEntry>] {
        let place = |turn: TurnIndex| turn.get().saturating_sub(self.thread.fork_turn.get() + 1) as usize;
        let first = place(*turns.start());
        let behind = place(turns.end().next()).min(self.own.len());
        self.own.get(first..behind).unwrap_or_default()
    }
}

impl State {
    pub(super) fn line(&self, operation: &'static str, id: Id<Thread>) -> Result<&Line> {
        self.threads.get(&id).ok_or_else(|| refusal::missing(operation, id))
    }

    pub(super) fn thread_fork(&mut self, fork: NewFork) -> Result<Thread> {
        let from = self
            .entries
            .get(&fork.from)
            .ok_or_else(|| refusal::missing(operation::THREAD_FORK, fork.from))?;
        if from.state == EntryState::Streaming {
            return Err(refusal::streaming(operation::THREAD_FORK, from.id, from.id));
        }
        if self.threads.contains_key(&fork.id) {
            return Err(refusal::id_taken(operation::THREAD_FORK, fork.id));
        }
        let line = Line::going_on(fork.id, from.session_id, Some(from), fork.label, fork.now);
        let thread = line.thread.clone();
        self.threads.insert(thread.id, line);
        Ok(thread)
    }

    pub(super) fn thread_edit(&mut self, edit: NewEdit) -> Result<(Thread, ChatEntry)> {
        let NewEdit { thread_id, edited, label, entry } = edit;
        if entry.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::THREAD_EDIT));
        }
        let edited =
            self.entries.get(&edited).ok_or_else(|| refusal::missing(operation::THREAD_EDIT, edited))?;
        if edited.state == EntryState::Streaming {
            return Err(refusal::streaming(operation::THREAD_EDIT, edited.id, edited.id));
        }
        if self.threads.contains_key(&thread_id) {
            return Err(refusal::id_taken(operation::THREAD_EDIT, thread_id));
        }
        if self.entries.contains_key(&entry.id) {
            return Err(refusal::id_taken(operation::THREAD_EDIT, entry.id));
        }
        let before = self
            .between(edited.thread_id, edited.turn_index.previous(), edited.turn_index.previous())
            .into_iter()
            .next();
        let line = Line::going_on(thread_id, edited.session_id, before, label, entry.now);
        let place = Place {
            session_id: edited.session_id,
            thread_id,
            turn_index: edited.turn_index,
            edit_version: edited.edit_version.saturating_add(1),
        };
        self.threads.insert(thread_id, line);
        let entry = self.put(place.of_whole(entry));
        Ok((self.line(operation::THREAD_EDIT, thread_id)?.thread.clone(), entry))
    }

    pub(super) fn thread_get(&self, id: Id<Thread>) -> Result<Thread> {
        Ok(self.line(operation::THREAD_GET, id)?.thread.clone())
    }

    pub(super) fn thread_list(&self, session: Id<Session>) -> Result<Vec<Thread>> {
        if !self.sessions.contains_key(&session) {
            return Err(refusal::missing(operation::THREAD_LIST, session));
        }
        let mut threads: Vec<_> = (self.threads.values())
            .map(|line| line.thread.clone())
            .filter(|thread| thread.session_id == session)
            .collect();
        threads.sort_by_key(|thread| (thread.inserted_at, thread.id));
        Ok(threads)
    }

    pub(super) fn thread_label(
        &mut self,
        id: Id<Thread>,
        label: Option<ThreadLabel>,
        now: Timestamp,
    ) -> Result<Thread> {
        let line = self.threads.get_mut(&id).ok_or_else(|| refusal::missing(operation::THREAD_LABEL, id))?;
        line.thread.label = label;
        line.thread.updated_at = now;
        Ok(line.thread.clone())
    }

    pub(super) fn thread_delete(&mut self, id: Id<Thread>) -> Result<()> {
        let line = self.line(operation::THREAD_DELETE, id)?;
        let thread = line.thread.clone();
        if self.sessions.values().any(|session| session.root_thread_id == id) {
            return Err(refusal::thread_in_use(operation::THREAD_DELETE, id, ThreadUse::Root));
        }
        if self.threads.values().any(|other| other.thread.parent_thread_id == Some(id)) {
            return Err(refusal::thread_in_use(operation::THREAD_DELETE, id, ThreadUse::Continued));
        }
        if let Some(streaming) = line.own.iter().find(|entry| self.journals.contains_key(entry)) {
            return Err(refusal::streaming(operation::THREAD_DELETE, id, *streaming));
        }
        let own = line.own.clone();
        self.threads.remove(&id);
        self.marks.remove(&id);
        for entry in &own {
            self.entries.remove(entry);
        }
        if let Some(session) = self.sessions.get_mut(&thread.session_id)
            && session.latest_chat_entry_id.is_some_and(|latest| own.contains(&latest))
        {
            session.latest_chat_entry_id = thread.fork_from_entry_id;
        }
        Ok(())
    }
}
