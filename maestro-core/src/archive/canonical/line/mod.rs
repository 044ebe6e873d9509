//! The lines, field by field. What is named here is what stands in files: a change is a new version of the form.

mod conversation;
mod record;

use std::io::Write;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::{
    conversation::{EntryLine, JournalLine, MarkLine, SessionLine, ThreadLine},
    record::{AuthenticationLine, VersionLine},
};
use super::unreadable;
use crate::{
    auth::HolderId,
    error::{Error, ErrorKind, Result},
    time::Timestamp,
};

pub(super) use self::record::ItemLine;

/// One line.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Line<'a> {
    Authentication(AuthenticationLine<'a>),
    Item(ItemLine<'a>),
    ItemVersion(VersionLine<'a>),
    Session(Box<SessionLine<'a>>),
    Thread(ThreadLine<'a>),
    Entry(Box<EntryLine<'a>>),
    Journal(JournalLine<'a>),
    Mark(MarkLine),
}

/// The first field of each line.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Type {
    Authentication,
    Item,
    ItemVersion,
    Session,
    Thread,
    Entry,
    Journal,
    Mark,
}

impl Line<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> Result<()> {
        serde_json::to_writer(&mut *out, self).map_err(|error| {
            let kind = if error.is_io() { ErrorKind::Unavailable } else { ErrorKind::Internal };
            Error::new(kind, "write a record").caused_by(error)
        })?;
        out.write_all(b"\n")
            .map_err(|error| Error::new(ErrorKind::Unavailable, "write a record").caused_by(error))
    }

    /// Reads a line. Its type is looked at first: what serde derives for a tagged enum would copy the line into a tree
    /// of values, which bounds how deep a map may lie.
    pub(super) fn parse(line: &str) -> Result<Line<'static>> {
        #[derive(Deserialize)]
        struct Head {
            r#type: Type,
        }

        fn read<T: DeserializeOwned>(line: &str) -> Result<T> {
            // The parser's own words could quote the conversation, so they are not told; they stay the source.
            serde_json::from_str(line).map_err(|error| {
                unreadable(format!("cannot be read at column {}", error.column())).caused_by(error)
            })
        }

        Ok(match read::<Head>(line)?.r#type {
            Type::Authentication => Line::Authentication(read(line)?),
            Type::Item => Line::Item(read(line)?),
            Type::ItemVersion => Line::ItemVersion(read(line)?),
            Type::Session => Line::Session(read(line)?),
            Type::Thread => Line::Thread(read(line)?),
            Type::Entry => Line::Entry(read(line)?),
            Type::Journal => Line::Journal(read(line)?),
            Type::Mark => Line::Mark(read(line)?),
        })
    }
}

/// A moment in microseconds. RFC 3339, in which times are shown elsewhere, ends before 64 bits do.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Micros(i64);

impl From<Timestamp> for Micros {
    fn from(time: Timestamp) -> Self {
        Self(time.micros())
    }
}

impl From<Micros> for Timestamp {
    fn from(micros: Micros) -> Self {
        Self::from_micros(micros.0)
    }
}

/// Who holds something, and until when.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    pub(super) holder: HolderId,
    pub(super) until: Micros,
}
