//! Conversations: sessions, threads that fork without copying, and entries that survive a crash.
//!
//! A [`Session`] has threads; a [`Thread`] is a line of [`ChatEntry`]s that may continue from an entry of another
//! thread. Entries are append-only. The conversation of a thread is its *lineage*: the entries of its ancestors up to
//! each fork, then its own. A turn index counts along the lineage, so it goes on across a fork.

mod chat_entry;
mod chunk;
mod lineage;
mod session;
mod store;
mod thread;

pub use chat_entry::{
    ChatEntry, EntryContent, EntryEnd, EntryProblem, EntryState, JournalChunk, JournalSeq, NewChatEntry,
    NewStreamedEntry, TurnIndex, WriterLease,
};
pub use chunk::{ChunkRef, ChunkState, ContextChunk};
pub use lineage::{Lineage, LineageRange};
pub use session::{ItemUse, NewSession, OpenSession, Session, SessionChange, SessionName, SessionQuery};
pub use store::{Conversations, ConversationsExt};
pub use thread::{NewEdit, NewFork, Thread, ThreadHead, ThreadLabel};
