//! How a program's own tests use the sandbox: scripted replies, faults, and a journal of what was asked.
//!
//! `cargo run --example testing_with_the_sandbox`

use std::io::Write as _;

use maestro::prelude::*;
use maestro_testkit::sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Busy once, then an answer that breaks off after three events, then whatever the sandbox says by itself.
    let scenarios = serde_json::json!([
        { "times": 1, "status": { "code": 503 } },
        { "times": 1, "reply": { "deltas": ["It ", "began ", "well ", "and"] }, "stream": { "cut_after_events": 5 } },
    ]);
    let sandbox = Sandbox::builder().scenarios(serde_json::from_value(scenarios)?).start().await?;
    let maestro =
        Maestro::builder().store(MemoryStore::new()).vault(Vault::new(VaultKey::generate())).build()?;
    let credentials =
        Credentials::api_key(Secret::new(sandbox.key())?).at(Some(sandbox.anthropic_url().parse()?));
    let target = Target::new("anthropic".parse()?, Endpoint::with_credentials(credentials));
    let session =
        maestro.store().session_create(NewSession::new(SessionName::new("faults")?, maestro.now())).await?;

    let mut out = std::io::stdout();
    for _ in 0..2 {
        let turn =
            maestro.turn(session.id).user("Go on.").target(target.clone()).model("sandbox-small".parse()?);
        let outcome = turn.start().await?.finish().await?;
        let text = outcome.entry.to_message().text();
        writeln!(out, "{}: {:?}", outcome.entry.state, text.lines().next().unwrap_or_default())?;
    }
    for request in sandbox.requests() {
        writeln!(out, "the sandbox answered {}", serde_json::to_string(&request)?)?;
    }
    Ok(())
}
