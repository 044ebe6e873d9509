//! What the program says: text for people, or one JSON object a line for scripts.
//!
//! Results go to standard output, everything about them (notices, errors, questions) to standard error. With `--json`
//! errors are lines on standard output too, so that a script reads one stream.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use maestro::{Error, Retry, core::page::Cursor};
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// For whom output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// For scripts: one JSON object a line.
    Json,
}

/// The way to standard output and standard error. Copies share both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    color: bool,
}

impl Output {
    /// Output in this format.
    pub(crate) fn new(format: Format, choice: ColorChoice) -> Self {
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
            }
        };
        Self { format, color: color && format == Format::Human }
    }

    /// Whether it is for scripts.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether text is coloured.
    pub(crate) const fn has_color(self) -> bool {
        self.color
    }

    /// Writes one JSON object on a line of its own, at once.
    pub(crate) fn json(self, line: &impl Serialize) -> io::Result<()> {
        let mut lines = JsonLines::default();
        lines.push(line)?;
        self.json_lines(&mut lines)
    }

    /// Writes the lines that have been gathered, at once, and empties the gatherer.
    pub(crate) fn json_lines(self, lines: &mut JsonLines) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&lines.0)?;
        lines.0.clear();
        stdout.flush()
    }

    /// Writes text, as it is, at once.
    pub(crate) fn text(self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// Writes a line of text.
    pub(crate) fn line(self, text: &str) -> io::Result<()> {
        self.text(&format!("{text}\n"))
    }

    /// Writes rows under headings, each column as wide as its widest cell.
    pub(crate) fn table(self, headings: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
            cells.chain(headings.get(column).map(|heading| heading.width())).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..headings.len()).map(width).collect();
        let row_of = |cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells.zip(&widths).map(|(cell, width)| {
                let room = width.saturating_sub(cell.width());
                format!("{cell}{}", " ".repeat(room))
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut text = self.bold(&row_of(&mut headings.iter().copied()));
        text.push('\n');
        for row in rows {
            text.push_str(&row_of(&mut row.iter().map(String::as_str)));
            text.push('\n');
        }
        self.text(&text)
    }

    /// Tells how to see the next page, if there is one.
    pub(crate) fn next_page(self, next: Option<&Cursor>) -> io::Result<()> {
        #[derive(Serialize)]
        #[serde(tag = "type", rename = "page")]
        struct PageLine {
            next: String,
        }
        match next {
            None => Ok(()),
            Some(next) if self.is_json() => self.json(&PageLine { next: next.to_string() }),
            Some(next) => {
                self.notice(&format!("There is more: add --after {next}"));
                Ok(())
            }
        }
    }

    /// Tells people something about what happens, on standard error. Scripts are not told.
    pub(crate) fn notice(self, text: &str) {
        if !self.is_json() {
            complain(text);
        }
    }

    /// Tells people and scripts something that both must know, on standard error.
    pub(crate) fn warn(self, text: &str) {
        complain(text);
    }

    /// Tells of an error: a line of JSON on standard output, or text and advice on standard error.
    pub(crate) fn error(self, error: &Error) -> io::Result<()> {
        if self.is_json() {
            return self.json(&ErrorLine::of(error));
        }
        let mut text = format!("error: {}", error.operation());
        if let Some(entity) = error.entity() {
            text.push_str(&format!(" {entity}"));
        }
        text.push_str(&format!(": {}", error.problem()));
        if let Some(advice) = error.advice() {
            text.push_str(&format!("\nhelp: {advice}"));
        }
        complain(&printable(&text));
        Ok(())
    }

    /// Text that steps back, such as the model's reasoning.
    pub(crate) fn dim(self, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[2m{text}\x1b[22m") } else { text.to_owned() }
    }

    /// Text that stands out, such as a heading.
    pub(crate) fn bold(self, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[1m{text}\x1b[22m") } else { text.to_owned() }
    }
}

/// Lines of JSON that are gathered to be written together.
#[derive(Debug, Default)]
pub(crate) struct JsonLines(Vec<u8>);

impl JsonLines {
    /// Adds a line.
    pub(crate) fn push(&mut self, line: &impl Serialize) -> io::Result<()> {
        let start = self.0.len();
        serde_json::to_writer(&mut self.0, line)?;
        // JSON that is passed on as it came may be spread over lines; within its strings there are no line ends.
        for byte in self.0.iter_mut().skip(start).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        self.0.push(b'\n');
        Ok(())
    }

    /// The lines that have been gathered.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Text from outside without what could steer a terminal: no control characters but line feeds and tabs.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Writes a line to standard error. Where even that fails there is nobody left to tell.
fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// An error as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename = "error")]
pub(crate) struct ErrorLine<'a> {
    kind: &'a str,
    message: String,
    operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a str>,
    retry: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldLine<'a>>,
}

#[derive(Serialize)]
struct FieldLine<'a> {
    field: &'a str,
    problem: &'a str,
}

impl<'a> ErrorLine<'a> {
    /// The line of an error.
    pub(crate) fn of(error: &'a Error) -> Self {
        let (retry, after) = match error.retry() {
            Retry::RefreshThenRetry => ("refresh", None),
            Retry::After(delay) => ("after", Some(delay)),
            Retry::Backoff => ("backoff", None),
            Retry::Resume => ("resume", None),
            _ => ("never", None),
        };
        let millis = |delay: Duration| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        Self {
            kind: error.kind().as_str(),
            message: error.to_string(),
            operation: error.operation(),
            advice: error.advice(),
            retry,
            retry_after_ms: after.map(millis),
            provider: error.provider(),
            status: error.status(),
            code: error.code(),
            request_id: error.request_id(),
            fields: error
                .fields()
                .iter()
                .map(|field| FieldLine { field: &field.field, problem: &field.problem })
                .collect(),
        }
    }

    /// The line of a stream that ended without its end: kind `truncated`.
    pub(crate) fn truncated(error: &'a Error) -> Self {
        Self { kind: "truncated", ..Self::of(error) }
    }
}
