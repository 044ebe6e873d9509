//! An answer for people.

use std::io::{self, IsTerminal as _};

use maestro::core::{
    chat::{PartStart, StreamEvent, Usage},
    conversations::{ChatEntry, EntryState},
};

use super::{
    markdown::Markdown,
    view::{Beginning, View},
};
use crate::output::{Output, printable};

/// Shows an answer to people: Markdown at a terminal, with reasoning and usage; the bare text elsewhere, so that it can
/// be piped on.
pub(super) struct PeopleView {
    output: Output,
    is_terminal: bool,
    markdown: Markdown,
    /// What is being shown, so that a change of it begins a new line.
    showing: Showing,
    usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Showing {
    Nothing,
    Reasoning,
    Text,
}

impl PeopleView {
    /// A view of one answer.
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            is_terminal: io::stdout().is_terminal(),
            markdown: Markdown::new(output),
            showing: Showing::Nothing,
            usage: None,
        }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.show(Showing::Text)?;
        if self.is_terminal { self.markdown.push(text) } else { self.output.text(text) }
    }

    /// Ends what was shown before, if it was something else.
    fn show(&mut self, next: Showing) -> io::Result<()> {
        if self.showing == next {
            return Ok(());
        }
        match self.showing {
            Showing::Nothing => {}
            Showing::Reasoning => self.output.text("\n\n")?,
            Showing::Text if self.is_terminal => self.markdown.finish()?,
            Showing::Text => self.output.text("\n")?,
        }
        self.showing = next;
        Ok(())
    }

    /// Something about the answer, which is not the answer itself.
    fn remark(&mut self, text: &str) -> io::Result<()> {
        self.show(Showing::Nothing)?;
        if self.is_terminal { self.output.line(&self.output.dim(&printable(text))) } else { Ok(()) }
    }
}

impl View for PeopleView {
    fn begin(&mut self, beginning: &Beginning<'_>) -> io::Result<()> {
        beginning.losses().try_for_each(|line| self.remark(&format!("({})", line.reason)))
    }

    fn event(&mut self, event: &StreamEvent) -> io::Result<()> {
        match event {
            StreamEvent::TextDelta { text, .. } | StreamEvent::RefusalDelta { text, .. } => self.text(text),
            StreamEvent::ReasoningDelta { text, .. } if self.is_terminal => {
                self.show(Showing::Reasoning)?;
                self.output.text(&self.output.dim(&printable(text)))
            }
            StreamEvent::PartStart { part: PartStart::ToolCall { name, .. }, .. } => {
                self.remark(&format!("(calls {name})"))
            }
            StreamEvent::PartStart { part: PartStart::Whole(kind), .. } => {
                self.remark(&format!("({})", kind.name()))
            }
            StreamEvent::UsageSnapshot(usage) => {
                self.usage = Some(*usage);
                Ok(())
            }
            StreamEvent::Restarted { .. } => self.remark("(the answer begins anew)"),
            StreamEvent::Truncated(error) | StreamEvent::Failed(error) => {
                self.show(Showing::Nothing)?;
                self.output.error(error)
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, entry: &ChatEntry) -> io::Result<()> {
        self.show(Showing::Nothing)?;
        if entry.state == EntryState::Cancelled {
            self.remark("(stopped; what came is kept)")?;
        }
        match entry.content.usage.or(self.usage) {
            Some(usage) => self.remark(&describe(&usage)),
            None => Ok(()),
        }
    }
}

/// Usage in a line.
pub(super) fn describe(usage: &Usage) -> String {
    let of = |count: u64, what: &str| if count > 0 { format!(" ({count} {what})") } else { String::new() };
    format!(
        "{} tokens in{} · {} out{}",
        usage.input_total,
        of(usage.input_cached, "cached"),
        usage.output_total,
        of(usage.output_reasoning, "reasoning")
    )
}
