//! The ways in which a code comes back, or tokens without one.

use std::io::BufRead as _;

use maestro::{
    Error, ErrorKind, LoopbackListener, Maestro,
    core::{
        auth::OAuthTokens,
        provider::{CodePaste, OAuthFlow as _, OAuthProfile, PendingAuthorization, RedirectStyle},
        time::Timestamp,
    },
    providers::oauth::{OAuth, read_paste},
};
use serde::Serialize;
use url::Url;

use super::{OPERATION, Way};
use crate::{
    app::{App, blocking},
    editor::can_ask,
    exit::{Result, invalid},
    interrupt::{Interrupts, stopped},
    output::printable,
};

/// The port of an address that nobody listens at, where the server accepts any: the browser shows it, with the code.
const UNHEARD_PORT: u16 = 14_550;

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

/// What the user has brought.
pub(super) enum Brought {
    /// A code, which is to be traded.
    Code(Box<PendingAuthorization>, CodePaste),
    /// The tokens themselves.
    Tokens(Box<OAuthTokens>),
}

/// Has the user sign in.
pub(super) async fn bring(
    app: &App,
    maestro: &Maestro,
    oauth: &OAuth,
    way: Way,
    interrupts: &mut Interrupts,
) -> Result<Brought> {
    let profile = &oauth.client().profile;
    let (pending, pasted) = match way {
        Way::Device => return by_device(app, maestro, oauth, interrupts).await,
        Way::Loopback => {
            let listener = LoopbackListener::bind(loopback_of(profile)?).await?;
            let pending = oauth.authorize(listener.redirect_uri())?;
            tell(app, &pending, "Open this address in a browser on this machine, and sign in:")?;
            let wait = async { Ok(listener.wait(&pending).await?) };
            let pasted = unless_stopped(interrupts, wait).await?;
            (pending, pasted)
        }
        Way::Paste => {
            let pending = oauth.authorize(&paste_address(profile)?)?;
            tell(
                app,
                &pending,
                "Open this address, sign in, and paste the code, or the address that the browser ends at:",
            )?;
            let pasted = unless_stopped(interrupts, read_code()).await?;
            (pending, pasted)
        }
    };
    Ok(Brought::Code(Box::new(pending), pasted))
}

/// The way that the server prefers.
pub(super) fn preferred(profile: &OAuthProfile) -> Way {
    match profile.redirects.first() {
        Some(RedirectStyle::Loopback { .. }) => Way::Loopback,
        Some(RedirectStyle::Paste { .. }) => Way::Paste,
        None => Way::Device,
    }
}

/// Waits for something that the user can stop.
async fn unless_stopped<T>(interrupts: &mut Interrupts, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = interrupts.next() => Err(stopped(OPERATION).into()),
    }
}

async fn by_device(
    app: &App,
    maestro: &Maestro,
    oauth: &OAuth,
    interrupts: &mut Interrupts,
) -> Result<Brought> {
    let begin = async { Ok(oauth.device_begin(maestro.http(), maestro.now()).await?) };
    let pending = unless_stopped(interrupts, begin).await?;
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
    match maestro.device_tokens_until(oauth, &pending, interrupts.next()).await? {
        Some(tokens) => Ok(Brought::Tokens(Box::new(tokens))),
        None => Err(stopped(OPERATION).into()),
    }
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
