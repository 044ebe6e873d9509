//! `maestro worker status`: what is due, running and failed, and who works.

use std::{collections::BTreeMap, time::Duration};

use maestro::core::{
    Id,
    auth::{AuthExt as _, AuthQuery, AuthRef, SavedAuthentication},
    jobs::{Job, JobCounts, JobQuery, JobState, WorkerSeen},
    page::PageLimit,
    time::{Clock as _, SystemClock, Timestamp},
};
use serde::Serialize;

use crate::{
    app::App,
    exit::{Exit, Result, invalid},
    output::printable,
};

/// For how long a worker counts as working after its last sign of life.
const ALIVE: Duration = Duration::from_secs(20);

/// Show what is due, running and failed, with the reasons, and who works
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many jobs of each state are shown at the most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u16,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "job")]
struct JobLine<'a> {
    state: &'static str,
    due: bool,
    provider: Option<&'a str>,
    name: Option<&'a str>,
    auth_id: String,
    attempt: u32,
    run_at: Timestamp,
    expires_at: Timestamp,
    worker: Option<&'a str>,
    ended_at: Option<Timestamp>,
    result: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "worker")]
struct WorkerLine<'a> {
    #[serde(flatten)]
    worker: &'a WorkerSeen,
    alive: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "worker_status")]
struct StatusLine {
    #[serde(flatten)]
    counts: JobCounts,
    workers_alive: usize,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    let limit =
        PageLimit::new(args.limit).map_err(|_| invalid("show the worker", "limit", "must be 1 to 1000"))?;
    let rows = app.store().await?.auth_list_all(&AuthQuery::default()).await?;
    let names: BTreeMap<Id<SavedAuthentication>, AuthRef> =
        rows.iter().map(|row| (row.id, row.reference())).collect();
    let Some(queue) = app.store_url()?.existing_queue().await? else {
        if app.output.is_json() {
            app.output.json(&StatusLine { counts: JobCounts::default(), workers_alive: 0 })?;
        } else {
            app.output.notice("No worker has worked on this store yet. `maestro worker` begins one.");
        }
        return Ok(Exit::Done);
    };
    let now = SystemClock.now();
    let counts = queue.job_counts(now).await?;
    let workers = queue.worker_list().await?;
    let is_alive = |worker: &WorkerSeen| now.since(worker.last_seen) <= ALIVE;
    let alive = workers.iter().filter(|worker| is_alive(worker)).count();
    let mut jobs = Vec::new();
    for state in JobState::ALL {
        jobs.extend(queue.job_list(&JobQuery { state: Some(state), auth_id: None }, limit).await?);
    }
    if app.output.is_json() {
        for job in &jobs {
            app.output.json(&job_line(job, names.get(&job.job.auth_id), now))?;
        }
        for worker in &workers {
            app.output.json(&WorkerLine { worker, alive: is_alive(worker) })?;
        }
        app.output.json(&StatusLine { counts, workers_alive: alive })?;
        return Ok(Exit::Done);
    }
    let JobCounts { waiting, due, running, done, failed, cancelled } = counts;
    app.output.line(&format!(
        "{due} due, {running} running, {waiting} waiting; {done} done, {failed} failed, {cancelled} cancelled"
    ))?;
    app.output.line(&match alive {
        0 => "nobody works on it at the moment: `maestro worker` does".to_owned(),
        1 => "1 worker gave a sign of life in the last 20 seconds".to_owned(),
        count => format!("{count} workers gave a sign of life in the last 20 seconds"),
    })?;
    // What was done is in the count; what is of use is what comes and what went wrong.
    let told: Vec<_> = jobs
        .iter()
        .filter(|job| job.state != JobState::Done)
        .map(|job| row(job, names.get(&job.job.auth_id), now))
        .collect();
    if !told.is_empty() {
        app.output.line("")?;
        app.output.table(&["STATE", "SIGN-IN", "ATTEMPT", "AT", "WHAT CAME OF IT"], &told)?;
    }
    Ok(Exit::Done)
}

fn job_line<'a>(job: &'a Job, name: Option<&'a AuthRef>, now: Timestamp) -> JobLine<'a> {
    JobLine {
        state: job.state.as_str(),
        due: is_due(job, now),
        provider: name.map(|name| name.provider.as_str()),
        name: name.map(|name| name.name.as_str()),
        auth_id: job.job.auth_id.to_string(),
        attempt: job.job.attempt,
        run_at: job.job.run_at,
        expires_at: job.job.expires_at,
        worker: job.worker.as_deref(),
        ended_at: job.ended_at,
        result: job.result.as_deref(),
    }
}

fn row(job: &Job, name: Option<&AuthRef>, now: Timestamp) -> Vec<String> {
    let state = if is_due(job, now) { "due" } else { job.state.as_str() };
    vec![
        state.to_owned(),
        name.map_or_else(|| format!("{} (deleted)", job.job.auth_id), ToString::to_string),
        job.job.attempt.to_string(),
        job.ended_at.unwrap_or(job.job.run_at).to_string(),
        printable(job.result.as_deref().unwrap_or_default()),
    ]
}

fn is_due(job: &Job, now: Timestamp) -> bool {
    job.state == JobState::Waiting && job.job.run_at <= now
}
