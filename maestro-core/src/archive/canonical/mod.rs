//! The canonical form of records: lines of JSON (JSON Lines), one way to write each record, version [`FORMAT`].
//!
//! It is what exported files hold, and what content hashes are made over. Reading gives back exactly what was written:
//! every character (NUL too), every number to the digit, the native JSON of providers byte for byte.
//!
//! Each line is one object without white space between its tokens, in UTF-8, ended by a line feed. Its first field,
//! `type`, says what it is; the others come in the order below. A field that is absent is left out, never `null`.
//!
//! | `type` | fields | comes |
//! |---|---|---|
//! | `authentication` | `id` `provider` `auth_type` `name` `credentials` `expires_at`? `lease`? (`holder` `until`) `revision` `inserted_at` `updated_at` | alone |
//! | `item` | `id` `item_type` `name` `version` `tags` `metadata` `revision` `inserted_at` `updated_at` | then its texts |
//! | `item_version` | `item_id` `version` `inserted_at` `text` | the present text last |
//! | `session` | `id` `name` `auth_id`? `model_id`? `persona`? `system_prompts` (of `item_id` `version`) `memory` `tools` `mcps` `working_dir`? `root_thread_id` `latest_chat_entry_id`? `last_used_at` `revision` `inserted_at` `updated_at` | then its threads, then its marks |
//! | `thread` | `id` `session_id` `parent_thread_id`? `fork_from_entry_id`? `fork_turn` `label`? `head_entry_id`? `head_turn` `inserted_at` `updated_at` | then its own entries |
//! | `entry` | `id` `session_id` `thread_id` `turn_index` `actor` `edit_version` `state` `writer`? (`holder` `until`) `inserted_at` `updated_at` `content` | by turn index; then its journal |
//! | `journal` | `entry_id` `seq` `data` | by `seq` |
//! | `mark` | `thread_id` `entry_id` `part` `state` `marked_at` | by the bytes of the ids, then by part |
//!
//! - Ids are UUIDs in lower case with hyphens. Times are whole microseconds since 1970-01-01 UTC, as numbers: they use
//!   all of 64 signed bits, as revisions use 63, so a reader that takes numbers for doubles must not be used.
//! - `content` is [`EntryContent`](crate::conversations::EntryContent) as stores keep it: `parts`, `origin`, `finish`,
//!   `usage`, `problem`, `request_headers`, `response_headers`; the native JSON of a provider is a *string* in it that
//!   holds the text, because parsers round the numbers of what is nested.
//! - The maps (`tags`, `metadata`, `memory`, `tools`, `mcps`) have their keys in byte order.
//! - `credentials` are sealed bytes in standard base64 with padding.
//! - Records follow one another in the order of their keys.
//!
//! ```
//! use maestro_core::archive::{Record, canonical::RecordReader};
//!
//! # fn example(record: Record) -> maestro_core::Result<()> {
//! let mut lines = Vec::new();
//! record.write_lines(&mut lines)?;
//! let mut reader = RecordReader::new();
//! for line in String::from_utf8_lossy(&lines).lines() {
//!     assert_eq!(reader.push(line)?, None, "no second record has begun");
//! }
//! assert_eq!(reader.finish()?, Some(record));
//! # Ok(())
//! # }
//! ```

mod line;
mod map;

use std::io::Write;

use self::line::{ItemLine, Line};
use super::{EntryRecord, ItemRecord, Record, SessionRecord, ThreadRecord};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::{
    error::{Error, FieldError, Result},
    supplied_context::ItemVersion,
};

/// The version of the form. It changes when a line is written differently, and with it every hash.
pub const FORMAT: u32 = 1;

impl Record {
    /// Writes the lines of the record, each ended by a line feed.
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) when they cannot be written there; [`Internal`](ErrorKind::Internal)
    /// when something cannot be written as JSON. The error of `out` is its source.
    pub fn write_lines(&self, out: &mut impl Write) -> Result<()> {
        match self {
            Self::Authentication(row) => Line::authentication(row).write(out),
            Self::Item(record) => record.write_lines(out),
            Self::Session(record) => record.write_lines(out),
        }
    }
}

impl ItemRecord {
    /// As [`Record::write_lines`].
    pub fn write_lines(&self, out: &mut impl Write) -> Result<()> {
        Line::item(&self.item).write(out)?;
        self.versions.iter().try_for_each(|version| Line::version(version).write(out))
    }
}

impl SessionRecord {
    /// As [`Record::write_lines`].
    pub fn write_lines(&self, out: &mut impl Write) -> Result<()> {
        Line::session(&self.session).write(out)?;
        for ThreadRecord { thread, entries } in &self.threads {
            Line::thread(thread).write(out)?;
            for EntryRecord { entry, journal } in entries {
                Line::entry(entry).write(out)?;
                journal.iter().try_for_each(|chunk| Line::journal(entry.id, chunk).write(out))?;
            }
        }
        self.marks.iter().try_for_each(|mark| Line::mark(mark).write(out))
    }
}

/// Puts records together from their lines.
///
/// It checks the form and not the record: see [`Record::validate`].
#[derive(Default)]
pub struct RecordReader {
    open: Option<Open>,
}

/// The record whose lines are being read.
enum Open {
    Whole(Record),
    /// An item has its text from the last of its versions.
    Item(Box<ItemLine<'static>>, Vec<ItemVersion>),
    Session(Box<SessionRecord>),
}

impl RecordReader {
    /// A reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a line, without its end. When it is the first of a record, the record before it is whole and is returned.
    ///
    /// [`Invalid`](ErrorKind::Invalid) when it is not a line of this form, or does not belong behind the ones before
    /// it. The reader is of no use after that.
    pub fn push(&mut self, line: &str) -> Result<Option<Record>> {
        let opened = match Line::parse(line)? {
            Line::Authentication(row) => Open::Whole(Record::Authentication(row.into_row()?)),
            Line::Item(item) => Open::Item(Box::new(item), Vec::new()),
            Line::Session(session) => Open::Session(Box::new(SessionRecord {
                session: session.into_session(),
                threads: Vec::new(),
                marks: Vec::new(),
            })),
            within => {
                self.add(within)?;
                return Ok(None);
            }
        };
        let whole = self.open.replace(opened);
        whole.map(Open::close).transpose()
    }

    /// The last record, if there was any. [`Invalid`](ErrorKind::Invalid) when it lacks lines.
    pub fn finish(self) -> Result<Option<Record>> {
        self.open.map(Open::close).transpose()
    }

    fn add(&mut self, line: Line<'_>) -> Result<()> {
        match (&mut self.open, line) {
            (Some(Open::Item(_, versions)), Line::ItemVersion(version)) => {
                versions.push(version.into_version())
            }
            (Some(Open::Session(record)), Line::Thread(thread)) => {
                record.threads.push(ThreadRecord { thread: thread.into_thread(), entries: Vec::new() });
            }
            (Some(Open::Session(record)), Line::Entry(entry)) => {
                let thread = record.threads.last_mut().ok_or_else(|| misplaced("an entry", "its thread"))?;
                thread.entries.push(EntryRecord { entry: entry.into_entry(), journal: Vec::new() });
            }
            (Some(Open::Session(record)), Line::Journal(chunk)) => {
                let entry = (record.threads.last_mut())
                    .and_then(|thread| thread.entries.last_mut())
                    .filter(|record| record.entry.id == chunk.entry_id)
                    .ok_or_else(|| misplaced("a chunk of a journal", "its entry"))?;
                entry.journal.push(chunk.into_chunk());
            }
            (Some(Open::Session(record)), Line::Mark(mark)) => record.marks.push(mark.into_mark()),
            (_, Line::ItemVersion(_)) => return Err(misplaced("a text", "its item")),
            _ => return Err(misplaced("a part of a session", "its session")),
        }
        Ok(())
    }
}

impl Open {
    fn close(self) -> Result<Record> {
        match self {
            Self::Whole(record) => Ok(record),
            Self::Session(record) => Ok(Record::Session(record)),
            Self::Item(item, versions) => {
                let last = versions
                    .last()
                    .ok_or_else(|| unreadable("comes where the text of an item must stand"))?;
                Ok(Record::Item(ItemRecord { item: item.into_item(last.text.clone()), versions }))
            }
        }
    }
}

fn misplaced(what: &str, behind: &str) -> Error {
    unreadable(format!("is {what} and does not stand behind {behind}"))
}

fn unreadable(problem: impl Into<String>) -> Error {
    Error::invalid("read records", [FieldError::new("line", problem)])
}

#[cfg(test)]
mod tests;
