//! Turns without a prompt: one, or one for every message on standard input.

use maestro::{Error, ErrorKind};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{conversation::Conversation, new_view, text};
use crate::{
    app::App,
    editor::read_stdin,
    exit::{Exit, Result, invalid},
    interrupt::Interrupts,
};

/// The message that `--once` gives; `-` reads standard input.
pub(super) fn message(text: &str) -> Result<String> {
    let text = if text == "-" { read_stdin()? } else { text.to_owned() };
    let text = text.trim_end();
    if text.trim().is_empty() {
        return Err(invalid("start a turn", "message", "is empty").into());
    }
    Ok(text.to_owned())
}

/// Holds one turn.
pub(super) async fn run(app: &App, conversation: &mut Conversation<'_>, message: String) -> Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    conversation.turn(message, new_view(app).as_mut(), &mut interrupts).await
}

/// Holds a turn for every message on standard input, until one fails.
pub(super) async fn run_lines(app: &App, conversation: &mut Conversation<'_>) -> Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut input = String::new();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line,
            () = interrupts.next() => return Ok(Exit::Interrupted),
        };
        let line = line.map_err(|error| {
            Error::new(ErrorKind::Unavailable, "read standard input").because(error.to_string())
        })?;
        let is_last = line.is_none();
        if let Some(line) = line {
            if !input.is_empty() {
                input.push('\n');
            }
            input.push_str(&line);
            if text::is_open(&input) {
                continue;
            }
        }
        let message = text::message(&std::mem::take(&mut input));
        if !message.trim().is_empty() {
            let exit = conversation.turn(message, new_view(app).as_mut(), &mut interrupts).await?;
            if exit != Exit::Done {
                return Ok(exit);
            }
        }
        if is_last {
            return Ok(Exit::Done);
        }
    }
}
