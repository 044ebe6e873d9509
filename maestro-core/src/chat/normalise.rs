//! The normaliser: makes a stored conversation one that a given API accepts.
//!
//! It runs before every send. It is pure and idempotent, and it tells all it did.

use compact_str::CompactString;
use serde::Serialize;

use super::{ApiId, Message};

/// What an API, and a model of it, demands of a conversation. Data, so that a provider from outside can say its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRules {
    /// The API that is written for: native JSON and seals of this one are replayed, those of others are not.
    pub api: ApiId,
    /// The model that is asked.
    pub model: CompactString,
}

/// A conversation that the target accepts, and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// The conversation.
    pub messages: Vec<Message>,
    /// What was done to it.
    pub report: TranslationReport,
}

/// What a translation dropped, changed or made up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct TranslationReport(pub Vec<ReportLine>);

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportLine {
    /// The message, by its place in what was given; absent when it is about the request as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<usize>,
    /// The part, by its place in the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// What was done.
    pub action: Action,
    /// Why.
    pub reason: String,
}

/// What a translation did to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not sent.
    Dropped,
    /// It is sent as something lesser.
    Downgraded,
    /// It was made up, because the target demands it.
    Synthesised,
    /// It stands elsewhere.
    Moved,
}

/// Makes a conversation one that the target accepts.
pub fn normalise(messages: Vec<Message>, _rules: &TargetRules) -> Normalised {
    Normalised { messages, report: TranslationReport::default() }
}
