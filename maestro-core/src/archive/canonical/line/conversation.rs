//! Sessions and what is in them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{super::map::Sorted, Held, Line, Micros, Type};
use crate::{
    archive::MarkRecord,
    auth::SavedAuthentication,
    chat::Role,
    conversations::{
        ChatEntry, ChunkRef, ChunkState, EntryContent, EntryState, ItemUse, JournalChunk, JournalSeq,
        Session, SessionName, Thread, ThreadLabel, TurnIndex, WriterLease,
    },
    id::Id,
    provider::ModelId,
    revision::Revision,
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive::canonical) struct SessionLine<'a> {
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
    pub(in crate::archive::canonical) fn session(session: &'a Session) -> Self {
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
    pub(in crate::archive::canonical) fn into_session(self) -> Session {
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
pub(in crate::archive::canonical) struct ThreadLine<'a> {
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
    pub(in crate::archive::canonical) fn thread(thread: &'a Thread) -> Self {
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
    pub(in crate::archive::canonical) fn into_thread(self) -> Thread {
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
pub(in crate::archive::canonical) struct EntryLine<'a> {
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
    pub(in crate::archive::canonical) fn entry(entry: &'a ChatEntry) -> Self {
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
    pub(in crate::archive::canonical) fn into_entry(self) -> ChatEntry {
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
pub(in crate::archive::canonical) struct JournalLine<'a> {
    r#type: Type,
    pub(in crate::archive::canonical) entry_id: Id<ChatEntry>,
    seq: JournalSeq,
    data: Cow<'a, str>,
}

impl<'a> Line<'a> {
    pub(in crate::archive::canonical) fn journal(entry_id: Id<ChatEntry>, chunk: &'a JournalChunk) -> Self {
        let data = Cow::Borrowed(chunk.data.as_str());
        Self::Journal(JournalLine { r#type: Type::Journal, entry_id, seq: chunk.seq, data })
    }
}

impl JournalLine<'_> {
    pub(in crate::archive::canonical) fn into_chunk(self) -> JournalChunk {
        JournalChunk { seq: self.seq, data: self.data.into_owned() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive::canonical) struct MarkLine {
    r#type: Type,
    thread_id: Id<Thread>,
    entry_id: Id<ChatEntry>,
    part: u32,
    state: ChunkState,
    marked_at: Micros,
}

impl Line<'_> {
    pub(in crate::archive::canonical) fn mark(mark: &MarkRecord) -> Self {
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
    pub(in crate::archive::canonical) fn into_mark(self) -> MarkRecord {
        MarkRecord {
            thread_id: self.thread_id,
            chunk: ChunkRef { entry_id: self.entry_id, part: self.part },
            state: self.state,
            marked_at: self.marked_at.into(),
        }
    }
}
