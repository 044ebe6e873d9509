//! Conversations: each method of the trait is one method of [`State`], found in the file of what it is about.

mod chunks;
mod entries;
mod journal;
mod lineage;
mod records;
mod sessions;
mod threads;

use std::collections::BTreeMap;

use async_trait::async_trait;
use maestro_core::{
    Id, Result,
    auth::{HolderId, SavedAuthentication},
    conversations::{
        ChatEntry, ChunkRef, ChunkState, Conversations, EntryEnd, JournalChunk, JournalSeq, Lineage,
        LineageRange, NewChatEntry, NewEdit, NewFork, NewSession, NewStreamedEntry, OpenSession, Session,
        SessionChange, SessionQuery, Thread, ThreadHead, ThreadLabel, WriterLease,
    },
    page::{Direction, Page, PageLimit, PageRequest},
    refusal::{self, operation},
    revision::Revision,
    time::Timestamp,
};

use crate::MemoryStore;

/// All sessions, threads and entries.
#[derive(Default)]
pub(crate) struct State {
    sessions: BTreeMap<Id<Session>, Session>,
    threads: BTreeMap<Id<Thread>, threads::Line>,
    entries: BTreeMap<Id<ChatEntry>, ChatEntry>,
    /// The journals of the entries that are streaming, and of no others.
    journals: BTreeMap<Id<ChatEntry>, Vec<JournalChunk>>,
    /// The marks of each thread.
    marks: BTreeMap<Id<Thread>, BTreeMap<ChunkRef, chunks::Mark>>,
}

impl State {
    /// Takes a deleted authentication out of the sessions that used it. That is no change of their settings.
    pub(crate) fn forget_auth(&mut self, id: Id<SavedAuthentication>) {
        for session in self.sessions.values_mut() {
            session.auth_id = session.auth_id.filter(|used| *used != id);
        }
    }
}

#[async_trait]
impl Conversations for MemoryStore {
    async fn session_create(&self, new: NewSession) -> Result<Session> {
        refusal::deep_maps(operation::SESSION_CREATE, new.maps())?;
        refusal::nul_in_directory(operation::SESSION_CREATE, new.working_dir.as_deref())?;
        let state = &mut *self.lock();
        state.conversations.session_create(new, &state.auth, &state.items)
    }

    async fn session_get(&self, id: Id<Session>) -> Result<Session> {
        self.lock().conversations.session_get(id)
    }

    async fn session_open(&self, id: Id<Session>) -> Result<OpenSession> {
        let state = &*self.lock();
        state.conversations.session_open(id, &state.auth)
    }

    async fn session_list(&self, query: &SessionQuery, page: PageRequest) -> Result<Page<Session>> {
        self.lock().conversations.session_list(query, &page)
    }

    async fn session_update(
        &self,
        id: Id<Session>,
        expected: Revision,
        change: SessionChange,
        now: Timestamp,
    ) -> Result<Session> {
        refusal::deep_maps(operation::SESSION_UPDATE, change.maps())?;
        let directory = change.working_dir.as_ref().and_then(Option::as_deref);
        refusal::nul_in_directory(operation::SESSION_UPDATE, directory)?;
        let state = &mut *self.lock();
        state.conversations.session_update(id, expected, change, now, &state.auth, &state.items)
    }

    async fn session_delete(&self, id: Id<Session>) -> Result<()> {
        self.lock().conversations.session_delete(id)
    }

    async fn thread_fork(&self, fork: NewFork) -> Result<Thread> {
        self.lock().conversations.thread_fork(fork)
    }

    async fn thread_edit(&self, edit: NewEdit) -> Result<(Thread, ChatEntry)> {
        self.lock().conversations.thread_edit(edit)
    }

    async fn thread_get(&self, id: Id<Thread>) -> Result<Thread> {
        self.lock().conversations.thread_get(id)
    }

    async fn thread_list(&self, session: Id<Session>) -> Result<Vec<Thread>> {
        self.lock().conversations.thread_list(session)
    }

    async fn thread_label(
        &self,
        id: Id<Thread>,
        label: Option<ThreadLabel>,
        now: Timestamp,
    ) -> Result<Thread> {
        self.lock().conversations.thread_label(id, label, now)
    }

    async fn thread_delete(&self, id: Id<Thread>) -> Result<()> {
        self.lock().conversations.thread_delete(id)
    }

    async fn entry_append(&self, head: ThreadHead, entry: NewChatEntry) -> Result<ChatEntry> {
        self.lock().conversations.entry_append(head, entry)
    }

    async fn entry_begin(&self, head: ThreadHead, entry: NewStreamedEntry) -> Result<ChatEntry> {
        self.lock().conversations.entry_begin(head, entry)
    }

    async fn entry_extend(
        &self,
        id: Id<ChatEntry>,
        writer: WriterLease,
        seq: JournalSeq,
        data: &str,
    ) -> Result<()> {
        self.lock().conversations.entry_extend(id, writer, seq, data)
    }

    async fn entry_finish(&self, id: Id<ChatEntry>, writer: HolderId, end: EntryEnd) -> Result<ChatEntry> {
        self.lock().conversations.entry_finish(id, writer, end)
    }

    async fn entry_journal(&self, id: Id<ChatEntry>) -> Result<Vec<JournalChunk>> {
        self.lock().conversations.entry_journal(id)
    }

    async fn entry_recover(
        &self,
        session: Option<Id<Session>>,
        now: Timestamp,
        limit: PageLimit,
    ) -> Result<Vec<ChatEntry>> {
        Ok(self.lock().conversations.entry_recover(session, now, limit))
    }

    async fn entry_get(&self, id: Id<ChatEntry>) -> Result<ChatEntry> {
        self.lock().conversations.entry_get(id)
    }

    async fn entry_page(
        &self,
        thread: Id<Thread>,
        direction: Direction,
        page: PageRequest,
    ) -> Result<Page<ChatEntry>> {
        self.lock().conversations.entry_page(thread, direction, &page)
    }

    async fn entry_delete(&self, head: ThreadHead) -> Result<()> {
        self.lock().conversations.entry_delete(head)
    }

    async fn lineage(&self, thread: Id<Thread>, range: LineageRange) -> Result<Lineage> {
        self.lock().conversations.lineage(thread, range)
    }

    async fn chunk_mark(
        &self,
        thread: Id<Thread>,
        chunk: ChunkRef,
        state: ChunkState,
        now: Timestamp,
    ) -> Result<()> {
        self.lock().conversations.chunk_mark(thread, chunk, state, now)
    }
}
