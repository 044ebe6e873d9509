//! The lines, field by field. What is named here is what stands in files: a change is a new version of the form.

use std::{borrow::Cow, io::Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{map::Sorted, unreadable};
use crate::{
    archive::MarkRecord,
    auth::{AuthName, AuthType, HolderId, Lease, SavedAuthentication, SealedCredentials},
    chat::Role,
    conversations::{
        ChatEntry, ChunkRef, ChunkState, EntryContent, EntryState, ItemUse, JournalChunk, JournalSeq,
        Session, SessionName, Thread, ThreadLabel, TurnIndex, WriterLease,
    },
    error::{Error, ErrorKind, Result},
    id::Id,
    provider::{ModelId, ProviderId},
    revision::Revision,
    supplied_context::{Item, ItemName, ItemText, ItemType, ItemVersion, ItemVersionNumber, Tags},
    time::Timestamp,
};

/// One line.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Line<'a> {
    Authentication(AuthenticationLine<'a>),
    Item(ItemLine<'a>),
    ItemVersion(VersionLine<'a>),
    Session(Box<SessionLine<'a>>),
    Thread(ThreadLine<'a>),
    Entry(Box<EntryLine<'a>>),
    Journal(JournalLine<'a>),
    Mark(MarkLine),
}

/// The first field of each line.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Authentication,
    Item,
    ItemVersion,
    Session,
    Thread,
    Entry,
    Journal,
    Mark,
}

impl Line<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> Result<()> {
        serde_json::to_writer(&mut *out, self).map_err(|error| {
            let kind = if error.is_io() { ErrorKind::Unavailable } else { ErrorKind::Internal };
            Error::new(kind, "write a record").caused_by(error)
        })?;
        out.write_all(b"\n")
            .map_err(|error| Error::new(ErrorKind::Unavailable, "write a record").caused_by(error))
    }

    /// Reads a line. Its type is looked at first: what serde derives for a tagged enum would copy the line into a tree
    /// of values, which bounds how deep a map may lie.
    pub(super) fn parse(line: &str) -> Result<Line<'static>> {
        #[derive(Deserialize)]
        struct Head {
            r#type: Type,
        }

        fn read<T: DeserializeOwned>(line: &str) -> Result<T> {
            // The parser's own words could quote the conversation, so they are not told; they stay the source.
            serde_json::from_str(line).map_err(|error| {
                unreadable(format!("cannot be read at column {}", error.column())).caused_by(error)
            })
        }

        Ok(match read::<Head>(line)?.r#type {
            Type::Authentication => Line::Authentication(read(line)?),
            Type::Item => Line::Item(read(line)?),
            Type::ItemVersion => Line::ItemVersion(read(line)?),
            Type::Session => Line::Session(read(line)?),
            Type::Thread => Line::Thread(read(line)?),
            Type::Entry => Line::Entry(read(line)?),
            Type::Journal => Line::Journal(read(line)?),
            Type::Mark => Line::Mark(read(line)?),
        })
    }
}

/// A moment in microseconds. RFC 3339, in which times are shown elsewhere, ends before 64 bits do.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
struct Micros(i64);

impl From<Timestamp> for Micros {
    fn from(time: Timestamp) -> Self {
        Self(time.micros())
    }
}

impl From<Micros> for Timestamp {
    fn from(micros: Micros) -> Self {
        Self::from_micros(micros.0)
    }
}

/// Who holds something, and until when.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    holder: HolderId,
    until: Micros,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthenticationLine<'a> {
    r#type: Type,
    id: Id<SavedAuthentication>,
    provider: Cow<'a, ProviderId>,
    auth_type: AuthType,
    name: Cow<'a, AuthName>,
    credentials: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<Held>,
    revision: Revision,
    inserted_at: Micros,
    updated_at: Micros,
}

impl<'a> Line<'a> {
    pub(super) fn authentication(row: &'a SavedAuthentication) -> Self {
        Self::Authentication(AuthenticationLine {
            r#type: Type::Authentication,
            id: row.id,
            provider: Cow::Borrowed(&row.provider),
            auth_type: row.auth_type,
            name: Cow::Borrowed(&row.name),
            credentials: STANDARD.encode(row.credentials.to_bytes()),
            expires_at: row.expires_at.map(Micros::from),
            lease: row.lease.map(|lease| Held { holder: lease.holder, until: lease.until.into() }),
            revision: row.revision,
            inserted_at: row.inserted_at.into(),
            updated_at: row.updated_at.into(),
        })
    }
}

impl AuthenticationLine<'_> {
    pub(super) fn into_row(self) -> Result<SavedAuthentication> {
        let sealed = STANDARD
            .decode(self.credentials)
            .map_err(|_| unreadable("has credentials that are not base64"))?;
        Ok(SavedAuthentication {
            id: self.id,
            provider: self.provider.into_owned(),
            auth_type: self.auth_type,
            name: self.name.into_owned(),
            credentials: SealedCredentials::from_bytes(&sealed)
                .map_err(|error| unreadable("has credentials that no vault has sealed").caused_by(error))?,
            expires_at: self.expires_at.map(Timestamp::from),
            lease: self.lease.map(|held| Lease { holder: held.holder, until: held.until.into() }),
            revision: self.revision,
            inserted_at: self.inserted_at.into(),
            updated_at: self.updated_at.into(),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemLine<'a> {
    r#type: Type,
    id: Id<Item>,
    item_type: ItemType,
    name: Cow<'a, ItemName>,
    version: ItemVersionNumber,
    tags: Cow<'a, Tags>,
    metadata: Sorted<'a>,
    revision: Revision,
    inserted_at: Micros,
    updated_at: Micros,
}

impl<'a> Line<'a> {
    pub(super) fn item(item: &'a Item) -> Self {
        Self::Item(ItemLine {
            r#type: Type::Item,
            id: item.id,
            item_type: item.item_type,
            name: Cow::Borrowed(&item.name),
            version: item.version,
            tags: Cow::Borrowed(&item.tags),
            metadata: Sorted(Cow::Borrowed(&item.metadata)),
            revision: item.revision,
            inserted_at: item.inserted_at.into(),
            updated_at: item.updated_at.into(),
        })
    }
}

impl ItemLine<'_> {
    /// The item, with this text.
    pub(super) fn into_item(self, text: ItemText) -> Item {
        Item {
            id: self.id,
            item_type: self.item_type,
            name: self.name.into_owned(),
            text,
            version: self.version,
            tags: self.tags.into_owned(),
            metadata: self.metadata.0.into_owned(),
            revision: self.revision,
            inserted_at: self.inserted_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionLine<'a> {
    r#type: Type,
    item_id: Id<Item>,
    version: ItemVersionNumber,
    inserted_at: Micros,
    text: Cow<'a, ItemText>,
}

impl<'a> Line<'a> {
    pub(super) fn version(version: &'a ItemVersion) -> Self {
        Self::ItemVersion(VersionLine {
            r#type: Type::ItemVersion,
            item_id: version.item_id,
            version: version.version,
            inserted_at: version.inserted_at.into(),
            text: Cow::Borrowed(&version.text),
        })
    }
}

impl VersionLine<'_> {
    pub(super) fn into_version(self) -> ItemVersion {
        ItemVersion {
            item_id: self.item_id,
            version: self.version,
            text: self.text.into_owned(),
            inserted_at: self.inserted_at.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionLine<'a> {
    r#type: Type,
    id: Id<Session>,
    name: Cow<'a, SessionName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_id: Option<Id<SavedAuthentication>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model_id: Option<Cow<'a, ModelId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persona: Option<ItemUse>,
    system_prompts: Cow<'a, [ItemUse]>,
    memory: Sorted<'a>,
    tools: Sorted<'a>,
    mcps: Sorted<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    working_dir: Option<Cow<'a, str>>,
    root_thread_id: Id<Thread>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest_chat_entry_id: Option<Id<ChatEntry>>,
    last_used_at: Micros,
    revision: Revision,
    inserted_at: Micros,
    updated_at: Micros,
}

impl<'a> Line<'a> {
    pub(super) fn session(session: &'a Session) -> Self {
        Self::Session(Box::new(SessionLine {
            r#type: Type::Session,
            id: session.id,
            name: Cow::Borrowed(&session.name),
            auth_id: session.auth_id,
            model_id: session.model_id.as_ref().map(Cow::Borrowed),
            persona: session.persona,
            system_prompts: Cow::Borrowed(&session.system_prompts),
            memory: Sorted(Cow::Borrowed(&session.memory)),
            tools: Sorted(Cow::Borrowed(&session.tools)),
            mcps: Sorted(Cow::Borrowed(&session.mcps)),
            working_dir: session.working_dir.as_deref().map(Cow::Borrowed),
            root_thread_id: session.root_thread_id,
            latest_chat_entry_id: session.latest_chat_entry_id,
            last_used_at: session.last_used_at.into(),
            revision: session.revision,
            inserted_at: session.inserted_at.into(),
            updated_at: session.updated_at.into(),
        }))
    }
}

impl SessionLine<'_> {
    pub(super) fn into_session(self) -> Session {
        Session {
            id: self.id,
            name: self.name.into_owned(),
            auth_id: self.auth_id,
            model_id: self.model_id.map(Cow::into_owned),
            persona: self.persona,
            system_prompts: self.system_prompts.into_owned(),
            memory: self.memory.0.into_owned(),
            tools: self.tools.0.into_owned(),
            mcps: self.mcps.0.into_owned(),
            working_dir: self.working_dir.map(Cow::into_owned),
            root_thread_id: self.root_thread_id,
            latest_chat_entry_id: self.latest_chat_entry_id,
            last_used_at: self.last_used_at.into(),
            revision: self.revision,
            inserted_at: self.inserted_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThreadLine<'a> {
    r#type: Type,
    id: Id<Thread>,
    session_id: Id<Session>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_thread_id: Option<Id<Thread>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fork_from_entry_id: Option<Id<ChatEntry>>,
    fork_turn: TurnIndex,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<Cow<'a, ThreadLabel>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head_entry_id: Option<Id<ChatEntry>>,
    head_turn: TurnIndex,
    inserted_at: Micros,
    updated_at: Micros,
}

impl<'a> Line<'a> {
    pub(super) fn thread(thread: &'a Thread) -> Self {
        Self::Thread(ThreadLine {
            r#type: Type::Thread,
            id: thread.id,
            session_id: thread.session_id,
            parent_thread_id: thread.parent_thread_id,
            fork_from_entry_id: thread.fork_from_entry_id,
            fork_turn: thread.fork_turn,
            label: thread.label.as_ref().map(Cow::Borrowed),
            head_entry_id: thread.head_entry_id,
            head_turn: thread.head_turn,
            inserted_at: thread.inserted_at.into(),
            updated_at: thread.updated_at.into(),
        })
    }
}

impl ThreadLine<'_> {
    pub(super) fn into_thread(self) -> Thread {
        Thread {
            id: self.id,
            session_id: self.session_id,
            parent_thread_id: self.parent_thread_id,
            fork_from_entry_id: self.fork_from_entry_id,
            fork_turn: self.fork_turn,
            label: self.label.map(Cow::into_owned),
            head_entry_id: self.head_entry_id,
            head_turn: self.head_turn,
            inserted_at: self.inserted_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine<'a> {
    r#type: Type,
    id: Id<ChatEntry>,
    session_id: Id<Session>,
    thread_id: Id<Thread>,
    turn_index: TurnIndex,
    actor: Role,
    edit_version: u32,
    state: EntryState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    writer: Option<Held>,
    inserted_at: Micros,
    updated_at: Micros,
    content: Cow<'a, EntryContent>,
}

impl<'a> Line<'a> {
    pub(super) fn entry(entry: &'a ChatEntry) -> Self {
        Self::Entry(Box::new(EntryLine {
            r#type: Type::Entry,
            id: entry.id,
            session_id: entry.session_id,
            thread_id: entry.thread_id,
            turn_index: entry.turn_index,
            actor: entry.actor,
            edit_version: entry.edit_version,
            state: entry.state,
            writer: entry.writer.map(|writer| Held { holder: writer.holder, until: writer.until.into() }),
            inserted_at: entry.inserted_at.into(),
            updated_at: entry.updated_at.into(),
            content: Cow::Borrowed(&entry.content),
        }))
    }
}

impl EntryLine<'_> {
    pub(super) fn into_entry(self) -> ChatEntry {
        ChatEntry {
            id: self.id,
            session_id: self.session_id,
            thread_id: self.thread_id,
            turn_index: self.turn_index,
            actor: self.actor,
            edit_version: self.edit_version,
            state: self.state,
            writer: self.writer.map(|held| WriterLease { holder: held.holder, until: held.until.into() }),
            content: self.content.into_owned(),
            inserted_at: self.inserted_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalLine<'a> {
    r#type: Type,
    pub(super) entry_id: Id<ChatEntry>,
    seq: JournalSeq,
    data: Cow<'a, str>,
}

impl<'a> Line<'a> {
    pub(super) fn journal(entry_id: Id<ChatEntry>, chunk: &'a JournalChunk) -> Self {
        let data = Cow::Borrowed(chunk.data.as_str());
        Self::Journal(JournalLine { r#type: Type::Journal, entry_id, seq: chunk.seq, data })
    }
}

impl JournalLine<'_> {
    pub(super) fn into_chunk(self) -> JournalChunk {
        JournalChunk { seq: self.seq, data: self.data.into_owned() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkLine {
    r#type: Type,
    thread_id: Id<Thread>,
    entry_id: Id<ChatEntry>,
    part: u32,
    state: ChunkState,
    marked_at: Micros,
}

impl Line<'_> {
    pub(super) fn mark(mark: &MarkRecord) -> Self {
        let ChunkRef { entry_id, part } = mark.chunk;
        Self::Mark(MarkLine {
            r#type: Type::Mark,
            thread_id: mark.thread_id,
            entry_id,
            part,
            state: mark.state,
            marked_at: mark.marked_at.into(),
        })
    }
}

impl MarkLine {
    pub(super) fn into_mark(self) -> MarkRecord {
        MarkRecord {
            thread_id: self.thread_id,
            chunk: ChunkRef { entry_id: self.entry_id, part: self.part },
            state: self.state,
            marked_at: self.marked_at.into(),
        }
    }
}
