//! The token endpoint: codes and refresh tokens; devices and subject tokens are next door.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::State;
use super::failure::Failure;
use super::flavour::Flavour;
use super::form::{Caller, Form};
use super::ledger::{NoRefresh, Terms, Tokens};
use super::script::Grant;
use super::settings::AuthorizationSettings;
use super::{device, key};

/// A request to a token endpoint.
pub(super) struct Exchange<'a> {
    pub(super) flavour: Flavour,
    pub(super) form: &'a Form,
    pub(super) headers: &'a HeaderMap,
    /// A lifetime in seconds that a scenario asks for.
    pub(super) lifetime: Option<i64>,
}

/// Answers a request to a token endpoint.
pub(super) fn answer(state: &mut State, exchange: &Exchange<'_>) -> Result<Value, Failure> {
    let form = exchange.form;
    form.once_each()?;
    let grant = match (form.grant(), form.get("grant_type")) {
        (Some(grant), _) => grant,
        (None, None) => return Err(Failure::missing("grant_type")),
        (None, Some(other)) => return Err(unsupported(other)),
    };
    let client = client(state.settings(exchange.flavour), form.caller(exchange.headers)?)?;
    match grant {
        Grant::AuthorizationCode => code(state, exchange, &client),
        Grant::RefreshToken => refresh(state, exchange, &client),
        Grant::DeviceCode => device::token(state, exchange, &client),
        Grant::TokenExchange => key::exchange(state, exchange, &client),
    }
}

pub(super) fn unsupported(grant: &str) -> Failure {
    Failure::new(400, "unsupported_grant_type", format!("The grant_type is not known: {grant}"))
}

/// The client, if it is registered and proves itself as it has to.
pub(super) fn client(settings: &AuthorizationSettings, caller: Caller) -> Result<String, Failure> {
    let id = caller.id.ok_or_else(|| Failure::missing("client_id"))?;
    let known = settings.clients.iter().find(|known| known.id == id);
    let known = known.ok_or_else(|| Failure::invalid_client("The OAuth client was not found."))?;
    match (&known.secret, &caller.secret) {
        (None, None) => Ok(id),
        (Some(secret), Some(given)) if secret == given => Ok(id),
        (Some(_), None) => Err(Failure::invalid_client("The client secret is missing")),
        (Some(_), Some(_)) => Err(Failure::invalid_client("The client secret is wrong")),
        (None, Some(_)) => Err(Failure::invalid_client("The client is public and has no secret")),
    }
}

fn code(state: &mut State, exchange: &Exchange<'_>, client: &str) -> Result<Value, Failure> {
    let (flavour, form) = (exchange.flavour, exchange.form);
    let given = form.need("code")?;
    let redirect_uri = form.need("redirect_uri")?;
    if flavour == Flavour::Anthropic && form.get("state").is_none() {
        return Err(Failure::new(400, "oauth_request_parse_error", "Missing required parameter: state"));
    }
    let now = state.now();
    let unknown = || Failure::invalid_grant("The code is not known");
    let code = state.ledger.code(given).ok_or_else(unknown)?;
    let bound = code.clone();
    let family = state.ledger.family(bound.family).ok_or_else(unknown)?;
    if family.flavour != flavour || family.client != client {
        return Err(Failure::invalid_grant("The code was given to another client"));
    }
    if bound.spent {
        // RFC 6749, section 4.1.2: whoever has it twice may not be who it was given to.
        state.ledger.count(Some(bound.family), |counters| counters.codes_reused += 1);
        state.ledger.revoke_family(bound.family);
        return Err(Failure::invalid_grant("The code was used before"));
    }
    if bound.expires <= now {
        return Err(Failure::invalid_grant("The code has expired"));
    }
    // From here on the code is spent, whether the rest is right or not: it cannot be tried again.
    if let Some(code) = state.ledger.code(given) {
        code.spent = true;
    }
    if bound.redirect_uri != redirect_uri {
        return Err(Failure::invalid_grant("The redirect_uri is not the one the code was asked with"));
    }
    if flavour == Flavour::Anthropic && form.get("state") != bound.state.as_deref() {
        return Err(Failure::invalid_grant("The state is not the one the code was asked with"));
    }
    verify(form.need("code_verifier")?, &bound.challenge)?;
    state.ledger.count(Some(bound.family), |counters| counters.codes_used += 1);
    Ok(open(state, exchange, bound.family))
}

/// Gives the first tokens of a family.
pub(super) fn open(state: &mut State, exchange: &Exchange<'_>, family: usize) -> Value {
    let now = state.now();
    let settings = state.settings(exchange.flavour).clone();
    let terms = Terms { settings: &settings, origin: &state.origin, now, lifetime: exchange.lifetime };
    let tokens = state.ledger.open(family, &terms);
    written(state, exchange.flavour, family, &tokens)
}

fn refresh(state: &mut State, exchange: &Exchange<'_>, client: &str) -> Result<Value, Failure> {
    let flavour = exchange.flavour;
    let presented = exchange.form.need("refresh_token")?;
    let now = state.now();
    let settings = state.settings(flavour).clone();
    let terms = Terms { settings: &settings, origin: &state.origin, now, lifetime: exchange.lifetime };
    let family = state.ledger.token(presented).map(|token| token.family);
    match state.ledger.refresh(presented, client, flavour, &terms) {
        Ok(tokens) => Ok(written(state, flavour, family.unwrap_or_default(), &tokens)),
        Err(refused) => Err(refusal(flavour, refused)),
    }
}

/// OpenAI has a code for each reason; the RFC has one for all.
fn refusal(flavour: Flavour, refused: NoRefresh) -> Failure {
    if flavour == Flavour::Openai {
        let (error, text) = match refused {
            NoRefresh::Expired => {
                ("refresh_token_expired", "Your refresh token has expired. Please try signing in again.")
            }
            NoRefresh::Reused => (
                "refresh_token_reused",
                "Your refresh token has already been used to generate a new access token. Please try signing \
                 in again.",
            ),
            NoRefresh::Revoked => {
                ("refresh_token_invalidated", "Your session has ended. Please try signing in again.")
            }
            NoRefresh::Unknown | NoRefresh::OtherClient => {
                return Failure::invalid_grant("The refresh token is not valid for this client");
            }
        };
        return Failure::new(401, error, text);
    }
    Failure::invalid_grant(match (flavour, refused) {
        (Flavour::Google, NoRefresh::Expired | NoRefresh::Revoked | NoRefresh::Reused) => {
            "Token has been expired or revoked."
        }
        (Flavour::Google, _) => "Bad Request",
        (_, NoRefresh::Unknown) => "The refresh token is not known",
        (_, NoRefresh::OtherClient) => "The refresh token was given to another client",
        (_, NoRefresh::Expired) => "The refresh token has expired",
        (_, NoRefresh::Revoked) => "The refresh token was revoked",
        (_, NoRefresh::Reused) => "The refresh token was used before",
    })
}

/// The answer that brings tokens.
fn written(state: &State, flavour: Flavour, family: usize, tokens: &Tokens) -> Value {
    let scopes = state.ledger.family(family).map(|family| family.scopes.join(" ")).unwrap_or_default();
    let mut body = json!({
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": tokens.lifetime.max(0),
        "scope": scopes,
    });
    if let Some(refresh) = &tokens.refresh {
        body["refresh_token"] = refresh.as_str().into();
    }
    if let Some(id) = &tokens.id {
        body["id_token"] = id.as_str().into();
    }
    if flavour == Flavour::Anthropic {
        let user = &state.settings(flavour).user;
        body["account"] = json!({"uuid": user.id, "email_address": user.email});
        body["organization"] = json!({"uuid": user.organization, "name": "Sandbox"});
    }
    body
}

/// RFC 7636, section 4.6.
fn verify(verifier: &str, challenge: &str) -> Result<(), Failure> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(good) {
        return Err(Failure::invalid_grant("The code_verifier is not 43 to 128 unreserved characters"));
    }
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) != challenge {
        return Err(Failure::invalid_grant("The code_verifier does not fit the code_challenge"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_of_rfc_7636_appendix_b_fits_its_challenge() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(verify(verifier, challenge).is_ok());
        assert!(verify(&verifier.replace('d', "e"), challenge).is_err());
        assert!(verify("short", challenge).is_err());
    }
}
