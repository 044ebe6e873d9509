//! What a queue keeps while nobody works on it.

use std::sync::Arc;

use maestro_core::{
    Id,
    jobs::{JobCounts, JobQuery, JobQueue, JobState, RefreshJob},
    page::PageLimit,
    time::Timestamp,
};

use super::given::{all, hours, job, job_of, now, only};

/// A second push of the same key is no error and changes nothing, its moment neither.
pub async fn a_job_is_there_once_however_often_it_is_put(queue: Arc<dyn JobQueue>) {
    let first = job(hours(1));
    queue.job_push(first).await.unwrap();
    queue.job_push(first).await.unwrap();
    queue.job_push(RefreshJob { run_at: hours(2), ..first }).await.unwrap();
    let there = only(queue.as_ref()).await;
    assert_eq!((there.job, there.state), (first, JobState::Waiting));
    assert_eq!((there.worker, there.ended_at, there.result), (None, None, None));
}

/// Each of the three makes another job; a listing narrows to one authentication.
pub async fn jobs_are_told_apart_by_whose_tokens_which_tokens_and_attempt(queue: Arc<dyn JobQueue>) {
    let first = job(hours(1));
    let others = [
        first,
        RefreshJob { auth_id: Id::new(), ..first },
        RefreshJob { expires_at: hours(9), ..first },
        RefreshJob { attempt: 2, ..first },
    ];
    for job in others {
        queue.job_push(job).await.unwrap();
    }
    assert_eq!(all(queue.as_ref()).await.len(), others.len());
    let query = JobQuery { auth_id: Some(first.auth_id), ..JobQuery::default() };
    assert_eq!(queue.job_list(&query, PageLimit::default()).await.unwrap().len(), others.len() - 1);
}

/// Nothing listed, counted, taken back or forgotten, and no worker.
pub async fn an_empty_queue_has_nothing(queue: Arc<dyn JobQueue>) {
    assert_eq!(all(queue.as_ref()).await, []);
    assert_eq!(queue.job_counts(now()).await.unwrap(), JobCounts::default());
    assert_eq!(queue.worker_list().await.unwrap(), []);
    assert_eq!(queue.job_cancel(Id::new(), "gone", now()).await.unwrap(), 0);
    assert_eq!(queue.job_prune(hours(1)).await.unwrap(), 0);
}

/// The soonest first, and no more than asked for.
pub async fn waiting_jobs_come_by_their_moment(queue: Arc<dyn JobQueue>) {
    let jobs = [3, 1, 2, -1].map(|at| job(hours(at)));
    for job in jobs {
        queue.job_push(job).await.unwrap();
    }
    let listed: Vec<_> = all(queue.as_ref()).await.into_iter().map(|job| job.job).collect();
    assert_eq!(listed, [jobs[3], jobs[1], jobs[2], jobs[0]]);
    let two = queue.job_list(&JobQuery::default(), PageLimit::new(2).unwrap()).await.unwrap();
    assert_eq!(two.iter().map(|job| job.job).collect::<Vec<_>>(), [jobs[3], jobs[1]]);
}

/// What is due is a matter of the moment that is asked about.
pub async fn counts_tell_what_is_due_from_what_waits(queue: Arc<dyn JobQueue>) {
    for at in [-2, -1, 1, 2, 3] {
        queue.job_push(job(hours(at))).await.unwrap();
    }
    let counts = queue.job_counts(now()).await.unwrap();
    assert_eq!(counts, JobCounts { due: 2, waiting: 3, ..JobCounts::default() });
    let later = queue.job_counts(hours(2).saturating_add(std::time::Duration::from_secs(60))).await.unwrap();
    assert_eq!(later, JobCounts { due: 4, waiting: 1, ..JobCounts::default() });
}

/// All that wait, with moment and reason; those of others stay.
pub async fn the_jobs_of_one_authentication_are_taken_back(queue: Arc<dyn JobQueue>) {
    let (one, other) = (Id::new(), Id::new());
    let first = job_of(one, hours(1));
    for job in [first, RefreshJob { attempt: 2, ..first }, job_of(other, hours(1))] {
        queue.job_push(job).await.unwrap();
    }
    let at = hours(0);
    assert_eq!(queue.job_cancel(one, "it's \"gone\"", at).await.unwrap(), 2);
    assert_eq!(queue.job_cancel(one, "again", at).await.unwrap(), 0);
    let query = JobQuery { state: Some(JobState::Cancelled), auth_id: None };
    let cancelled = queue.job_list(&query, PageLimit::default()).await.unwrap();
    assert_eq!(cancelled.len(), 2);
    for job in cancelled {
        assert_eq!((job.job.auth_id, job.ended_at), (one, Some(at)));
        assert_eq!(job.result.as_deref(), Some("it's \"gone\""));
    }
    let query = JobQuery { auth_id: Some(other), ..JobQuery::default() };
    let rest = queue.job_list(&query, PageLimit::default()).await.unwrap();
    assert_eq!((rest.len(), rest[0].state), (1, JobState::Waiting));
}

/// Its key is used: putting it again does not bring it back.
pub async fn a_job_that_was_taken_back_stays_so(queue: Arc<dyn JobQueue>) {
    let job = job(hours(1));
    queue.job_push(job).await.unwrap();
    queue.job_cancel(job.auth_id, "gone", now()).await.unwrap();
    queue.job_push(job).await.unwrap();
    assert_eq!(only(queue.as_ref()).await.state, JobState::Cancelled);
}

/// Only what has ended, and only before the moment; its key is free again.
pub async fn what_ended_long_ago_is_forgotten(queue: Arc<dyn JobQueue>) {
    let (old, new, waiting) = (job(hours(-3)), job(hours(-3)), job(hours(-3)));
    for job in [old, new, waiting] {
        queue.job_push(job).await.unwrap();
    }
    queue.job_cancel(old.auth_id, "gone", hours(-2)).await.unwrap();
    queue.job_cancel(new.auth_id, "gone", hours(0)).await.unwrap();
    assert_eq!(queue.job_prune(hours(-1)).await.unwrap(), 1);
    let mut left: Vec<_> = all(queue.as_ref()).await.iter().map(|job| job.job.auth_id).collect();
    left.sort();
    let mut expected = vec![new.auth_id, waiting.auth_id];
    expected.sort();
    assert_eq!(left, expected);
    queue.job_push(old).await.unwrap();
    assert_eq!(all(queue.as_ref()).await.len(), 3, "what was forgotten may be put again");
}

/// Whatever a queue counts in, the job that it tells is the one that was put.
pub async fn moments_are_kept_to_the_microsecond(queue: Arc<dyn JobQueue>) {
    let mut job = job(Timestamp::from_micros(hours(1).micros() + 123_456));
    job.expires_at = Timestamp::from_micros(hours(2).micros() + 654_321);
    job.attempt = u32::MAX;
    queue.job_push(job).await.unwrap();
    assert_eq!(only(queue.as_ref()).await.job, job);
}
