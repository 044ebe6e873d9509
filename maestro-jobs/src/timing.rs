//! How often a queue is looked at.

use std::time::Duration;

/// How often a worker looks at its queue, and how long others believe that it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueTiming {
    /// How often it is looked for jobs that have become due; each second when nothing is said.
    pub look_every: Duration,
    /// How often a worker gives a sign of life; each 5 seconds when nothing is said.
    pub sign_of_life: Duration,
    /// How many signs of life may be missing until what a worker had is handed to another; 4 when nothing is said, so 20
    /// seconds.
    pub missing_signs: u32,
}

impl Default for QueueTiming {
    fn default() -> Self {
        Self { look_every: Duration::from_secs(1), sign_of_life: Duration::from_secs(5), missing_signs: 4 }
    }
}

/// How many jobs a worker does at once.
pub(crate) const AT_ONCE: usize = 8;
