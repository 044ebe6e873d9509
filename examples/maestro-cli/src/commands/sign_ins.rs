//! `maestro auth refresh`, `status` and `logout`: sign-ins that are saved.

use maestro::{
    ErrorKind, RefreshWhen, SignedOut,
    core::{
        auth::{
            AuthExt as _, AuthName, AuthQuery, AuthType, Credentials, OAuthTokens, PolicyAccepted,
            RefreshAsked, RefreshRefused, SavedAuthentication,
        },
        provider::ProviderId,
        time::Timestamp,
    },
};
use serde::Serialize;

use crate::{
    app::{App, blocking},
    editor::{can_ask, confirm},
    exit::{Exit, Result},
    interrupt::{Interrupts, stopped},
    jobs,
    output::printable,
};

/// Get new tokens for a sign-in, if they are near their end
#[derive(Debug, clap::Args)]
pub(crate) struct Refresh {
    #[command(flatten)]
    named: SignIn,
    /// Get them although the old ones are good
    #[arg(long)]
    now: bool,
}

/// End a sign-in, at the server and here
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {
    #[command(flatten)]
    named: SignIn,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Show how sign-ins are, but never a token
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// The name of one; all, if none is named
    name: Option<AuthName>,
    /// Of this provider only
    #[arg(long)]
    provider: Option<ProviderId>,
}

/// A sign-in, as the command line names it.
#[derive(Debug, clap::Args)]
struct SignIn {
    /// Its name
    name: AuthName,
    /// Its provider, where several have that name
    #[arg(long)]
    provider: Option<ProviderId>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "refreshed")]
struct RefreshedLine<'a> {
    provider: &'a ProviderId,
    name: &'a AuthName,
    outcome: &'static str,
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "signed_out")]
struct SignedOutLine<'a> {
    provider: &'a ProviderId,
    name: &'a AuthName,
    /// Whether the server has ended it too: `at_server`, `here_only` or `refused`.
    outcome: &'static str,
    problem: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "sign_in")]
struct StatusLine<'a> {
    provider: &'a ProviderId,
    name: &'a AuthName,
    expires_at: Option<Timestamp>,
    renewable: bool,
    mode: &'static str,
    /// When a bought key ends, if that was told.
    key_expires_at: Option<Timestamp>,
    plan: Option<&'a str>,
    scopes: &'a [String],
    server: Option<&'a str>,
    client_id: Option<&'a str>,
    asked: Option<RefreshAsked>,
    refused: Option<&'a RefreshRefused>,
    policy: Option<&'a PolicyAccepted>,
    quota_project: Option<&'a str>,
    last_refresh: Option<Timestamp>,
    written_at: Timestamp,
}

/// Runs `maestro auth refresh`.
pub(crate) async fn refresh(app: &App, args: Refresh) -> Result<Exit> {
    let row = find(app, &args.named).await?;
    let when = if args.now { RefreshWhen::Now } else { RefreshWhen::Due };
    let maestro = app.maestro_with_key().await?;
    let mut interrupts = Interrupts::listen()?;
    // What is on its way when it is stopped is finished before the program ends.
    let (outcome, row) = tokio::select! {
        refreshed = maestro.refresh_tokens(row.id, when) => refreshed?,
        () = interrupts.next() => return Err(stopped("refresh tokens").into()),
    };
    if app.output.is_json() {
        app.output.json(&RefreshedLine {
            provider: &row.provider,
            name: &row.name,
            outcome: outcome.as_str(),
            expires_at: row.expires_at,
        })?;
    } else {
        app.output.line(&format!(
            "{}: {}, good until {}.",
            row.reference(),
            outcome.as_str(),
            end_of(&row)
        ))?;
    }
    Ok(Exit::Done)
}

/// Runs `maestro auth logout`.
pub(crate) async fn logout(app: &App, args: Logout) -> Result<Exit> {
    let row = find(app, &args.named).await?;
    let question = format!("End {}, at the server and here?", row.reference());
    if !args.yes && can_ask() && !blocking("ask", move || confirm(&question)).await?? {
        app.output.notice("Nothing was ended.");
        return Ok(Exit::Done);
    }
    let signed_out = app.maestro_with_key().await?.sign_out(row.id).await?;
    jobs::take_back(app, &row).await?;
    let (outcome, text) = match &signed_out {
        SignedOut::AtServer => ("at_server", "at the server and here".to_owned()),
        SignedOut::HereOnly => (
            "here_only",
            "here; the server has no way to end it, so its tokens work until their own end".to_owned(),
        ),
        SignedOut::Refused(error) => {
            ("refused", format!("here; the server did not end it, so its tokens may go on working: {error}"))
        }
    };
    if app.output.is_json() {
        let problem = match &signed_out {
            SignedOut::Refused(error) => Some(error.to_string()),
            _ => None,
        };
        app.output.json(&SignedOutLine { provider: &row.provider, name: &row.name, outcome, problem })?;
    } else {
        app.output.line(&printable(&format!("Ended {} {text}.", row.reference())))?;
    }
    Ok(Exit::Done)
}

/// Runs `maestro auth status`.
pub(crate) async fn status(app: &App, args: Status) -> Result<Exit> {
    let Status { name, provider } = args;
    let rows = match name {
        Some(name) => vec![find(app, &SignIn { name, provider }).await?],
        None => {
            if let Some(provider) = &provider {
                app.registry.provider(provider)?;
            }
            let query = AuthQuery { provider, auth_type: Some(AuthType::OAuth), name: None };
            app.store().await?.auth_list_all(&query).await?
        }
    };
    if rows.is_empty() {
        app.output
            .notice("Nobody is signed in. `maestro auth login PROVIDER` signs in; a key needs no sign-in.");
        return Ok(Exit::Done);
    }
    let maestro = app.maestro_with_key().await?;
    for row in &rows {
        let target = maestro.target(row)?;
        if let Some(Credentials::OAuth { tokens, .. }) = &target.endpoint.credentials {
            tell(app, row, tokens)?;
        }
    }
    Ok(Exit::Done)
}

fn tell(app: &App, row: &SavedAuthentication, tokens: &OAuthTokens) -> Result<()> {
    let mode = match tokens.api_key {
        Some(_) => "api-key",
        // Its tokens are good at ChatGPT alone, which is what this mode is called by.
        None if row.provider.as_str() == "openai" => "chatgpt",
        None => "tokens",
    };
    let client = tokens.client.as_deref();
    let server = client.map(|client| client.profile.name.as_str());
    if app.output.is_json() {
        return Ok(app.output.json(&StatusLine {
            provider: &row.provider,
            name: &row.name,
            expires_at: tokens.expires_at,
            renewable: tokens.refresh_token.is_some() && tokens.refused.is_none(),
            mode,
            key_expires_at: tokens.api_key_expires_at,
            plan: tokens.plan.as_deref(),
            scopes: &tokens.scopes,
            server,
            client_id: client.map(|client| client.client_id.as_str()),
            asked: tokens.asked,
            refused: tokens.refused.as_ref(),
            policy: tokens.policy.as_ref(),
            quota_project: tokens.quota_project.as_deref(),
            last_refresh: tokens.obtained_at,
            written_at: row.updated_at,
        })?);
    }
    let not_told = || "not told".to_owned();
    let refused = |refused: &RefreshRefused| format!("{:?}, {}: sign in again", refused.reason, refused.at);
    let rows = [
        ("name", row.name.to_string()),
        ("provider", row.provider.to_string()),
        ("server", server.map_or_else(not_told, str::to_owned)),
        ("expires", end_of(row)),
        ("renewable", if tokens.refresh_token.is_some() { "yes" } else { "no" }.to_owned()),
        ("mode", mode.to_owned()),
        ("plan", tokens.plan.as_ref().map_or_else(not_told, ToString::to_string)),
        ("scopes", tokens.scopes.join(" ")),
        (
            "asked",
            tokens.asked.map_or_else(|| "no answer is waited for".to_owned(), |asked| asked.at.to_string()),
        ),
        ("refused", tokens.refused.as_ref().map_or_else(|| "no".to_owned(), refused)),
        (
            "accepted",
            tokens
                .policy
                .as_ref()
                .map_or_else(not_told, |policy| format!("{}, {}", policy.source, policy.at)),
        ),
        ("refreshed", tokens.obtained_at.map_or_else(not_told, |at| at.to_string())),
        ("written", row.updated_at.to_string()),
    ];
    for (label, value) in rows {
        app.output.line(&printable(&format!("{label:<12} {value}")))?;
    }
    Ok(())
}

fn end_of(row: &SavedAuthentication) -> String {
    row.expires_at.map_or_else(|| "not known".to_owned(), |time| time.to_string())
}

/// The sign-in of this name; a key may have the same one.
async fn find(app: &App, named: &SignIn) -> Result<SavedAuthentication> {
    if let Some(provider) = &named.provider {
        app.registry.provider(provider)?;
    }
    let query = AuthQuery {
        provider: named.provider.clone(),
        auth_type: Some(AuthType::OAuth),
        name: Some(named.name.clone()),
    };
    let found = app.store().await?.auth_only(&query).await;
    Ok(found.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            error.advise("`maestro auth status` lists the sign-ins; a key needs no refresh, and ends with `maestro auth remove`")
        }
        ErrorKind::Conflict => error.advise("say which one with --provider"),
        _ => error,
    })?)
}
