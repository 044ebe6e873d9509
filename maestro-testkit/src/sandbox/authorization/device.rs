//! Device flows: RFC 8628, Google's words for it, and OpenAI's own.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maestro_core::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::State;
use super::authorize::Decision;
use super::failure::Failure;
use super::flavour::Flavour;
use super::ledger::{Code, Family};
use super::settings::Consent;
use super::token::{Exchange, client, open, unsupported};

/// A device that waits, or did.
#[derive(Debug)]
pub(super) struct Device {
    flavour: Flavour,
    client: String,
    family: usize,
    secret: String,
    user_code: String,
    expires: Timestamp,
    /// Seconds between polls; it grows with each `slow_down`.
    interval: u64,
    polled: Option<Timestamp>,
    decision: Option<Decision>,
    used: bool,
}

/// What a poll finds.
enum Found {
    Pending,
    TooFast,
    Expired,
    Denied,
    Approved(usize),
}

/// Letters of a code that no two of which look alike, and that spell no words (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// By how many seconds `slow_down` lengthens the interval (RFC 8628, section 3.5).
const SLOWER: u64 = 5;

/// Begins a device flow.
pub(super) fn start(state: &mut State, exchange: &Exchange<'_>) -> Result<Value, Failure> {
    let (flavour, form) = (exchange.flavour, exchange.form);
    form.once_each()?;
    let settings = state.settings(flavour).clone();
    let caller = form.caller(exchange.headers)?;
    // Google wants the secret when the device polls and not before.
    let client = if flavour == Flavour::Google {
        let id = caller.id.ok_or_else(|| Failure::missing("client_id"))?;
        let known = settings.clients.iter().any(|known| known.id == id);
        if known { id } else { return Err(Failure::invalid_client("The OAuth client was not found.")) }
    } else {
        client(&settings, caller)?
    };
    let scopes = match flavour {
        Flavour::Openai => ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec(),
        _ => form.words("scope"),
    };
    let mut family = Family::new(flavour, &client, settings.grant(scopes));
    family.organizations = true;
    let family = state.ledger.begin(family);
    state.ledger.count(Some(family), |counters| counters.device_starts += 1);
    let device = Device {
        flavour,
        client,
        family,
        secret: format!("sandbox-device-{}", settings.secret()),
        user_code: user_code(),
        expires: state.now().saturating_add(Duration::from_secs(settings.device_seconds)),
        interval: settings.device_interval_seconds,
        polled: None,
        decision: match settings.consent {
            Consent::Ask => None,
            Consent::Approve => Some(Decision::Approve),
            Consent::Deny => Some(Decision::Deny),
        },
        used: false,
    };
    let page = state.endpoints(flavour).device_page.unwrap_or_default();
    let (secret, user_code, interval) = (&device.secret, &device.user_code, device.interval);
    let answer = match flavour {
        Flavour::Openai => {
            json!({"device_auth_id": secret, "user_code": user_code, "interval": interval.to_string()})
        }
        Flavour::Google => json!({
            "device_code": secret, "user_code": user_code, "verification_url": page,
            "expires_in": settings.device_seconds, "interval": interval,
        }),
        Flavour::Standard | Flavour::Anthropic => json!({
            "device_code": secret, "user_code": user_code, "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "expires_in": settings.device_seconds, "interval": interval,
        }),
    };
    state.devices.push(device);
    Ok(answer)
}

/// The user decides about the device that shows this code; a code is read whatever its case and hyphens.
pub(super) fn decide(state: &mut State, flavour: Option<Flavour>, typed: &str, decision: Decision) -> bool {
    let plain = |code: &str| code.to_ascii_uppercase().replace(['-', ' '], "");
    let now = state.now();
    let device = state.devices.iter_mut().find(|device| {
        plain(&device.user_code) == plain(typed)
            && flavour.is_none_or(|flavour| flavour == device.flavour)
            && device.decision.is_none()
            && device.expires > now
    });
    device.map(|device| device.decision = Some(decision)).is_some()
}

/// A poll at the token endpoint.
pub(super) fn token(state: &mut State, exchange: &Exchange<'_>, client: &str) -> Result<Value, Failure> {
    let flavour = exchange.flavour;
    if !matches!(flavour, Flavour::Standard | Flavour::Google) {
        return Err(unsupported("urn:ietf:params:oauth:grant-type:device_code"));
    }
    let secret = exchange.form.need("device_code")?;
    let google = flavour == Flavour::Google;
    let status = |theirs: u16| if google { theirs } else { 400 };
    match poll(state, flavour, Some(client), secret, None) {
        None => Err(Failure::invalid_grant("The device_code is not known")),
        Some(Found::Pending) => {
            Err(Failure::new(status(428), "authorization_pending", "The user has not decided yet"))
        }
        Some(Found::TooFast) => Err(Failure::new(status(403), "slow_down", "The device polls too fast")),
        Some(Found::Expired) => Err(Failure::new(400, "expired_token", "The device_code has expired")),
        Some(Found::Denied) => Err(Failure::new(status(403), "access_denied", "The user said no")),
        Some(Found::Approved(family)) => Ok(open(state, exchange, family)),
    }
}

/// OpenAI's poll, which is answered with a code and the verifier that goes with it.
pub(super) fn openai(state: &mut State, exchange: &Exchange<'_>) -> Result<Value, Failure> {
    let form = exchange.form;
    form.once_each()?;
    let secret = form.need("device_auth_id")?;
    let user_code = form.need("user_code")?;
    match poll(state, Flavour::Openai, None, secret, Some(user_code)) {
        None => Err(Failure::new(404, "deviceauth_not_found", "No such device authorization")),
        Some(Found::Pending | Found::TooFast) => {
            Err(Failure::new(403, "deviceauth_authorization_pending", "The user has not decided yet"))
        }
        Some(Found::Expired) => Err(Failure::new(400, "deviceauth_expired", "The code has expired")),
        Some(Found::Denied) => Err(Failure::new(400, "access_denied", "The user said no")),
        Some(Found::Approved(family)) => {
            let settings = state.settings(Flavour::Openai);
            let (secret, verifier) =
                (settings.secret(), format!("{}{}", settings.secret(), settings.secret()));
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            let lifetime = Duration::from_secs(settings.code_seconds);
            let code = Code {
                family,
                redirect_uri: state.endpoints(Flavour::Openai).device_redirect.unwrap_or_default(),
                challenge: challenge.clone(),
                state: None,
                expires: state.now().saturating_add(lifetime),
                spent: false,
            };
            let code = state.ledger.issue(&secret, code);
            Ok(json!({
                "authorization_code": code, "code_challenge": challenge, "code_verifier": verifier,
            }))
        }
    }
}

fn poll(
    state: &mut State,
    flavour: Flavour,
    client: Option<&str>,
    secret: &str,
    user_code: Option<&str>,
) -> Option<Found> {
    let now = state.now();
    let device = state.devices.iter_mut().find(|device| {
        device.secret == secret
            && device.flavour == flavour
            && !device.used
            && client.is_none_or(|client| client == device.client)
            && user_code.is_none_or(|code| code == device.user_code)
    })?;
    let family = device.family;
    let wait = Duration::from_secs(device.interval);
    let fast = device.polled.is_some_and(|polled| now.since(polled) < wait);
    device.polled = Some(now);
    let found = if device.expires <= now {
        Found::Expired
    } else if fast {
        device.interval = device.interval.saturating_add(SLOWER);
        Found::TooFast
    } else {
        match device.decision {
            None => Found::Pending,
            Some(Decision::Deny) => Found::Denied,
            Some(Decision::Approve) => {
                device.used = true;
                Found::Approved(family)
            }
        }
    };
    state.ledger.count(Some(family), |counters| counters.device_polls += 1);
    Some(found)
}

fn user_code() -> String {
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
    let letters: String = rand::random::<[u8; 8]>().into_iter().map(letter).collect();
    format!("{}-{}", &letters[..4], &letters[4..])
}
