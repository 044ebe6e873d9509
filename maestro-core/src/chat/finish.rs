//! Why an answer ended.

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Why a provider ended an answer of its own accord.
///
/// An answer that broke off is not a finish: see [`StreamEvent::Truncated`](super::StreamEvent::Truncated) and
/// [`StreamEvent::Failed`](super::StreamEvent::Failed).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finish {
    /// The model was done, or met a stop string.
    Stop,
    /// The model waits for the results of its tool calls.
    ToolUse,
    /// The limit on output tokens was reached; a tool call may be cut in the middle and must not be run.
    Length,
    /// The model's context is full.
    ContextFull,
    /// A filter or the model refused, perhaps after some text.
    Filtered,
    /// The provider paused a long turn; sending the answer back goes on with it.
    Paused,
    /// The model produced something that its provider could not use, such as a malformed call.
    ModelFault,
    /// Another reason, in the provider's own word.
    Other(CompactString),
}

impl Finish {
    /// The name in `snake_case`; for [`Finish::Other`] the provider's own word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::ToolUse => "tool_use",
            Self::Length => "length",
            Self::ContextFull => "context_full",
            Self::Filtered => "filtered",
            Self::Paused => "paused",
            Self::ModelFault => "model_fault",
            Self::Other(reason) => reason,
        }
    }

    /// This reason, or [`Finish::ToolUse`] when the model made calls and simply stopped. A worse reason is kept: calls
    /// and a length limit are a length limit.
    #[must_use]
    pub fn with_calls(self, has_calls: bool) -> Self {
        if has_calls && self == Self::Stop { Self::ToolUse } else { self }
    }
}

impl fmt::Display for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
