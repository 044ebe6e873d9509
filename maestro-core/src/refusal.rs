//! What stores refuse, in the same words on every backend.
//!
//! A context trait promises the *kind* of each error; this module is where its text comes from. So a program sees no
//! difference between backends, and the author of a store writes no sentence twice. [`operation`] names what was
//! attempted, one phrase for each method of a context trait.

use std::fmt;

use serde_json::Value;

use crate::{
    archive::{RecordKey, RecordKind},
    auth::{HolderId, Lease, SavedAuthentication},
    conversations::{ChatEntry, ChunkRef, EntryState, ItemUse, JournalSeq, ThreadHead, TurnIndex},
    error::{Error, ErrorKind, FieldError, Result},
    id::Id,
    revision::Revision,
    supplied_context::{ItemName, ItemType, JSON_MAP_DEPTH, JsonMap},
};

/// The phrase for each method of the context traits and of the archive, as [`Error::operation`] gives it.
pub mod operation {
    macro_rules! phrases {
        ($($name:ident = $phrase:literal of $method:literal),+ $(,)?) => {$(
            #[doc = concat!("`", $method, "`.")]
            pub const $name: &str = $phrase;
        )+};
    }
    phrases! {
        AUTH_CREATE = "save authentication" of "auth_create",
        AUTH_GET = "read authentication" of "auth_get",
        AUTH_FIND = "find authentication" of "auth_find",
        AUTH_UPDATE = "change authentication" of "auth_update",
        AUTH_DELETE = "delete authentication" of "auth_delete",
        AUTH_LEASE = "lease authentication" of "auth_lease",
        AUTH_RELEASE = "release authentication" of "auth_release",
        SESSION_CREATE = "create session" of "session_create",
        SESSION_GET = "read session" of "session_get",
        SESSION_OPEN = "open session" of "session_open",
        SESSION_UPDATE = "change session" of "session_update",
        SESSION_DELETE = "delete session" of "session_delete",
        THREAD_FORK = "fork at entry" of "thread_fork",
        THREAD_EDIT = "edit entry" of "thread_edit",
        THREAD_GET = "read thread" of "thread_get",
        THREAD_LIST = "list threads of session" of "thread_list",
        THREAD_LABEL = "label thread" of "thread_label",
        THREAD_DELETE = "delete thread" of "thread_delete",
        ENTRY_APPEND = "append to thread" of "entry_append",
        ENTRY_BEGIN = "begin an entry on thread" of "entry_begin",
        ENTRY_EXTEND = "extend entry" of "entry_extend",
        ENTRY_FINISH = "finish entry" of "entry_finish",
        ENTRY_JOURNAL = "read journal of entry" of "entry_journal",
        ENTRY_GET = "read entry" of "entry_get",
        ENTRY_PAGE = "page through thread" of "entry_page",
        ENTRY_DELETE = "delete the head of thread" of "entry_delete",
        LINEAGE = "read conversation of thread" of "lineage",
        CHUNK_MARK = "mark a chunk on thread" of "chunk_mark",
        ITEM_CREATE = "create context item" of "item_create",
        ITEM_GET = "read context item" of "item_get",
        ITEM_UPDATE = "change context item" of "item_update",
        ITEM_VERSIONS = "list versions of context item" of "item_versions",
        ITEM_DELETE = "delete context items" of "item_delete_many",
        RECORD_KEYS = "list records" of "record_keys",
        RECORD_GET = "read" of "record_get",
        RECORD_RESTORE = "restore" of "record_restore",
        STATS = "count what is in the store" of "stats",
        CHECK = "check store" of "check",
    }
}

/// What the operation was asked for does not exist.
pub fn missing(operation: &'static str, entity: impl fmt::Display) -> Error {
    Error::not_found(operation, entity)
}

/// The authentication that a session is to use does not exist.
pub fn authentication_missing(
    operation: &'static str,
    on: impl fmt::Display,
    id: Id<SavedAuthentication>,
) -> Error {
    Error::not_found(operation, on).because(format!("there is no authentication {id}"))
}

/// The item that a session is to use does not exist, or not in that version.
pub fn item_missing(operation: &'static str, on: impl fmt::Display, item: ItemUse) -> Error {
    let ItemUse { item_id, version } = item;
    Error::not_found(operation, on)
        .because(format!("there is no context item {item_id} in version {version}"))
}

/// The piece to be marked is not in the thread's lineage, or the entry has no such part.
pub fn chunk_missing(operation: &'static str, on: impl fmt::Display, chunk: ChunkRef) -> Error {
    let ChunkRef { entry_id, part } = chunk;
    Error::not_found(operation, on)
        .because(format!("its conversation has no entry {entry_id} with a part {part}"))
}

/// The id of the thing to be created is taken.
pub fn id_taken(operation: &'static str, id: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Conflict, operation).on(&id).because(format!("the id {id} is taken"))
}

/// The name is taken; `thing` says whose, such as `"work" (oauth of anthropic)`.
pub fn name_taken(operation: &'static str, thing: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Conflict, operation)
        .on(thing)
        .advise("choose another name, or change the one that is there")
}

/// The row is no longer at the revision that the caller read.
pub fn revision_passed(
    operation: &'static str,
    on: impl fmt::Display,
    expected: Revision,
    found: Revision,
) -> Error {
    Error::new(ErrorKind::Stale, operation)
        .on(on)
        .because(format!("it was read at revision {expected} and is at {found} now"))
        .advise("read it again and decide anew")
}

/// Another holder has a live lease.
pub fn leased(operation: &'static str, on: impl fmt::Display, lease: Lease) -> Error {
    Error::new(ErrorKind::InUse, operation).on(on).because(format!("it is leased to {lease}"))
}

/// The head of the thread is not the one that the writer saw; `found` is the one that it has.
pub fn head_moved(operation: &'static str, expected: ThreadHead, found: ThreadHead) -> Error {
    Error::new(ErrorKind::Stale, operation)
        .on(expected.thread_id)
        .because(format!("its head is {found}, not {expected}"))
        .advise("read the thread again and append behind its head")
}

/// The entry at the head of the thread belongs to the thread from which this one goes on.
pub fn head_inherited(operation: &'static str, head: ThreadHead) -> Error {
    Error::new(ErrorKind::Stale, operation)
        .on(head.thread_id)
        .because(format!("{head} is not an entry of its own"))
}

/// The entry is still being written.
pub fn streaming(operation: &'static str, on: impl fmt::Display, entry: Id<ChatEntry>) -> Error {
    Error::new(ErrorKind::InUse, operation)
        .on(on)
        .because(format!("entry {entry} is still being written"))
        .advise("wait for its end, or recover it when its writer is gone")
}

/// The entry has already ended.
pub fn ended(operation: &'static str, id: Id<ChatEntry>, state: EntryState) -> Error {
    Error::new(ErrorKind::Stale, operation).on(id).because(format!("it is not streaming but {state}"))
}

/// The entry is written by another holder.
pub fn other_writer(operation: &'static str, id: Id<ChatEntry>, writer: HolderId) -> Error {
    Error::new(ErrorKind::Stale, operation).on(id).because(format!("it is written by {writer}"))
}

/// The chunk is not the next one of the journal.
pub fn journal_gap(operation: &'static str, id: Id<ChatEntry>, next: JournalSeq, given: JournalSeq) -> Error {
    Error::new(ErrorKind::Stale, operation)
        .on(id)
        .because(format!("the next chunk of its journal is {next}, not {given}"))
}

/// An entry cannot be appended or ended in the state `streaming`.
pub fn streaming_state(operation: &'static str) -> Error {
    Error::invalid(
        operation,
        [FieldError::new("state", "must not be streaming; begin a streamed entry instead")],
    )
}

/// Refuses maps that lie deeper than [`JSON_MAP_DEPTH`], naming each by its field. Stores ask this before anything
/// else, when a map is to be written.
pub fn deep_maps<'a>(
    operation: &'static str,
    maps: impl IntoIterator<Item = (&'static str, &'a JsonMap)>,
) -> Result<()> {
    let problem = format!("must not be nested deeper than {JSON_MAP_DEPTH} levels");
    let deep: Vec<_> = (maps.into_iter())
        .filter(|(_, map)| !is_shallow(map))
        .map(|(field, _)| FieldError::new(field, problem.as_str()))
        .collect();
    if deep.is_empty() { Ok(()) } else { Err(Error::invalid(operation, deep)) }
}

/// Refuses a working directory that holds a NUL: no directory does, and Postgres can keep none in a text. Stores ask this
/// with [`deep_maps`].
pub fn nul_in_directory(operation: &'static str, working_dir: Option<&str>) -> Result<()> {
    match working_dir {
        Some(directory) if directory.contains('\0') => {
            Err(Error::invalid(operation, [FieldError::new("working_dir", "must not hold a NUL character")]))
        }
        _ => Ok(()),
    }
}

/// Whether a map lies no deeper than [`JSON_MAP_DEPTH`].
pub(crate) fn is_shallow(map: &JsonMap) -> bool {
    map.values().all(|value| fits(value, JSON_MAP_DEPTH - 1))
}

/// Whether a value has at most so many levels.
fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels > 0 && values.iter().all(|value| fits(value, levels - 1)),
        Value::Object(map) => levels > 0 && map.values().all(|value| fits(value, levels - 1)),
        _ => true,
    }
}

/// Why a thread cannot be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadUse {
    /// It is the one that the session began with.
    Root,
    /// Other threads go on from it.
    Continued,
}

/// The thread is needed.
pub fn thread_in_use(operation: &'static str, on: impl fmt::Display, reason: ThreadUse) -> Error {
    let error = Error::new(ErrorKind::InUse, operation).on(on);
    match reason {
        ThreadUse::Root => {
            error.because("it is the first thread of its session").advise("delete the session instead")
        }
        ThreadUse::Continued => {
            error.because("other threads go on from it").advise("delete those threads first")
        }
    }
}

/// A thread goes on from the entry.
pub fn entry_continued(operation: &'static str, on: impl fmt::Display, entry: Id<ChatEntry>) -> Error {
    Error::new(ErrorKind::InUse, operation)
        .on(on)
        .because(format!("another thread goes on from entry {entry}"))
        .advise("delete that thread first")
}

/// A lineage can get no longer.
pub fn thread_full(operation: &'static str, on: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
        .on(on)
        .because(format!("a conversation has {} entries at the most", TurnIndex::MAX))
}

/// Sessions refer to the items; the text names each.
pub fn items_in_use<'a>(
    operation: &'static str,
    items: impl IntoIterator<Item = (ItemType, &'a ItemName)>,
) -> Error {
    let mut names: Vec<_> =
        items.into_iter().map(|(item_type, name)| format!("{item_type} \"{name}\"")).collect();
    names.sort();
    Error::new(ErrorKind::InUse, operation)
        .on(names.join(", "))
        .because("sessions refer to them")
        .advise("take them out of those sessions first")
}

/// A record with this key is there, and is not equal to the one that is to be restored.
pub fn record_differs(key: RecordKey) -> Error {
    Error::new(ErrorKind::Conflict, operation::RECORD_RESTORE)
        .on(key)
        .because("it is there already and differs")
        .advise("compare the two, and delete the one that you do not want")
}

/// The name of a record to be restored is that of another one; `name` says whose, such as `persona "teacher"`.
pub fn record_name_taken(key: RecordKey, name: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Conflict, operation::RECORD_RESTORE)
        .on(key)
        .because(format!("the name {name} is taken by another"))
        .advise("rename the one that is there, or the one to be restored")
}

/// An id within a record to be restored is that of something else; `thing` says of what it is, such as `thread`.
pub fn record_id_taken(key: RecordKey, thing: &str, id: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Conflict, operation::RECORD_RESTORE)
        .on(key)
        .because(format!("the id {id} of its {thing} is taken by another"))
}

/// The key behind which records are listed is of another kind than they.
pub fn key_of_another_kind(wanted: RecordKind, after: RecordKey) -> Error {
    let problem = format!(
        "must be the key of {} {wanted}, not of {} {}",
        article(wanted),
        article(after.kind()),
        after.kind()
    );
    Error::invalid(operation::RECORD_KEYS, [FieldError::new("after", problem)])
}

const fn article(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Authentication | RecordKind::Item => "an",
        RecordKind::Session => "a",
    }
}

/// What is stored does not have the form that this version writes.
pub fn unreadable(operation: &'static str, what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, operation)
        .because(format!("{what} is stored in a form that is not known"))
}
