//! The conversation of a thread, read in one round trip.

use std::{collections::BTreeSet, num::NonZeroU32};

use super::{ChatEntry, ChunkRef, ChunkState, ContextChunk, Thread, TurnIndex};
use crate::chat::{Message, Part, PartKind};

/// Which entries of a lineage are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineageRange {
    /// Every entry.
    #[default]
    All,
    /// The last ones.
    Last(NonZeroU32),
    /// Those up to a turn index, which is included.
    UpTo(TurnIndex),
}

impl LineageRange {
    /// The first and the last turn index wanted, given the turn index of the thread's head.
    pub fn bounds(self, head: TurnIndex) -> (TurnIndex, TurnIndex) {
        match self {
            Self::All => (TurnIndex::FIRST, head),
            Self::Last(count) => (TurnIndex::new((head.get() + 1).saturating_sub(count.get()).max(1)), head),
            Self::UpTo(last) => (TurnIndex::FIRST, last.min(head)),
        }
    }
}

/// A thread, the entries of its lineage that were asked for, and what of them is excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The thread.
    pub thread: Thread,
    /// The entries, oldest first, turn indexes without holes.
    pub entries: Vec<ChatEntry>,
    /// The pieces of those entries that are not sent, as this thread sees it.
    pub excluded: BTreeSet<ChunkRef>,
}

impl Lineage {
    /// The conversation as it was held, in full: `combined_chat` (requirement M-C4).
    pub fn combined_chat(&self) -> Vec<Message> {
        self.entries.iter().map(ChatEntry::to_message).collect()
    }

    /// The conversation as it is sent: without excluded pieces, without entries of which nothing is left.
    pub fn context(&self) -> Vec<Message> {
        let mut messages = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let mut message = entry.to_message();
            if !self.excluded.is_empty() {
                let mut part = 0;
                message.parts.retain(|_| {
                    let chunk = ChunkRef { entry_id: entry.id, part };
                    part += 1;
                    !self.excluded.contains(&chunk)
                });
            }
            if !message.parts.is_empty() {
                messages.push(message);
            }
        }
        messages
    }

    /// Every piece, with whether it is sent.
    pub fn chunks(&self) -> Vec<ContextChunk> {
        let chunks = self.entries.iter().flat_map(|entry| {
            entry.content.parts.iter().zip(0_u32..).map(|(part, index)| {
                let chunk = ChunkRef { entry_id: entry.id, part: index };
                let text = readable(part);
                ContextChunk {
                    chunk,
                    actor: entry.actor,
                    kind: part.kind.name(),
                    preview: preview(&text),
                    bytes: text.len(),
                    state: if self.excluded.contains(&chunk) {
                        ChunkState::Excluded
                    } else {
                        ChunkState::Included
                    },
                }
            })
        });
        chunks.collect()
    }
}

fn readable(part: &Part) -> String {
    match &part.kind {
        PartKind::Text(text) => text.text.clone(),
        PartKind::Reasoning(reasoning) => reasoning.text.clone(),
        PartKind::Refusal(refusal) => refusal.text.clone(),
        PartKind::ToolCall(call) => format!("{}({})", call.name, call.args_raw),
        PartKind::ToolResult(result) => result.joined_text(),
        PartKind::Image(image) => format!("{:?}", image.media),
        PartKind::Document(document) => format!("{:?}", document.media),
        PartKind::Audio(audio) => format!("{:?}", audio.media),
        PartKind::Opaque(opaque) => opaque.native.json.get().to_owned(),
    }
}

fn preview(text: &str) -> String {
    const WIDTH: usize = 80;
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(WIDTH) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
