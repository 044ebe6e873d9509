//! The prompt loop.

use std::path::PathBuf;

use maestro::{
    Error, ErrorKind,
    core::{
        conversations::{ChunkState, LineageRange, ThreadLabel},
        provider::ModelId,
    },
};
use rustyline::{
    Config, Editor, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use super::{conversation::Conversation, markdown::width, new_view, people_view::describe, text};
use crate::{
    app::{App, blocking},
    exit::{Exit, Failure, Result, invalid},
    interrupt::Interrupts,
    output::printable,
    store::{StoreUrl, data_directory},
};

const HELP: &str = "\
A line that ends in \\ goes on; lines between \"\"\" are one message.
Ctrl-C stops an answer and keeps what came; Ctrl-D leaves.

  /model [NAME]   show the model, or ask another from now on
  /fork [LABEL]   go on in a thread of its own from here
  /usage          what all answers took together
  /chunks         what will be sent, piece by piece
  /exclude N      leave a piece out of what is sent
  /include N      send it again
  /session        the name and id of this session
  /quit           leave";

/// Lets a message go on over several lines.
struct MultiLine;

impl Helper for MultiLine {}

impl Completer for MultiLine {
    type Candidate = String;
}

impl Hinter for MultiLine {
    type Hint = String;
}

impl Highlighter for MultiLine {}

impl Validator for MultiLine {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if text::is_open(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

type Prompt = Editor<MultiLine, FileHistory>;

/// Whether the loop goes on.
enum Next {
    On,
    Leave,
}

/// Asks and answers until the user leaves.
pub(super) async fn run(app: &App, conversation: &mut Conversation<'_>) -> Result<Exit> {
    let mut interrupts = Interrupts::listen_to_ctrl_c()?;
    let history = history_file(app);
    let mut prompt = new_prompt(history.as_ref())?;
    app.output.line(&app.output.dim(&format!(
        "{} · {} · /help for help, Ctrl-D leaves",
        conversation.whom(),
        conversation.model()
    )))?;
    loop {
        let (returned, read) = blocking("read a message", move || {
            let read = prompt.readline("> ");
            (prompt, read)
        })
        .await?;
        prompt = returned;
        let input = match read {
            Ok(input) => input,
            Err(ReadlineError::Interrupted) => {
                app.output.notice("Ctrl-D leaves.");
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(Exit::Done),
            Err(error) => {
                return Err(Error::new(ErrorKind::Internal, "read a message").caused_by(error).into());
            }
        };
        if input.trim().is_empty() {
            continue;
        }
        keep(&mut prompt, &input, history.as_ref());
        let message = text::message(&input);
        let done = match message.strip_prefix('/').filter(|_| !message.contains('\n')) {
            Some(command) => obey(app, conversation, command).await,
            None => say(app, conversation, message, &mut interrupts).await,
        };
        match done {
            Ok(Next::On) => {}
            Ok(Next::Leave) => return Ok(Exit::Done),
            // At a prompt an error ends a turn, not the conversation.
            Err(Failure::Error(error) | Failure::Store(error)) => app.output.error(&error)?,
            Err(failure @ Failure::Output(_)) => return Err(failure),
        }
    }
}

async fn say(
    app: &App,
    conversation: &mut Conversation<'_>,
    message: String,
    interrupts: &mut Interrupts,
) -> Result<Next> {
    app.output.line("")?;
    conversation.turn(message, new_view(app).as_mut(), interrupts).await?;
    app.output.line("")?;
    Ok(Next::On)
}

async fn obey(app: &App, conversation: &mut Conversation<'_>, command: &str) -> Result<Next> {
    let (word, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let argument = argument.trim();
    match word {
        "help" | "?" => app.output.line(HELP)?,
        "quit" | "exit" => return Ok(Next::Leave),
        "model" if argument.is_empty() => app.output.line(conversation.model().as_str())?,
        "model" => {
            conversation.set_model(ModelId::new(argument)?);
            app.output.line(&format!("From now on {} answers.", conversation.model()))?;
        }
        "fork" => {
            let label = if argument.is_empty() { None } else { Some(ThreadLabel::new(argument)?) };
            let thread = conversation.fork(label).await?;
            app.output.line(&format!("From now on in thread {thread}."))?;
        }
        "usage" => app.output.line(&describe(&conversation.usage().await?))?,
        "chunks" => show_chunks(app, conversation).await?,
        "exclude" => mark_chunk(app, conversation, argument, ChunkState::Excluded).await?,
        "include" => mark_chunk(app, conversation, argument, ChunkState::Included).await?,
        "session" => match conversation.session() {
            Some(session) => app.output.line(&format!("{}  {}", session.id, session.name))?,
            None => app.output.line("The session begins with the first message.")?,
        },
        _ => {
            return Err(invalid("read a command", "command", format!("/{} is not known", printable(word)))
                .advise("/help shows those there are")
                .into());
        }
    }
    Ok(Next::On)
}

async fn show_chunks(app: &App, conversation: &Conversation<'_>) -> Result<()> {
    let Some(lineage) = conversation.lineage(LineageRange::All).await? else { return Ok(()) };
    for (chunk, number) in lineage.chunks().iter().zip(1..) {
        let mark = if chunk.state == ChunkState::Excluded { "-" } else { " " };
        let line = format!(
            "{number:>4}{mark} {:<9} {:<10} {:>7}  {}",
            chunk.actor.as_str(),
            chunk.kind,
            chunk.bytes,
            printable(&chunk.preview)
        );
        let line: String = line.chars().take(width().saturating_sub(1)).collect();
        app.output.line(&if mark == "-" { app.output.dim(&line) } else { line })?;
    }
    Ok(())
}

async fn mark_chunk(
    app: &App,
    conversation: &Conversation<'_>,
    number: &str,
    state: ChunkState,
) -> Result<()> {
    let unknown = || {
        invalid("mark a piece", "number", format!("{:?} is none of a piece", printable(number)))
            .advise("/chunks shows the pieces with their numbers")
    };
    let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).ok_or_else(unknown)?;
    let lineage = conversation.lineage(LineageRange::All).await?.ok_or_else(unknown)?;
    let chunk = lineage.chunks().get(index).map(|chunk| chunk.chunk).ok_or_else(unknown)?;
    let now = app.maestro().await?.now();
    app.store().await?.chunk_mark(lineage.thread.id, chunk, state, now).await?;
    let done = if state == ChunkState::Excluded { "is no longer sent" } else { "is sent again" };
    app.output.line(&format!("Piece {number} {done}."))?;
    Ok(())
}

fn new_prompt(history: Option<&PathBuf>) -> Result<Prompt> {
    let failed = |error: ReadlineError| Error::new(ErrorKind::Internal, "make a prompt").caused_by(error);
    let config = Config::builder().history_ignore_space(true).build();
    let mut prompt = Prompt::with_config(config).map_err(failed)?;
    prompt.set_helper(Some(MultiLine));
    if let Some(path) = history {
        // At the first time there is none.
        let _ = prompt.load_history(path);
    }
    Ok(prompt)
}

/// Where the history is kept; nowhere for a store in memory, of which nothing shall be left.
fn history_file(app: &App) -> Option<PathBuf> {
    match app.store_url() {
        Ok(StoreUrl::Sqlite(_) | StoreUrl::Postgres(_)) => Some(data_directory().ok()?.join("history")),
        _ => None,
    }
}

/// Notes a message in the history, whose file rustyline makes for its owner alone.
fn keep(prompt: &mut Prompt, input: &str, history: Option<&PathBuf>) {
    let _ = prompt.add_history_entry(input);
    if let Some(path) = history
        && let Err(error) = prompt.append_history(path)
    {
        tracing::debug!(%error, "the history could not be written");
    }
}
