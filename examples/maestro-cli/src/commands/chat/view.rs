//! What shows an answer as it comes.

use std::io;

use maestro::{
    Id,
    core::{
        chat::{ReportLine, StreamEvent, TranslationReport},
        conversations::{ChatEntry, Session, Thread},
        provider::{ModelId, ProviderId},
    },
};

/// What is known when an answer begins.
pub(super) struct Beginning<'a> {
    /// The session.
    pub(super) session: Id<Session>,
    /// The thread.
    pub(super) thread: Id<Thread>,
    /// The entry that the answer is written to.
    pub(super) entry: Id<ChatEntry>,
    /// Who answers.
    pub(super) provider: &'a ProviderId,
    /// The model that is asked.
    pub(super) model: &'a ModelId,
    /// What the translation for the provider changed.
    pub(super) report: &'a TranslationReport,
}

impl Beginning<'_> {
    /// What the translation did to parts of the conversation. What it did to the request as a whole, such as leaving out
    /// a hint that the provider has no use for, changes nothing of what was said.
    pub(super) fn losses(&self) -> impl Iterator<Item = &ReportLine> {
        self.report.0.iter().filter(|line| line.turn.is_some())
    }
}

/// Shows an answer as it comes. Everything is written out before a method returns.
pub(super) trait View {
    /// The answer begins.
    fn begin(&mut self, beginning: &Beginning<'_>) -> io::Result<()>;

    /// The next event.
    fn event(&mut self, event: &StreamEvent) -> io::Result<()>;

    /// The answer has ended, or was stopped, and is stored like this.
    fn end(&mut self, entry: &ChatEntry) -> io::Result<()>;
}
