//! The model test can fail: stores with one fault each are found out, and what is told of them is short.
//!
//! Each fault is one that a store over a database could well have. They are planted in the answers, so that each lies.

#![expect(clippy::wildcard_imports, reason = "a wrapper names nearly every type of the contexts")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use maestro_core::{
    Error, Id, Result, Store, auth::*, conversations::*, page::*, revision::Revision, supplied_context::*,
    time::Timestamp,
};
use maestro_store_memory::MemoryStore;
use maestro_testkit::model::{Difference, coverage, find_difference};

/// How many programs a fault may take to be found.
const CASES: u32 = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
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
    const ALL: [Self; 11] = [
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

struct Faulty {
    inner: MemoryStore,
    fault: Fault,
    /// The entry of each session that was deleted last.
    deleted: Mutex<BTreeMap<Id<Session>, Id<ChatEntry>>>,
}

impl Faulty {
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
        let deleted = self.deleted.lock().unwrap().get(&session.id).copied();
        if self.has(Fault::LatestNotMovedBack) && deleted.is_some() {
            session.latest_chat_entry_id = deleted;
        }
        session
    }

    fn entries(&self, entries: Vec<ChatEntry>) -> Vec<ChatEntry> {
        entries.into_iter().map(|entry| self.entry(entry)).collect()
    }
}

async fn healthy() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

fn found(fault: Fault) -> Option<Difference> {
    find_difference(CASES, healthy, async || {
        let store: Arc<dyn Store> =
            Arc::new(Faulty { inner: MemoryStore::new(), fault, deleted: Mutex::default() });
        (store, ())
    })
}

#[test]
fn every_planted_fault_is_found_and_shrunk_to_a_few_calls() {
    for fault in Fault::ALL {
        let difference =
            found(fault).unwrap_or_else(|| panic!("{fault:?} was not found in {CASES} programs"));
        assert!(difference.calls <= 7, "{fault:?} took {} calls:\n{difference}", difference.calls);
        println!("{fault:?}\n{}\n", difference.program);
    }
}

#[test]
fn what_is_told_of_a_difference_reads_like_a_program() {
    let difference = found(Fault::LostMark).unwrap();
    let lines: Vec<_> = difference.program.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("session_create(session: s"), "{difference}");
    assert!(lines.iter().any(|line| line.starts_with("chunk_mark(thread: t")), "{difference}");
    assert!(
        difference.what.contains("reference: ") && difference.what.contains("candidate: "),
        "{difference}"
    );
    assert!(!difference.to_string().contains("-0000-"), "an id is not shortened: {difference}");
}

#[test]
fn a_store_that_is_right_is_not_told_from_itself() {
    assert_eq!(find_difference(CASES, healthy, healthy), None);
}

/// What a method promises to refuse, the draws must come to.
#[test]
fn programs_come_to_every_success_and_every_refusal() {
    let counted: BTreeMap<_, _> = coverage(3_000, healthy);
    let refusals: &[(&[&str], &[&str])] = &[
        (
            &[
                "auth_get",
                "auth_find",
                "auth_delete",
                "auth_release",
                "session_get",
                "session_open",
                "session_delete",
            ],
            &["not_found"],
        ),
        (&["auth_create"], &["conflict"]),
        (&["auth_update"], &["not_found", "stale", "conflict"]),
        (&["auth_lease"], &["not_found", "stale", "in_use"]),
        (&["session_create"], &["conflict", "not_found", "invalid"]),
        (&["session_update"], &["not_found", "stale", "invalid"]),
        (&["thread_fork"], &["not_found", "in_use", "conflict"]),
        (&["thread_edit"], &["not_found", "in_use", "conflict", "invalid"]),
        (
            &["thread_get", "thread_list", "thread_label", "entry_get", "entry_journal", "lineage"],
            &["not_found"],
        ),
        (&["thread_delete"], &["not_found", "in_use"]),
        (&["entry_append"], &["not_found", "stale", "in_use", "conflict", "invalid"]),
        (&["entry_begin"], &["not_found", "stale", "in_use", "conflict"]),
        (&["entry_extend"], &["not_found", "stale"]),
        (&["entry_finish"], &["not_found", "stale", "invalid"]),
        (&["entry_page", "chunk_mark", "item_get", "item_versions"], &["not_found"]),
        (&["entry_delete"], &["not_found", "stale", "in_use"]),
        (&["item_create"], &["conflict", "invalid"]),
        (&["item_search", "auth_list"], &["invalid"]),
        (&["item_update"], &["not_found", "stale", "conflict", "invalid"]),
        (&["item_delete_many"], &["in_use"]),
    ];
    for (method, outcomes) in &counted {
        assert!(
            outcomes.get("done").is_some_and(|done| *done >= 20),
            "{method} is hardly ever done: {outcomes:?}"
        );
    }
    for method in
        refusals.iter().flat_map(|(methods, kinds)| methods.iter().map(move |method| (method, kinds)))
    {
        let (method, kinds) = method;
        for kind in *kinds {
            let times = counted[method].get(kind).copied().unwrap_or_default();
            assert!(times >= 3, "{method} is hardly ever refused as {kind}: {:?}", counted[method]);
        }
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
            Err(error) if self.has(Fault::OtherWords) && error.kind() == maestro_core::ErrorKind::Stale => {
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
            self.deleted.lock().unwrap().insert(session, entry);
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
