//! `maestro session export` and `maestro session import`.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use maestro::{
    Error, ErrorKind, Id,
    archive::{ImportIds, ImportNotice, Imported, SessionFile},
    core::{conversations::Session, page::PageLimit},
};
use serde::Serialize;

use super::session::find;
use crate::{
    app::{App, blocking},
    exit::{Exit, Failure, Result},
};

const EXPORT: &str = "export session";

/// What is done with a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// Nothing is written.
    Refuse,
    /// It is replaced.
    Replace,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "exported")]
struct ExportedLine {
    session_id: Id<Session>,
    file: String,
    entries: usize,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "imported")]
struct ImportedLine {
    session_id: Id<Session>,
    is_new: bool,
    notices: Vec<String>,
}

/// Writes a session to a file, or to standard output for `-`.
pub(super) async fn export(app: &App, wanted: &str, output: PathBuf, existing: Existing) -> Result<Exit> {
    let session = find(app, wanted).await?;
    let store = app.archive().await?;
    // An answer that a crash left behind is ended first, as `session show` does.
    let now = app.maestro().await?.now();
    store.entry_recover(Some(session.id), now, PageLimit::default()).await?;
    let file = SessionFile::export(store, session.id).await?;
    if output == Path::new("-") {
        let mut bytes = Vec::new();
        file.write(&mut bytes)?;
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()?;
        return Ok(Exit::Done);
    }
    let entries = file.session.threads.iter().map(|thread| thread.entries.len()).sum();
    let path = output.clone();
    blocking(EXPORT, move || write_file(&file, &path, existing)).await??;
    let shown = output.display().to_string();
    if app.output.is_json() {
        app.output.json(&ExportedLine { session_id: session.id, file: shown, entries })?;
    } else {
        app.output.line(&format!("Exported \"{}\" ({entries} entries) to {shown}.", session.name))?;
    }
    Ok(Exit::Done)
}

/// Writes beside the file and then gives it its name, so that there never is half a file. It is for its owner alone.
fn write_file(file: &SessionFile, path: &Path, existing: Existing) -> Result<()> {
    let unwritten = |error: io::Error| {
        let kind = if error.kind() == io::ErrorKind::AlreadyExists {
            ErrorKind::Conflict
        } else {
            ErrorKind::Unavailable
        };
        let failed = Error::new(kind, EXPORT).on(path.display()).because(error.to_string());
        Failure::Error(match kind {
            ErrorKind::Conflict => {
                failed.because("the file is there already").advise("add --force to replace it")
            }
            _ => failed,
        })
    };
    let directory =
        path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let passing = tempfile::NamedTempFile::new_in(directory).map_err(unwritten)?;
    let mut out = BufWriter::new(passing.as_file());
    file.write(&mut out)?;
    out.flush().and_then(|()| passing.as_file().sync_all()).map_err(unwritten)?;
    drop(out);
    let named = match existing {
        Existing::Refuse => passing.persist_noclobber(path),
        Existing::Replace => passing.persist(path),
    };
    named.map(drop).map_err(|error| unwritten(error.error))
}

/// Takes a session from a file, or from standard input for `-`.
pub(super) async fn import(app: &App, input: PathBuf, ids: ImportIds) -> Result<Exit> {
    let file = blocking("import session", move || read_file(&input)).await??;
    let name = file.session.session.name.clone();
    let Imported { session, is_new, notices } = file.import(app.archive().await?, ids).await?;
    let notices: Vec<_> = notices.iter().map(shown).collect();
    if app.output.is_json() {
        app.output.json(&ImportedLine { session_id: session, is_new, notices })?;
        return Ok(Exit::Done);
    }
    for notice in &notices {
        app.output.notice(notice);
    }
    app.output.line(&if is_new {
        format!("Imported \"{name}\" as session {session}.")
    } else {
        format!("\"{name}\" is there already, as session {session}.")
    })?;
    Ok(Exit::Done)
}

fn read_file(path: &Path) -> Result<SessionFile> {
    let read = if path == Path::new("-") {
        SessionFile::read(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|error| {
            let kind = if error.kind() == io::ErrorKind::NotFound {
                ErrorKind::NotFound
            } else {
                ErrorKind::Unavailable
            };
            Error::new(kind, "import session").on(path.display()).because(error.to_string())
        })?;
        SessionFile::read(BufReader::new(file))
    };
    Ok(read.map_err(|error| if error.entity().is_none() { error.on(path.display()) } else { error })?)
}

fn shown(notice: &ImportNotice) -> String {
    match notice {
        ImportNotice::AuthenticationMissing(reference) => {
            format!(
                "The authentication {reference} is not here; chat with --auth to give the session another."
            )
        }
        ImportNotice::AuthenticationByName(reference) => {
            format!("The session uses the authentication {reference} that is here under that name.")
        }
        ImportNotice::ItemByName(item_type, name) => {
            format!(
                "The session uses the {item_type} \"{name}\" that is here under that name with the same text."
            )
        }
        ImportNotice::ItemRenamed(item_type, name, new) => {
            format!("The {item_type} \"{name}\" is here with another text, so this one is called \"{new}\".")
        }
    }
}
