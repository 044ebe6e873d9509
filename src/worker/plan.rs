//! When a sign-in is to be refreshed next.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use maestro_core::{
    Result,
    auth::{Credentials, SavedAuthentication},
    jobs::{Job, JobState, RefreshJob},
    time::Timestamp,
};

use super::{Worker, WorkerPolicy};

/// The pause before a job that was done and changed nothing is done again: its clock was ahead of ours.
const AHEAD: Duration = Duration::from_secs(1);

impl Worker {
    /// From when on the tokens of a row, or the key that they bought, are to be renewed, and when they end. Absent for what
    /// cannot be refreshed: keys, tokens that do not tell their end or have no refresh token, and those that were refused for
    /// good.
    pub(super) fn due(&self, row: &SavedAuthentication) -> Result<Option<Due>> {
        let opened = self.maestro.vault().open(row.id, &row.credentials)?;
        let Credentials::OAuth { tokens, .. } = opened else { return Ok(None) };
        if tokens.refresh_token.is_none() || tokens.refused.is_some() {
            return Ok(None);
        }
        let flow = self.maestro.flow_for(&row.provider, &tokens)?;
        let profile = &flow.get().client().profile;
        let due_at = tokens.due_at(profile.refresh_margin);
        let lost_at = self.maestro.lost_at(&tokens, profile.rotation);
        Ok(due_at.zip(tokens.ends_at()).map(|(due_at, expires_at)| Due { due_at, expires_at, lost_at }))
    }
}

/// When tokens are to be refreshed, and when they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) due_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// When the answer to a refresh that was sent counts as lost; absent where none was sent.
    pub(super) lost_at: Option<Timestamp>,
}

impl Due {
    /// The job that is missing, given those that are there. Absent when one of them will do it.
    ///
    /// A worker that has sent the refresh token and died is known to the queue only after a while, in which the server's
    /// grace can end. So where one was sent, the job that runs is not relied on: another one stands by for the moment at
    /// which the answer counts as lost. Usually it finds nothing to do.
    pub(super) fn missing(
        self,
        row: &SavedAuthentication,
        jobs: &[Job],
        policy: &WorkerPolicy,
        now: Timestamp,
    ) -> Option<RefreshJob> {
        let of_these = || jobs.iter().filter(|job| job.job.expires_at == self.expires_at);
        let there = |state: JobState| of_these().any(|job| job.state == state);
        let last = of_these().max_by_key(|job| job.job.attempt);
        if there(JobState::Waiting) || (there(JobState::Running) && self.lost_at.is_none()) {
            return None;
        }
        if let (Some(lost_at), Some(last)) = (self.lost_at, last)
            && !last.state.is_ended()
        {
            let attempt = last.job.attempt.saturating_add(1);
            return Some(RefreshJob {
                auth_id: row.id,
                expires_at: self.expires_at,
                attempt,
                run_at: lost_at,
            });
        }
        Some(self.after(row, last.map(|job| (job.job.attempt, job.state)), policy, now))
    }

    /// The job after the last one for these tokens, and what that came to.
    pub(super) fn after(
        self,
        row: &SavedAuthentication,
        last: Option<(u32, JobState)>,
        policy: &WorkerPolicy,
        now: Timestamp,
    ) -> RefreshJob {
        let (attempt, run_at) = match last {
            None => (1, self.due_at),
            Some((attempt, JobState::Failed)) => (attempt, now.saturating_add(policy.pause(attempt))),
            Some((attempt, _)) => (attempt, self.due_at.max(now.saturating_add(AHEAD))),
        };
        let attempt = if last.is_some() { attempt.saturating_add(1) } else { attempt };
        RefreshJob { auth_id: row.id, expires_at: self.expires_at, attempt, run_at }
    }
}

impl WorkerPolicy {
    /// The pause after the failure of an attempt: doubled each time, and by chance up to as long again, so that what failed
    /// together is not tried together.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        let doubled = |pause: Duration| pause.saturating_mul(2).min(self.longest_pause);
        let pause =
            (1..attempt.min(64)).fold(self.first_pause.min(self.longest_pause), |pause, _| doubled(pause));
        let by_chance =
            ExponentialBuilder::new().with_min_delay(pause).without_max_delay().with_jitter().build().next();
        by_chance.unwrap_or(pause)
    }
}

#[cfg(test)]
mod tests {
    use maestro_core::{
        Id, Secret,
        auth::{AuthType, OAuthTokens, Vault, VaultKey},
        revision::Revision,
    };

    use super::*;

    fn row() -> SavedAuthentication {
        let id = Id::new();
        let tokens = OAuthTokens::new(Secret::new("access").unwrap());
        let credentials = Credentials::OAuth { tokens: Box::new(tokens), base_url: None };
        let now = Timestamp::from_micros(0);
        SavedAuthentication {
            id,
            provider: "openai".parse().unwrap(),
            auth_type: AuthType::OAuth,
            name: "work".parse().unwrap(),
            credentials: Vault::new(VaultKey::generate()).seal(id, &credentials).unwrap(),
            expires_at: None,
            lease: None,
            revision: Revision::FIRST,
            inserted_at: now,
            updated_at: now,
        }
    }

    fn seconds(count: i64) -> Timestamp {
        Timestamp::from_micros(count * 1_000_000)
    }

    const POLICY: WorkerPolicy = WorkerPolicy {
        look_every: Duration::from_secs(5),
        upkeep_every: Duration::from_secs(60),
        first_pause: Duration::from_secs(2),
        longest_pause: Duration::from_secs(600),
        keep_ended: Duration::from_secs(3600),
    };

    fn job(row: &SavedAuthentication, due: Due, attempt: u32, state: JobState) -> Job {
        let job = RefreshJob { auth_id: row.id, expires_at: due.expires_at, attempt, run_at: due.due_at };
        Job { job, state, worker: None, ended_at: None, result: None }
    }

    #[test]
    fn tokens_get_one_job_when_they_are_due() {
        let (row, due) = (row(), Due { due_at: seconds(100), expires_at: seconds(130), lost_at: None });
        let new = due.missing(&row, &[], &POLICY, seconds(0)).unwrap();
        assert_eq!((new.attempt, new.run_at, new.expires_at), (1, seconds(100), seconds(130)));
        for state in [JobState::Waiting, JobState::Running] {
            assert_eq!(due.missing(&row, &[job(&row, due, 1, state)], &POLICY, seconds(0)), None, "{state}");
        }
        let other = Due { expires_at: seconds(90), ..due };
        let jobs = [job(&row, other, 3, JobState::Waiting)];
        assert_eq!(due.missing(&row, &jobs, &POLICY, seconds(0)).unwrap().attempt, 1, "of other tokens");
    }

    #[test]
    fn another_job_stands_by_where_the_one_that_runs_may_have_died_with_its_answer() {
        let row = row();
        let due = Due { due_at: seconds(100), expires_at: seconds(130), lost_at: Some(seconds(110)) };
        let running = job(&row, due, 1, JobState::Running);
        let next = due.missing(&row, std::slice::from_ref(&running), &POLICY, seconds(101)).unwrap();
        assert_eq!((next.attempt, next.run_at), (2, seconds(110)));
        let both = [running, job(&row, due, 2, JobState::Waiting)];
        assert_eq!(due.missing(&row, &both, &POLICY, seconds(102)), None, "one is enough");
    }

    #[test]
    fn what_failed_is_tried_again_after_a_pause_that_grows() {
        let (row, due) = (row(), Due { due_at: seconds(100), expires_at: seconds(130), lost_at: None });
        let now = seconds(200);
        let jobs = [job(&row, due, 1, JobState::Failed), job(&row, due, 2, JobState::Failed)];
        let next = due.missing(&row, &jobs, &POLICY, now).unwrap();
        assert_eq!(next.attempt, 3);
        let pause = next.run_at.since(now);
        assert!((Duration::from_secs(4)..=Duration::from_secs(8)).contains(&pause), "{pause:?}");
        for attempt in [10, 100, u32::MAX] {
            let pause = POLICY.pause(attempt);
            assert!((Duration::from_secs(600)..=Duration::from_secs(1200)).contains(&pause), "{pause:?}");
        }
    }

    #[test]
    fn what_was_done_too_early_is_done_again_when_it_is_due() {
        let (row, due) = (row(), Due { due_at: seconds(100), expires_at: seconds(130), lost_at: None });
        let jobs = [job(&row, due, 1, JobState::Done)];
        let next = due.missing(&row, &jobs, &POLICY, seconds(98)).unwrap();
        assert_eq!((next.attempt, next.run_at), (2, seconds(100)));
        let late = due.missing(&row, &jobs, &POLICY, seconds(120)).unwrap();
        assert_eq!(late.run_at, seconds(121), "never at once, so that nothing turns without end");
    }
}
