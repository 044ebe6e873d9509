//! What was done to a conversation.

use std::fmt;

use serde::Serialize;

/// What a translation dropped, changed or made up. It is empty when nothing was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct TranslationReport(pub Vec<ReportLine>);

impl TranslationReport {
    /// Whether nothing was done.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes something about the request as a whole, such as a setting that the target does not have.
    pub fn note(&mut self, action: Action, reason: impl Into<String>) {
        self.0.push(ReportLine { turn: None, part: None, action, reason: reason.into() });
    }

    /// Notes something about a message.
    pub fn note_turn(&mut self, turn: usize, action: Action, reason: impl Into<String>) {
        self.0.push(ReportLine { turn: Some(turn), part: None, action, reason: reason.into() });
    }

    /// Notes something about a part of a message.
    pub fn note_part(&mut self, turn: usize, part: usize, action: Action, reason: impl Into<String>) {
        self.0.push(ReportLine { turn: Some(turn), part: Some(part), action, reason: reason.into() });
    }
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportLine {
    /// The message, by its place in what was given; absent when it is about the request as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<usize>,
    /// The part, by its place in the message; absent when it is about the message as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// What was done.
    pub action: Action,
    /// Why, in words. It names kinds, tools and media types, and quotes nothing that was said.
    pub reason: String,
}

impl fmt::Display for ReportLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(turn) = self.turn {
            write!(f, "message {turn}")?;
            if let Some(part) = self.part {
                write!(f, ", part {part}")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}: {}", self.action, self.reason)
    }
}

/// What a translation did to a thing.
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

impl Action {
    /// The name in `snake_case`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Downgraded => "downgraded",
            Self::Synthesised => "synthesised",
            Self::Moved => "moved",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
