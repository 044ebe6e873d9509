//! The canonical events of an answer as it arrives.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{Citation, Finish, Native, RawJson, Seal, Usage};
use crate::error::Error;

/// The text of a delta. Up to 24 bytes are kept inline, so that most deltas allocate nothing.
pub type DeltaText = CompactString;

/// One step of an answer, the same for every provider (requirement M-T2).
///
/// A stream is `Started` at its head (notices may come before), then parts in ascending `index`, each opened by
/// `PartStart`, filled by deltas, and closed by `PartEnd`; parts may be open at the same time, and those of an answer that
/// is cut stay open. After `Restarted` all of this begins anew, from index 0. The last event, and only the last, is
/// exactly one of [`Finished`](Self::Finished), [`Truncated`](Self::Truncated) and [`Failed`](Self::Failed).
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamEvent {
    /// The provider began to answer.
    Started {
        /// The provider's id of the answer.
        response_id: Option<CompactString>,
        /// The model that answers.
        model: Option<CompactString>,
    },
    /// A part begins.
    PartStart {
        /// The place of the part in the message.
        index: u32,
        /// What it is.
        part: PartStart,
    },
    /// More of a text.
    TextDelta {
        /// The part it belongs to.
        index: u32,
        /// What is added.
        text: DeltaText,
    },
    /// More of the visible reasoning.
    ReasoningDelta {
        /// The part it belongs to.
        index: u32,
        /// What is added.
        text: DeltaText,
    },
    /// More of a call's arguments, cut anywhere.
    ArgsDelta {
        /// The part it belongs to.
        index: u32,
        /// What is added.
        json: DeltaText,
    },
    /// More of a refusal.
    RefusalDelta {
        /// The part it belongs to.
        index: u32,
        /// What is added.
        text: DeltaText,
    },
    /// The part carries this seal, in place of one told before.
    SealSet {
        /// The part it belongs to.
        index: u32,
        /// The seal.
        seal: Box<Seal>,
    },
    /// The text names a source.
    CitationAdded {
        /// The part it belongs to.
        index: u32,
        /// The source.
        citation: Box<Citation>,
    },
    /// A part is whole, or will get no more.
    PartEnd {
        /// The part.
        index: u32,
        /// How it ended.
        end: PartEnd,
    },
    /// What the answer has taken so far; replaces every snapshot before it.
    UsageSnapshot(Usage),
    /// Something of the provider's that has no meaning here, for those who know it.
    Notice(Box<Notice>),
    /// The answer begins anew: everything since `Started` is to be discarded.
    Restarted {
        /// Why.
        reason: CompactString,
    },
    /// The provider ended the answer. Last event.
    Finished {
        /// Why it ended.
        finish: Finish,
    },
    /// The stream ended without the provider's own terminal signal; what came is partial. Last event.
    Truncated(Error),
    /// The provider reported an error in the middle of its answer; what came is partial. Last event.
    Failed(Error),
}

impl StreamEvent {
    /// Whether nothing can come after it.
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Finished { .. } | Self::Truncated(_) | Self::Failed(_))
    }
}

/// What a part is, as far as it is known when it begins.
///
/// It is serialised with the variant outside: a whole part brings a `type` of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartStart {
    /// Text follows.
    Text,
    /// Reasoning follows, or only its seal.
    Reasoning,
    /// The arguments of a call follow.
    ToolCall {
        /// The id that the result must name.
        call_id: CompactString,
        /// The tool.
        name: CompactString,
    },
    /// A refusal follows.
    Refusal,
    /// A whole part that does not arrive in pieces: a picture, or something opaque.
    Whole(Box<super::PartKind>),
}

/// How a part ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PartEnd {
    /// It is whole.
    #[default]
    Whole,
    /// It is whole, and this is the provider's JSON of it, which says more than the events did.
    Native(Box<Native>),
    /// The answer was cut in the middle of it.
    Cut,
}

/// Something of the provider's that has no meaning here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// A short name, such as the type of the provider's event.
    pub name: CompactString,
    /// Its JSON.
    pub json: RawJson,
}
