//! `maestro chat`: a conversation, turn by turn.

mod conversation;
mod json_view;
mod markdown;
mod once;
mod people_view;
mod prompt;
mod text;
mod view;

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use maestro::{
    Id,
    core::{chat::Effort, conversations::Thread, provider::ModelId, supplied_context::ItemName},
};

pub(crate) use self::markdown::show as show_markdown;
use self::{conversation::Conversation, json_view::JsonView, people_view::PeopleView, view::View};
use crate::{
    app::App,
    credentials::Whom,
    exit::{Exit, Result},
};

/// Talk with a model; every turn is kept as it streams
///
/// At a terminal it is a prompt: a line that ends in \ goes on, lines between """ are one message, Ctrl-C stops an answer
/// and keeps what came, Ctrl-D leaves, /help shows what else. Without a terminal every line of standard input is a
/// message. With no key anywhere the built-in sandbox answers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  maestro chat
  maestro chat --continue
  maestro chat --auth work --model claude-sonnet-4-5 --session thesis --persona teacher
  maestro chat --once 'Why is the sky blue?'
  git diff | maestro chat --once - --system reviewer
  maestro chat --base-url http://127.0.0.1:11434/v1 --model llama3.2

JSON events (--json): start, text, reasoning, refusal, tool_call, usage, finish or error, and last entry.")]
pub(crate) struct Args {
    /// Standard input is the message: the same as `--once -`
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
    /// Say this, show the answer, and leave; - reads standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "stdin", allow_hyphen_values = true)]
    once: Option<String>,
    #[command(flatten)]
    whom: Whom,
    /// Ask this model [default: the session's, else MAESTRO_MODEL, else the provider's usual one]
    #[arg(long, value_name = "MODEL")]
    model: Option<ModelId>,
    /// Go on with this session, or begin one of this name
    #[arg(long, value_name = "NAME|ID")]
    session: Option<String>,
    /// Go on with the session that was last used
    #[arg(long = "continue", conflicts_with = "session")]
    latest: bool,
    /// Go on with this thread of the session
    #[arg(long, value_name = "ID", conflicts_with = "latest")]
    thread: Option<Id<Thread>>,
    /// Have the model be this persona of the library
    #[arg(long, value_name = "NAME")]
    persona: Option<ItemName>,
    /// Give the model this system prompt of the library; may be repeated
    #[arg(long = "system", value_name = "NAME")]
    system: Vec<ItemName>,
    /// How hard to think: none, minimal, low, medium, high or max
    #[arg(long)]
    effort: Option<Effort>,
    /// The most tokens of an answer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,
    /// Show the model a picture (PNG, JPEG, GIF or WebP) with the first message; may be repeated
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    let message = match (&args.once, &args.stdin) {
        (Some(text), _) => Some(once::message(text)?),
        (None, Some(dash)) => Some(once::message(dash)?),
        (None, None) => None,
    };
    let mut conversation = Conversation::open(app, args).await?;
    match message {
        Some(message) => once::run(app, &mut conversation, message).await,
        None if app.output.is_json() || !io::stdin().is_terminal() || !io::stdout().is_terminal() => {
            once::run_lines(app, &mut conversation).await
        }
        None => prompt::run(app, &mut conversation).await,
    }
}

/// What shows an answer: lines of JSON, or text for people.
fn new_view(app: &App) -> Box<dyn View> {
    if app.output.is_json() {
        Box::new(JsonView::new(app.output))
    } else {
        Box::new(PeopleView::new(app.output))
    }
}
