//! A store over the one in memory that lies in one respect.
//!
//! Each fault is one that a store over a database could well have. They are planted in the answers, so that each shows.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use maestro_core::{
    Error, ErrorKind, Id, Result, auth::*, conversations::*, page::*, revision::Revision,
    supplied_context::*, time::Timestamp,
};
use maestro_store_memory::MemoryStore;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Sessions that were used at the same moment come with the smallest id first.
    OrderOfEqualTimes,
    /// A mark on an entry that a thread inherits is not kept.
    LostMark,
    /// An edit of an edit has the version of the first.
    EditVersionNotCounted,
    /// A page of entries ends one early, and the next begins behind what is missing.
    PageOneShort,
    /// A lease is still live at its very end.
    LeaseAtItsEnd,
    /// What is deleted from the end of a thread stays the latest entry of its session.
    LatestNotMovedBack,
    /// A search looks for lower case and leaves accents as they are.
    AccentsNotFolded,
    /// The total counts what comes behind the cursor.
    TotalOfTheRest,
    /// A new text does not make a version when the item is renamed with it.
    VersionNotCounted,
    /// A recovered entry keeps its time.
    RecoveredInThePast,
    /// A refusal has the right kind and other words.
    OtherWords,
}

impl Fault {
    pub(crate) const ALL: [Self; 11] = [
        Self::OrderOfEqualTimes,
        Self::LostMark,
        Self::EditVersionNotCounted,
        Self::PageOneShort,
        Self::LeaseAtItsEnd,
        Self::LatestNotMovedBack,
        Self::AccentsNotFolded,
        Self::TotalOfTheRest,
        Self::VersionNotCounted,
        Self::RecoveredInThePast,
        Self::OtherWords,
    ];
}

/// A store with one fault.
pub(crate) struct Faulty {
    inner: MemoryStore,
    fault: Fault,
    /// The entry of each session that was deleted last.
    deleted: Mutex<BTreeMap<Id<Session>, Id<ChatEntry>>>,
}

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { inner: MemoryStore::new(), fault, deleted: Mutex::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn entry(&self, mut entry: ChatEntry) -> ChatEntry {
        if self.has(Fault::EditVersionNotCounted) {
            entry.edit_version = entry.edit_version.min(2);
        }
        if self.has(Fault::RecoveredInThePast) && entry.state == EntryState::Interrupted {
            entry.updated_at = entry.inserted_at;
        }
        entry
    }

    fn session(&self, mut session: Session) -> Session {
        let deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner).get(&session.id).copied();
        if self.has(Fault::LatestNotMovedBack) && deleted.is_some() {
            session.latest_chat_entry_id = deleted;
        }
        session
    }

    fn entries(&self, entries: Vec<ChatEntry>) -> Vec<ChatEntry> {
        entries.into_iter().map(|entry| self.entry(entry)).collect()
    }
}

#[async_trait]
impl Auth for Faulty {
    async fn auth_create(&self, new: NewAuthentication) -> Result<SavedAuthentication> {
        self.inner.auth_create(new).await
    }
    async fn auth_get(&self, id: Id<SavedAuthentication>) -> Result<SavedAuthentication> {
        self.inner.auth_get(id).await
    }
    async fn auth_find(&self, reference: &AuthRef) -> Result<SavedAuthentication> {
        self.inner.auth_find(reference).await
    }
    async fn auth_list(&self, query: &AuthQuery, page: PageRequest) -> Result<Page<SavedAuthentication>> {
        self.inner.auth_list(query, page).await
    }
    async fn auth_update(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        change: AuthChange,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        let updated = self.inner.auth_update(id, expected, change, now).await;
        match updated {
            Err(error) if self.has(Fault::OtherWords) && error.kind() == ErrorKind::Stale => {
                Err(Error::new(error.kind(), error.operation()).on(id).because("somebody else was quicker"))
            }
            updated => updated,
        }
    }
    async fn auth_delete(&self, id: Id<SavedAuthentication>) -> Result<()> {
        self.inner.auth_delete(id).await
    }
    async fn auth_lease(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        holder: HolderId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        let early = if self.has(Fault::LeaseAtItsEnd) { Duration::from_micros(1) } else { Duration::ZERO };
        self.inner.auth_lease(id, expected, holder, until, now.saturating_sub(early)).await
    }
    async fn auth_release(&self, id: Id<SavedAuthentication>, holder: HolderId) -> Result<()> {
        self.inner.auth_release(id, holder).await
    }
    async fn auth_due(&self, before: Timestamp, limit: PageLimit) -> Result<Vec<SavedAuthentication>> {
        self.inner.auth_due(before, limit).await
    }
}

#[async_trait]
impl Conversations for Faulty {
    async fn session_create(&self, new: NewSession) -> Result<Session> {
        self.inner.session_create(new).await
    }
    async fn session_get(&self, id: Id<Session>) -> Result<Session> {
        self.inner.session_get(id).await.map(|session| self.session(session))
    }
    async fn session_open(&self, id: Id<Session>) -> Result<OpenSession> {
        self.inner.session_open(id).await
    }
    async fn session_list(&self, query: &SessionQuery, page: PageRequest) -> Result<Page<Session>> {
        let mut page = self.inner.session_list(query, page).await?;
        if self.has(Fault::OrderOfEqualTimes) {
            page.items.sort_by_key(|session| (std::cmp::Reverse(session.last_used_at), session.id));
        }
        Ok(page)
    }
    async fn session_update(
        &self,
        id: Id<Session>,
        expected: Revision,
        change: SessionChange,
        now: Timestamp,
    ) -> Result<Session> {
        self.inner.session_update(id, expected, change, now).await
    }
    async fn session_delete(&self, id: Id<Session>) -> Result<()> {
        self.inner.session_delete(id).await
    }
    async fn thread_fork(&self, fork: NewFork) -> Result<Thread> {
        self.inner.thread_fork(fork).await
    }
    async fn thread_edit(&self, edit: NewEdit) -> Result<(Thread, ChatEntry)> {
        let (thread, entry) = self.inner.thread_edit(edit).await?;
        Ok((thread, self.entry(entry)))
    }
    async fn thread_get(&self, id: Id<Thread>) -> Result<Thread> {
        self.inner.thread_get(id).await
    }
    async fn thread_list(&self, session: Id<Session>) -> Result<Vec<Thread>> {
        self.inner.thread_list(session).await
    }
    async fn thread_label(
        &self,
        id: Id<Thread>,
        label: Option<ThreadLabel>,
        now: Timestamp,
    ) -> Result<Thread> {
        self.inner.thread_label(id, label, now).await
    }
    async fn thread_delete(&self, id: Id<Thread>) -> Result<()> {
        self.inner.thread_delete(id).await
    }
    async fn entry_append(&self, head: ThreadHead, entry: NewChatEntry) -> Result<ChatEntry> {
        self.inner.entry_append(head, entry).await.map(|entry| self.entry(entry))
    }
    async fn entry_begin(&self, head: ThreadHead, entry: NewStreamedEntry) -> Result<ChatEntry> {
        self.inner.entry_begin(head, entry).await.map(|entry| self.entry(entry))
    }
    async fn entry_extend(
        &self,
        id: Id<ChatEntry>,
        writer: WriterLease,
        seq: JournalSeq,
        data: &str,
    ) -> Result<()> {
        self.inner.entry_extend(id, writer, seq, data).await
    }
    async fn entry_finish(&self, id: Id<ChatEntry>, writer: HolderId, end: EntryEnd) -> Result<ChatEntry> {
        self.inner.entry_finish(id, writer, end).await
    }
    async fn entry_journal(&self, id: Id<ChatEntry>) -> Result<Vec<JournalChunk>> {
        self.inner.entry_journal(id).await
    }
    async fn entry_recover(
        &self,
        session: Option<Id<Session>>,
        now: Timestamp,
        limit: PageLimit,
    ) -> Result<Vec<ChatEntry>> {
        self.inner.entry_recover(session, now, limit).await.map(|entries| self.entries(entries))
    }
    async fn entry_get(&self, id: Id<ChatEntry>) -> Result<ChatEntry> {
        self.inner.entry_get(id).await.map(|entry| self.entry(entry))
    }
    async fn entry_page(
        &self,
        thread: Id<Thread>,
        direction: Direction,
        page: PageRequest,
    ) -> Result<Page<ChatEntry>> {
        let (asked, counted) = (page.after.clone(), page.total);
        let mut page = self.inner.entry_page(thread, direction, page).await?;
        if self.has(Fault::PageOneShort) && page.next.is_some() && page.items.len() > 1 {
            page.items.pop();
        }
        if self.has(Fault::TotalOfTheRest) && asked.is_some() && counted == Total::Count {
            page.total = Some(page.items.len() as u64);
        }
        page.items = self.entries(page.items);
        Ok(page)
    }
    async fn entry_delete(&self, head: ThreadHead) -> Result<()> {
        let session = self.inner.thread_get(head.thread_id).await.map(|thread| thread.session_id);
        self.inner.entry_delete(head).await?;
        if let (Ok(session), Some(entry)) = (session, head.entry_id) {
            self.deleted.lock().unwrap_or_else(PoisonError::into_inner).insert(session, entry);
        }
        Ok(())
    }
    async fn lineage(&self, thread: Id<Thread>, range: LineageRange) -> Result<Lineage> {
        let mut lineage = self.inner.lineage(thread, range).await?;
        lineage.entries = self.entries(lineage.entries);
        Ok(lineage)
    }
    async fn chunk_mark(
        &self,
        thread: Id<Thread>,
        chunk: ChunkRef,
        state: ChunkState,
        now: Timestamp,
    ) -> Result<()> {
        let entry = self.inner.entry_get(chunk.entry_id).await;
        let there = self.inner.thread_get(thread).await.is_ok();
        let inherited = there && entry.is_ok_and(|entry| entry.thread_id != thread);
        if self.has(Fault::LostMark) && inherited {
            return Ok(());
        }
        self.inner.chunk_mark(thread, chunk, state, now).await
    }
}

#[async_trait]
impl SuppliedContext for Faulty {
    async fn item_create(&self, new: NewItem) -> Result<Item> {
        self.inner.item_create(new).await
    }
    async fn item_get(&self, id: Id<Item>) -> Result<Item> {
        self.inner.item_get(id).await
    }
    async fn item_search(&self, query: &ItemQuery, page: PageRequest) -> Result<Page<Item>> {
        let mut found = self.inner.item_search(query, page).await?;
        if self.has(Fault::AccentsNotFolded) {
            let wanted = query.text.to_lowercase();
            found.items.retain(|item| {
                wanted.split_whitespace().all(|word| item.text.as_str().to_lowercase().contains(word))
            });
        }
        Ok(found)
    }
    async fn item_update(
        &self,
        id: Id<Item>,
        expected: Revision,
        change: ItemChange,
        now: Timestamp,
    ) -> Result<Item> {
        let renamed = change.name.is_some() && change.text.is_some();
        let mut item = self.inner.item_update(id, expected, change, now).await?;
        if self.has(Fault::VersionNotCounted) && renamed {
            item.version = ItemVersionNumber::FIRST;
        }
        Ok(item)
    }
    async fn item_versions(&self, id: Id<Item>) -> Result<Vec<ItemVersion>> {
        self.inner.item_versions(id).await
    }
    async fn item_delete_many(&self, ids: &[Id<Item>]) -> Result<u64> {
        self.inner.item_delete_many(ids).await
    }
}
