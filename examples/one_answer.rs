//! One answer, streamed and not kept. Runs against the sandbox, so it needs no key:
//!
//! `cargo run --example one_answer`

use std::io::Write as _;

use futures_util::StreamExt as _;
use maestro::prelude::*;
use maestro_testkit::sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let maestro =
        Maestro::builder().store(MemoryStore::new()).vault(Vault::new(VaultKey::generate())).build()?;

    let credentials =
        Credentials::api_key(Secret::new(sandbox.key())?).at(Some(sandbox.anthropic_url().parse()?));
    let target = Target::new("anthropic".parse()?, Endpoint::with_credentials(credentials));
    let request = ChatRequest::new("sandbox-small".parse()?, vec![Message::user("Why is the sky blue?")]);

    let mut out = std::io::stdout();
    let mut answer = maestro.stream_chat(&target, request).await?;
    while let Some(event) = answer.next().await {
        match event {
            StreamEvent::TextDelta { text, .. } => {
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            StreamEvent::Finished { finish } => writeln!(out, "\n({finish})")?,
            StreamEvent::Truncated(error) | StreamEvent::Failed(error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
