//! What must hold within a record, whoever wrote it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{EntryRecord, ItemRecord, Record, SessionRecord, ThreadRecord, Violation};
use crate::{
    auth::SavedAuthentication,
    conversations::{ChatEntry, ChunkRef, EntryState, Session, Thread, TurnIndex},
    error::{Error, FieldError, Result},
    id::Id,
    refusal,
    revision::Revision,
    supplied_context::{JSON_MAP_DEPTH, JsonMap},
};

/// How many fields an error names at the most.
const NAMED_MAX: usize = 50;

impl Record {
    /// Checks that the record does not contradict itself: whatever a store can hold by the promises of the context
    /// traits passes, and what passes can be written to every store.
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) names the fields that are wrong, the first 50 of them, by paths such as
    /// `threads[2].entries[5].turn_index`. What a record refers to outside of itself is not looked at.
    pub fn validate(&self) -> Result<()> {
        let mut problems = self.problems();
        if problems.is_empty() {
            Ok(())
        } else {
            problems.truncate(NAMED_MAX);
            Err(Error::invalid("validate", problems).on(self.key()))
        }
    }

    /// The same for [`Archive::check`](super::Archive::check): everything in it that contradicts itself, under its key.
    pub fn violations(&self) -> Vec<Violation> {
        let row = self.key().to_string();
        let violation = |problem: FieldError| Violation { rule: problem.to_string(), row: row.clone() };
        self.problems().into_iter().map(violation).collect()
    }

    fn problems(&self) -> Vec<FieldError> {
        let mut problems = Problems(Vec::new());
        match self {
            Self::Authentication(row) => problems.of_authentication(row),
            Self::Item(record) => problems.of_item(record),
            Self::Session(record) => problems.of_session(record),
        }
        problems.0
    }
}

struct Problems(Vec<FieldError>);

impl Problems {
    /// Notes a problem of a field unless `holds`.
    fn expect(&mut self, holds: bool, field: impl fmt::Display, problem: &str) {
        if !holds {
            self.0.push(FieldError::new(field.to_string(), problem));
        }
    }

    fn of_authentication(&mut self, row: &SavedAuthentication) {
        self.of_revision(row.revision);
    }

    fn of_item(&mut self, ItemRecord { item, versions }: &ItemRecord) {
        self.of_revision(item.revision);
        self.of_map("metadata", &item.metadata);
        self.expect(!versions.is_empty(), "versions", "must hold the text of the item at the least");
        for ((index, version), number) in versions.iter().enumerate().zip(1_u32..) {
            let path = format!("versions[{index}]");
            self.expect(version.item_id == item.id, format!("{path}.item_id"), "must be the id of the item");
            self.expect(
                version.version.get() == number,
                format!("{path}.version"),
                &format!("must be {number}: versions count from 1 without holes"),
            );
        }
        if let Some(last) = versions.last() {
            self.expect(last.version == item.version, "version", "must be that of the last text");
            self.expect(last.text == item.text, "text", "must be the last of its versions");
        }
    }

    fn of_session(&mut self, record: &SessionRecord) {
        let SessionRecord { session, threads, marks } = record;
        self.of_revision(session.revision);
        for (field, map) in [("memory", &session.memory), ("tools", &session.tools), ("mcps", &session.mcps)]
        {
            self.of_map(field, map);
        }
        let holds = session.working_dir.as_ref().is_none_or(|directory| !directory.contains('\0'));
        self.expect(holds, "working_dir", "must not hold a NUL character");
        let known = Known::of(record);
        self.expect(
            known.threads.get(&session.root_thread_id).is_some_and(|root| root.parent_thread_id.is_none()),
            "root_thread_id",
            "must be one of the threads, and go on from nothing",
        );
        self.expect(
            session.latest_chat_entry_id.is_none_or(|latest| known.entries.contains_key(&latest)),
            "latest_chat_entry_id",
            "must be one of the entries",
        );
        let mut seen = Seen::default();
        for (index, thread) in threads.iter().enumerate() {
            self.of_thread(&format!("threads[{index}]"), session, thread, &known, &mut seen);
        }
        let mut before = None;
        for (index, record) in threads.iter().enumerate() {
            let place = (record.thread.inserted_at, record.thread.id);
            self.expect(
                before.is_none_or(|before| before < place),
                format!("threads[{index}]"),
                "must come in order of creation, then of the id",
            );
            before = Some(place);
        }
        let mut before = None;
        for (index, mark) in marks.iter().enumerate() {
            let path = format!("marks[{index}]");
            self.expect(
                known.is_in_lineage(mark.thread_id, mark.chunk),
                format!("{path}.chunk.entry_id"),
                "must be an entry of the thread's conversation",
            );
            self.expect(
                i32::try_from(mark.chunk.part).is_ok(),
                format!("{path}.chunk.part"),
                "is greater than any number of parts",
            );
            let place = (mark.thread_id, mark.chunk);
            self.expect(
                before.is_none_or(|before| before < place),
                path,
                "must come in the order of thread, entry and part, each once",
            );
            before = Some(place);
        }
    }

    fn of_thread(
        &mut self,
        path: &str,
        session: &Session,
        record: &ThreadRecord,
        known: &Known<'_>,
        seen: &mut Seen,
    ) {
        let ThreadRecord { thread, entries } = record;
        self.expect(seen.threads.insert(thread.id), format!("{path}.id"), "is that of another thread");
        self.expect(
            thread.session_id == session.id,
            format!("{path}.session_id"),
            "must be the id of the session",
        );
        self.expect(
            known.connected.contains(&thread.id),
            format!("{path}.parent_thread_id"),
            "must be a thread of the session, which does not go on from this one",
        );
        match thread.fork_from_entry_id.map(|fork| known.entries.get(&fork)) {
            Some(Some(fork)) => {
                self.expect(
                    Some(fork.thread_id) == thread.parent_thread_id,
                    format!("{path}.fork_from_entry_id"),
                    "must be an entry that the parent thread owns",
                );
                self.expect(
                    fork.turn_index == thread.fork_turn,
                    format!("{path}.fork_turn"),
                    "must be the turn index of the entry from which the thread goes on",
                );
                self.expect(
                    fork.state != EntryState::Streaming,
                    format!("{path}.fork_from_entry_id"),
                    "must not be streaming",
                );
            }
            Some(None) => {
                self.expect(false, format!("{path}.fork_from_entry_id"), "must be an entry of the session");
            }
            None => {
                self.expect(
                    thread.parent_thread_id.is_none(),
                    format!("{path}.parent_thread_id"),
                    "must be absent when the thread goes on from nothing",
                );
                self.expect(
                    thread.fork_turn == TurnIndex::ZERO,
                    format!("{path}.fork_turn"),
                    "must be 0 when the thread goes on from nothing",
                );
            }
        }
        let (head, head_turn) = match entries.last() {
            Some(last) => (Some(last.entry.id), last.entry.turn_index),
            None => (thread.fork_from_entry_id, thread.fork_turn),
        };
        let problem = "must be that of its last entry, or of the one from which it goes on";
        self.expect(thread.head_entry_id == head, format!("{path}.head_entry_id"), problem);
        self.expect(thread.head_turn == head_turn, format!("{path}.head_turn"), problem);
        for (index, entry) in entries.iter().enumerate() {
            let place = u64::from(thread.fork_turn.get()) + index as u64 + 1;
            let is_last = index + 1 == entries.len();
            self.of_entry(&format!("{path}.entries[{index}]"), thread, entry, place, is_last, seen);
        }
    }

    fn of_entry(
        &mut self,
        path: &str,
        thread: &Thread,
        EntryRecord { entry, journal }: &EntryRecord,
        place: u64,
        is_last: bool,
        seen: &mut Seen,
    ) {
        self.expect(seen.entries.insert(entry.id), format!("{path}.id"), "is that of another entry");
        self.expect(
            entry.session_id == thread.session_id,
            format!("{path}.session_id"),
            "must be the id of the session",
        );
        self.expect(
            entry.thread_id == thread.id,
            format!("{path}.thread_id"),
            "must be the id of the thread that holds it",
        );
        self.expect(
            u64::from(entry.turn_index.get()) == place && place <= u64::from(TurnIndex::MAX.get()),
            format!("{path}.turn_index"),
            &format!("must be {place}: they go on without holes right behind the fork"),
        );
        self.expect(entry.edit_version >= 1, format!("{path}.edit_version"), "must be 1 at the least");
        let is_streaming = entry.state == EntryState::Streaming;
        self.expect(
            entry.writer.is_some() == is_streaming,
            format!("{path}.writer"),
            "must be there while the entry is streaming, and only then",
        );
        self.expect(
            is_last || !is_streaming,
            format!("{path}.state"),
            "must not be streaming but at the end of a thread",
        );
        self.expect(
            is_streaming || journal.is_empty(),
            format!("{path}.journal"),
            "must be empty unless the entry is streaming",
        );
        let hole = journal.iter().zip(1_u32..).position(|(chunk, number)| chunk.seq.get() != number);
        if let Some(index) = hole {
            self.expect(
                false,
                format!("{path}.journal[{index}].seq"),
                &format!("must be {}: they count from 1 without holes", index + 1),
            );
        }
    }

    fn of_revision(&mut self, revision: Revision) {
        // Databases have no unsigned numbers.
        let holds = revision >= Revision::FIRST && i64::try_from(revision.get()).is_ok();
        self.expect(holds, "revision", "must be 1 to 9223372036854775807");
    }

    fn of_map(&mut self, field: &str, map: &JsonMap) {
        let problem = format!("must not be nested deeper than {JSON_MAP_DEPTH} levels");
        self.expect(refusal::is_shallow(map), field, &problem);
    }
}

/// The ids that have come so far.
#[derive(Default)]
struct Seen {
    threads: BTreeSet<Id<Thread>>,
    entries: BTreeSet<Id<ChatEntry>>,
}

/// What there is in a session, by id.
struct Known<'a> {
    threads: BTreeMap<Id<Thread>, &'a Thread>,
    entries: BTreeMap<Id<ChatEntry>, &'a ChatEntry>,
    /// The threads from which a way leads back to one that goes on from nothing.
    connected: BTreeSet<Id<Thread>>,
}

impl<'a> Known<'a> {
    fn of(record: &'a SessionRecord) -> Self {
        let entries = record.threads.iter().flat_map(|thread| &thread.entries);
        Self {
            threads: record.threads.iter().map(|record| (record.thread.id, &record.thread)).collect(),
            entries: entries.map(|record| (record.entry.id, &record.entry)).collect(),
            connected: record.threads_parents_first().iter().map(|record| record.thread.id).collect(),
        }
    }

    /// Whether the entry of a piece is in the conversation of a thread.
    ///
    /// Whether it has that part is not asked: the end of a streamed entry replaces its parts, and a mark that was made
    /// before stays.
    fn is_in_lineage(&self, thread: Id<Thread>, chunk: ChunkRef) -> bool {
        let Some(entry) = self.entries.get(&chunk.entry_id) else { return false };
        let ancestry = std::iter::successors(self.threads.get(&thread), |thread| {
            thread.parent_thread_id.and_then(|parent| self.threads.get(&parent))
        });
        let mut last = TurnIndex::MAX;
        // In a circle it would never end.
        for thread in ancestry.take(self.threads.len()) {
            if thread.id == entry.thread_id {
                return entry.turn_index <= last;
            }
            last = last.min(thread.fork_turn);
        }
        false
    }
}

#[cfg(test)]
mod tests;
