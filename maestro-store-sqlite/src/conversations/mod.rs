//! Conversations: each method of the trait is one job, whose work is found in the file of what it is about.

mod chunks;
mod entries;
mod journal;
mod lineage;
pub(crate) mod records;
mod sessions;
mod threads;

use std::{mem, sync::Arc};

use async_trait::async_trait;
use maestro_core::{
    Id, Result,
    auth::HolderId,
    conversations::{
        ChatEntry, ChunkRef, ChunkState, Conversations, EntryEnd, EntryState, JournalChunk, JournalSeq,
        Lineage, LineageRange, NewChatEntry, NewEdit, NewFork, NewSession, NewStreamedEntry, OpenSession,
        Session, SessionChange, SessionQuery, Thread, ThreadHead, ThreadLabel, WriterLease,
    },
    page::{Cursor, Direction, Page, PageLimit, PageRequest},
    refusal::{self, operation},
    revision::Revision,
    time::Timestamp,
};

use rusqlite::Connection;

use crate::{SqliteStore, pool::Durability};

#[async_trait]
impl Conversations for SqliteStore {
    async fn session_create(&self, new: NewSession) -> Result<Session> {
        refusal::deep_maps(operation::SESSION_CREATE, new.maps())?;
        refusal::nul_in_directory(operation::SESSION_CREATE, new.working_dir.as_deref())?;
        self.write(operation::SESSION_CREATE, move |tx| sessions::create(tx, &new)).await
    }

    async fn session_get(&self, id: Id<Session>) -> Result<Session> {
        self.read(operation::SESSION_GET, move |tx| {
            let (_, session) = sessions::get(tx, operation::SESSION_GET, id)?;
            Ok(session)
        })
        .await
    }

    async fn session_open(&self, id: Id<Session>) -> Result<OpenSession> {
        self.read(operation::SESSION_OPEN, move |tx| sessions::open(tx, id)).await
    }

    async fn session_list(&self, query: &SessionQuery, page: PageRequest) -> Result<Page<Session>> {
        let before = match &page.after {
            Some(cursor) => Some((cursor.number()?, cursor.id())),
            None => None,
        };
        let query = query.clone();
        self.read("list sessions", move |tx| sessions::list(tx, &query, &page, before)).await
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
        self.write(operation::SESSION_UPDATE, move |tx| sessions::update(tx, id, expected, &change, now))
            .await
    }

    async fn session_delete(&self, id: Id<Session>) -> Result<()> {
        self.write(operation::SESSION_DELETE, move |tx| sessions::delete(tx, id)).await
    }

    async fn thread_fork(&self, fork: NewFork) -> Result<Thread> {
        self.write(operation::THREAD_FORK, move |tx| threads::fork(tx, &fork)).await
    }

    async fn thread_edit(&self, edit: NewEdit) -> Result<(Thread, ChatEntry)> {
        if edit.entry.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::THREAD_EDIT));
        }
        self.write(operation::THREAD_EDIT, move |tx| threads::edit(tx, &edit)).await
    }

    async fn thread_get(&self, id: Id<Thread>) -> Result<Thread> {
        self.read(operation::THREAD_GET, move |tx| Ok(threads::get(tx, operation::THREAD_GET, id)?.thread))
            .await
    }

    async fn thread_list(&self, session: Id<Session>) -> Result<Vec<Thread>> {
        self.read(operation::THREAD_LIST, move |tx| threads::list(tx, session)).await
    }

    async fn thread_label(
        &self,
        id: Id<Thread>,
        label: Option<ThreadLabel>,
        now: Timestamp,
    ) -> Result<Thread> {
        self.write(operation::THREAD_LABEL, move |tx| threads::label(tx, id, label.as_ref(), now)).await
    }

    async fn thread_delete(&self, id: Id<Thread>) -> Result<()> {
        self.write(operation::THREAD_DELETE, move |tx| threads::delete(tx, id)).await
    }

    async fn entry_append(&self, head: ThreadHead, mut entry: NewChatEntry) -> Result<ChatEntry> {
        if entry.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::ENTRY_APPEND));
        }
        // Written as JSON here, and the content kept here, so that the one thread that writes need not do or copy it.
        let body = entry.content.to_json()?;
        let content = mem::take(&mut entry.content);
        let append = move |tx: &Connection| entries::append(tx, head, &entry, &body);
        let written = self.write(operation::ENTRY_APPEND, append).await?;
        Ok(ChatEntry { content, ..written })
    }

    async fn entry_begin(&self, head: ThreadHead, mut entry: NewStreamedEntry) -> Result<ChatEntry> {
        let body = entry.content.to_json()?;
        let content = mem::take(&mut entry.content);
        let writers = Arc::clone(&self.inner.writers);
        let begin = move |tx: &Connection| journal::begin(tx, &writers, head, &entry, &body);
        let written = self.write(operation::ENTRY_BEGIN, begin).await?;
        Ok(ChatEntry { content, ..written })
    }

    async fn entry_extend(
        &self,
        id: Id<ChatEntry>,
        writer: WriterLease,
        seq: JournalSeq,
        data: &str,
    ) -> Result<()> {
        let data = data.to_owned();
        let extend = move |tx: &Connection| journal::extend(tx, id, writer, seq, &data);
        self.write_as(Durability::Program, operation::ENTRY_EXTEND, extend).await
    }

    async fn entry_finish(
        &self,
        id: Id<ChatEntry>,
        writer: HolderId,
        mut end: EntryEnd,
    ) -> Result<ChatEntry> {
        if end.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::ENTRY_FINISH));
        }
        let body = end.content.to_json()?;
        let content = mem::take(&mut end.content);
        let finish = move |tx: &Connection| journal::finish(tx, id, writer, &end, &body);
        let written = self.write(operation::ENTRY_FINISH, finish).await?;
        Ok(ChatEntry { content, ..written })
    }

    async fn entry_journal(&self, id: Id<ChatEntry>) -> Result<Vec<JournalChunk>> {
        self.read(operation::ENTRY_JOURNAL, move |tx| journal::read(tx, id)).await
    }

    async fn entry_recover(
        &self,
        session: Option<Id<Session>>,
        now: Timestamp,
        limit: PageLimit,
    ) -> Result<Vec<ChatEntry>> {
        let recover = "recover entries";
        let writers = Arc::clone(&self.inner.writers);
        // Nearly always there is nothing to do, which one look tells without keeping others from writing.
        let looked = Arc::clone(&writers);
        let any = self.read(recover, move |tx| {
            let any = journal::any_streaming(tx)?;
            if !any {
                // Who died before its entry was written has left a lock all the same.
                looked.sweep();
            }
            Ok(any)
        });
        if !any.await? {
            return Ok(Vec::new());
        }
        self.write(recover, move |tx| journal::recover(tx, &writers, session, now, limit)).await
    }

    async fn entry_get(&self, id: Id<ChatEntry>) -> Result<ChatEntry> {
        self.read(operation::ENTRY_GET, move |tx| Ok(entries::get(tx, operation::ENTRY_GET, id)?.entry)).await
    }

    async fn entry_page(
        &self,
        thread: Id<Thread>,
        direction: Direction,
        page: PageRequest,
    ) -> Result<Page<ChatEntry>> {
        let after = page.after.as_ref().map(Cursor::number).transpose()?;
        self.read(operation::ENTRY_PAGE, move |tx| lineage::page(tx, thread, direction, &page, after)).await
    }

    async fn entry_delete(&self, head: ThreadHead) -> Result<()> {
        self.write(operation::ENTRY_DELETE, move |tx| entries::delete(tx, head)).await
    }

    async fn lineage(&self, thread: Id<Thread>, range: LineageRange) -> Result<Lineage> {
        self.read(operation::LINEAGE, move |tx| lineage::read(tx, thread, range)).await
    }

    async fn chunk_mark(
        &self,
        thread: Id<Thread>,
        chunk: ChunkRef,
        state: ChunkState,
        now: Timestamp,
    ) -> Result<()> {
        self.write(operation::CHUNK_MARK, move |tx| chunks::mark(tx, thread, chunk, state, now)).await
    }
}
