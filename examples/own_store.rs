//! A store of one's own: a wrapper that counts what is asked of the store within. It keeps every promise of the context
//! traits, and random programs cannot tell it from the store in memory: `cargo test --example own_store`.
//!
//! `cargo run --example own_store`

#![expect(clippy::wildcard_imports, reason = "a wrapper names nearly every type of the contexts")]

use std::{
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use maestro::{
    Id, MemoryStore, Result,
    core::{auth::*, conversations::*, page::*, revision::Revision, supplied_context::*, time::Timestamp},
};

#[derive(Default)]
struct Counting {
    inner: MemoryStore,
    calls: AtomicU64,
}

/// Implements a context by counting each call and handing it on. A store that does more writes its methods out.
macro_rules! count {
    ($context:ident { $($method:ident($($arg:ident: $type:ty),*) -> $output:ty;)* }) => {
        #[async_trait]
        impl $context for Counting {
            $(async fn $method(&self, $($arg: $type),*) -> Result<$output> {
                self.calls.fetch_add(1, Ordering::Relaxed);
                self.inner.$method($($arg),*).await
            })*
        }
    };
}

count! { Auth {
    auth_create(new: NewAuthentication) -> SavedAuthentication;
    auth_get(id: Id<SavedAuthentication>) -> SavedAuthentication;
    auth_find(reference: &AuthRef) -> SavedAuthentication;
    auth_list(query: &AuthQuery, page: PageRequest) -> Page<SavedAuthentication>;
    auth_update(id: Id<SavedAuthentication>, expected: Revision, change: AuthChange, now: Timestamp) -> SavedAuthentication;
    auth_delete(id: Id<SavedAuthentication>) -> ();
    auth_lease(id: Id<SavedAuthentication>, expected: Revision, holder: HolderId, until: Timestamp, now: Timestamp) -> SavedAuthentication;
    auth_release(id: Id<SavedAuthentication>, holder: HolderId) -> ();
    auth_due(before: Timestamp, limit: PageLimit) -> Vec<SavedAuthentication>;
} }

count! { Conversations {
    session_create(new: NewSession) -> Session;
    session_get(id: Id<Session>) -> Session;
    session_open(id: Id<Session>) -> OpenSession;
    session_list(query: &SessionQuery, page: PageRequest) -> Page<Session>;
    session_update(id: Id<Session>, expected: Revision, change: SessionChange, now: Timestamp) -> Session;
    session_delete(id: Id<Session>) -> ();
    thread_fork(fork: NewFork) -> Thread;
    thread_edit(edit: NewEdit) -> (Thread, ChatEntry);
    thread_get(id: Id<Thread>) -> Thread;
    thread_list(session: Id<Session>) -> Vec<Thread>;
    thread_label(id: Id<Thread>, label: Option<ThreadLabel>, now: Timestamp) -> Thread;
    thread_delete(id: Id<Thread>) -> ();
    entry_append(head: ThreadHead, entry: NewChatEntry) -> ChatEntry;
    entry_begin(head: ThreadHead, entry: NewStreamedEntry) -> ChatEntry;
    entry_extend(id: Id<ChatEntry>, writer: WriterLease, seq: JournalSeq, data: &str) -> ();
    entry_finish(id: Id<ChatEntry>, writer: HolderId, end: EntryEnd) -> ChatEntry;
    entry_journal(id: Id<ChatEntry>) -> Vec<JournalChunk>;
    entry_recover(session: Option<Id<Session>>, now: Timestamp, limit: PageLimit) -> Vec<ChatEntry>;
    entry_get(id: Id<ChatEntry>) -> ChatEntry;
    entry_page(thread: Id<Thread>, direction: Direction, page: PageRequest) -> Page<ChatEntry>;
    entry_delete(head: ThreadHead) -> ();
    lineage(thread: Id<Thread>, range: LineageRange) -> Lineage;
    chunk_mark(thread: Id<Thread>, chunk: ChunkRef, state: ChunkState, now: Timestamp) -> ();
} }

count! { SuppliedContext {
    item_create(new: NewItem) -> Item;
    item_get(id: Id<Item>) -> Item;
    item_search(query: &ItemQuery, page: PageRequest) -> Page<Item>;
    item_update(id: Id<Item>, expected: Revision, change: ItemChange, now: Timestamp) -> Item;
    item_versions(id: Id<Item>) -> Vec<ItemVersion>;
    item_delete_many(ids: &[Id<Item>]) -> u64;
} }

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Counting::default();
    // Promises can be run by hand as well.
    maestro_testkit::suite::promises::a_lineage_goes_through_a_hundred_forks(&store).await;
    writeln!(std::io::stdout(), "the promise took {} calls", store.calls.load(Ordering::Relaxed))?;
    Ok(())
}

#[cfg(test)]
mod conformance {
    use std::sync::Arc;

    use maestro::{MemoryStore, Store};

    async fn fresh() -> (Arc<dyn Store>, ()) {
        (Arc::new(super::Counting::default()), ())
    }

    async fn reference() -> (Arc<dyn Store>, ()) {
        (Arc::new(MemoryStore::new()), ())
    }

    maestro_testkit::store_suite!(fresh);
    maestro_testkit::store_model!(reference, fresh);
    maestro_testkit::store_processes!(ignore = "it is in the memory of one program");
}
