//! The refresh lease: one refresher at a time, over processes and machines (requirement M-A6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{id::Id, time::Timestamp};

/// A program that may hold leases and write answers, as long as it runs. Made anew by every start.
#[derive(Debug)]
pub enum Holder {}

/// The id of a running program.
pub type HolderId = Id<Holder>;

/// The right to refresh one credential, until a moment. It outlives no crash longer than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who has it.
    pub holder: HolderId,
    /// Until when; at this moment it is over.
    pub until: Timestamp,
}

impl Lease {
    /// Whether it still keeps others away at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}", self.holder, self.until)
    }
}
