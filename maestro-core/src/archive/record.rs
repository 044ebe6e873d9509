//! What a store holds, as it is.

use std::fmt;

use uuid::Uuid;

use crate::{
    auth::SavedAuthentication,
    conversations::{ChatEntry, ChunkRef, ChunkState, JournalChunk, Session, Thread},
    id::Id,
    supplied_context::{Item, ItemVersion},
    time::Timestamp,
};

/// The kinds of record, in the order in which they are copied: what is referred to comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Saved authentications.
    Authentication,
    /// Items of the library.
    Item,
    /// Sessions.
    Session,
}

impl RecordKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 3] = [Self::Authentication, Self::Item, Self::Session];

    /// The kind in words: `authentication`, `item` or `session`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Item => "item",
            Self::Session => "session",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which record. Keys sort by kind, then by the bytes of the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKey {
    /// A saved authentication.
    Authentication(Id<SavedAuthentication>),
    /// An item.
    Item(Id<Item>),
    /// A session.
    Session(Id<Session>),
}

impl RecordKey {
    /// The key of a kind and an id.
    pub const fn new(kind: RecordKind, id: Uuid) -> Self {
        match kind {
            RecordKind::Authentication => Self::Authentication(Id::from_uuid(id)),
            RecordKind::Item => Self::Item(Id::from_uuid(id)),
            RecordKind::Session => Self::Session(Id::from_uuid(id)),
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Authentication(_) => RecordKind::Authentication,
            Self::Item(_) => RecordKind::Item,
            Self::Session(_) => RecordKind::Session,
        }
    }

    /// Its id.
    pub const fn uuid(&self) -> Uuid {
        match self {
            Self::Authentication(id) => id.uuid(),
            Self::Item(id) => id.uuid(),
            Self::Session(id) => id.uuid(),
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.uuid())
    }
}

/// A whole record, with everything that a store keeps of it: ids, revisions, times, leases, versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A saved authentication. Its credentials stay sealed.
    Authentication(SavedAuthentication),
    /// An item with all its texts.
    Item(ItemRecord),
    /// A session with everything in it.
    Session(Box<SessionRecord>),
}

impl Record {
    /// Its key.
    pub const fn key(&self) -> RecordKey {
        match self {
            Self::Authentication(row) => RecordKey::Authentication(row.id),
            Self::Item(record) => RecordKey::Item(record.item.id),
            Self::Session(record) => RecordKey::Session(record.session.id),
        }
    }
}

/// An item and all texts that it has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRecord {
    /// The item, with its present text.
    pub item: Item,
    /// All its texts, the present one last.
    pub versions: Vec<ItemVersion>,
}

/// A session with its threads, entries, journals and marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub session: Session,
    /// Its threads, in the order of [`thread_list`](crate::conversations::Conversations::thread_list): by the time of
    /// creation, then by the bytes of the id. So a thread may come before the one from which it goes on; see
    /// [`threads_parents_first`](Self::threads_parents_first).
    pub threads: Vec<ThreadRecord>,
    /// What is marked as sent or not sent: by the bytes of the thread's id, then of the entry's, then by part.
    pub marks: Vec<MarkRecord>,
}

/// A thread and the entries that it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRecord {
    /// The thread.
    pub thread: Thread,
    /// Its own entries, by turn index; not those that it inherits.
    pub entries: Vec<EntryRecord>,
}

/// An entry and, while it is streaming, what has arrived of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRecord {
    /// The entry.
    pub entry: ChatEntry,
    /// Its journal, in order; empty when it is not streaming.
    pub journal: Vec<JournalChunk>,
}

/// A mark on a piece of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkRecord {
    /// The thread on which it was made.
    pub thread_id: Id<Thread>,
    /// The piece.
    pub chunk: ChunkRef,
    /// Whether the piece is sent.
    pub state: ChunkState,
    /// When it was marked so.
    pub marked_at: Timestamp,
}
