//! Revisions: the version of a row that an update must name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How often a row has been written: 1 when it is created, one more with every update.
///
/// An update names the revision it saw; when the row has moved on, it is refused with
/// [`ErrorKind::Stale`](crate::ErrorKind::Stale), so that two writers never overwrite each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// The revision of a row that has just been created.
    pub const FIRST: Self = Self(1);

    /// The revision that a store has read.
    pub const fn from_stored(number: u64) -> Self {
        Self(number)
    }

    /// The number, as stores keep it.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
