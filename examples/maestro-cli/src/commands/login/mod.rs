//! `maestro auth login`: signing in, by whichever way the code comes back.

mod client;
mod ways;

use std::path::PathBuf;

use maestro::{
    Error, ErrorKind, Maestro, NewSignIn, Save, SignedIn,
    core::{
        auth::{AuthExt as _, AuthName, AuthRef, AuthType, OAuthTokens, PolicyAccepted},
        provider::{Endpoint, FlowAccess, OAuthFlow as _, OAuthProfile, ProviderId, UsePolicy},
        time::Timestamp,
    },
    providers::oauth::{ModeChoice, OAuth, SignInMode},
};
use serde::Serialize;
use url::Url;

use self::{
    client::{Client, Old, client_of},
    ways::{Brought, bring, preferred},
};
use crate::{
    app::{App, blocking},
    commands::auth::said,
    editor::{can_ask, confirm},
    exit::{Exit, Result, invalid},
    interrupt::{Interrupts, stopped},
    output::printable,
};

const OPERATION: &str = "sign in";

/// Sign in with an account in place of a key
///
/// Opens nothing by itself: it tells the address, and waits for the code. An API key needs no sign-in: see `maestro auth
/// add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  maestro auth login openai_compatible --profile work.toml --name work
  maestro auth login gemini --profile my-client.toml --quota-project my-project-1
  maestro auth login openai_compatible --name work --replace
  maestro --json auth login openai_compatible --profile work.toml --flow device --accept-policy")]
pub(crate) struct Args {
    /// The provider that the tokens are for
    provider: ProviderId,
    /// Save it under this name; else under the provider's
    #[arg(long)]
    name: Option<AuthName>,
    /// How the code comes back; else as the server prefers it
    #[arg(long, value_enum)]
    flow: Option<Way>,
    /// How requests prove who asks; else the plan decides
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// A file that describes the server and your client there: see docs/sign-in.md
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// The id of your client at the provider's own server
    #[arg(long, value_name = "ID", conflicts_with = "profile")]
    client_id: Option<String>,
    /// Use a sign-in that the provider keeps for its own software; only if you have the right to
    #[arg(long, requires = "client_id")]
    turn_on_restricted: bool,
    /// Accept what the terms say without being asked
    #[arg(long)]
    accept_policy: bool,
    /// Put it in the place of one that has the name; with its client, unless another is named
    #[arg(long)]
    replace: bool,
    /// The Cloud project that requests are booked on, for Gemini
    #[arg(long, value_name = "ID")]
    quota_project: Option<String>,
    /// The server to ask with the tokens, if it is not the provider's own
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

/// How a code comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// By the browser, to this program
    Loopback,
    /// By hand
    Paste,
    /// Not at all: a code is typed in on another device
    Device,
}

/// How requests prove who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// With the tokens themselves
    #[value(alias = "tokens")]
    Chatgpt,
    /// With a key that the tokens buy
    ApiKey,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "policy")]
struct PolicyLine<'a> {
    text: &'a str,
    source: &'a str,
    access: FlowAccess,
    accepted_at: Option<Timestamp>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    app.registry.provider(&args.provider)?;
    let base_url = args.base_url.as_deref().map(Endpoint::parse_base_url).transpose()?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => AuthName::new(args.provider.as_str())?,
    };
    let reference = AuthRef::new(args.provider.clone(), AuthType::OAuth, name);
    // What is wrong is told before anybody signs in.
    let row = app.store().await?.auth_find_optional(&reference).await?;
    if !args.replace && row.is_some() {
        return Err(Error::new(ErrorKind::Conflict, OPERATION)
            .on(&reference)
            .because("the name is taken")
            .advise("choose another with --name, or put the new sign-in in its place with --replace")
            .into());
    }
    let maestro = app.maestro_with_key().await?;
    let old = row.map(|row| Old::open(maestro, &row)).transpose()?.flatten();
    let client = client_of(&args, maestro, old.as_ref()).await?;
    let profile = &client.oauth.client().profile;
    if client.mode == ModeChoice::Always(SignInMode::Key) && profile.key_exchange.is_none() {
        return Err(no_keys(profile).into());
    }
    let way = args.flow.unwrap_or_else(|| preferred(profile));
    let before = old.as_ref().and_then(|old| old.accepted(&profile.policy));
    let policy = accept(app, &profile.policy, args.accept_policy, before, maestro.now()).await?;

    let mut interrupts = Interrupts::listen()?;
    let brought = bring(app, maestro, &client.oauth, way, &mut interrupts).await?;
    let save = if args.replace { Save::Replace } else { Save::Create };
    let finished = finish(app, maestro, &reference, brought, client, Terms { policy, base_url, save });
    let (saved, is_stopped) = to_the_end(app, finished, &mut interrupts).await;
    let saved = saved?;
    for warning in &saved.warnings {
        app.output.warn(&printable(warning));
    }
    said(
        app,
        &saved.row,
        &format!("Signed in as {reference}. Use it with `maestro chat --auth {}`.", saved.row.name),
    )?;
    if is_stopped {
        return Err(stopped(OPERATION)
            .because("the sign-in had come already when it was stopped, and is saved")
            .advise(format!("`maestro auth logout {}` ends it", saved.row.name))
            .into());
    }
    Ok(Exit::Done)
}

/// On what terms a sign-in is saved.
struct Terms {
    policy: PolicyAccepted,
    base_url: Option<Url>,
    save: Save,
}

/// Gets the tokens and saves them. The server counts a code as used from here on, so tokens that it gave must not be left
/// lying about.
async fn finish(
    app: &App,
    maestro: &Maestro,
    reference: &AuthRef,
    brought: Brought,
    client: Client,
    terms: Terms,
) -> Result<SignedIn> {
    let mut tokens = match brought {
        Brought::Tokens(tokens) => *tokens,
        Brought::Code(pending, pasted) => {
            client.oauth.exchange(maestro.http(), &pending, &pasted, maestro.now()).await?
        }
    };
    tokens.quota_project = client.quota_project;
    let new = NewSignIn {
        mode: client.mode,
        policy: Some(terms.policy),
        base_url: terms.base_url.or(client.base_url),
        save: terms.save,
        ..NewSignIn::new(tokens.clone())
    };
    match maestro.save_sign_in(reference, &client.oauth, new).await {
        Ok(saved) => Ok(saved),
        Err(error) => Err(taken_back(app, maestro, &client.oauth, &tokens, error).await.into()),
    }
}

/// Ends a sign-in at the server that could not be saved, and tells how far.
async fn taken_back(
    app: &App,
    maestro: &Maestro,
    oauth: &OAuth,
    tokens: &OAuthTokens,
    error: Error,
) -> Error {
    app.output.warn(&match oauth.revoke(maestro.http(), tokens).await {
        _ if oauth.client().profile.revocation.is_none() => {
            "The sign-in was not saved. The server has no way to end it, so its tokens work until their own end.".to_owned()
        }
        Ok(()) => "The sign-in was not saved, and the server has ended it.".to_owned(),
        Err(error) => printable(&format!("The sign-in was not saved, and the server did not end it: {error}")),
    });
    error
}

/// Does something that is not stopped half-way, and tells whether the user wanted it to be.
async fn to_the_end<T>(app: &App, work: impl Future<Output = T>, interrupts: &mut Interrupts) -> (T, bool) {
    let mut work = std::pin::pin!(work);
    let mut is_stopped = false;
    loop {
        tokio::select! {
            biased;
            () = interrupts.next(), if !is_stopped => {
                is_stopped = true;
                app.output.notice("The sign-in has come already; it is being saved.");
            }
            done = &mut work => return (done, is_stopped),
        }
    }
}

/// Shows what the terms say, and has it accepted, unless these were accepted before.
async fn accept(
    app: &App,
    policy: &UsePolicy,
    is_accepted: bool,
    before: Option<PolicyAccepted>,
    now: Timestamp,
) -> Result<PolicyAccepted> {
    let UsePolicy { text, source, access } = policy;
    let accepted_at = before.as_ref().map(|before| before.at);
    if app.output.is_json() {
        app.output.json(&PolicyLine { text, source, access: *access, accepted_at })?;
    } else {
        let since = accepted_at.map(|at| format!("\nAccepted on {at}.")).unwrap_or_default();
        app.output.notice(&printable(&format!("{text}\n({source}){since}")));
    }
    if let Some(before) = before {
        return Ok(before);
    }
    let accepted = PolicyAccepted { source: source.clone(), at: now };
    if is_accepted {
        return Ok(accepted);
    }
    if !can_ask() {
        return Err(invalid(OPERATION, "accept_policy", "is missing, and there is no terminal to ask at")
            .advise("read what the terms say, and accept it with --accept-policy")
            .into());
    }
    if blocking("ask", || confirm("Sign in under these terms?")).await?? {
        return Ok(accepted);
    }
    Err(stopped(OPERATION).because("the terms were not accepted").into())
}

fn no_keys(profile: &OAuthProfile) -> Error {
    let problem =
        format!("cannot be api-key: {} trades no tokens for keys, as far as its profile says", profile.name);
    invalid(OPERATION, "mode", problem)
        .advise("leave --mode out, or describe the exchange in the file of --profile, in [token_exchange]")
}
