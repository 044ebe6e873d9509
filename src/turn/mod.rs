//! Turns: what a user says, and the model's answer, kept as it streams.

mod begin;
mod drive;
mod flush;

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use maestro_core::{
    Id, Result,
    chat::{
        ChatRequest, Effort, Origin, Part, Role, StreamEvent, ToolChoice, ToolDefinition, TranslationReport,
    },
    conversations::{ChatEntry, JournalSeq, Session, Thread, ThreadHead},
    provider::ModelId,
    stream::{Collector, journal::JournalWriter},
    time::Timestamp,
};

pub use self::flush::Flush;
use crate::{ChatStream, Maestro, Target};

/// What is said in a turn, and how it is to be answered. Made by [`Maestro::turn`].
#[must_use]
pub struct TurnBuilder {
    maestro: Maestro,
    session: Id<Session>,
    thread: Option<Id<Thread>>,
    actor: Role,
    parts: Vec<Part>,
    target: Option<Target>,
    model: Option<ModelId>,
    tools: Vec<ToolDefinition>,
    tool_choice: ToolChoice,
    effort: Option<Effort>,
    max_output_tokens: Option<u32>,
}

/// An answer on its way: read it with [`next`](Self::next).
///
/// Dropping it before its end cancels the answer; what had come is kept, in state `cancelled`. After a crash it is
/// found as `interrupted`, with all that had been journalled: see [`Flush`].
#[must_use]
pub struct Turn {
    maestro: Maestro,
    session: Id<Session>,
    /// What was said, if anything was.
    said: Option<ThreadHead>,
    /// The entry that the answer is written to.
    answer: ThreadHead,
    entry: Id<ChatEntry>,
    origin: Origin,
    report: TranslationReport,
    phase: Phase,
    /// A write that is under way. It lives here and not in a future of `next`, so that dropping that future neither
    /// loses nor repeats it.
    work: Option<Work>,
    collector: Collector,
    journal: JournalWriter,
    seq: JournalSeq,
    /// When the journal was last written, which is also when the lease was last renewed.
    flushed_at: Timestamp,
    /// Events that are as durable as the flush setting says, and wait to be read.
    ready: VecDeque<StreamEvent>,
    outcome: Option<ChatEntry>,
}

/// How far a turn is.
enum Phase {
    /// The provider has been, or is about to be, asked.
    Asking(BoxFuture<'static, Result<ChatStream>>),
    /// It answers.
    Streaming(Box<ChatStream>),
    /// Nothing more comes.
    Over,
}

/// A write that is under way.
enum Work {
    /// A chunk of the journal.
    Journal(BoxFuture<'static, Result<()>>),
    /// The end of the entry, and the event that is shown once it is durable.
    End(BoxFuture<'static, Result<ChatEntry>>, StreamEvent),
}

/// What a turn came to.
#[derive(Debug, Clone)]
pub struct TurnOutcome {
    /// The answer as it is stored.
    pub entry: ChatEntry,
    /// What the translation for the provider dropped, changed or made up.
    pub report: TranslationReport,
}

impl Maestro {
    /// Begins a turn of a session: add what is said, then [`start`](TurnBuilder::start) it.
    pub fn turn(&self, session: Id<Session>) -> TurnBuilder {
        TurnBuilder {
            maestro: self.clone(),
            session,
            thread: None,
            actor: Role::User,
            parts: Vec::new(),
            target: None,
            model: None,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            effort: None,
            max_output_tokens: None,
        }
    }
}

impl TurnBuilder {
    /// Adds a text that the user says.
    pub fn user(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::text(text));
        self
    }

    /// Adds a part that the user says, such as a picture.
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Says results of tools, in place of anything that a user says.
    pub fn tool_results(mut self, results: impl IntoIterator<Item = Part>) -> Self {
        self.actor = Role::Tool;
        self.parts.extend(results);
        self
    }

    /// Goes on with this thread. Without it, the one of the session's latest entry goes on.
    pub const fn thread(mut self, thread: Id<Thread>) -> Self {
        self.thread = Some(thread);
        self
    }

    /// Asks this target, in place of the session's saved authentication.
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Asks this model, in place of the session's.
    pub fn model(mut self, model: ModelId) -> Self {
        self.model = Some(model);
        self
    }

    /// Offers tools to the model. Calls are not run here: they are parts of the answer, and their results are what
    /// the next turn says.
    pub fn tools(mut self, tools: impl IntoIterator<Item = ToolDefinition>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// Says whether, and which, tools are to be called.
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = choice;
        self
    }

    /// Says how hard to think.
    pub const fn effort(mut self, effort: Effort) -> Self {
        self.effort = Some(effort);
        self
    }

    /// Limits the answer to so many tokens.
    pub const fn max_output_tokens(mut self, tokens: u32) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    fn request(&mut self, model: ModelId) -> ChatRequest {
        let mut request = ChatRequest::new(model, Vec::new());
        request.tools = std::mem::take(&mut self.tools);
        request.tool_choice = std::mem::take(&mut self.tool_choice);
        request.effort = self.effort;
        request.max_output_tokens = self.max_output_tokens;
        request
    }
}

impl Turn {
    /// The session.
    pub const fn session_id(&self) -> Id<Session> {
        self.session
    }

    /// The thread that the turn is on.
    pub const fn thread_id(&self) -> Id<Thread> {
        self.answer.thread_id
    }

    /// The entry that the answer is written to.
    pub const fn entry_id(&self) -> Id<ChatEntry> {
        self.entry
    }

    /// What the translation for the provider dropped, changed or made up; known from the first event on.
    pub const fn report(&self) -> &TranslationReport {
        &self.report
    }

    /// Reads to the end, without showing anything, and returns the answer as it is stored.
    pub async fn finish(mut self) -> Result<TurnOutcome> {
        while let Some(event) = self.next().await {
            event?;
        }
        self.into_outcome()
    }

    /// The answer as it is stored, once its last event has been read.
    /// [`ErrorKind::Internal`](maestro_core::ErrorKind::Internal) before that.
    pub fn into_outcome(mut self) -> Result<TurnOutcome> {
        let report = std::mem::take(&mut self.report);
        let entry = self.outcome.clone().ok_or_else(|| {
            maestro_core::Error::new(maestro_core::ErrorKind::Internal, "end a turn")
                .because("its answer has not been read to the end")
        })?;
        Ok(TurnOutcome { entry, report })
    }
}
