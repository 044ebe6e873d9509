//! The run against a real service: what a saved authentication, or a key of the environment, comes to.

use std::sync::Arc;

use maestro::{
    Id, Maestro,
    core::{
        auth::{AuthName, Credentials},
        conversations::{NewSession, Session, SessionName},
        provider::{ModelId, ProviderId},
    },
};

use super::{
    report::{Heading, Report, Step},
    runner::{Runner, temporary_directory},
    steps::{self, Cut, Expected, Talk},
    stop::Stop,
    wire::Wire,
};
use crate::{
    app::App,
    credentials::{self, Before, Found, Whom},
    exit::Result,
    model,
    store::StoreUrl,
};

/// What a whole answer to the standard prompt cannot do without.
const WORD: &str = "webhook";

/// With which credentials the service is asked.
pub(super) enum With {
    /// Saved ones, in the store where they are.
    Saved(AuthName),
    /// The key of the provider's environment variable, in a store that is gone afterwards.
    Environment,
}

/// Does the run.
pub(super) async fn run(
    report: &mut Report,
    stop: &Stop,
    app: &App,
    with: With,
    provider: Option<ProviderId>,
    model: Option<ModelId>,
) -> Result<()> {
    let wire = Arc::new(Wire::new());
    let (directory, run, auth) = match with {
        With::Saved(name) => (None, format!("live/{name}"), Some(name)),
        With::Environment => (Some(temporary_directory()?), "live/environment".to_owned(), None),
    };
    let store = directory.as_ref().map(|directory| StoreUrl::Sqlite(directory.path().join("e2e.sqlite")));
    let app = app.over(wire.clone(), store);
    let whom = Whom { provider, base_url: None, auth };
    let before = Before::default();
    let found = credentials::find(&app, &whom, &before).await?;
    let model = model::choose(&app, &found, model, None, &before).await?;
    let heading = Heading {
        run,
        title: format!("{model} at the service itself"),
        provider: found.target.provider.clone(),
    };
    let mut runner = Runner::begin(report, heading, stop)?;
    let why = match &found.auth {
        Some(_) => "the saved authentication is used as it is",
        None => "the key of the environment is used as it is",
    };
    runner.skip(&[Step::SignIn], why)?;
    let mode = mode(&found);
    runner.step(Step::Mode, async { Ok(((), mode)) }).await?;
    runner.skip(&[Step::Exchange, Step::Refresh], why)?;

    let maestro = app.maestro().await?;
    let session = new_session(maestro, &model).await?;
    let talk = Talk {
        maestro,
        wire: &wire,
        stop,
        target: found.target,
        model,
        session,
        cut: Cut::Here,
        expected: Expected::Mention(WORD),
    };
    let done = steps::all(&mut runner, &talk).await;
    // However it went: nothing of it stays with the user's conversations.
    if let Err(error) = maestro.store().session_delete(session).await {
        app.output.warn(&format!("The session {session} is still there: {error}"));
    }
    done?;
    runner.skip(&[Step::SignOut], "it goes on being saved")
}

async fn new_session(maestro: &Maestro, model: &ModelId) -> Result<Id<Session>> {
    let mut new = NewSession::new(SessionName::new("maestro e2e")?, maestro.now());
    new.model_id = Some(model.clone());
    Ok(maestro.store().session_create(new).await?.id)
}

/// How requests prove who asks.
fn mode(found: &Found) -> String {
    match &found.target.endpoint.credentials {
        Some(Credentials::OAuth { tokens, .. }) => {
            let plan = tokens.plan.as_deref().unwrap_or("not told");
            let what =
                if tokens.api_key.is_some() { "a key that a sign-in bought" } else { "tokens of a sign-in" };
            format!("{what}, plan {plan}")
        }
        Some(credentials) if credentials.secret().is_some() => "an API key".to_owned(),
        _ => "no key".to_owned(),
    }
}
