//! `maestro worker` itself.

use std::time::Duration;

use maestro::{
    WorkerEvent, WorkerPolicy,
    core::time::{Clock as _, SystemClock, Timestamp},
};
use serde::Serialize;

use crate::{
    app::App,
    exit::{Exit, Result},
    interrupt::{Interrupts, stopped},
    output::{Output, printable},
    store::StoreUrl,
};

/// How a worker works.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Do everything that is due, and end
    #[arg(long)]
    once: bool,
    /// How often it looks for sign-ins that are new, changed or gone
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    look_every: u64,
    /// For how long jobs that have ended are remembered
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=3650))]
    keep: u64,
}

/// What a worker does, as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Working { worker: String, store: String },
    Planned { provider: String, name: String, attempt: u32, run_at: Timestamp },
    Refreshed { provider: String, name: String, outcome: &'static str, expires_at: Option<Timestamp> },
    Failed { auth_id: String, problem: String, again_at: Option<Timestamp> },
    Skipped { provider: String, name: String, problem: String },
    Cancelled { auth_id: String, jobs: u64 },
    Recovered { entries: Vec<String> },
    Forgotten { jobs: u64 },
    Trouble { problem: String, again_in_ms: u128 },
    Stopped,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Run) -> Result<Exit> {
    let store = app.store_url()?;
    let maestro = app.maestro_with_key().await?;
    let queue = store.queue().await?;
    let mut interrupts = Interrupts::listen()?;
    let policy = WorkerPolicy {
        look_every: Duration::from_secs(args.look_every),
        keep_ended: Duration::from_secs(args.keep * 24 * 3600),
        ..WorkerPolicy::default()
    };
    let output = app.output;
    if store == StoreUrl::Memory {
        output.warn("The store memory: is this program's own and empty, so there is nothing to refresh.");
    }
    let shown = store.to_string();
    let worker = maestro.worker(queue).policy(policy).on_event(move |event| tell(output, &shown, event));
    if args.once {
        tokio::select! {
            done = worker.run_once() => done?,
            () = interrupts.next() => return Err(stopped("work on jobs").into()),
        }
        return end(output);
    }
    if !output.is_json() {
        output.notice(&format!("Working on {store} until Ctrl-C."));
    }
    let stop = async {
        interrupts.next().await;
        if !output.is_json() {
            output.notice("Finishing what has begun; Ctrl-C again ends at once.");
        }
    };
    // A second Ctrl-C, while the first waits for what has begun.
    let mut again = Interrupts::listen()?;
    let ended = tokio::select! {
        ended = worker.run(stop) => ended,
        () = async { again.next().await; again.next().await } => Err(stopped("work on jobs")),
    };
    ended?;
    end(output)
}

fn end(output: Output) -> Result<Exit> {
    if output.is_json() {
        output.json(&Line::Stopped)?;
    }
    Ok(Exit::Done)
}

/// Tells an event. A reader that is gone does not end a worker.
fn tell(output: Output, store: &str, event: &WorkerEvent) {
    let Some(line) = line(store, event) else { return };
    let told = if output.is_json() { output.json(&line) } else { output.line(&printable(&text(&line))) };
    if let Err(error) = told {
        tracing::debug!(%error, "nobody reads what the worker does");
    }
}

fn line(store: &str, event: &WorkerEvent) -> Option<Line> {
    Some(match event {
        WorkerEvent::Working(holder) => Line::Working { worker: holder.to_string(), store: store.to_owned() },
        WorkerEvent::Planned { auth, job } => Line::Planned {
            provider: auth.provider.to_string(),
            name: auth.name.to_string(),
            attempt: job.attempt,
            run_at: job.run_at,
        },
        WorkerEvent::Refreshed { auth, outcome, expires_at } => Line::Refreshed {
            provider: auth.provider.to_string(),
            name: auth.name.to_string(),
            outcome: outcome.as_str(),
            expires_at: *expires_at,
        },
        WorkerEvent::Failed { auth_id, problem, again_at } => {
            Line::Failed { auth_id: auth_id.to_string(), problem: problem.clone(), again_at: *again_at }
        }
        WorkerEvent::Skipped { auth, problem } => Line::Skipped {
            provider: auth.provider.to_string(),
            name: auth.name.to_string(),
            problem: problem.clone(),
        },
        WorkerEvent::Cancelled { auth_id, jobs } => {
            Line::Cancelled { auth_id: auth_id.to_string(), jobs: *jobs }
        }
        WorkerEvent::Recovered(entries) => {
            Line::Recovered { entries: entries.iter().map(ToString::to_string).collect() }
        }
        WorkerEvent::Forgotten(jobs) => Line::Forgotten { jobs: *jobs },
        WorkerEvent::Trouble { problem, again_in } => {
            Line::Trouble { problem: problem.clone(), again_in_ms: again_in.as_millis() }
        }
        _ => return None,
    })
}

fn text(line: &Line) -> String {
    let told = match line {
        Line::Working { worker, .. } => format!("working as {worker}"),
        Line::Planned { provider, name, attempt: 1, run_at } => {
            format!("{provider}/{name}: to be refreshed at {run_at}")
        }
        Line::Planned { provider, name, attempt, run_at } => {
            format!("{provider}/{name}: to be tried again at {run_at} (attempt {attempt})")
        }
        Line::Refreshed { provider, name, outcome, expires_at } => {
            let end = expires_at.map_or_else(|| "an end not known".to_owned(), |end| end.to_string());
            format!("{provider}/{name}: {outcome}, good until {end}")
        }
        Line::Failed { auth_id, problem, again_at } => {
            let again = again_at.map_or_else(|| "not tried again".to_owned(), |at| format!("again at {at}"));
            format!("{auth_id}: failed, {again}: {problem}")
        }
        Line::Skipped { provider, name, problem } => format!("{provider}/{name}: skipped: {problem}"),
        Line::Cancelled { auth_id, jobs } => format!("{auth_id}: gone, {jobs} jobs taken back"),
        Line::Recovered { entries } => format!("{} answers ended whose program died", entries.len()),
        Line::Forgotten { jobs } => format!("{jobs} old jobs forgotten"),
        Line::Trouble { problem, again_in_ms } => format!("{problem} (again in {again_in_ms} ms)"),
        Line::Stopped => "stopped".to_owned(),
    };
    format!("{}  {told}", SystemClock.now())
}
