//! Conversations: each method of the trait is one job, whose work is found in the file of what it is about.
//!
//! Locks are taken in one order everywhere, so that nobody waits in a circle: threads by their number, then the session,
//! then entries. An append takes the thread first because its row decides ([`entries::append`]). Where a circle closes all
//! the same (a session is deleted while one of its threads is forked and written to), Postgres ends one of the jobs,
//! which is done again.

mod chunks;
mod entries;
mod journal;
mod lineage;
pub(crate) mod records;
mod sessions;
mod threads;

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

use crate::{
    PostgresStore,
    pool::{reading, transacting, writing},
};

#[async_trait]
impl Conversations for PostgresStore {
    async fn session_create(&self, new: NewSession) -> Result<Session> {
        refusal::deep_maps(operation::SESSION_CREATE, new.maps())?;
        refusal::nul_in_directory(operation::SESSION_CREATE, new.working_dir.as_deref())?;
        writing!(&*self.pool, operation::SESSION_CREATE, |db| sessions::create(db, &new).await, |db| {
            sessions::why_not_created(db, &new).await
        })
    }

    async fn session_get(&self, id: Id<Session>) -> Result<Session> {
        reading!(&*self.pool, operation::SESSION_GET, |db| {
            let (_, session) = sessions::get(db, operation::SESSION_GET, id).await?;
            Ok(session)
        })
    }

    async fn session_open(&self, id: Id<Session>) -> Result<OpenSession> {
        reading!(&*self.pool, operation::SESSION_OPEN, |db| sessions::open(db, id).await)
    }

    async fn session_list(&self, query: &SessionQuery, page: PageRequest) -> Result<Page<Session>> {
        let before = match &page.after {
            Some(cursor) => Some((cursor.number()?, cursor.id())),
            None => None,
        };
        reading!(&*self.pool, "list sessions", |db| sessions::list(db, query, &page, before).await)
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
        transacting!(
            &*self.pool,
            operation::SESSION_UPDATE,
            |db| sessions::update(db, id, expected, &change, now).await,
            |db| sessions::why_not_updated(db, id, &change).await
        )
    }

    async fn session_delete(&self, id: Id<Session>) -> Result<()> {
        transacting!(&*self.pool, operation::SESSION_DELETE, |db| sessions::delete(db, id).await, |_| Ok(
            None
        ))
    }

    async fn thread_fork(&self, fork: NewFork) -> Result<Thread> {
        writing!(&*self.pool, operation::THREAD_FORK, |db| threads::fork(db, &fork).await, |db| {
            threads::why_not_forked(db, &fork).await
        })
    }

    async fn thread_edit(&self, edit: NewEdit) -> Result<(Thread, ChatEntry)> {
        if edit.entry.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::THREAD_EDIT));
        }
        let body = edit.entry.content.to_json()?;
        let edited =
            writing!(&*self.pool, operation::THREAD_EDIT, |db| threads::edit(db, &edit, &body).await, |db| {
                threads::why_not_edited(db, &edit).await
            });
        let (thread, place) = edited?;
        Ok((thread, place.whole(edit.entry)))
    }

    async fn thread_get(&self, id: Id<Thread>) -> Result<Thread> {
        reading!(&*self.pool, operation::THREAD_GET, |db| {
            Ok(threads::get(db, operation::THREAD_GET, id).await?.thread)
        })
    }

    async fn thread_list(&self, session: Id<Session>) -> Result<Vec<Thread>> {
        reading!(&*self.pool, operation::THREAD_LIST, |db| threads::list(db, session).await)
    }

    async fn thread_label(
        &self,
        id: Id<Thread>,
        label: Option<ThreadLabel>,
        now: Timestamp,
    ) -> Result<Thread> {
        writing!(
            &*self.pool,
            operation::THREAD_LABEL,
            |db| threads::label(db, id, label.as_ref(), now).await,
            |_| Ok(Some(refusal::missing(operation::THREAD_LABEL, id)))
        )
    }

    async fn thread_delete(&self, id: Id<Thread>) -> Result<()> {
        transacting!(&*self.pool, operation::THREAD_DELETE, |db| threads::delete(db, id).await, |_| Ok(None))
    }

    async fn entry_append(&self, head: ThreadHead, entry: NewChatEntry) -> Result<ChatEntry> {
        if entry.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::ENTRY_APPEND));
        }
        let body = entry.content.to_json()?;
        let place = writing!(
            &*self.pool,
            operation::ENTRY_APPEND,
            |db| entries::append(db, head, &entry, &body).await,
            |db| entries::why_not_put(db, operation::ENTRY_APPEND, head, entry.id).await
        )?;
        Ok(place.whole(entry))
    }

    async fn entry_begin(&self, head: ThreadHead, entry: NewStreamedEntry) -> Result<ChatEntry> {
        let body = entry.content.to_json()?;
        let place = writing!(
            &*self.pool,
            operation::ENTRY_BEGIN,
            |db| entries::begin(db, head, &entry, &body).await,
            |db| entries::why_not_put(db, operation::ENTRY_BEGIN, head, entry.id).await
        )?;
        Ok(place.streamed(entry))
    }

    async fn entry_extend(
        &self,
        id: Id<ChatEntry>,
        writer: WriterLease,
        seq: JournalSeq,
        data: &str,
    ) -> Result<()> {
        writing!(
            &*self.pool,
            operation::ENTRY_EXTEND,
            |db| journal::extend(db, id, writer, seq, data).await,
            |db| journal::why_not_extended(db, id, writer.holder, seq).await
        )
    }

    async fn entry_finish(&self, id: Id<ChatEntry>, writer: HolderId, end: EntryEnd) -> Result<ChatEntry> {
        if end.state == EntryState::Streaming {
            return Err(refusal::streaming_state(operation::ENTRY_FINISH));
        }
        let body = end.content.to_json()?;
        let streamed = transacting!(
            &*self.pool,
            operation::ENTRY_FINISH,
            |db| journal::finish(db, id, writer, &end, &body).await,
            |db| journal::why_not_written(db, operation::ENTRY_FINISH, id, writer).await
        )?;
        Ok(streamed.ended(id, end))
    }

    async fn entry_journal(&self, id: Id<ChatEntry>) -> Result<Vec<JournalChunk>> {
        reading!(&*self.pool, operation::ENTRY_JOURNAL, |db| journal::read(db, id).await)
    }

    async fn entry_recover(
        &self,
        session: Option<Id<Session>>,
        now: Timestamp,
        limit: PageLimit,
    ) -> Result<Vec<ChatEntry>> {
        let recover = "recover entries";
        let abandoned =
            reading!(&*self.pool, recover, |db| journal::abandoned(db, session, now, limit).await)?;
        if abandoned.is_empty() {
            return Ok(Vec::new());
        }
        transacting!(&*self.pool, recover, |db| journal::recover(db, &abandoned, now).await, |_| Ok(None))
    }

    async fn entry_get(&self, id: Id<ChatEntry>) -> Result<ChatEntry> {
        reading!(&*self.pool, operation::ENTRY_GET, |db| entries::get(db, operation::ENTRY_GET, id).await)
    }

    async fn entry_page(
        &self,
        thread: Id<Thread>,
        direction: Direction,
        page: PageRequest,
    ) -> Result<Page<ChatEntry>> {
        let after = page.after.as_ref().map(Cursor::number).transpose()?;
        reading!(&*self.pool, operation::ENTRY_PAGE, |db| {
            lineage::page(db, thread, direction, &page, after).await
        })
    }

    async fn entry_delete(&self, head: ThreadHead) -> Result<()> {
        transacting!(&*self.pool, operation::ENTRY_DELETE, |db| entries::delete(db, head).await, |_| Ok(None))
    }

    async fn lineage(&self, thread: Id<Thread>, range: LineageRange) -> Result<Lineage> {
        reading!(&*self.pool, operation::LINEAGE, |db| lineage::read(db, thread, range).await)
    }

    async fn chunk_mark(
        &self,
        thread: Id<Thread>,
        chunk: ChunkRef,
        state: ChunkState,
        now: Timestamp,
    ) -> Result<()> {
        transacting!(
            &*self.pool,
            operation::CHUNK_MARK,
            |db| chunks::mark(db, thread, chunk, state, now).await,
            |_| Ok(None)
        )
    }
}
