//! The normaliser: makes a stored conversation one that a given API accepts.
//!
//! It runs before every send. It is pure, takes time in proportion to the conversation, and tells all it did. Two laws
//! hold, and are tested: doing it twice changes nothing more, and a legal conversation of the same API keeps every byte
//! of its native JSON.
//!
//! The steps, each in a file of its own:
//!
//! 1. `parts`: every part becomes one that the target carries, or goes;
//! 2. `calls`: calls and results are paired, named and numbered;
//! 3. `seals`: reasoning stays together with what it led to, and calls get the seals that the target demands;
//! 4. `layout`: results, instructions and neighbours get their places, and the ends are mended.

mod calls;
mod layout;
mod media;
mod parts;
mod report;
mod rules;
mod seals;

pub use report::{Action, ReportLine, TranslationReport};
pub use rules::{
    CallIdRule, CallSeals, Carries, EmptyText, FilteredTurns, FirstTurn, LastTurn, MediaPlace, MediaRule,
    MidSystem, Neighbours, ReasoningRule, RefusalRule, ResultPlace, SealScope, TargetRules, ToolNameRule,
};

use super::{Message, Part};

/// A conversation that the target accepts, and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// The conversation.
    pub messages: Vec<Message>,
    /// What was done to it; empty if it is as it was.
    pub report: TranslationReport,
}

/// Makes a conversation one that the target accepts.
///
/// Native JSON and seals of other APIs do no harm and are left alone where the part itself stays; encoders pass over
/// what is not theirs. Reasoning and opaque parts of other APIs go.
///
/// ```
/// use maestro_core::chat::{ApiId, Message, Role, TargetRules, normalise};
///
/// let rules = TargetRules::strict(ApiId::from_static("my-api"), "my-model");
/// let normal = normalise(vec![Message::assistant("Hello.")], &rules);
/// let roles: Vec<_> = normal.messages.iter().map(|message| message.role).collect();
/// assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
/// assert_eq!(normal.report.0.len(), 2);
/// assert!(normalise(normal.messages, &rules).report.is_empty());
/// ```
pub fn normalise(messages: Vec<Message>, rules: &TargetRules) -> Normalised {
    let mut report = TranslationReport::default();
    let mut turns = parts::fit(messages, rules, &mut report);
    let pairs = calls::pair(&mut turns, rules, &mut report);
    seals::keep_followers(&mut turns, rules, &mut report);
    let mut placed = layout::arrange(turns, &pairs, rules, &mut report);
    layout::mend_ends(&mut placed, rules, &mut report);
    seals::seal_calls(&mut placed, rules, &mut report);
    Normalised { messages: placed.into_iter().map(|placed| placed.message).collect(), report }
}

/// A message in the works.
struct Turn {
    /// Its place in what was given.
    source: usize,
    /// All but its parts.
    head: Message,
    /// Its parts, in order, those that go included.
    slots: Vec<Slot>,
    /// Media that leave it for the next message of the user.
    beside: Vec<Part>,
}

/// A part in the works. Its place in the list of slots is its place in the message.
struct Slot {
    part: Part,
    fate: Fate,
    /// Media of a result that leave it for the next message of the user.
    beside: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Gone,
    /// It was an empty text, which never counted.
    Empty,
}

/// A message in its final place.
struct Placed {
    /// The place of the message that it was, if it was one.
    source: Option<usize>,
    message: Message,
}
