//! Context chunks: what will be sent, piece by piece (requirement M-C7).

use serde::{Deserialize, Serialize};

use super::ChatEntry;
use crate::{chat::Role, id::Id};

/// One piece of a conversation: a part of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkRef {
    /// The entry.
    pub entry_id: Id<ChatEntry>,
    /// The place of the part in the entry, from 0.
    pub part: u32,
}

/// Whether a piece is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChunkState {
    /// It is sent, as everything is at first.
    Included,
    /// It stays in history and is not sent.
    Excluded,
}

/// A piece as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContextChunk {
    /// Which piece.
    #[serde(flatten)]
    pub chunk: ChunkRef,
    /// Who said it.
    pub actor: Role,
    /// The kind of the part, such as `text`.
    pub kind: &'static str,
    /// The beginning of its text, on one line.
    pub preview: String,
    /// The size of what it says, in bytes.
    pub bytes: usize,
    /// Whether it is sent.
    pub state: ChunkState,
}
