//! Threads, forks and edits (requirement M-C3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ChatEntry, NewChatEntry, Session, TurnIndex};
use crate::{error::Result, id::Id, time::Timestamp};

/// A line of entries within a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Thread {
    /// Its id.
    pub id: Id<Self>,
    /// The session that it belongs to.
    pub session_id: Id<Session>,
    /// The thread that owns the entry from which it goes on; absent for the root, and for an edit of the very first
    /// entry, which goes on from nothing.
    pub parent_thread_id: Option<Id<Self>>,
    /// The entry from which it goes on.
    pub fork_from_entry_id: Option<Id<ChatEntry>>,
    /// The turn index of that entry; zero when there is none.
    pub fork_turn: TurnIndex,
    /// Its label.
    pub label: Option<ThreadLabel>,
    /// The last entry of its lineage: its own last, or the one from which it goes on.
    pub head_entry_id: Option<Id<ChatEntry>>,
    /// The turn index of its head; zero when there is none.
    pub head_turn: TurnIndex,
    /// When it was created.
    pub inserted_at: Timestamp,
    /// When its label was last written; appending an entry does not count.
    pub updated_at: Timestamp,
}

impl Thread {
    /// Where the next entry goes.
    pub const fn head(&self) -> ThreadHead {
        ThreadHead { thread_id: self.id, entry_id: self.head_entry_id }
    }
}

/// The label of a thread: 1 to 100 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ThreadLabel(String);

impl ThreadLabel {
    /// Normalises (white space around it goes) and checks a label.
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is empty, too long or holds a control character.
    pub fn new(label: impl AsRef<str>) -> Result<Self> {
        crate::name::one_line("label a thread", "label", label.as_ref(), 100).map(Self)
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::name::text_traits!(ThreadLabel);

/// A thread and the entry that a writer saw at its end. Appending behind a head that has moved is refused (M-C6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadHead {
    /// The thread.
    pub thread_id: Id<Thread>,
    /// Its last entry, as the writer saw it; absent for a thread without any.
    pub entry_id: Option<Id<ChatEntry>>,
}

impl fmt::Display for ThreadHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry_id {
            Some(entry) => write!(f, "entry {entry} of thread {}", self.thread_id),
            None => write!(f, "the beginning of thread {}", self.thread_id),
        }
    }
}

/// A fork to be made: a thread that goes on from an entry, and copies nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFork {
    /// The id of the new thread.
    pub id: Id<Thread>,
    /// The entry from which it goes on.
    pub from: Id<ChatEntry>,
    /// Its label.
    pub label: Option<ThreadLabel>,
    /// The present moment.
    pub now: Timestamp,
}

/// An edit to be made: a thread that goes on from before an entry and begins with another one in its place. What was
/// there stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEdit {
    /// The id of the new thread.
    pub thread_id: Id<Thread>,
    /// The entry in whose place the new one stands.
    pub edited: Id<ChatEntry>,
    /// The label of the new thread.
    pub label: Option<ThreadLabel>,
    /// The new entry.
    pub entry: NewChatEntry,
}
