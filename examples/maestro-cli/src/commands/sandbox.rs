//! `maestro sandbox`: a server that speaks every provider's protocol on loopback.

use std::path::{Path, PathBuf};

use maestro_testkit::sandbox::{Sandbox, Scenario};
use serde::Serialize;

use crate::{
    app::App,
    editor,
    exit::{Exit, Result, invalid},
    interrupt::Interrupts,
    sandbox::failed,
};

/// Serve OpenAI, Anthropic and Gemini on loopback, so that programs can be tried with no key
///
/// Every key that begins with `sandbox-` is accepted, and so are tokens of its own authorization server, where
/// every way to sign in can be tried. It serves until it is stopped with Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  maestro sandbox --port 4100
  maestro sandbox --scenario faults.json --json
  ANTHROPIC_API_KEY=sandbox-me maestro chat --provider anthropic --base-url http://127.0.0.1:4100/anthropic

A scenario file holds one JSON object or an array of them:
  [{\"status\": {\"code\": 429, \"headers\": {\"retry-after\": \"1\"}}, \"times\": 1},
   {\"match\": {\"contains\": \"cut\"}, \"stream\": {\"cut_after_events\": 3}},
   {\"reply\": {\"text\": \"Scripted.\"}}]")]
pub(crate) struct Args {
    /// The port on 127.0.0.1; 0 for any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Scripted replies and faults, as JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

/// Where the sandbox listens.
#[derive(Serialize)]
#[serde(tag = "type", rename = "ready")]
struct ReadyLine {
    openai: String,
    anthropic: String,
    gemini: String,
    chatgpt: String,
    authorization: String,
    base: String,
    key: &'static str,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    let scenarios = args.scenario.as_deref().map(read_scenarios).transpose()?.unwrap_or_default();
    let mut interrupts = Interrupts::listen()?;
    let sandbox = Sandbox::builder().port(args.port).scenarios(scenarios).start().await.map_err(failed)?;
    let ready = ReadyLine {
        openai: sandbox.openai_url(),
        anthropic: sandbox.anthropic_url(),
        gemini: sandbox.gemini_url(),
        chatgpt: sandbox.chatgpt_url(),
        authorization: sandbox.authorization_url(),
        base: sandbox.base_url(),
        key: sandbox.key(),
    };
    if app.output.is_json() {
        app.output.json(&ready)?;
    } else {
        app.output.text(&format!(
            "openai         {}\nchatgpt        {}\nanthropic      {}\ngemini         {}\n\
             authorization  {}\njournal        {}/__sandbox/requests\nkey            {}\n",
            ready.openai,
            ready.chatgpt,
            ready.anthropic,
            ready.gemini,
            ready.authorization,
            ready.base,
            ready.key
        ))?;
        app.output.notice("Serving until Ctrl-C.");
    }
    interrupts.next().await;
    sandbox.stop().await;
    Ok(Exit::Done)
}

fn read_scenarios(file: &Path) -> Result<Vec<Scenario>> {
    let json = editor::read_text(file)?;
    Ok(Scenario::parse(&json).map_err(|error| {
        invalid("read scenarios", "scenario", format!("is not valid: {error}")).on(file.display())
    })?)
}
