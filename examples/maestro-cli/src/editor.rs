//! Texts that are asked for: in the user's editor, from a file, from standard input, with a yes or no.

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::Path,
    process::Command,
};

use maestro::{Error, ErrorKind, Result};

use crate::{exit::invalid, interrupt::stopped};

/// Whether somebody sits at a terminal, who can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that is answered with yes or no; Ctrl-C and Esc are a no.
pub(crate) fn confirm(question: &str) -> Result<bool> {
    match inquire::Confirm::new(question).with_default(false).prompt() {
        Ok(answer) => Ok(answer),
        Err(inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted) => {
            Ok(false)
        }
        Err(error) => Err(Error::new(ErrorKind::Internal, "ask").caused_by(error)),
    }
}

/// Reads all of standard input as text.
pub(crate) fn read_stdin() -> Result<String> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "read standard input").because(error.to_string())
    })?;
    text_of(bytes, "standard input")
}

/// Reads a file as text; `-` is standard input.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        return read_stdin();
    }
    let bytes = std::fs::read(path).map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Unavailable,
        };
        Error::new(kind, "read file").on(path.display()).because(error.to_string())
    })?;
    text_of(bytes, &path.display().to_string())
}

/// Opens a text in the user's editor (`$VISUAL`, `$EDITOR`, else `vi`) and returns what it was saved as.
pub(crate) fn edit(text: &str) -> Result<String> {
    let failed =
        |error: io::Error| Error::new(ErrorKind::Internal, "open an editor").because(error.to_string());
    // Made for its owner alone, by tempfile's own rule.
    let mut file = tempfile::Builder::new().prefix("maestro-").suffix(".md").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    // An editor may come with arguments, such as `code --wait`.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = Command::new(program).args(words).arg(file.path()).status().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "open an editor")
            .on(program)
            .because(error.to_string())
            .advise("set EDITOR, or give the text with --text or --file")
    })?;
    if !status.success() {
        return Err(stopped("edit a text").because("the editor did not end well; nothing was changed"));
    }
    read_text(file.path())
}

fn text_of(bytes: Vec<u8>, place: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| invalid("read text", "text", format!("in {place} is not UTF-8")))
}
