//! `maestro thread`: the branches of a session.

use std::path::Path;

use maestro::{
    Id,
    core::{
        chat::{Part, PartKind},
        conversations::{ChatEntry, NewChatEntry, NewEdit, NewFork, Session, Thread, ThreadLabel},
    },
};
use serde::Serialize;

use crate::{
    app::{App, blocking},
    commands::session::find,
    editor::{can_ask, confirm, read_stdin},
    exit::{Exit, Result},
};

/// Fork conversations, edit what was said, and label the branches
///
/// A fork copies nothing: it is a thread that goes on from an entry. An edit is a fork, too: what was there stays. Ids
/// of entries and threads are shown by `maestro session show`.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  maestro thread list work
  maestro thread fork 0199f3a0-7c3e-7d6a-b5c1-6f0e8a4d2b17 --label 'other way'
  maestro thread edit 0199f3a0-7c3e-7d6a-b5c1-6f0e8a4d2b17 'Shorter, please.'
  maestro chat --session work --thread 0199f3a1-…")]
pub(crate) enum Command {
    /// List the threads of a session
    List {
        /// The session, by name or id
        session: String,
    },
    /// Begin a thread that goes on from an entry
    Fork {
        /// The entry to go on from
        entry: Id<ChatEntry>,
        /// A label for the new thread
        #[arg(long)]
        label: Option<ThreadLabel>,
    },
    /// Begin a thread in which an entry says something else
    Edit {
        /// The entry in whose place the new one stands
        entry: Id<ChatEntry>,
        /// What it says instead; - is standard input
        text: String,
        /// A label for the new thread
        #[arg(long)]
        label: Option<ThreadLabel>,
    },
    /// Label a thread; without LABEL the label is taken away
    Label {
        /// The thread
        thread: Id<Thread>,
        /// The label
        label: Option<ThreadLabel>,
    },
    /// Delete a thread with its own entries
    Delete {
        /// The thread
        thread: Id<Thread>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// A thread as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename = "thread")]
pub(crate) struct ThreadLine<'a> {
    #[serde(flatten)]
    thread: &'a Thread,
}

impl<'a> ThreadLine<'a> {
    /// The line of a thread.
    pub(crate) const fn of(thread: &'a Thread) -> Self {
        Self { thread }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "deleted")]
struct DeletedLine {
    thread_id: Id<Thread>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, command: Command) -> Result<Exit> {
    let store = app.store().await?;
    let now = app.maestro().await?.now();
    match command {
        Command::List { session } => list(app, &session).await,
        Command::Fork { entry, label } => {
            let thread = store.thread_fork(NewFork { id: Id::new(), from: entry, label, now }).await?;
            told(
                app,
                &thread,
                &format!(
                    "Forked: `maestro chat --session {} --thread {}` goes on there.",
                    thread.session_id, thread.id
                ),
            )
        }
        Command::Edit { entry, text, label } => {
            let text = if Path::new(&text) == Path::new("-") { read_stdin()? } else { text };
            let edited = store.entry_get(entry).await?;
            // Pictures and the like stay with what is said; reasoning and calls belong to the words that are replaced.
            let is_media = |part: &&Part| {
                matches!(part.kind, PartKind::Image(_) | PartKind::Document(_) | PartKind::Audio(_))
            };
            let mut parts = vec![Part::text(text.trim_end_matches('\n'))];
            parts.extend(edited.content.parts.iter().filter(is_media).cloned());
            let entry = NewChatEntry::new(edited.actor, parts, now);
            let edit = NewEdit { thread_id: Id::new(), edited: edited.id, label, entry };
            let (thread, _) = store.thread_edit(edit).await?;
            told(
                app,
                &thread,
                &format!(
                    "Edited: `maestro chat --session {} --thread {}` goes on there.",
                    thread.session_id, thread.id
                ),
            )
        }
        Command::Label { thread, label } => {
            let thread = store.thread_label(thread, label, now).await?;
            let text = match &thread.label {
                Some(label) => format!("Thread {} is \"{label}\".", thread.id),
                None => format!("Thread {} has no label.", thread.id),
            };
            told(app, &thread, &text)
        }
        Command::Delete { thread, yes } => delete(app, thread, yes).await,
    }
}

async fn list(app: &App, session: &str) -> Result<Exit> {
    let session = find(app, session).await?;
    let store = app.store().await?;
    let threads = store.thread_list(session.id).await?;
    if app.output.is_json() {
        for thread in &threads {
            app.output.json(&ThreadLine::of(thread))?;
        }
        return Ok(Exit::Done);
    }
    let current = current_thread(app, &session).await?;
    let rows: Vec<_> = threads
        .iter()
        .map(|thread| {
            vec![
                if thread.id == current { "*".to_owned() } else { String::new() },
                thread.id.to_string(),
                thread.head_turn.to_string(),
                thread.parent_thread_id.map_or_else(String::new, |_| format!("turn {}", thread.fork_turn)),
                thread.label.as_ref().map_or_else(String::new, ToString::to_string),
            ]
        })
        .collect();
    app.output.table(&["", "THREAD", "TURNS", "FORKED AT", "LABEL"], &rows)?;
    Ok(Exit::Done)
}

/// The thread that a session goes on with: that of its latest entry.
pub(crate) async fn current_thread(app: &App, session: &Session) -> Result<Id<Thread>> {
    Ok(match session.latest_chat_entry_id {
        Some(entry) => app.store().await?.entry_get(entry).await?.thread_id,
        None => session.root_thread_id,
    })
}

async fn delete(app: &App, id: Id<Thread>, yes: bool) -> Result<Exit> {
    let store = app.store().await?;
    let thread = store.thread_get(id).await?;
    let own = thread.head_turn.get().saturating_sub(thread.fork_turn.get());
    let question = format!("Delete thread {id} with its {own} own entries?");
    if !yes && can_ask() && !blocking("ask", move || confirm(&question)).await?? {
        app.output.notice("Nothing was deleted.");
        return Ok(Exit::Done);
    }
    store.thread_delete(id).await?;
    if app.output.is_json() {
        app.output.json(&DeletedLine { thread_id: id })?;
    } else {
        app.output.line(&format!("Deleted thread {id}."))?;
    }
    Ok(Exit::Done)
}

fn told(app: &App, thread: &Thread, text: &str) -> Result<Exit> {
    if app.output.is_json() {
        app.output.json(&ThreadLine::of(thread))?;
    } else {
        app.output.line(text)?;
    }
    Ok(Exit::Done)
}
