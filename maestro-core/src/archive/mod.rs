//! The archive: everything that a store holds as whole records, to move it, compare it, count it and check it.
//!
//! The context traits are how programs use a store; they never show a row as it lies there, and never write one with a
//! revision or a time of its own. Moving a store needs just that, so it has a contract beside theirs. A [`Record`] is
//! the unit in which data moves: an authentication, an item with all its texts, or a session with its threads, entries,
//! journals and marks. What belongs together is read at one moment and written in one step, so a copy that is killed
//! leaves whole records and no half ones.
//!
//! Every record has one [canonical form](canonical) as lines of JSON. It is what files hold, and what content hashes
//! are made over, so two stores hold the same when their hashes say so.

pub mod canonical;
#[cfg(test)]
mod fixture;
mod hash;
mod order;
mod record;
mod store;
mod validate;

pub use hash::{ContentHash, ContentHasher};
pub use record::{
    EntryRecord, ItemRecord, MarkRecord, Record, RecordKey, RecordKind, SessionRecord, ThreadRecord,
};
pub use store::{Archive, Restored, StoreStats, TableStats, Violation};
