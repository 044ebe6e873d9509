//! What came of each step, told as it happens: lines for people, or lines of JSON.

use std::{io, time::Duration};

use maestro::{Error, core::provider::ProviderId};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{ErrorLine, Output, printable},
};

/// A step of a run, in the order of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// A user signs in, or gives a key.
    SignIn,
    /// How requests will prove who asks.
    Mode,
    /// The sign-in is saved, and buys a key where the plan wants one.
    Exchange,
    /// New tokens, once for all programs.
    Refresh,
    /// The models that can be asked.
    Models,
    /// An answer whose connection breaks in the middle.
    CutAnswer,
    /// The same question again, and the whole answer.
    AskAgain,
    /// The bytes of that answer, cut elsewhere.
    SplitCheck,
    /// The end of the sign-in.
    SignOut,
}

impl Step {
    /// The name for people.
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::Mode => "mode",
            Self::Exchange => "exchange",
            Self::Refresh => "refresh",
            Self::Models => "models",
            Self::CutAnswer => "cut answer",
            Self::AskAgain => "ask again",
            Self::SplitCheck => "split check",
            Self::SignOut => "sign out",
        }
    }
}

/// What came of a step.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It went as it must; with what there is to say of it.
    Ok(String),
    /// It did not.
    Failed(Error),
    /// It was not done, for this reason.
    Skipped(String),
}

/// Which run a step belongs to.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    /// Its name for scripts, such as `openai/chatgpt`.
    pub(super) run: String,
    /// What it does, for people.
    pub(super) title: String,
    /// Who is asked.
    pub(super) provider: ProviderId,
}

/// Tells of every step, and counts them.
#[derive(Debug)]
pub(super) struct Report {
    output: Output,
    passed: usize,
    failed: usize,
    skipped: usize,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "step")]
struct StepLine<'a> {
    run: &'a str,
    provider: &'a ProviderId,
    step: Step,
    outcome: &'static str,
    ms: u64,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorLine<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "e2e")]
struct EndLine {
    passed: usize,
    failed: usize,
    skipped: usize,
    ok: bool,
}

impl Report {
    /// A report of nothing yet.
    pub(super) const fn new(output: Output) -> Self {
        Self { output, passed: 0, failed: 0, skipped: 0 }
    }

    /// A run begins.
    pub(super) fn begin(&self, heading: &Heading) -> io::Result<()> {
        if self.output.is_json() {
            return Ok(());
        }
        self.output.line(&self.output.bold(&printable(&format!("{} · {}", heading.run, heading.title))))
    }

    /// A step was done, or left out.
    pub(super) fn step(
        &mut self,
        heading: &Heading,
        step: Step,
        outcome: &Outcome,
        took: Duration,
    ) -> io::Result<()> {
        let (mark, word, count, detail, error) = match outcome {
            Outcome::Ok(detail) => ("✓", "ok", &mut self.passed, detail.clone(), None),
            Outcome::Failed(error) => ("✗", "failed", &mut self.failed, error.to_string(), Some(error)),
            Outcome::Skipped(reason) => ("–", "skipped", &mut self.skipped, reason.clone(), None),
        };
        *count += 1;
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if self.output.is_json() {
            return self.output.json(&StepLine {
                run: &heading.run,
                provider: &heading.provider,
                step,
                outcome: word,
                ms,
                detail: &detail,
                error: error.map(ErrorLine::of),
            });
        }
        let time = match outcome {
            Outcome::Skipped(_) => String::new(),
            _ => format!("{ms} ms"),
        };
        let line = printable(&format!("  {mark} {:<11} {time:>8}  {detail}", step.name()));
        self.output.line(&match outcome {
            Outcome::Ok(_) => line,
            Outcome::Failed(_) => self.output.bold(&line),
            Outcome::Skipped(_) => self.output.dim(&line),
        })
    }

    /// Everything was done: tells what it came to.
    pub(super) fn end(self) -> io::Result<Exit> {
        let Self { output, passed, failed, skipped } = self;
        let ok = failed == 0;
        if output.is_json() {
            output.json(&EndLine { passed, failed, skipped, ok })?;
        } else {
            output.line(&format!("{passed} of {} steps passed, {skipped} skipped", passed + failed))?;
        }
        Ok(if ok { Exit::Done } else { Exit::Failed })
    }
}
