//! `maestro auth login`: signing in, by whichever way the code comes back.

use std::{io::BufRead as _, path::PathBuf};

use maestro::{
    Error, ErrorKind, LoopbackListener, Maestro, NewSignIn, Save,
    core::{
        auth::{AuthExt as _, AuthName, AuthRef, AuthType, OAuthTokens, PolicyAccepted},
        provider::{
            CodePaste, Endpoint, FlowAccess, OAuthClient, OAuthFlow, OAuthProfile, PendingAuthorization,
            ProviderId, RedirectStyle, UsePolicy,
        },
        time::Timestamp,
    },
    providers::oauth::{ModeChoice, OAuth, ProfileFile, SignInMode, builtin_profiles, read_paste},
};
use serde::Serialize;
use url::Url;

use crate::{
    app::{App, blocking},
    commands::auth::said,
    editor::{can_ask, confirm, read_text},
    exit::{Exit, Result, invalid},
    interrupt::{Interrupts, stopped},
    output::printable,
};

const OPERATION: &str = "sign in";

/// The port of an address that nobody listens at, where the server accepts any: the browser shows it, with the code.
const UNHEARD_PORT: u16 = 14_550;

/// Sign in with an account in place of a key
///
/// Opens nothing by itself: it tells the address, and waits for the code. An API key needs no sign-in: see `maestro auth
/// add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  maestro auth login openai_compatible --profile work.toml --name work
  maestro auth login gemini --profile my-client.toml --flow paste
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
    /// Put it in the place of one that has the name
    #[arg(long)]
    replace: bool,
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
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "authorize")]
struct AuthorizeLine<'a> {
    url: &'a Url,
    redirect_uri: &'a Url,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "device")]
struct DeviceLine<'a> {
    user_code: &'a str,
    verification_uri: &'a Url,
    verification_uri_complete: Option<&'a Url>,
    expires_at: Timestamp,
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
    if !args.replace && app.store().await?.auth_find_optional(&reference).await?.is_some() {
        return Err(Error::new(ErrorKind::Conflict, OPERATION)
            .on(&reference)
            .because("the name is taken")
            .advise("choose another with --name, or put the new sign-in in its place with --replace")
            .into());
    }
    let maestro = app.maestro_with_key().await?;
    let oauth = oauth_of(&args, maestro).await?;
    let profile = &oauth.client().profile;
    if args.mode == Some(Mode::ApiKey) && profile.key_exchange.is_none() {
        return Err(no_keys(profile).into());
    }
    let way = args.flow.unwrap_or_else(|| preferred(profile));
    let policy = accept(app, &profile.policy, args.accept_policy, maestro.now()).await?;

    let mut interrupts = Interrupts::listen()?;
    let tokens = tokio::select! {
        tokens = Box::pin(tokens(app, maestro, &oauth, way)) => tokens?,
        () = interrupts.next() => return Err(stopped(OPERATION).into()),
    };
    let new = NewSignIn {
        mode: match args.mode {
            None => ModeChoice::ByPlan,
            Some(Mode::Chatgpt) => ModeChoice::Always(SignInMode::Tokens),
            Some(Mode::ApiKey) => ModeChoice::Always(SignInMode::Key),
        },
        policy: Some(policy),
        base_url,
        save: if args.replace { Save::Replace } else { Save::Create },
        ..NewSignIn::new(tokens)
    };
    let saved = maestro.save_sign_in(&reference, &oauth, new).await?;
    for warning in &saved.warnings {
        app.output.warn(&printable(warning));
    }
    said(
        app,
        &saved.row,
        &format!("Signed in as {reference}. Use it with `maestro chat --auth {}`.", saved.row.name),
    )
}

/// The client to sign in with: of a file, or of the operator at a server that is built in.
async fn oauth_of(args: &Args, maestro: &Maestro) -> Result<OAuth> {
    let restricted = |error: Error| match error.kind() {
        ErrorKind::Forbidden => error.advise(
            "if you have the right to use it, say so: turn_on_restricted = true in the file of --profile, or \
             --turn-on-restricted with --client-id; an API key needs no permission",
        ),
        _ => error,
    };
    if let Some(path) = &args.profile {
        let file = ProfileFile::parse(&read_text(path)?)?;
        let other = file.provider().filter(|name| {
            builtin_profiles().iter().any(|known| known.name == **name) && *name != args.provider.as_str()
        });
        if let Some(other) = other {
            let problem = format!("is {}, and the file is for {other}", args.provider);
            return Err(invalid(OPERATION, "provider", problem).into());
        }
        return Ok(file.oauth(maestro.http()).await.map_err(restricted)?);
    }
    let Some(profile) = builtin_profiles().into_iter().find(|profile| profile.name == args.provider.as_str())
    else {
        return Err(invalid(
            OPERATION,
            "profile",
            format!("is missing: no sign-in of {} is built in", args.provider),
        )
        .advise("describe the server in a file, and name it with --profile")
        .into());
    };
    let Some(client_id) = args.client_id.clone() else {
        return Err(invalid(OPERATION, "client_id", "is missing: no client is built in")
            .advise("give the id of your own client with --client-id or in a file with --profile; or use an API key: `maestro auth add`")
            .into());
    };
    let client = OAuthClient { profile, client_id, client_secret: None };
    let oauth = if args.turn_on_restricted { OAuth::turned_on(client) } else { OAuth::new(client) };
    Ok(oauth.map_err(restricted)?)
}

/// Shows what the terms say, and has it accepted.
async fn accept(app: &App, policy: &UsePolicy, is_accepted: bool, now: Timestamp) -> Result<PolicyAccepted> {
    let UsePolicy { text, source, access } = policy;
    if app.output.is_json() {
        app.output.json(&PolicyLine { text, source, access: *access })?;
    } else {
        app.output.notice(&printable(&format!("{text}\n({source})")));
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

/// Signs in.
async fn tokens(app: &App, maestro: &Maestro, oauth: &OAuth, way: Way) -> Result<OAuthTokens> {
    let profile = &oauth.client().profile;
    let (pending, pasted) = match way {
        Way::Device => return by_device(app, maestro, oauth).await,
        Way::Loopback => {
            let listener = LoopbackListener::bind(loopback_of(profile)?).await?;
            let pending = oauth.authorize(listener.redirect_uri())?;
            tell(app, &pending, "Open this address in a browser on this machine, and sign in:")?;
            let pasted = listener.wait(&pending).await?;
            (pending, pasted)
        }
        Way::Paste => {
            let pending = oauth.authorize(&paste_address(profile)?)?;
            tell(
                app,
                &pending,
                "Open this address, sign in, and paste the code, or the address that the browser ends at:",
            )?;
            (pending, read_code().await?)
        }
    };
    Ok(oauth.exchange(maestro.http(), &pending, &pasted, maestro.now()).await?)
}

async fn by_device(app: &App, maestro: &Maestro, oauth: &OAuth) -> Result<OAuthTokens> {
    let pending = oauth.device_begin(maestro.http(), maestro.now()).await?;
    if app.output.is_json() {
        app.output.json(&DeviceLine {
            user_code: &pending.user_code,
            verification_uri: &pending.verification_uri,
            verification_uri_complete: pending.verification_uri_complete.as_ref(),
            expires_at: pending.expires_at,
        })?;
    } else {
        app.output.line(&printable(&format!(
            "Open {} on any device, and type in {}\n(until {}).",
            pending.verification_uri, pending.user_code, pending.expires_at
        )))?;
    }
    Ok(maestro.device_tokens(oauth, &pending).await?)
}

/// Tells where to sign in.
fn tell(app: &App, pending: &PendingAuthorization, text: &str) -> Result<()> {
    if app.output.is_json() {
        app.output.json(&AuthorizeLine { url: &pending.url, redirect_uri: &pending.redirect_uri })?;
    } else {
        app.output.notice(text);
        app.output.line(pending.url.as_str())?;
    }
    Ok(())
}

/// Reads what the user brings back. A code is a secret until it is used, so a terminal does not show it.
async fn read_code() -> Result<CodePaste> {
    let text = if can_ask() {
        let asked = blocking("ask for the code", || {
            inquire::Password::new("Code, or address:").without_confirmation().prompt()
        });
        match asked.await? {
            Ok(text) => text,
            Err(inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted) => {
                return Err(stopped(OPERATION).into());
            }
            Err(error) => {
                return Err(Error::new(ErrorKind::Internal, "ask for the code").caused_by(error).into());
            }
        }
    } else {
        let read = blocking("read the code", || {
            let mut text = String::new();
            std::io::stdin().lock().read_line(&mut text).map(|_| text)
        });
        read.await?.map_err(|_| invalid(OPERATION, "code", "cannot be read from standard input"))?
    };
    Ok(read_paste(&text)?)
}

fn no_keys(profile: &OAuthProfile) -> Error {
    let problem =
        format!("cannot be api-key: {} trades no tokens for keys, as far as its profile says", profile.name);
    invalid(OPERATION, "mode", problem)
        .advise("leave --mode out, or describe the exchange in the file of --profile, in [token_exchange]")
}

/// The way that the server prefers.
fn preferred(profile: &OAuthProfile) -> Way {
    match profile.redirects.first() {
        Some(RedirectStyle::Loopback { .. }) => Way::Loopback,
        Some(RedirectStyle::Paste { .. }) => Way::Paste,
        None => Way::Device,
    }
}

fn loopback_of(profile: &OAuthProfile) -> Result<&RedirectStyle> {
    let found = profile.redirects.iter().find(|redirect| matches!(redirect, RedirectStyle::Loopback { .. }));
    Ok(found.ok_or_else(|| {
        invalid(OPERATION, "flow", "cannot be loopback: the server sends no code to this machine")
            .advise("use --flow paste or --flow device")
    })?)
}

/// The page that shows a code, and else an address on this machine that the browser will not reach but show.
fn paste_address(profile: &OAuthProfile) -> Result<Url> {
    for redirect in &profile.redirects {
        if let RedirectStyle::Paste { redirect_uri } = redirect {
            return Ok(redirect_uri.clone());
        }
    }
    let found = profile.redirects.iter().find_map(|redirect| match redirect {
        RedirectStyle::Loopback { host, ports, path } => {
            let port = ports.iter().copied().find(|port| *port != 0).unwrap_or(UNHEARD_PORT);
            Url::parse(&format!("http://{host}:{port}{path}")).ok()
        }
        RedirectStyle::Paste { .. } => None,
    });
    Ok(found.ok_or_else(|| {
        invalid(OPERATION, "flow", "cannot be paste: the server knows no address for it")
            .advise("use --flow device")
    })?)
}
