//! Signing in on a device without a browser: RFC 8628, and OpenAI's own way.

use std::time::Duration;

use http::StatusCode;
use maestro_core::{
    Error, ErrorKind, Result, Secret,
    auth::OAuthTokens,
    http::HttpClient,
    provider::{BodyForm, DeviceFlow, DevicePoll, OAuthClient, PendingDevice, TokenRequest},
    time::Timestamp,
};
use serde_json::{Map, Value};
use url::Url;

use super::{
    ask::{Ask, Reply, check_address},
    engine,
    refusal::{self, Asked},
    reply,
};

const BEGIN: &str = "begin a sign-in on another device";
const POLL: &str = "sign in on another device";

/// How often it is asked when the server does not say (RFC 8628, section 3.5).
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest time between two questions that is believed; beyond it the user would take the program for hung.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// How long a code lives when the server does not say; it is the time that OpenAI's codes have.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The longest life of a code that is believed.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn begin(
    client: &OAuthClient,
    http: &dyn HttpClient,
    now: Timestamp,
) -> Result<PendingDevice> {
    match &client.profile.device {
        None => Err(unsupported(client)),
        Some(DeviceFlow::Standard { device_authorization_endpoint }) => {
            let scope = client.profile.scopes.join(" ");
            let mut ask = Ask::new(client, BEGIN, device_authorization_endpoint, BodyForm::Form)?.proved()?;
            if !scope.is_empty() {
                ask = ask.field("scope", &scope);
            }
            let (reply, object) = ask_for_code(ask, http).await?;
            // Google writes `verification_url`.
            let page =
                ["verification_uri", "verification_url"].iter().find_map(|name| object.get(*name)?.as_str());
            let page = page.and_then(|page| Url::parse(page).ok());
            let page = page.ok_or_else(|| unusable(&reply, "verification_uri"))?;
            check_address(BEGIN, "verification_uri", &page)?;
            let complete = object.get("verification_uri_complete").and_then(Value::as_str);
            let complete = complete.and_then(|page| Url::parse(page).ok());
            let complete =
                complete.filter(|page| check_address(BEGIN, "verification_uri_complete", page).is_ok());
            let lifetime = object.get("expires_in").and_then(reply::seconds).filter(|time| !time.is_zero());
            Ok(PendingDevice {
                device_code: secret(&reply, &object, "device_code")?,
                user_code: user_code(&reply, &object)?,
                verification_uri: page,
                verification_uri_complete: complete,
                interval: interval(&object),
                expires_at: now.saturating_add(lifetime.unwrap_or(LIFETIME).min(LONGEST_LIFETIME)),
            })
        }
        Some(DeviceFlow::OpenAi { user_code_endpoint, verification_uri, .. }) => {
            let ask = Ask::new(client, BEGIN, user_code_endpoint, BodyForm::Json)?;
            let (reply, object) = ask_for_code(ask.field("client_id", &client.client_id), http).await?;
            Ok(PendingDevice {
                device_code: secret(&reply, &object, "device_auth_id")?,
                user_code: user_code(&reply, &object)?,
                verification_uri: verification_uri.clone(),
                verification_uri_complete: None,
                interval: interval(&object),
                expires_at: now.saturating_add(LIFETIME),
            })
        }
    }
}

pub(super) async fn poll(
    client: &OAuthClient,
    http: &dyn HttpClient,
    pending: &PendingDevice,
    now: Timestamp,
) -> Result<DevicePoll> {
    if now >= pending.expires_at {
        return Err(Error::new(ErrorKind::Unauthenticated, POLL)
            .with_provider(&client.profile.name)
            .with_code("expired_token")
            .because("the code has expired before the user was done")
            .advise("begin the sign-in anew"));
    }
    match &client.profile.device {
        None => Err(unsupported(client)),
        Some(DeviceFlow::Standard { .. }) => standard(client, http, pending, now).await,
        Some(DeviceFlow::OpenAi { poll_endpoint, redirect_uri, .. }) => {
            let ask = Ask::new(client, POLL, poll_endpoint, BodyForm::Json)?;
            let ask = ask
                .secret("device_auth_id", &pending.device_code)
                .field("user_code", &pending.user_code)
                .hiding(&pending.user_code);
            let reply = ask.send(http).await?;
            match reply.status {
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(DevicePoll::Pending),
                status if !status.is_success() => return Err(refusal::error(&reply, Asked::Other)),
                _ => {}
            }
            let object = reply.object()?;
            let code = secret(&reply, &object, "authorization_code")?;
            // Here it is the server that makes the verifier.
            let verifier = secret(&reply, &object, "code_verifier")?;
            let code = engine::Code { code: &code, verifier: &verifier, redirect_uri, state: None };
            Ok(DevicePoll::Done(Box::new(engine::trade(client, http, POLL, code, now).await?)))
        }
    }
}

/// RFC 8628, sections 3.4 and 3.5.
async fn standard(
    client: &OAuthClient,
    http: &dyn HttpClient,
    pending: &PendingDevice,
    now: Timestamp,
) -> Result<DevicePoll> {
    let TokenRequest { headers, parameters, required, .. } = &client.profile.code_request;
    let ask = Ask::new(client, POLL, &client.profile.token_endpoint, BodyForm::Form)?
        .field("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
        .secret("device_code", &pending.device_code)
        .proved()?
        .extras(headers, parameters)?;
    let reply = ask.send(http).await?;
    if !reply.status.is_success() {
        match refusal::code(&reply).as_deref() {
            Some("authorization_pending") => return Ok(DevicePoll::Pending),
            Some("slow_down") => return Ok(DevicePoll::SlowDown),
            _ => {}
        }
    }
    let tokens: OAuthTokens = reply::tokens(&reply, Asked::Tokens, &client.profile, required, None, now)?;
    Ok(DevicePoll::Done(Box::new(tokens)))
}

async fn ask_for_code(ask: Ask<'_>, http: &dyn HttpClient) -> Result<(Reply, Map<String, Value>)> {
    let reply = ask.send(http).await?;
    if reply.status == StatusCode::NOT_FOUND {
        return Err(reply.error(ErrorKind::Unsupported).because("the server does not sign in devices"));
    }
    if !reply.status.is_success() {
        return Err(refusal::error(&reply, Asked::Other));
    }
    let object = reply.object()?;
    Ok((reply, object))
}

/// What the user types in: short, and nothing that would move a terminal's cursor.
fn user_code(reply: &Reply, object: &Map<String, Value>) -> Result<String> {
    let code = ["user_code", "usercode"].iter().find_map(|name| object.get(*name)?.as_str());
    let code = code.map(str::trim).filter(|code| !code.is_empty() && code.len() <= 100);
    let code = code.filter(|code| !code.chars().any(char::is_control));
    code.map(str::to_owned).ok_or_else(|| unusable(reply, "user_code"))
}

fn interval(object: &Map<String, Value>) -> Duration {
    object.get("interval").and_then(reply::seconds).unwrap_or(INTERVAL).min(LONGEST_INTERVAL)
}

fn secret(reply: &Reply, object: &Map<String, Value>, name: &'static str) -> Result<Secret> {
    let text = object.get(name).and_then(Value::as_str);
    text.and_then(|text| Secret::new(text).ok()).ok_or_else(|| unusable(reply, name))
}

fn unusable(reply: &Reply, name: &'static str) -> Error {
    reply.error(ErrorKind::Protocol).because(format!("its answer has no usable {name}"))
}

fn unsupported(client: &OAuthClient) -> Error {
    Error::new(ErrorKind::Unsupported, BEGIN)
        .with_provider(&client.profile.name)
        .because("the server does not sign in devices")
        .advise("sign in with a browser, and paste the address that it is sent to")
}
