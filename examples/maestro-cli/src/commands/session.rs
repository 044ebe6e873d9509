//! `maestro session`: conversations that were held.

use std::{num::NonZeroU32, path::PathBuf};

use maestro::{
    Error, ErrorKind, Id, Store,
    archive::ImportIds,
    core::{
        auth::SavedAuthentication,
        chat::{Finish, Part, PartKind, Role, Usage},
        conversations::{
            ChatEntry, EntryProblem, EntryState, ItemUse, LineageRange, Session, SessionChange, SessionName,
            SessionQuery, Thread, TurnIndex,
        },
        page::{Cursor, PageLimit, PageRequest},
        provider::{ModelId, ProviderId},
        stream::journal,
        supplied_context::JsonMap,
        time::Timestamp,
    },
};
use serde::Serialize;

use super::{
    chat::show_markdown,
    session_file::{self, Existing},
    thread::{ThreadLine, current_thread},
};
use crate::{
    app::{App, blocking},
    editor::{can_ask, confirm},
    exit::{Exit, Result},
    output::printable,
};

/// See, rename and delete conversations that were held
///
/// A session is named by its id, or by its name where only one has it.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  maestro session list
  maestro session show work
  maestro --json session show work | jq -r 'select(.type==\"entry\") | .state'
  maestro session delete work")]
pub(crate) enum Command {
    /// List sessions, the last used first
    List {
        /// How many at the most, up to 1000
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Go on from where the page before ended
        #[arg(long, value_name = "CURSOR")]
        after: Option<Cursor>,
    },
    /// Show a session, its threads and what was said
    ///
    /// For people the thread that the session goes on with; with --json all threads and all entries, an answer that is
    /// still streaming with what has come of it.
    Show {
        /// The session, by name or id
        session: String,
    },
    /// Give a session another name
    Rename {
        /// The session, by name or id
        session: String,
        /// The new name
        name: SessionName,
    },
    /// Write a session to a file that can be kept, or taken into another store
    ///
    /// The file is JSON Lines: the session with its threads, entries and marks, the personas and prompts that it uses, and
    /// the name of its authentication; never a key. The last line has a hash, so that a file that was cut off is told.
    #[command(after_help = "\
Examples:
  maestro session export work --output work.jsonl
  maestro session export work | gzip > work.jsonl.gz
  maestro session export work | maestro --store sqlite:other.sqlite session import -

Exit codes:
  0    written
  6    there is no such session
  7    the file is there already (--force replaces it)
  8    it cannot be written")]
    Export {
        /// The session, by name or id
        session: String,
        /// The file; - is standard output
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        /// Replace a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Take a session from a file that was exported
    ///
    /// The whole file is checked before anything is written, and then everything is written in one step. Ids are kept; a
    /// session that is there already and is the same is left alone. Its authentication is the one here with the same id,
    /// else with the same name; without one the session is taken without.
    #[command(after_help = "\
Examples:
  maestro session import work.jsonl
  maestro session import work.jsonl --as-copy
  gunzip < work.jsonl.gz | maestro session import -

Exit codes:
  0    it is there now
  2    the file was cut off or changed, or is none
  6    there is no such file
  7    another session has its id, or a persona its name: --as-copy helps
  8    the file or the store cannot be read")]
    Import {
        /// The file; - is standard input
        file: PathBuf,
        /// Give it new ids, so that it stands beside the one that it is a copy of
        #[arg(long)]
        as_copy: bool,
    },
    /// Delete a session with all its threads and entries
    Delete {
        /// The session, by name or id
        session: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "session")]
struct SessionLine<'a> {
    id: Id<Session>,
    name: &'a SessionName,
    auth_id: Option<Id<SavedAuthentication>>,
    model_id: Option<&'a ModelId>,
    persona: Option<ItemUse>,
    system_prompts: &'a [ItemUse],
    memory: &'a JsonMap,
    tools: &'a JsonMap,
    mcps: &'a JsonMap,
    working_dir: Option<&'a str>,
    root_thread_id: Id<Thread>,
    latest_chat_entry_id: Option<Id<ChatEntry>>,
    last_used_at: Timestamp,
    revision: u64,
    inserted_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "entry")]
struct EntryLine<'a> {
    id: Id<ChatEntry>,
    session_id: Id<Session>,
    thread_id: Id<Thread>,
    turn_index: TurnIndex,
    actor: Role,
    state: EntryState,
    edit_version: u32,
    provider: Option<&'a ProviderId>,
    model: Option<&'a str>,
    model_served: Option<&'a str>,
    response_id: Option<&'a str>,
    parts: &'a [Part],
    usage: Option<Usage>,
    finish: Option<&'a str>,
    problem: Option<&'a EntryProblem>,
    inserted_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "deleted")]
struct DeletedLine {
    session_id: Id<Session>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, command: Command) -> Result<Exit> {
    match command {
        Command::List { limit, after } => list(app, limit, after).await,
        Command::Show { session } => show(app, &session).await,
        Command::Rename { session, name } => rename(app, &session, name).await,
        Command::Export { session, output, force } => {
            let existing = if force { Existing::Replace } else { Existing::Refuse };
            session_file::export(app, &session, output, existing).await
        }
        Command::Import { file, as_copy } => {
            let ids = if as_copy { ImportIds::New } else { ImportIds::Keep };
            session_file::import(app, file, ids).await
        }
        Command::Delete { session, yes } => delete(app, &session, yes).await,
    }
}

/// The session with this id or name. [`ErrorKind::Conflict`] names those that share a name.
pub(crate) async fn find(app: &App, wanted: &str) -> Result<Session> {
    match find_optional(app, wanted).await? {
        Some(session) => Ok(session),
        None => Err(Error::not_found("find session", format_args!("\"{}\"", printable(wanted)))
            .advise("`maestro session list` shows those there are")
            .into()),
    }
}

/// The session with this id or name, or none with that name. An id that is not there is an error all the same.
pub(crate) async fn find_optional(app: &App, wanted: &str) -> Result<Option<Session>> {
    let store = app.store().await?;
    if let Ok(id) = wanted.parse() {
        return Ok(Some(store.session_get(id).await?));
    }
    let query = SessionQuery { name: Some(SessionName::new(wanted)?), auth_id: None };
    let mut found = store.session_list(&query, PageRequest::default()).await?.items;
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => {
            let ids: Vec<_> = found
                .iter()
                .map(|session| format!("{} (used {})", session.id, session.last_used_at))
                .collect();
            Err(Error::new(ErrorKind::Conflict, "find session")
                .on(format_args!("\"{}\"", printable(wanted)))
                .because(format!("several have this name: {}", ids.join(", ")))
                .advise("name it by its id")
                .into())
        }
    }
}

async fn list(app: &App, limit: u16, after: Option<Cursor>) -> Result<Exit> {
    let page = PageRequest { limit: PageLimit::new(limit)?, after, ..PageRequest::default() };
    let page = app.store().await?.session_list(&SessionQuery::default(), page).await?;
    if app.output.is_json() {
        for session in &page.items {
            app.output.json(&session_line(session))?;
        }
    } else if page.items.is_empty() {
        app.output.notice("There is no session yet. `maestro chat` begins one.");
    } else {
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|session| {
                let used = session.last_used_at.to_string();
                vec![
                    session.id.to_string(),
                    used.get(..19).unwrap_or(&used).replace('T', " "),
                    session.model_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                    session.name.to_string(),
                ]
            })
            .collect();
        app.output.table(&["SESSION", "LAST USED (UTC)", "MODEL", "NAME"], &rows)?;
    }
    app.output.next_page(page.next.as_ref())?;
    Ok(Exit::Done)
}

async fn show(app: &App, wanted: &str) -> Result<Exit> {
    let id = find(app, wanted).await?.id;
    let store = app.store().await?;
    recover(app, id).await?;
    let session = store.session_get(id).await?;
    if !app.output.is_json() {
        return show_to_people(app, &session).await;
    }
    app.output.json(&session_line(&session))?;
    let threads = store.thread_list(id).await?;
    for thread in &threads {
        app.output.json(&ThreadLine::of(thread))?;
    }
    for thread in &threads {
        for entry in own_entries(store, thread).await? {
            app.output.json(&entry_line(&entry))?;
        }
    }
    Ok(Exit::Done)
}

/// Ends answers that a crash left behind.
async fn recover(app: &App, session: Id<Session>) -> Result<()> {
    let (store, now) = (app.store().await?, app.maestro().await?.now());
    store.entry_recover(Some(session), now, PageLimit::default()).await?;
    Ok(())
}

/// The entries that a thread owns, in order; one that streams with what has come of it.
async fn own_entries(store: &dyn Store, thread: &Thread) -> Result<Vec<ChatEntry>> {
    let own = thread.head_turn.get().saturating_sub(thread.fork_turn.get());
    let Some(own) = NonZeroU32::new(own) else { return Ok(Vec::new()) };
    let mut entries = store.lineage(thread.id, LineageRange::Last(own)).await?.entries;
    entries.retain(|entry| entry.thread_id == thread.id);
    for entry in &mut entries {
        fill_in(store, entry).await?;
    }
    Ok(entries)
}

/// Puts what has been journalled into an entry that still streams.
async fn fill_in(store: &dyn Store, entry: &mut ChatEntry) -> Result<()> {
    if entry.state != EntryState::Streaming {
        return Ok(());
    }
    let chunks = store.entry_journal(entry.id).await?;
    let come = journal::assemble(&chunks);
    // The journal of an answer that ended between the two reads is gone; its entry is whole then.
    if chunks.is_empty() {
        *entry = store.entry_get(entry.id).await?;
    }
    if entry.state == EntryState::Streaming {
        entry.content.parts = come.parts;
        entry.content.usage = come.usage;
    }
    Ok(())
}

async fn show_to_people(app: &App, session: &Session) -> Result<Exit> {
    let store = app.store().await?;
    let output = app.output;
    output.line(&output.bold(session.name.as_str()))?;
    output.line(&output.dim(&format!(
        "session {}  model {}  used {}",
        session.id,
        session.model_id.as_ref().map_or("-", ModelId::as_str),
        session.last_used_at
    )))?;
    let thread = current_thread(app, session).await?;
    let threads = store.thread_list(session.id).await?.len();
    if threads > 1 {
        output.line(
            &output
                .dim(&format!("thread {thread}, one of {threads}; see `maestro thread list {}`", session.id)),
        )?;
    }
    for mut entry in store.lineage(thread, LineageRange::All).await?.entries {
        fill_in(store, &mut entry).await?;
        let state = match entry.state {
            EntryState::Complete => String::new(),
            state => format!("  [{state}]"),
        };
        output.line("")?;
        output.line(&format!(
            "{}{state}  {}",
            output.bold(entry.actor.as_str()),
            output.dim(&entry.id.to_string())
        ))?;
        for part in &entry.content.parts {
            show_part(app, part)?;
        }
    }
    Ok(Exit::Done)
}

fn show_part(app: &App, part: &Part) -> Result<()> {
    let output = app.output;
    match &part.kind {
        PartKind::Text(text) => show_markdown(output, &text.text)?,
        PartKind::Refusal(refusal) => show_markdown(output, &refusal.text)?,
        PartKind::Reasoning(reasoning) => output.line(&output.dim(&printable(&reasoning.text)))?,
        PartKind::ToolCall(call) => {
            output.line(&output.dim(&printable(&format!("calls {}({})", call.name, call.args_raw))))?;
        }
        PartKind::ToolResult(result) => output.line(&output.dim(&printable(&result.joined_text())))?,
        other => output.line(&output.dim(&format!("({})", other.name())))?,
    }
    Ok(())
}

async fn rename(app: &App, wanted: &str, name: SessionName) -> Result<Exit> {
    let session = find(app, wanted).await?;
    let change = SessionChange { name: Some(name), ..SessionChange::default() };
    let now = app.maestro().await?.now();
    let renamed = app.store().await?.session_update(session.id, session.revision, change, now).await?;
    if app.output.is_json() {
        app.output.json(&session_line(&renamed))?;
    } else {
        app.output.line(&format!("Renamed \"{}\" to \"{}\".", session.name, renamed.name))?;
    }
    Ok(Exit::Done)
}

async fn delete(app: &App, wanted: &str, yes: bool) -> Result<Exit> {
    let session = find(app, wanted).await?;
    let question = format!("Delete \"{}\" with everything that was said in it?", session.name);
    if !yes && can_ask() && !blocking("ask", move || confirm(&question)).await?? {
        app.output.notice("Nothing was deleted.");
        return Ok(Exit::Done);
    }
    app.store().await?.session_delete(session.id).await?;
    if app.output.is_json() {
        app.output.json(&DeletedLine { session_id: session.id })?;
    } else {
        app.output.line(&format!("Deleted \"{}\".", session.name))?;
    }
    Ok(Exit::Done)
}

fn session_line(session: &Session) -> SessionLine<'_> {
    SessionLine {
        id: session.id,
        name: &session.name,
        auth_id: session.auth_id,
        model_id: session.model_id.as_ref(),
        persona: session.persona,
        system_prompts: &session.system_prompts,
        memory: &session.memory,
        tools: &session.tools,
        mcps: &session.mcps,
        working_dir: session.working_dir.as_deref(),
        root_thread_id: session.root_thread_id,
        latest_chat_entry_id: session.latest_chat_entry_id,
        last_used_at: session.last_used_at,
        revision: session.revision.get(),
        inserted_at: session.inserted_at,
        updated_at: session.updated_at,
    }
}

fn entry_line(entry: &ChatEntry) -> EntryLine<'_> {
    let content = &entry.content;
    let origin = content.origin.as_ref();
    EntryLine {
        id: entry.id,
        session_id: entry.session_id,
        thread_id: entry.thread_id,
        turn_index: entry.turn_index,
        actor: entry.actor,
        state: entry.state,
        edit_version: entry.edit_version,
        provider: origin.map(|origin| &origin.provider),
        model: origin.map(|origin| origin.model_asked.as_str()),
        model_served: origin.and_then(|origin| origin.model_served.as_deref()),
        response_id: origin.and_then(|origin| origin.response_id.as_deref()),
        parts: &content.parts,
        usage: content.usage,
        finish: content.finish.as_ref().map(Finish::as_str),
        problem: content.problem.as_ref(),
        inserted_at: entry.inserted_at,
        updated_at: entry.updated_at,
    }
}
