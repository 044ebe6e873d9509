//! The contract of stores that can be moved, compared, counted and checked.

use std::fmt;

use async_trait::async_trait;

use super::{Record, RecordKey, RecordKind};
use crate::{error::Result, page::PageLimit, store::Store};

#[cfg(doc)]
use crate::error::ErrorKind;

/// A store whose records can be read and written as they lie there.
///
/// It has no default bodies. Any method may fail with [`Unavailable`](ErrorKind::Unavailable) and
/// [`Internal`](ErrorKind::Internal), as in the context traits.
#[async_trait]
pub trait Archive: Store {
    /// The keys of a kind that come behind `after`, or all, in the order of their ids' bytes; up to `limit` of them.
    ///
    /// [`Invalid`](ErrorKind::Invalid) when `after` is of another kind.
    async fn record_keys(
        &self,
        kind: RecordKind,
        after: Option<RecordKey>,
        limit: PageLimit,
    ) -> Result<Vec<RecordKey>>;

    /// The record with this key, read at one moment. [`NotFound`](ErrorKind::NotFound) when there is none.
    async fn record_get(&self, key: RecordKey) -> Result<Record>;

    /// Writes records as they are, all of them or, on an error, none. What they refer to must be there or come earlier
    /// among them. A record that is there already and equal is passed over, so a restore can be repeated; none is ever
    /// overwritten.
    ///
    /// [`Conflict`](ErrorKind::Conflict) when a record is there and differs, or its name or an id within it is taken by another;
    /// [`NotFound`](ErrorKind::NotFound) when it refers to something that is not there; [`Invalid`](ErrorKind::Invalid) when it
    /// contradicts itself (see [`Record::validate`]). Each names the record.
    async fn record_restore(&self, records: &[Record]) -> Result<Restored>;

    /// How much the store holds. Rows are counted, which takes as long as reading an index does.
    async fn stats(&self) -> Result<StoreStats>;

    /// Reads the whole store and tells what does not hold in it and no constraint can say: turn indexes without holes,
    /// heads, lineages, journals, versions, names. Nothing is told of a sound store. Others may write meanwhile.
    async fn check(&self) -> Result<Vec<Violation>>;
}

/// What a restore did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Records that were written.
    pub written: u64,
    /// Records that were there already, equal.
    pub present: u64,
}

/// How much a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// The version of its schema; 0 for a store that has none.
    pub schema_version: u32,
    /// Its tables, by name.
    pub tables: Vec<TableStats>,
    /// Entries of all sessions.
    pub entries: u64,
    /// Turns: entries whose actor is the user.
    pub turns: u64,
    /// Entries that are streaming, or were when their writer died.
    pub streaming: u64,
    /// Bytes on the disk, free pages included; absent for a store that is on none.
    pub bytes: Option<u64>,
}

/// How much a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStats {
    /// The table.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes with those of its indexes; absent for a store that is on no disk.
    pub bytes: Option<u64>,
}

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// What does not hold, as a sentence.
    pub rule: String,
    /// Where: the id of the row, or another name of it.
    pub row: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.row)
    }
}
