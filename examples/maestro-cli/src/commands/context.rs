//! `maestro context`: the library of personas and system prompts.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use maestro::{
    Error, ErrorKind, Id,
    core::{
        page::{Cursor, PageLimit, PageRequest},
        supplied_context::{
            Item, ItemChange, ItemName, ItemQuery, ItemText, ItemType, ItemVersion, ItemVersionNumber,
            JsonMap, NewItem, SuppliedContextExt as _, Tags,
        },
        time::Timestamp,
    },
};
use serde::Serialize;

use crate::{
    app::{App, blocking},
    editor::{can_ask, confirm, edit, read_text},
    exit::{Exit, Failure, Result, invalid},
    output::printable,
};

/// Keep personas and system prompts under names, in versions
///
/// A session notes the version that it uses, so editing a text changes no conversation that was begun before.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  maestro context add system_prompt reviewer --file review.md --tag team=core
  echo 'You are a patient teacher.' | maestro context add persona teacher --file -
  maestro context search strict review
  maestro context edit reviewer
  maestro chat --persona teacher --system reviewer")]
pub(crate) enum Command {
    /// List the library by name
    List(Listing),
    /// Find texts whose name, text or tags hold words that begin so
    Search {
        /// The words
        #[arg(required = true)]
        words: Vec<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Add a persona or a system prompt
    Add {
        /// persona or system_prompt
        #[arg(value_name = "TYPE")]
        item_type: ItemType,
        /// Its name, unique within its type
        name: ItemName,
        #[command(flatten)]
        text: TextFrom,
        /// File it under a name and a value
        #[arg(long = "tag", value_name = "NAME=VALUE")]
        tags: Vec<String>,
    },
    /// Change the text, the name or the tags; a new text is a new version
    Edit {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        text: TextFrom,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<ItemName>,
        /// Tags in place of those it has
        #[arg(long = "tag", value_name = "NAME=VALUE")]
        tags: Vec<String>,
    },
    /// Show a text, at its latest or another version
    Show {
        #[command(flatten)]
        named: Named,
        /// The version
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// List all versions of a text
    Versions(Named),
    /// Remove texts with all their versions: all of them or none
    Remove {
        /// Their names
        #[arg(required = true)]
        names: Vec<ItemName>,
        /// Of this type, where both have the name
        #[arg(long = "type", value_name = "TYPE")]
        item_type: Option<ItemType>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// Which part of the library is listed.
#[derive(Debug, clap::Args)]
pub(crate) struct Listing {
    /// Of this type only: persona or system_prompt
    #[arg(long = "type", value_name = "TYPE")]
    item_type: Option<ItemType>,
    /// With this tag only
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<String>,
    /// How many at the most, up to 1000
    #[arg(long, default_value_t = 50)]
    limit: u16,
    /// Go on from where the page before ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
}

/// A text of the library, as the command line names it.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// Its name
    name: ItemName,
    /// Its type, where both have the name
    #[arg(long = "type", value_name = "TYPE")]
    item_type: Option<ItemType>,
}

/// Where a text comes from; at a terminal the editor opens when nothing is said.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct TextFrom {
    /// Take the text from a file; - is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The text
    #[arg(long)]
    text: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "item")]
struct ItemLine<'a> {
    id: Id<Item>,
    item_type: ItemType,
    name: &'a ItemName,
    version: ItemVersionNumber,
    text: &'a str,
    tags: &'a Tags,
    metadata: &'a JsonMap,
    revision: u64,
    inserted_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "version")]
struct VersionLine<'a> {
    item_id: Id<Item>,
    version: ItemVersionNumber,
    text: &'a str,
    inserted_at: Timestamp,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "removed")]
struct RemovedLine {
    count: u64,
}

/// Runs the command.
pub(crate) async fn run(app: &App, command: Command) -> Result<Exit> {
    match command {
        Command::List(listing) => list(app, String::new(), listing).await,
        Command::Search { words, listing } => list(app, words.join(" "), listing).await,
        Command::Add { item_type, name, text, tags } => add(app, item_type, name, text, &tags).await,
        Command::Edit { named, text, rename, tags } => change(app, &named, text, rename, &tags).await,
        Command::Show { named, version } => show(app, &named, version).await,
        Command::Versions(named) => versions(app, &named).await,
        Command::Remove { names, item_type, yes } => remove(app, &names, item_type, yes).await,
    }
}

/// The one text with this name, of this type where one is named.
pub(crate) async fn find(app: &App, item_type: Option<ItemType>, name: &ItemName) -> Result<Item> {
    let store = app.store().await?;
    if let Some(item_type) = item_type {
        return Ok(store.item_find(item_type, name).await?);
    }
    let query = ItemQuery { name: Some(name.clone()), ..ItemQuery::default() };
    let mut found = store.item_search(&query, PageRequest::default()).await?.items;
    match (found.pop(), found.is_empty()) {
        (Some(item), true) => Ok(item),
        (Some(_), false) => Err(Error::new(ErrorKind::Conflict, "find context item")
            .on(format_args!("\"{name}\""))
            .because("a persona and a system prompt have this name")
            .advise("say which one with --type")
            .into()),
        (None, _) => Err(Error::not_found("find context item", format_args!("\"{name}\""))
            .advise("`maestro context list` shows those there are")
            .into()),
    }
}

async fn list(app: &App, text: String, listing: Listing) -> Result<Exit> {
    let query = ItemQuery {
        item_type: listing.item_type,
        text,
        tags: read_tags(&listing.tags)?,
        ..ItemQuery::default()
    };
    let page =
        PageRequest { limit: PageLimit::new(listing.limit)?, after: listing.after, ..PageRequest::default() };
    let page = app.store().await?.item_search(&query, page).await?;
    if app.output.is_json() {
        for item in &page.items {
            app.output.json(&line(item))?;
        }
    } else if page.items.is_empty() {
        app.output.notice("Nothing found. `maestro context add TYPE NAME` adds a text.");
    } else {
        let rows: Vec<_> = page
            .items
            .iter()
            .map(|item| {
                let tags: Vec<_> = item.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
                vec![
                    item.name.to_string(),
                    item.item_type.to_string(),
                    item.version.to_string(),
                    tags.join(" "),
                    beginning(item.text.as_str()),
                ]
            })
            .collect();
        app.output.table(&["NAME", "TYPE", "VERSION", "TAGS", "TEXT"], &rows)?;
    }
    app.output.next_page(page.next.as_ref())?;
    Ok(Exit::Done)
}

async fn add(
    app: &App,
    item_type: ItemType,
    name: ItemName,
    from: TextFrom,
    tags: &[String],
) -> Result<Exit> {
    let tags = read_tags(tags)?;
    let text = match read(from)? {
        Some(text) => text,
        None if can_ask() => {
            refuse_taken(app, item_type, &name).await?;
            blocking("edit a text", || edit("")).await??
        }
        None => return Err(no_text("add context item")),
    };
    let new = NewItem {
        id: Id::new(),
        item_type,
        name,
        text: ItemText::new(text)?,
        tags,
        metadata: JsonMap::new(),
        now: app.maestro().await?.now(),
    };
    let item = app.store().await?.item_create(new).await?;
    told(app, &item, &format!("Added {} \"{}\".", item.item_type, item.name))
}

/// Tells that a name is taken before anybody writes a text for it.
async fn refuse_taken(app: &App, item_type: ItemType, name: &ItemName) -> Result<()> {
    match app.store().await?.item_find(item_type, name).await {
        Ok(_) => Err(Error::new(ErrorKind::Conflict, "add context item")
            .on(format_args!("{item_type} \"{name}\""))
            .because("the name is taken")
            .advise(format!("choose another name, or change it with `maestro context edit {name}`"))
            .into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn change(
    app: &App,
    named: &Named,
    from: TextFrom,
    rename: Option<ItemName>,
    tags: &[String],
) -> Result<Exit> {
    let item = find(app, named.item_type, &named.name).await?;
    let text = match read(from)? {
        Some(text) => Some(text),
        None if rename.is_some() || !tags.is_empty() => None,
        None if can_ask() => {
            let old = item.text.as_str().to_owned();
            Some(blocking("edit a text", move || edit(&old)).await??)
        }
        None => return Err(no_text("edit context item")),
    };
    let change = ItemChange {
        name: rename,
        text: text.map(ItemText::new).transpose()?,
        tags: if tags.is_empty() { None } else { Some(read_tags(tags)?) },
        metadata: None,
    };
    let now = app.maestro().await?.now();
    let changed = app.store().await?.item_update(item.id, item.revision, change, now).await?;
    let what = if changed.version == item.version { "still" } else { "now" };
    told(app, &changed, &format!("\"{}\" is {what} at version {}.", changed.name, changed.version))
}

async fn show(app: &App, named: &Named, version: Option<u32>) -> Result<Exit> {
    let item = find(app, named.item_type, &named.name).await?;
    let Some(version) = version else {
        if app.output.is_json() {
            app.output.json(&line(&item))?;
        } else {
            app.output.line(printable(item.text.as_str()).trim_end_matches('\n'))?;
        }
        return Ok(Exit::Done);
    };
    let version = app.store().await?.item_text_at(item.id, ItemVersionNumber::new(version)).await?;
    if app.output.is_json() {
        app.output.json(&version_line(&version))?;
    } else {
        app.output.line(printable(version.text.as_str()).trim_end_matches('\n'))?;
    }
    Ok(Exit::Done)
}

async fn versions(app: &App, named: &Named) -> Result<Exit> {
    let item = find(app, named.item_type, &named.name).await?;
    let versions = app.store().await?.item_versions(item.id).await?;
    if app.output.is_json() {
        for version in &versions {
            app.output.json(&version_line(version))?;
        }
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = versions
        .iter()
        .map(|version| {
            let time = version.inserted_at.to_string();
            vec![
                version.version.to_string(),
                time.get(..19).unwrap_or(&time).replace('T', " "),
                beginning(version.text.as_str()),
            ]
        })
        .collect();
    app.output.table(&["VERSION", "WRITTEN (UTC)", "TEXT"], &rows)?;
    Ok(Exit::Done)
}

async fn remove(app: &App, names: &[ItemName], item_type: Option<ItemType>, yes: bool) -> Result<Exit> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.push(find(app, item_type, name).await?.id);
    }
    let wanted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let question = format!("Remove {} with all versions?", wanted.join(", "));
    if !yes && can_ask() && !blocking("ask", move || confirm(&question)).await?? {
        app.output.notice("Nothing was removed.");
        return Ok(Exit::Done);
    }
    let count = app.store().await?.item_delete_many(&ids).await?;
    if app.output.is_json() {
        app.output.json(&RemovedLine { count })?;
    } else {
        app.output.line(&format!("Removed {}.", wanted.join(", ")))?;
    }
    Ok(Exit::Done)
}

/// The text that the command line gives or points at, if it does.
fn read(from: TextFrom) -> Result<Option<String>> {
    match (from.file, from.text) {
        (Some(file), _) => Ok(Some(read_text(&file)?)),
        (None, Some(text)) if Path::new(&text) == Path::new("-") => Ok(Some(read_text(Path::new("-"))?)),
        (None, text) => Ok(text),
    }
}

fn no_text(operation: &'static str) -> Failure {
    invalid(operation, "text", "is missing, and there is no terminal for an editor")
        .advise("give it with --text or --file; --file - reads standard input")
        .into()
}

fn read_tags(tags: &[String]) -> Result<Tags> {
    let mut read = BTreeMap::new();
    for tag in tags {
        let Some((name, value)) = tag.split_once('=') else {
            let problem = format!("{tag:?} is not NAME=VALUE");
            return Err(invalid("tag an item", "tag", problem).into());
        };
        read.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(Tags::new(read)?)
}

fn beginning(text: &str) -> String {
    const WIDTH: usize = 50;
    let line = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match line.char_indices().nth(WIDTH) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

fn told(app: &App, item: &Item, text: &str) -> Result<Exit> {
    if app.output.is_json() {
        app.output.json(&line(item))?;
    } else {
        app.output.line(text)?;
    }
    Ok(Exit::Done)
}

fn line(item: &Item) -> ItemLine<'_> {
    ItemLine {
        id: item.id,
        item_type: item.item_type,
        name: &item.name,
        version: item.version,
        text: item.text.as_str(),
        tags: &item.tags,
        metadata: &item.metadata,
        revision: item.revision.get(),
        inserted_at: item.inserted_at,
        updated_at: item.updated_at,
    }
}

fn version_line(version: &ItemVersion) -> VersionLine<'_> {
    VersionLine {
        item_id: version.item_id,
        version: version.version,
        text: version.text.as_str(),
        inserted_at: version.inserted_at,
    }
}
