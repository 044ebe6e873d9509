//! A conversation in one SQLite file, with a key under a name: run it twice and it goes on.
//!
//! `cargo run --example durable_chat -- conversations.sqlite`

use std::io::Write as _;

use maestro::prelude::*;
use maestro_testkit::sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "conversations.sqlite".to_owned());
    let sandbox = Sandbox::start().await?;
    let maestro = Maestro::builder()
        .store(SqliteStore::open(&path).await?)
        // A real program keeps this key where only its user can read it; then the key of the first run opens what
        // the second one finds.
        .vault(Vault::new(VaultKey::generate()))
        .build()?;

    // Sealed before the store sees it. Replaced in each run, since the sandbox has another port each time.
    let reference = AuthRef::new("openai".parse()?, AuthType::ApiKey, "work_gpt".parse()?);
    let credentials =
        Credentials::api_key(Secret::new(sandbox.key())?).at(Some(sandbox.openai_url().parse()?));
    let auth = maestro.save_credentials(&reference, &credentials, Save::Replace).await?;

    let query = SessionQuery { auth_id: Some(auth.id), ..SessionQuery::default() };
    let session = match maestro.store().session_latest(&query).await? {
        Some(session) => session,
        None => {
            let mut new = NewSession::new(SessionName::new("first conversation")?, maestro.now());
            new.auth_id = Some(auth.id);
            new.model_id = Some("sandbox-small".parse()?);
            maestro.store().session_create(new).await?
        }
    };

    let mut turn = maestro.turn(session.id).user("Go on, please.").start().await?;
    let mut out = std::io::stdout();
    while let Some(event) = turn.next().await {
        if let StreamEvent::TextDelta { text, .. } = event? {
            out.write_all(text.as_bytes())?;
        }
    }
    let entry = turn.into_outcome()?.entry;
    writeln!(
        out,
        "\n\nturn {} of session \"{}\" in {path}: {}",
        entry.turn_index, session.name, entry.state
    )?;
    Ok(())
}
