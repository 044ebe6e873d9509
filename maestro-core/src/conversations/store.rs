//! The context trait of conversations.

use async_trait::async_trait;

use super::{
    ChatEntry, ChunkRef, ChunkState, EntryEnd, JournalChunk, JournalSeq, Lineage, LineageRange, NewChatEntry,
    NewEdit, NewFork, NewSession, NewStreamedEntry, OpenSession, Session, SessionChange, SessionQuery,
    Thread, ThreadHead, ThreadLabel, WriterLease,
};
use crate::{
    auth::HolderId,
    chat::Message,
    error::Result,
    id::Id,
    page::{Direction, Page, PageLimit, PageRequest},
    revision::Revision,
    time::Timestamp,
};

#[cfg(doc)]
use crate::error::ErrorKind;

/// The context *Conversations* (requirements M-C1 to M-C7).
///
/// It has no default bodies and takes only values that are valid already. Each method is atomic and durable when it
/// returns. Any method may fail with [`Unavailable`](ErrorKind::Unavailable) when the store cannot be reached and [`Internal`](ErrorKind::Internal) when what is
/// stored cannot be read; every other kind is told at its method. Of several, [`Invalid`](ErrorKind::Invalid) is told first, before
/// anything is looked up. Conveniences are in [`ConversationsExt`].
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Writes a new session at [`Revision::FIRST`], together with its first thread, which has no entries.
    ///
    /// [`Conflict`](ErrorKind::Conflict) when the id of the session or the thread is taken; [`NotFound`](ErrorKind::NotFound) when the authentication, or an item
    /// in that version, does not exist; [`Invalid`](ErrorKind::Invalid) when a map lies deeper than
    /// [`JSON_MAP_DEPTH`](crate::supplied_context::JSON_MAP_DEPTH), or the working directory holds a NUL.
    async fn session_create(&self, new: NewSession) -> Result<Session>;

    /// The session with this id. [`NotFound`](ErrorKind::NotFound) when there is none.
    async fn session_get(&self, id: Id<Session>) -> Result<Session>;

    /// The session with this id and its authentication, read at one moment.
    /// [`NotFound`](ErrorKind::NotFound) when there is no such session.
    async fn session_open(&self, id: Id<Session>) -> Result<OpenSession>;

    /// A page of the sessions that match: the last used first, the greatest id first among equals.
    async fn session_list(&self, query: &SessionQuery, page: PageRequest) -> Result<Page<Session>>;

    /// Changes the settings of a session that still has the revision `expected`, counts the revision up and returns it.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such session, authentication, or item in that version; [`Stale`](ErrorKind::Stale) when the session
    /// has moved on; [`Invalid`](ErrorKind::Invalid) as at [`session_create`](Self::session_create).
    async fn session_update(
        &self,
        id: Id<Session>,
        expected: Revision,
        change: SessionChange,
        now: Timestamp,
    ) -> Result<Session>;

    /// Removes a session with all its threads, entries, journals and marks. An entry that is streaming goes too; its
    /// writer is told [`NotFound`](ErrorKind::NotFound) at its next word.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such session.
    async fn session_delete(&self, id: Id<Session>) -> Result<()>;

    /// Makes a thread that goes on from an entry. It writes one small row, whatever the length of the conversation.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such entry, [`InUse`](ErrorKind::InUse) while the entry is streaming, [`Conflict`](ErrorKind::Conflict) when the thread's
    /// id is taken.
    async fn thread_fork(&self, fork: NewFork) -> Result<Thread>;

    /// Makes a thread that goes on from before an entry and begins with another one in its place, of the same turn
    /// index and with an `edit_version` that is one higher. The session's latest entry and last use move to it.
    ///
    /// Errors as at [`thread_fork`](Self::thread_fork) and [`entry_append`](Self::entry_append).
    async fn thread_edit(&self, edit: NewEdit) -> Result<(Thread, ChatEntry)>;

    /// The thread with this id. [`NotFound`](ErrorKind::NotFound) when there is none.
    async fn thread_get(&self, id: Id<Thread>) -> Result<Thread>;

    /// All threads of a session, in order of creation, then by id.
    /// [`NotFound`](ErrorKind::NotFound) when there is no such session.
    async fn thread_list(&self, session: Id<Session>) -> Result<Vec<Thread>>;

    /// Labels a thread, or takes its label away. [`NotFound`](ErrorKind::NotFound) when there is none.
    async fn thread_label(
        &self,
        id: Id<Thread>,
        label: Option<ThreadLabel>,
        now: Timestamp,
    ) -> Result<Thread>;

    /// Removes a thread with its own entries, their journals and its marks. If the session's latest entry goes with
    /// it, the latest is from then on the entry from which the thread went on; its last use stays.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is none, [`InUse`](ErrorKind::InUse) for the first thread of a session, for one from which others go on,
    /// and while an entry of it is streaming.
    async fn thread_delete(&self, id: Id<Thread>) -> Result<()>;

    /// Appends a whole entry behind `head`, at the next turn index, and moves the session's latest entry and last use
    /// to it, in one step.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such thread, [`Stale`](ErrorKind::Stale) when its head has moved (the text names both heads),
    /// [`InUse`](ErrorKind::InUse) while the head is streaming, [`Conflict`](ErrorKind::Conflict) when the id is taken, [`Invalid`](ErrorKind::Invalid) for the state `streaming`.
    async fn entry_append(&self, head: ThreadHead, entry: NewChatEntry) -> Result<ChatEntry>;

    /// Reserves the next turn index for an entry that will stream in, in state `streaming`, with an empty journal.
    ///
    /// Errors and effects as at [`entry_append`](Self::entry_append).
    async fn entry_begin(&self, head: ThreadHead, entry: NewStreamedEntry) -> Result<ChatEntry>;

    /// Adds a chunk to the journal of a streaming entry and renews its writer's lease. It appends one row and never
    /// rewrites one. The chunk survives the end of the program, however it ends; a store may sync it to the disk only
    /// with the end of the entry, so that a loss of power can cost it.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such entry; [`Stale`](ErrorKind::Stale) when it is not streaming, is written by another, or `seq` is
    /// not the next number.
    async fn entry_extend(
        &self,
        id: Id<ChatEntry>,
        writer: WriterLease,
        seq: JournalSeq,
        data: &str,
    ) -> Result<()>;

    /// Ends a streaming entry: writes its final content and state and drops its journal, in one step.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such entry, [`Stale`](ErrorKind::Stale) when it is not streaming or is written by another,
    /// [`Invalid`](ErrorKind::Invalid) for the state `streaming`.
    async fn entry_finish(&self, id: Id<ChatEntry>, writer: HolderId, end: EntryEnd) -> Result<ChatEntry>;

    /// The journal of an entry, in order; empty for one that is not streaming.
    /// [`NotFound`](ErrorKind::NotFound) when there is no such entry.
    async fn entry_journal(&self, id: Id<ChatEntry>) -> Result<Vec<JournalChunk>>;

    /// Ends streaming entries whose writer is gone as `interrupted`, with the parts that their journals give, and
    /// returns them, the oldest id first. A writer is gone when its lease is over at `now`, or earlier when the store
    /// can see that it is dead. With `session`, only entries of that one.
    async fn entry_recover(
        &self,
        session: Option<Id<Session>>,
        now: Timestamp,
        limit: PageLimit,
    ) -> Result<Vec<ChatEntry>>;

    /// The entry with this id. [`NotFound`](ErrorKind::NotFound) when there is none.
    async fn entry_get(&self, id: Id<ChatEntry>) -> Result<ChatEntry>;

    /// A page of the entries along a thread's lineage, by turn index from either end.
    /// [`NotFound`](ErrorKind::NotFound) when there is no such thread.
    async fn entry_page(
        &self,
        thread: Id<Thread>,
        direction: Direction,
        page: PageRequest,
    ) -> Result<Page<ChatEntry>>;

    /// Removes the entry `head` from the end of its thread. The head moves to the entry before it, and so does the
    /// session's latest entry if it was this one; its last use stays.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such thread; [`Stale`](ErrorKind::Stale) when its head has moved, or is not an entry of its own;
    /// [`InUse`](ErrorKind::InUse) when a thread goes on from it, or it is streaming.
    async fn entry_delete(&self, head: ThreadHead) -> Result<()>;

    /// The conversation of a thread: its ancestors' entries up to each fork, then its own, in one round trip.
    /// [`NotFound`](ErrorKind::NotFound) when there is no such thread.
    async fn lineage(&self, thread: Id<Thread>, range: LineageRange) -> Result<Lineage>;

    /// Marks a piece as sent or not sent, for a thread and the threads that go on from it. The nearest mark along the
    /// lineage decides; history stays as it is.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such thread, or no such entry in its lineage, or no
    /// such part in the entry.
    async fn chunk_mark(
        &self,
        thread: Id<Thread>,
        chunk: ChunkRef,
        state: ChunkState,
        now: Timestamp,
    ) -> Result<()>;
}

/// What callers want besides; implemented once, over every store.
#[async_trait]
pub trait ConversationsExt: Conversations {
    /// The whole canonical conversation up to and including an entry, along the lineage of the thread that owns it
    /// (requirement M-C4). [`NotFound`](ErrorKind::NotFound) when there is no such entry.
    async fn combined_chat(&self, entry: Id<ChatEntry>) -> Result<Vec<Message>> {
        let entry = self.entry_get(entry).await?;
        let lineage = self.lineage(entry.thread_id, LineageRange::UpTo(entry.turn_index)).await?;
        Ok(lineage.combined_chat())
    }

    /// The session that was last used, if there is one.
    async fn session_latest(&self, query: &SessionQuery) -> Result<Option<Session>> {
        let page = PageRequest::first(PageLimit::new(1)?);
        Ok(self.session_list(query, page).await?.items.into_iter().next())
    }
}

impl<T: Conversations + ?Sized> ConversationsExt for T {}
