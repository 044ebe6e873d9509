//! The steps that every run has: models, an answer that is cut, the same question again, the bytes cut elsewhere.

use std::time::{Duration, Instant};

use maestro::{
    Error, ErrorKind, Id, Maestro, Target, Turn, TurnBuilder,
    core::{
        chat::{Finish, Role, StreamEvent},
        conversations::{ChatEntry, EntryState, LineageRange, NewFork, Session, Thread, ThreadLabel},
        provider::ModelId,
    },
};

use super::{
    report::Step,
    runner::{Done, OPERATION, Runner, wrong},
    split,
    stop::Stop,
    wire::Wire,
};
use crate::{event_lines::EventLine, exit::Result, interrupt::stopped, output::JsonLines};

/// The standard prompt of requirement M-W2.
pub(super) const PROMPT: &str = "How would you write a FastAPI application that handles Stripe-based subscriptions? Include \
                                 error handling and webhook verification.";

/// After how many bits of text an answer is cut on this side.
const CUT_AFTER: usize = 2;

const ASK: &str = "ask the standard prompt";

/// Whom a run talks to, and what it expects.
pub(super) struct Talk<'a> {
    pub(super) maestro: &'a Maestro,
    pub(super) wire: &'a Wire,
    pub(super) stop: &'a Stop,
    pub(super) target: Target,
    pub(super) model: ModelId,
    /// The session to talk in.
    pub(super) session: Id<Session>,
    pub(super) cut: Cut,
    pub(super) expected: Expected,
}

/// Who breaks the connection of the first answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The server, which has been told to.
    AtServer,
    /// This side.
    Here,
}

/// What a whole answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// Exactly this.
    Text(&'static str),
    /// Anything that has this word in it, in whatever case.
    Mention(&'static str),
}

/// What was seen of an answer while it streamed.
#[derive(Default)]
struct Seen {
    text: String,
    /// In how many pieces the text came.
    deltas: usize,
    /// How long the first of them took.
    first: Option<Duration>,
    /// Every event as a line of JSON.
    events: JsonLines,
    end: End,
}

/// How an answer ended.
#[derive(Default)]
enum End {
    /// By the provider's own word.
    #[default]
    Whole,
    /// Without it.
    Truncated(Error),
    /// With an error that the provider reported.
    Failed(Error),
}

/// Does all of them.
pub(super) async fn all(runner: &mut Runner<'_>, talk: &Talk<'_>) -> Result<()> {
    match talk.maestro.registry().models(&talk.target.provider) {
        Ok(_) => drop(runner.step(Step::Models, talk.models()).await?),
        Err(error) => runner.skip(&[Step::Models], &error.to_string())?,
    }
    let asked = runner.step_to_its_end(Step::CutAnswer, talk.cut_answer()).await?;
    // Asking again goes without a cut before it, too: then it is the first question.
    let streamed = runner.step_to_its_end(Step::AskAgain, talk.ask_again(asked)).await?;
    match streamed {
        Some(events) => {
            let check = async {
                let decoder = || Ok(talk.maestro.registry().chat(&talk.target.provider)?.decoder());
                split::check(decoder, &talk.wire.kept(), &events)
            };
            runner.step(Step::SplitCheck, check).await?;
        }
        None => runner.skip(&[Step::SplitCheck], "there is no whole answer to cut")?,
    }
    Ok(())
}

impl Talk<'_> {
    /// Lists the models. One that is asked need not be listed: providers list versions and take names for the newest.
    async fn models(&self) -> Done<()> {
        let models = self.maestro.list_models(&self.target).await?;
        if models.is_empty() {
            return Err(wrong("list models", "the server lists none"));
        }
        let is_listed = models.iter().any(|model| model.id == self.model);
        if matches!(self.expected, Expected::Text(_)) && !is_listed {
            return Err(wrong("list models", format!("{} is missing", self.model)));
        }
        let listed = if is_listed { "among them" } else { "none of which is called" };
        Ok(((), format!("{} models, {listed} {}", models.len(), self.model)))
    }

    /// Asks, and loses the connection in the middle. Gives the entry of the question.
    async fn cut_answer(&self) -> Done<Id<ChatEntry>> {
        if self.cut == Cut::Here {
            let decoder = self.maestro.registry().chat(&self.target.provider)?.decoder();
            self.wire.cut_next(decoder, CUT_AFTER);
        }
        let turn = self.start(self.maestro.turn(self.session).user(PROMPT)).await?;
        let (thread, entry) = (turn.thread_id(), turn.entry_id());
        let seen = self.read(turn).await?;
        match seen.end {
            End::Truncated(_) => {}
            End::Whole => {
                return Err(wrong(
                    ASK,
                    "the connection was to break in the middle, and the answer was whole",
                ));
            }
            End::Failed(error) => return Err(error),
        }
        let stored = self.maestro.store().entry_get(entry).await?;
        if stored.state != EntryState::Interrupted {
            return Err(wrong(ASK, format!("the cut answer is stored as {}", stored.state.as_str())));
        }
        let kept = text_of(&stored);
        if kept.is_empty() || kept != seen.text {
            return Err(wrong(
                ASK,
                format!("{} characters were shown, and {} are stored", chars(&seen.text), chars(&kept)),
            ));
        }
        if let Expected::Text(whole) = self.expected
            && (kept.len() >= whole.len() || !whole.starts_with(&kept))
        {
            return Err(wrong(ASK, "what came of the answer is not its beginning"));
        }
        let lineage = self.maestro.store().lineage(thread, LineageRange::All).await?;
        let asked = lineage.entries.iter().find(|entry| entry.actor == Role::User);
        let asked = asked.ok_or_else(|| wrong(ASK, "the question is not stored"))?.id;
        Ok((asked, format!("truncated; the {} characters that were shown are kept", chars(&kept))))
    }

    /// Asks the same again, in a thread that goes on from the question, so that the partial answer stays where it is. Gives the
    /// events.
    async fn ask_again(&self, asked: Option<Id<ChatEntry>>) -> Done<Vec<u8>> {
        let turn = self.maestro.turn(self.session);
        let turn = match asked {
            Some(asked) => turn.thread(self.fork(asked).await?),
            None => turn.user(PROMPT),
        };
        self.wire.keep_next();
        let turn = self.start(turn).await?;
        let entry = turn.entry_id();
        let seen = self.read(turn).await?;
        if let End::Truncated(error) | End::Failed(error) = seen.end {
            return Err(error);
        }
        let stored = self.maestro.store().entry_get(entry).await?;
        let usage = self.check_whole(&stored, &seen)?;
        let first = seen.first.unwrap_or_default().as_millis();
        let detail = format!(
            "{} characters in {} pieces, the first after {first} ms; {usage}",
            chars(&seen.text),
            seen.deltas
        );
        Ok((seen.events.into_bytes(), detail))
    }

    fn check_whole(&self, stored: &ChatEntry, seen: &Seen) -> maestro::Result<String> {
        let content = &stored.content;
        match (&stored.state, &content.finish) {
            (EntryState::Complete, Some(Finish::Stop)) => {}
            (EntryState::Complete, Some(finish)) => {
                return Err(wrong(ASK, format!("the answer ended with {}, not with stop", finish.as_str())));
            }
            (state, _) => return Err(wrong(ASK, format!("the answer is stored as {}", state.as_str()))),
        }
        let text = text_of(stored);
        if text != seen.text {
            return Err(wrong(ASK, "what was shown is not what is stored"));
        }
        match self.expected {
            Expected::Text(whole) if text != whole => {
                return Err(wrong(
                    ASK,
                    format!("of the {} characters that were said {} came", chars(whole), chars(&text)),
                ));
            }
            Expected::Mention(word) if !text.to_lowercase().contains(word) => {
                return Err(wrong(ASK, format!("the answer does not mention {word:?}")));
            }
            Expected::Text(_) | Expected::Mention(_) => {}
        }
        match content.usage {
            Some(usage) if usage.input_total > 0 && usage.output_total > 0 => {
                Ok(format!("{} tokens in, {} out", usage.input_total, usage.output_total))
            }
            Some(usage) => Err(wrong(
                ASK,
                format!(
                    "the usage is not complete: {} tokens in, {} out",
                    usage.input_total, usage.output_total
                ),
            )),
            None => Err(wrong(ASK, "the answer came without its usage")),
        }
    }

    async fn fork(&self, from: Id<ChatEntry>) -> maestro::Result<Id<Thread>> {
        let label = Some(ThreadLabel::new("asked again")?);
        let new = NewFork { id: Id::new(), from, label, now: self.maestro.now() };
        Ok(self.maestro.store().thread_fork(new).await?.id)
    }

    async fn start(&self, turn: TurnBuilder) -> maestro::Result<Turn> {
        turn.target(self.target.clone()).model(self.model.clone()).start().await
    }

    /// Reads an answer to its end. When the user wants an end, the answer is cancelled first, so that nobody writes to the
    /// session that is removed next.
    async fn read(&self, mut turn: Turn) -> maestro::Result<Seen> {
        let began = Instant::now();
        let mut seen = Seen::default();
        loop {
            let event = tokio::select! {
                biased;
                () = self.stop.asked() => {
                    turn.cancel().await?;
                    return Err(stopped(OPERATION));
                }
                event = turn.next() => event,
            };
            let Some(event) = event.transpose()? else { break };
            seen.note(event, began)?;
        }
        Ok(seen)
    }
}

impl Seen {
    fn note(&mut self, event: StreamEvent, began: Instant) -> maestro::Result<()> {
        self.events
            .push(&EventLine::of(&event))
            .map_err(|error| Error::new(ErrorKind::Internal, "note an event").caused_by(error))?;
        match event {
            StreamEvent::TextDelta { text, .. } => {
                self.text.push_str(&text);
                self.deltas += 1;
                self.first.get_or_insert_with(|| began.elapsed());
            }
            StreamEvent::Restarted { .. } => self.text.clear(),
            StreamEvent::Truncated(error) => self.end = End::Truncated(error),
            StreamEvent::Failed(error) => self.end = End::Failed(error),
            _ => {}
        }
        Ok(())
    }
}

/// The text of an entry, without what the model thought.
fn text_of(entry: &ChatEntry) -> String {
    entry.content.parts.iter().filter_map(|part| part.as_text()).collect()
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
