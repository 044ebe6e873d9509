//! Chat entries (requirement M-C2), whole and streamed.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};

use super::{Session, Thread};
use crate::{
    auth::HolderId,
    chat::{Finish, Message, Origin, Part, Role, Usage},
    error::{Error, ErrorKind, Result},
    http::StoredHeaders,
    id::Id,
    stream::journal::assemble,
    time::Timestamp,
};

/// What one actor said in one step of a conversation.
///
/// `parent_thread_id`, `fork_from_entry_id` and `thread_label` of requirement M-C2 are its [`Thread`]'s;
/// `combined_chat` is assembled by
/// [`ConversationsExt::combined_chat`](super::ConversationsExt::combined_chat) and never stored (M-C4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatEntry {
    /// Its id.
    pub id: Id<Self>,
    /// The session that it belongs to.
    pub session_id: Id<Session>,
    /// The thread that owns it.
    pub thread_id: Id<Thread>,
    /// Its place along the lineage, from 1.
    pub turn_index: TurnIndex,
    /// Who speaks.
    pub actor: Role,
    /// 1, or one more than the entry in whose place it stands.
    pub edit_version: u32,
    /// How far it is.
    pub state: EntryState,
    /// Who writes it at the moment; absent unless it is [`EntryState::Streaming`].
    pub writer: Option<WriterLease>,
    /// What was said, and all that came with it. Of a streaming entry, what was known when it began.
    pub content: EntryContent,
    /// When it was appended or begun.
    pub inserted_at: Timestamp,
    /// When it was finished; until then, when it was begun.
    pub updated_at: Timestamp,
}

impl ChatEntry {
    /// The entry as a message of a conversation.
    pub fn to_message(&self) -> Message {
        Message {
            role: self.actor,
            parts: self.content.parts.clone(),
            origin: self.content.origin.clone(),
            finish: self.content.finish.clone(),
            usage: self.content.usage,
        }
    }
}

/// What an entry holds, as one body that stores keep as text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntryContent {
    /// What was said, in order.
    #[serde(deserialize_with = "read_parts")]
    pub parts: Vec<Part>,
    /// Who produced it; absent for what people and tools said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// What it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What went wrong, for an entry that is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<EntryProblem>,
    /// The headers of the request, secrets redacted.
    #[serde(skip_serializing_if = "StoredHeaders::is_empty")]
    pub request_headers: StoredHeaders,
    /// The headers of the answer, secrets redacted.
    #[serde(skip_serializing_if = "StoredHeaders::is_empty")]
    pub response_headers: StoredHeaders,
}

impl EntryContent {
    /// What was said, and nothing else.
    pub fn of_parts(parts: Vec<Part>) -> Self {
        Self { parts, ..Self::default() }
    }

    /// What a streamed entry comes to when its writer is gone: the parts that its journal gives, beside what was known
    /// when it began.
    #[must_use]
    pub fn interrupted(self, journal: &[JournalChunk]) -> Self {
        let collected = assemble(journal);
        let origin = self.origin.map(|origin| Origin {
            response_id: collected.response_id.or(origin.response_id),
            model_served: collected.model.or(origin.model_served),
            ..origin
        });
        let problem = EntryProblem {
            kind: ErrorKind::Interrupted.as_str().to_owned(),
            message: "the program that wrote it ended before the answer did".to_owned(),
        };
        Self {
            parts: collected.parts,
            origin,
            usage: collected.usage.or(self.usage),
            problem: Some(problem),
            ..self
        }
    }

    /// Writes it as JSON, as stores keep it.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|error| Error::new(ErrorKind::Internal, "write an entry").caused_by(error))
    }

    /// Reads what [`to_json`](Self::to_json) wrote. [`ErrorKind::Internal`] when it is something else.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| {
            Error::new(ErrorKind::Internal, "read an entry")
                .because("what is stored is not an entry")
                .caused_by(error)
        })
    }
}

/// Reads the parts of an entry. Most have one, and a list that grows by itself begins with room for four, which is a
/// kilobyte or two of nothing for each entry of a long conversation.
fn read_parts<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<Part>, D::Error> {
    struct Parts;

    impl<'de> Visitor<'de> for Parts {
        type Value = Vec<Part>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of parts")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Vec<Part>, A::Error> {
            let mut parts = Vec::new();
            while let Some(part) = list.next_element()? {
                if parts.is_empty() {
                    parts.reserve_exact(1);
                }
                parts.push(part);
            }
            Ok(parts)
        }
    }

    deserializer.deserialize_seq(Parts)
}

/// What went wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryProblem {
    /// The [`ErrorKind`], in `snake_case`.
    pub kind: String,
    /// What happened, for people.
    pub message: String,
}

impl From<&Error> for EntryProblem {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind().as_str().to_owned(), message: error.to_string() }
    }
}

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// It is being written; what has come so far is in its journal.
    Streaming,
    /// It is whole.
    Complete,
    /// Its writer died, or the connection did, before its end.
    Interrupted,
    /// The user stopped it.
    Cancelled,
    /// The provider reported an error in the middle.
    Failed,
}

impl EntryState {
    /// The name in `snake_case`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn from_stored(name: &str) -> Result<Self> {
        [Self::Streaming, Self::Complete, Self::Interrupted, Self::Cancelled, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "read an entry").because("its state is not known"))
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place along a lineage, from 1; zero stands before the first entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TurnIndex(u32);

impl TurnIndex {
    /// The place before the first entry.
    pub const ZERO: Self = Self(0);
    /// The place of the first entry.
    pub const FIRST: Self = Self(1);
    /// The last place that there can be.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// The place that a store has read or a user has named; beyond [`TurnIndex::MAX`] it is that.
    pub const fn new(number: u32) -> Self {
        if number > Self::MAX.0 { Self::MAX } else { Self(number) }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0.saturating_add(1))
    }

    /// The place before this one; zero stays zero.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for TurnIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An entry to be appended whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChatEntry {
    /// Its id.
    pub id: Id<ChatEntry>,
    /// Who speaks.
    pub actor: Role,
    /// What was said.
    pub content: EntryContent,
    /// How it ended: any state but [`EntryState::Streaming`], which is made by beginning one. A store takes that as
    /// [`ErrorKind::Invalid`].
    pub state: EntryState,
    /// The present moment.
    pub now: Timestamp,
}

impl NewChatEntry {
    /// A complete entry of these parts.
    pub fn new(actor: Role, parts: Vec<Part>, now: Timestamp) -> Self {
        Self {
            id: Id::new(),
            actor,
            content: EntryContent::of_parts(parts),
            state: EntryState::Complete,
            now,
        }
    }
}

/// An entry to be begun, whose content will stream in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStreamedEntry {
    /// Its id.
    pub id: Id<ChatEntry>,
    /// Who speaks.
    pub actor: Role,
    /// What is known at the beginning: who is asked, and with which headers.
    pub content: EntryContent,
    /// Who writes it.
    pub writer: WriterLease,
    /// The present moment.
    pub now: Timestamp,
}

/// Who writes a streamed entry, and until when others must believe that it does.
///
/// It is renewed by every [`entry_extend`](super::Conversations::entry_extend). A store that can see earlier that the
/// writer is dead may say so earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterLease {
    /// The program that writes.
    pub holder: HolderId,
    /// When it counts as gone, if it has not been heard of.
    pub until: Timestamp,
}

/// The number of a chunk in an entry's journal, from 1, without holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JournalSeq(u32);

impl JournalSeq {
    /// The number of the first chunk.
    pub const FIRST: Self = Self(1);

    /// The number that a store has read.
    pub const fn from_stored(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for JournalSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A piece of a streamed entry's journal: events in the form of [`crate::stream::journal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalChunk {
    /// Its number.
    pub seq: JournalSeq,
    /// What was journalled; empty for a mere sign of life.
    pub data: String,
}

/// How a streamed entry ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryEnd {
    /// The state that it ends in: any but [`EntryState::Streaming`], which a store takes as [`ErrorKind::Invalid`].
    pub state: EntryState,
    /// All that it holds, in place of what was known at the beginning.
    pub content: EntryContent,
    /// The present moment.
    pub now: Timestamp,
}
