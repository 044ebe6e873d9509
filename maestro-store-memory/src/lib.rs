//! The reference store of Maestro: every context in memory, written to be read.
//!
//! What the context traits promise is said here in plain maps, without a database's ideas; the other stores are
//! compared with this one. It is deterministic: ids and times come from its callers, and nothing is left to the order
//! of a hash. It is also the fastest way to test what stands above a store.
//!
//! ```
//! use maestro_core::{conversations::{Conversations as _, NewSession, SessionName}, time::Timestamp};
//! use maestro_store_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> maestro_core::Result<()> {
//! let store = MemoryStore::new();
//! let session = store.session_create(NewSession::new(SessionName::new("first")?, Timestamp::from_micros(0))).await?;
//! assert_eq!(store.session_get(session.id).await?, session);
//! # Ok(())
//! # }
//! ```
//!
//! | file | context |
//! |---|---|
//! | `auth.rs` | saved authentications and their leases |
//! | `conversations/` | sessions, threads, entries, journals, lineages, chunk marks |
//! | `supplied_context.rs` | the library of personas and system prompts |
//! | `archive.rs` | whole records, counts, the check |

mod archive;
mod auth;
mod conversations;
mod supplied_context;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A store in memory. Clones share their contents; when the last one is dropped, everything is gone.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

/// Everything there is. Each method of a context trait is one method of it, called under one lock, and so atomic. A
/// method checks everything before it changes anything.
#[derive(Default)]
struct State {
    auth: auth::State,
    conversations: conversations::State,
    items: supplied_context::State,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No method leaves a change half done, so what a panic of another thread left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
