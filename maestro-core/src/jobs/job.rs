//! A job, and what a queue tells of it. Nothing of it is secret.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{auth::SavedAuthentication, id::Id, time::Timestamp};

/// That the tokens of a saved authentication are to be refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshJob {
    /// Whose tokens.
    pub auth_id: Id<SavedAuthentication>,
    /// When the tokens end that are to be replaced. New tokens end at another moment, so their refresh is another job.
    pub expires_at: Timestamp,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// When it is to be done. A queue may hand it out up to a second early.
    pub run_at: Timestamp,
}

impl RefreshJob {
    /// What makes two jobs the same: whose tokens, which of them, and the attempt. Not when it is to be done.
    pub fn key(&self) -> String {
        format!("{}{}/{}", Self::key_prefix(self.auth_id), self.expires_at.micros(), self.attempt)
    }

    /// What the keys of all jobs of an authentication begin with.
    pub fn key_prefix(auth_id: Id<SavedAuthentication>) -> String {
        format!("refresh/{auth_id}/")
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Nobody has begun it. It is *due* when its moment has come.
    Waiting,
    /// A worker has it.
    Running,
    /// It was done.
    Done,
    /// It failed; what is to be tried again is another job, with the next attempt.
    Failed,
    /// It was taken back, since what it was for is gone.
    Cancelled,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The word for it, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more comes of it.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What came of a job. The text is kept with it and shown: it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// It was done.
    Done(String),
    /// It failed.
    Failed(String),
    /// There was nothing to do any more.
    Cancelled(String),
}

impl JobEnd {
    /// The state that a job ends in.
    pub const fn state(&self) -> JobState {
        match self {
            Self::Done(_) => JobState::Done,
            Self::Failed(_) => JobState::Failed,
            Self::Cancelled(_) => JobState::Cancelled,
        }
    }

    /// What is kept with it.
    pub fn text(&self) -> &str {
        match self {
            Self::Done(text) | Self::Failed(text) | Self::Cancelled(text) => text,
        }
    }
}

/// A job as a queue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What is to be done.
    pub job: RefreshJob,
    /// Where it stands.
    pub state: JobState,
    /// The worker that has or had it.
    pub worker: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What came of it, in words.
    pub result: Option<String>,
}

/// Which jobs are wanted. What is absent does not narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobQuery {
    /// Of this authentication only.
    pub auth_id: Option<Id<SavedAuthentication>>,
    /// In this state only.
    pub state: Option<JobState>,
}

/// How many jobs there are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct JobCounts {
    /// Waiting, for a moment that has not come.
    pub waiting: u64,
    /// Waiting, although their moment has come.
    pub due: u64,
    /// With a worker.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Failed.
    pub failed: u64,
    /// Taken back.
    pub cancelled: u64,
}

impl JobCounts {
    /// Where jobs of a state are counted; a waiting one among those that are due when its moment has come.
    pub const fn count_mut(&mut self, state: JobState, is_due: bool) -> &mut u64 {
        match state {
            JobState::Waiting if is_due => &mut self.due,
            JobState::Waiting => &mut self.waiting,
            JobState::Running => &mut self.running,
            JobState::Done => &mut self.done,
            JobState::Failed => &mut self.failed,
            JobState::Cancelled => &mut self.cancelled,
        }
    }
}

/// A worker that has worked on a queue, or does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkerSeen {
    /// Its id, new with each start.
    pub id: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it last gave a sign of life.
    pub last_seen: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_tokens_and_attempts_apart_but_not_the_moment() {
        let job = RefreshJob {
            auth_id: Id::new(),
            expires_at: Timestamp::from_micros(5),
            attempt: 1,
            run_at: Timestamp::from_micros(3),
        };
        assert_eq!(job.key(), format!("refresh/{}/5/1", job.auth_id));
        assert_eq!(job.key(), RefreshJob { run_at: Timestamp::from_micros(4), ..job }.key());
        let others = [
            RefreshJob { attempt: 2, ..job },
            RefreshJob { expires_at: Timestamp::from_micros(6), ..job },
            RefreshJob { auth_id: Id::new(), ..job },
        ];
        for other in others {
            assert_ne!(other.key(), job.key());
        }
        assert!(job.key().starts_with(&RefreshJob::key_prefix(job.auth_id)));
    }
}
