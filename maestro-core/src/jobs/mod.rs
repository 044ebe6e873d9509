//! Jobs: what is to be done later, by whichever worker is there (requirement M-W1).
//!
//! There is one kind of job: the refresh of a sign-in before its tokens end. A [`JobQueue`] keeps jobs, hands each to one
//! worker at a time and remembers what came of it. That nothing is refreshed twice does not rest on the queue: a
//! refresh is a compare-and-set on its row, so two workers with the same job make one request.

mod job;
mod queue;

pub use job::{Job, JobCounts, JobEnd, JobQuery, JobState, RefreshJob, WorkerSeen};
pub use queue::{JobHandler, JobQueue, Stop};
