//! The authorize page: what is checked before a browser is sent back, and with what.

use std::time::Duration;

use url::Url;

use super::State;
use super::failure::Failure;
use super::flavour::Flavour;
use super::form::Form;
use super::ledger::{Code, Family};
use super::settings::{AuthorizationSettings, Consent, LoopbackRule};

/// What the user answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Approve,
    Deny,
}

/// What the browser gets.
#[derive(Debug)]
pub(super) enum Visit {
    /// The user is asked.
    Ask,
    /// It is sent back to the program.
    Back(Url),
    /// What it would have carried to a registered page on another host is shown here.
    Shown(Url),
}

/// Answers a browser that comes to the authorize page.
///
/// What is wrong with the client or the redirect address is refused on a page and never sent anywhere; all else
/// that is wrong goes back with the browser (RFC 6749, section 4.1.2.1).
pub(super) fn visit(
    state: &mut State,
    flavour: Flavour,
    form: &Form,
    decision: Option<Decision>,
) -> Result<Visit, Failure> {
    form.once_each()?;
    let settings = state.settings(flavour).clone();
    let client = form.need("client_id")?;
    if !settings.clients.iter().any(|known| known.id == client) {
        return Err(Failure::invalid_client(format!("The client is not registered: {client}")));
    }
    let redirect_uri = form.need("redirect_uri")?;
    let (mut url, shown) = redirect(&settings, &state.endpoints(flavour).paste, redirect_uri)?;

    let decision = decision.or(match settings.consent {
        Consent::Ask => None,
        Consent::Approve => Some(Decision::Approve),
        Consent::Deny => Some(Decision::Deny),
    });
    let answer = match (check(flavour, form), decision) {
        (Err(failure), _) => Err(failure),
        (Ok(_), None) => return Ok(Visit::Ask),
        (Ok(_), Some(Decision::Deny)) => Err(Failure::new(403, "access_denied", "The user said no")),
        (Ok(challenge), Some(Decision::Approve)) => {
            let mut family = Family::new(flavour, client, settings.grant(form.words("scope")));
            family.nonce = form.get("nonce").map(str::to_owned);
            family.organizations = form.get("id_token_add_organizations") == Some("true");
            family.offline = match flavour {
                Flavour::Google => form.get("access_type") == Some("offline"),
                Flavour::Openai => family.scopes.iter().any(|scope| scope == "offline_access"),
                Flavour::Standard | Flavour::Anthropic => true,
            };
            let expires = state.now().saturating_add(Duration::from_secs(settings.code_seconds));
            let family = state.ledger.begin(family);
            let code = Code {
                family,
                redirect_uri: redirect_uri.to_owned(),
                challenge: challenge.to_owned(),
                state: form.get("state").map(str::to_owned),
                expires,
                spent: false,
            };
            Ok(state.ledger.issue(&settings.secret(), code))
        }
    };
    let mut pairs = url.query_pairs_mut();
    match &answer {
        Ok(code) => pairs.append_pair("code", code),
        Err(failure) => {
            pairs.append_pair("error", &failure.error).append_pair("error_description", &failure.description)
        }
    };
    if let Some(state) = form.get("state") {
        pairs.append_pair("state", state);
    }
    if flavour == Flavour::Standard {
        // RFC 9207, against answers that come from another server than the one that was asked.
        pairs.append_pair("iss", &flavour.issuer(&state.origin));
    }
    drop(pairs);
    Ok(if shown { Visit::Shown(url) } else { Visit::Back(url) })
}

/// What must be right of the request itself; the challenge.
fn check(flavour: Flavour, form: &Form) -> Result<&str, Failure> {
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => {
            let description = "The only response_type is code";
            return Err(Failure::new(400, "unsupported_response_type", description));
        }
        None => return Err(Failure::missing("response_type")),
    }
    if flavour == Flavour::Anthropic {
        form.need("state")?;
    }
    let challenge = form.need("code_challenge")?;
    // Left out, the method is `plain` (RFC 7636, section 4.3), which shows the verifier to whoever sees the URL.
    if form.get("code_challenge_method") != Some("S256") {
        return Err(Failure::invalid_request("The code_challenge_method must be S256"));
    }
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if challenge.len() != 43 || !challenge.bytes().all(good) {
        return Err(Failure::invalid_request("The code_challenge is not a SHA-256 in base64url"));
    }
    Ok(challenge)
}

/// The redirect address, and whether it is shown instead of visited.
fn redirect(settings: &AuthorizationSettings, paste: &str, text: &str) -> Result<(Url, bool), Failure> {
    let refused = || {
        Failure::invalid_request(format!(
            "The redirect_uri is neither a loopback address nor registered: {text}"
        ))
    };
    let url = Url::parse(text).map_err(|_| refused())?;
    if settings.paste_pages.iter().any(|page| page == text) {
        return Ok((url, true));
    }
    let plain = url.scheme() == "http"
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let allowed = match (&settings.loopback, url.host_str(), url.port_or_known_default()) {
        _ if text == paste => true,
        (LoopbackRule::Any, Some("127.0.0.1" | "[::1]" | "localhost"), _) => true,
        (LoopbackRule::LocalhostOn(ports), Some("localhost"), Some(port)) => ports.contains(&port),
        _ => false,
    };
    if plain && allowed { Ok((url, false)) } else { Err(refused()) }
}
