//! `maestro e2e`: everything from the sign-in to the whole answer, tried once.

mod live;
mod plans;
mod report;
mod runner;
mod sandbox;
mod sign_in;
#[cfg(test)]
mod sign_in_faults;
mod split;
mod steps;
mod stop;
mod wire;

use maestro::core::{
    auth::AuthName,
    provider::{ModelId, ProviderId},
};

use self::{live::With, report::Report, stop::Stop};
use crate::{
    app::App,
    exit::{Exit, Result},
};

/// Try everything from the sign-in to the whole answer, on the built-in sandbox or at a real service
///
/// Signs in, decides on the mode, buys a key, refreshes, lists models, loses an answer in the middle, asks again, checks text
/// and usage, signs out. Without --auth or --live it asks the sandbox in this process, for every provider, with a store and a
/// key of its own: nothing else is contacted, whatever keys are set. At a real service a saved sign-in is not spent: it is used
/// as it is, two answers are paid for, and the session is removed.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("service").args(["auth", "live"])),
    after_help = "\
Examples:
  maestro e2e                                   every provider, no key, no network
  maestro e2e --provider gemini
  maestro e2e --auth work                       the real service, with what is saved as \"work\"
  maestro e2e --live --provider anthropic       the real service, with ANTHROPIC_API_KEY
  maestro --json e2e | jq 'select(.outcome == \"failed\")'

Exit codes:
  0    nothing failed
  1    a step failed
  130  stopped by Ctrl-C (everything it made is removed)"
)]
pub(crate) struct Args {
    /// This provider only: anthropic, gemini, openai or openai_compatible
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<ProviderId>,
    /// Ask the real service, with this saved authentication: see `maestro auth list`
    #[arg(long, value_name = "NAME")]
    auth: Option<AuthName>,
    /// Ask the real service, with the key in the provider's environment variable
    #[arg(long, requires = "provider")]
    live: bool,
    /// The model to ask at the real service [default: MAESTRO_MODEL, else the provider's usual one]
    #[arg(long, value_name = "MODEL", requires = "service")]
    model: Option<ModelId>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    let Args { provider, auth, live, model } = args;
    if let Some(provider) = &provider {
        app.registry.provider(provider)?;
    }
    let stop = Stop::listen()?;
    let mut report = Report::new(app.output);
    let with = match (auth, live) {
        (Some(name), _) => Some(With::Saved(name)),
        (None, true) => Some(With::Environment),
        (None, false) => None,
    };
    match with {
        Some(with) => Box::pin(live::run(&mut report, &stop, app, with, provider, model)).await?,
        None => sandbox::run(&mut report, &stop, provider.as_ref()).await?,
    }
    Ok(report.end()?)
}
