//! When a streamed answer is journalled.

use std::time::Duration;

use maestro_core::time::Timestamp;

/// When a streamed answer is journalled: what a crash may cost against how often the store is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flush {
    /// Before it is shown: whatever a caller has seen is kept. Events that have arrived together are written together.
    #[default]
    BeforeShown,
    /// At the latest after so long, or after 64 KiB: a crash can cost that much of what was shown.
    Every(Duration),
    /// At the end only: a crash costs the whole answer, and there is no journal.
    AtEnd,
}

/// The most that waits to be journalled.
const MOST_BYTES: usize = 64 << 10;

impl Flush {
    /// Whether what waits is to be written now.
    pub(super) fn is_due(self, waiting_bytes: usize, last: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::BeforeShown => waiting_bytes > 0,
            Self::Every(time) => {
                waiting_bytes >= MOST_BYTES || (waiting_bytes > 0 && now.since(last) >= time)
            }
            Self::AtEnd => false,
        }
    }

    /// After how long without an event what waits is to be written all the same.
    pub(super) const fn patience(self) -> Option<Duration> {
        match self {
            Self::Every(time) => Some(time),
            Self::BeforeShown | Self::AtEnd => None,
        }
    }
}
