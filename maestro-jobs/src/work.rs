//! From a job of apalis to the one who does it, and back to a state and a text.

use std::sync::Arc;

use apalis::prelude::{AbortError, BoxDynError, Data};
use maestro_core::{
    jobs::{Job, JobEnd, JobHandler, JobState, RefreshJob, WorkerSeen},
    time::Timestamp,
};
use serde_json::Value;

use crate::handle::handle;

/// Who does jobs.
#[derive(Clone)]
pub(crate) struct Hands(pub(crate) Arc<dyn JobHandler>);

/// Does one job. To apalis a failure is an error, and what is taken back an abort.
pub(crate) async fn work(job: RefreshJob, hands: Data<Hands>) -> Result<String, BoxDynError> {
    // A layer of apalis would catch panics too, but its type cannot be sent between threads.
    match handle(hands.0.0.as_ref(), job).await {
        JobEnd::Done(text) => Ok(text),
        JobEnd::Failed(text) => Err(text.into()),
        JobEnd::Cancelled(text) => Err(AbortError::new(text).into()),
    }
}

/// Runs a worker of apalis over a backend until it is to stop. A macro, since the bounds of a function would be a page.
macro_rules! run_worker {
    ($backend:expr, $timing:expr, $worker:expr, $handler:expr, $stop:expr) => {{
        use ::apalis::prelude::{BackendExt as _, WorkerBuilder, WorkerBuilderExt as _};
        let stop = $stop;
        let worker = WorkerBuilder::new($worker.to_string())
            .backend($backend.poll_with_interval($timing.look_every))
            .data($crate::work::Hands($handler))
            .concurrency($crate::timing::AT_ONCE)
            .build($crate::work::work);
        worker
            .run_until(async move {
                stop.await;
                Ok::<(), std::io::Error>(())
            })
            .await
    }};
}
pub(crate) use run_worker;

/// What a status of apalis means.
pub(crate) fn state(status: &str) -> JobState {
    match status {
        "Pending" => JobState::Waiting,
        "Queued" | "Running" => JobState::Running,
        "Done" => JobState::Done,
        "Killed" => JobState::Cancelled,
        _ => JobState::Failed,
    }
}

/// The statuses of apalis that a state stands for.
const fn statuses(state: JobState) -> &'static [&'static str] {
    match state {
        JobState::Waiting => &["Pending"],
        JobState::Running => &["Queued", "Running"],
        JobState::Done => &["Done"],
        JobState::Failed => &["Failed"],
        JobState::Cancelled => &["Killed"],
    }
}

/// What is kept in place of a result when a job is taken back.
pub(crate) fn taken_back(reason: &str) -> String {
    serde_json::json!({ "Err": reason }).to_string()
}

/// What a result of apalis says, without its wrapping.
fn text_of(result: &str) -> String {
    let told = match serde_json::from_str(result) {
        Ok(Value::Object(object)) => {
            object.get("Ok").or_else(|| object.get("Err")).and_then(Value::as_str).map(str::to_owned)
        }
        Ok(Value::String(text)) => Some(text),
        _ => None,
    };
    let told = told.unwrap_or_else(|| result.to_owned());
    told.strip_prefix("AbortError: ").map_or_else(|| told.clone(), str::to_owned)
}

/// The columns of a job, as both databases give them: what was put, status, worker, end in seconds, result.
pub(crate) type JobColumns = (Vec<u8>, String, Option<String>, Option<i64>, Option<String>);

/// The job that columns tell of.
pub(crate) fn job_of((job, status, worker, done, result): JobColumns) -> sqlx::Result<Job> {
    let state = state(&status);
    Ok(Job {
        job: serde_json::from_slice(&job).map_err(|error| sqlx::Error::Decode(error.into()))?,
        state,
        worker,
        ended_at: done.filter(|_| state.is_ended()).map(moment),
        result: result.as_deref().map(text_of),
    })
}

/// The worker that columns tell of: its id, when it began and when it was last seen, in seconds.
pub(crate) fn worker_of((id, started, seen): (String, Option<i64>, i64)) -> WorkerSeen {
    WorkerSeen { id, started_at: started.map(moment), last_seen: moment(seen) }
}

/// The statuses of apalis that are asked for: those of one state, or all.
pub(crate) fn wanted(state: Option<JobState>) -> Vec<&'static str> {
    match state {
        Some(state) => statuses(state).to_vec(),
        None => JobState::ALL.into_iter().flat_map(statuses).copied().collect(),
    }
}

/// The key of the first job of an authentication and that behind the last, in byte order: every key between them begins with
/// the prefix, since `0` is the character behind `/`.
pub(crate) fn key_range(prefix: &str) -> (String, String) {
    let behind = prefix.strip_suffix('/').unwrap_or(prefix);
    (prefix.to_owned(), format!("{behind}0"))
}

/// The second that a moment is in: what apalis counts in. A job may so be handed out up to a second early.
pub(crate) fn seconds(time: Timestamp) -> i64 {
    time.micros().div_euclid(1_000_000)
}

/// The beginning of a second.
fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use maestro_core::Id;

    use super::*;

    #[test]
    fn a_result_is_told_without_its_wrapping() {
        for (result, text) in [
            (r#"{"Ok":"refreshed"}"#, "refreshed"),
            (r#"{"Err":"AbortError: gone"}"#, "gone"),
            (r#"{"Err":"no answer"}"#, "no answer"),
            (r#""words""#, "words"),
            ("{", "{"),
        ] {
            assert_eq!(text_of(result), text);
        }
        assert_eq!(text_of(&taken_back("gone")), "gone");
    }

    #[test]
    fn a_range_of_keys_holds_those_of_one_authentication() {
        let (id, other) = (Id::new(), Id::new());
        let (from, to) = key_range(&RefreshJob::key_prefix(id));
        let job = |auth_id| RefreshJob {
            auth_id,
            expires_at: Timestamp::from_micros(i64::MAX),
            attempt: u32::MAX,
            run_at: Timestamp::from_micros(0),
        };
        let within = |key: String| from <= key && key < to;
        assert!(within(job(id).key()));
        assert!(!within(job(other).key()));
    }

    #[test]
    fn each_status_of_a_state_means_it() {
        for of in JobState::ALL {
            assert!(statuses(of).iter().all(|status| state(status) == of), "{of}");
        }
    }
}
