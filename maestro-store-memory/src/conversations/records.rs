//! Sessions as whole records.

use maestro_core::{
    Id, Result,
    archive::{EntryRecord, MarkRecord, RecordKey, SessionRecord, ThreadRecord},
    chat::Role,
    conversations::{EntryState, Session},
    refusal::{self, operation},
};

use super::{State, chunks::Mark, sessions::check_references, threads::Line};
use crate::{auth, supplied_context};

impl State {
    /// The ids of the sessions, in the order of their bytes.
    pub(crate) fn session_ids(&self) -> impl Iterator<Item = Id<Session>> + '_ {
        self.sessions.keys().copied()
    }

    pub(crate) fn session_record(&self, id: Id<Session>) -> Option<SessionRecord> {
        let session = self.sessions.get(&id)?.clone();
        let mut lines: Vec<_> = self.threads.values().filter(|line| line.thread.session_id == id).collect();
        lines.sort_by_key(|line| (line.thread.inserted_at, line.thread.id));
        let mut marks: Vec<_> = lines.iter().flat_map(|line| self.mark_records(line)).collect();
        marks.sort_by_key(|mark| (mark.thread_id, mark.chunk));
        let threads = lines.into_iter().map(|line| self.thread_record(line)).collect();
        Some(SessionRecord { session, threads, marks })
    }

    fn thread_record(&self, line: &Line) -> ThreadRecord {
        let entries = line.own.iter().filter_map(|id| self.entries.get(id));
        let entries = entries.map(|entry| EntryRecord {
            entry: entry.clone(),
            journal: self.journals.get(&entry.id).cloned().unwrap_or_default(),
        });
        ThreadRecord { thread: line.thread.clone(), entries: entries.collect() }
    }

    fn mark_records(&self, line: &Line) -> impl Iterator<Item = MarkRecord> {
        let thread_id = line.thread.id;
        self.marks.get(&thread_id).into_iter().flatten().map(move |(chunk, mark)| MarkRecord {
            thread_id,
            chunk: *chunk,
            state: mark.state,
            marked_at: mark.marked_at,
        })
    }

    /// Writes a session that is not there yet, as it is.
    pub(crate) fn session_restore(
        &mut self,
        record: SessionRecord,
        auth: &auth::State,
        items: &supplied_context::State,
    ) -> Result<()> {
        let SessionRecord { session, threads, marks } = record;
        let key = RecordKey::Session(session.id);
        check_references(operation::RECORD_RESTORE, key, &session, auth, items)?;
        for ThreadRecord { thread, entries } in &threads {
            if self.threads.contains_key(&thread.id) {
                return Err(refusal::record_id_taken(key, "thread", thread.id));
            }
            if let Some(taken) = entries.iter().find(|record| self.entries.contains_key(&record.entry.id)) {
                return Err(refusal::record_id_taken(key, "entry", taken.entry.id));
            }
        }
        for ThreadRecord { thread, entries } in threads {
            let own = entries.iter().map(|record| record.entry.id).collect();
            self.threads.insert(thread.id, Line { thread, own });
            for EntryRecord { entry, journal } in entries {
                if entry.state == EntryState::Streaming {
                    self.journals.insert(entry.id, journal);
                }
                self.entries.insert(entry.id, entry);
            }
        }
        for MarkRecord { thread_id, chunk, state, marked_at } in marks {
            self.marks.entry(thread_id).or_default().insert(chunk, Mark { state, marked_at });
        }
        self.sessions.insert(session.id, session);
        Ok(())
    }

    /// How many rows there are of each kind.
    pub(crate) fn counts(&self) -> [(&'static str, usize); 5] {
        [
            ("sessions", self.sessions.len()),
            ("threads", self.threads.len()),
            ("entries", self.entries.len()),
            ("journal", self.journals.values().map(Vec::len).sum()),
            ("chunk_marks", self.marks.values().map(|marks| marks.len()).sum()),
        ]
    }

    /// Entries, turns, and entries that are streaming.
    pub(crate) fn entry_counts(&self) -> (u64, u64, u64) {
        let turns = self.entries.values().filter(|entry| entry.actor == Role::User).count();
        (self.entries.len() as u64, turns as u64, self.journals.len() as u64)
    }
}
