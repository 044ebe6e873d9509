//! A conversation that begins with one provider and goes on with another; the report tells what could not carry over.
//!
//! `cargo run --example change_provider`

use std::io::Write as _;

use maestro::{core::chat::Effort, prelude::*};
use maestro_testkit::sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let maestro =
        Maestro::builder().store(MemoryStore::new()).vault(Vault::new(VaultKey::generate())).build()?;
    let session = maestro
        .store()
        .session_create(NewSession::new(SessionName::new("traveller")?, maestro.now()))
        .await?;

    let mut out = std::io::stdout();
    let providers = [
        ("anthropic", sandbox.anthropic_url()),
        ("openai", sandbox.openai_url()),
        ("gemini", sandbox.gemini_url()),
    ];
    for (provider, url) in providers {
        let credentials = Credentials::api_key(Secret::new(sandbox.key())?).at(Some(url.parse()?));
        let target = Target::new(provider.parse()?, Endpoint::with_credentials(credentials));
        let turn = maestro
            .turn(session.id)
            .user(format!("What does {provider} say?"))
            .target(target)
            .model("sandbox-reasoning".parse()?)
            // So that each answer has reasoning, sealed by the provider that made it.
            .effort(Effort::Low)
            .start()
            .await?;
        let outcome = turn.finish().await?;
        let kinds: Vec<_> = outcome.entry.content.parts.iter().map(|part| part.kind.name()).collect();
        writeln!(out, "{provider}: turn {}, {}", outcome.entry.turn_index, kinds.join(" + "))?;
        for line in outcome.report.0 {
            writeln!(out, "  {:?}: {}", line.action, line.reason)?;
        }
    }
    Ok(())
}
