//! Tokens for API keys: OpenAI's private dialect and RFC 8693.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::State;
use super::failure::Failure;
use super::flavour::Flavour;
use super::ledger::Kind;
use super::settings::KeyExchange;
use super::token::{Exchange, unsupported};

const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:";

/// Answers a token exchange.
pub(super) fn exchange(state: &mut State, exchange: &Exchange<'_>, client: &str) -> Result<Value, Failure> {
    let (flavour, form) = (exchange.flavour, exchange.form);
    let private = match flavour {
        // It asks with `requested_token`, which the RFC does not have.
        Flavour::Openai => form.get("requested_token_type").is_none(),
        Flavour::Standard => false,
        Flavour::Anthropic | Flavour::Google => {
            return Err(unsupported("urn:ietf:params:oauth:grant-type:token-exchange"));
        }
    };
    let subject = form.need("subject_token")?;
    let kind = match form.need("subject_token_type")?.strip_prefix(TOKEN_TYPE) {
        Some("id_token") => Kind::Id,
        Some("access_token") if !private => Kind::Access,
        _ => return Err(Failure::invalid_request("The subject_token_type is not supported")),
    };
    if private && form.need("requested_token")? != "openai-api-key" {
        return Err(Failure::invalid_request("The only requested_token is openai-api-key"));
    }
    let access = format!("{TOKEN_TYPE}access_token");
    if form.get("requested_token_type").is_some_and(|wanted| wanted != access) {
        return Err(Failure::invalid_request("The only requested_token_type is that of an access token"));
    }

    if !private {
        check_target(state, exchange)?;
    }

    let invalid = |why: &str| match flavour {
        // RFC 8693, section 2.2.2.
        Flavour::Standard => Failure::invalid_request(format!("The subject_token is {why}")),
        _ => Failure::new(401, "invalid_subject_token", format!("Invalid ID token: {why}")),
    };
    let token = state.ledger.token(subject).filter(|token| token.kind == kind);
    let token = token.ok_or_else(|| invalid("not known"))?;
    let family = state.ledger.family(token.family).ok_or_else(|| invalid("not known"))?;
    if family.flavour != flavour || family.client != client {
        return Err(invalid("not for this client"));
    }
    let organizations = family.organizations;
    if state.ledger.ended(&token) {
        return Err(invalid("revoked"));
    }
    if token.expires.is_some_and(|expires| expires <= state.now()) {
        return Err(invalid("expired"));
    }
    let settings = state.settings(flavour);
    let homeless = flavour == Flavour::Openai && (!organizations || settings.user.organization.is_none());
    if settings.exchange == KeyExchange::MissingOrganization || homeless {
        return Err(Failure::new(401, "invalid_subject_token", "Invalid ID token: missing organization_id"));
    }
    let key = format!("sandbox-key-{}", settings.secret());
    let lifetime = settings.exchanged_token_seconds;
    state.ledger.count(Some(token.family), |counters| counters.exchanges += 1);
    if private {
        return Ok(json!({"access_token": key}));
    }
    let mut answer = json!({"access_token": key, "issued_token_type": access, "token_type": "Bearer"});
    if let Some(lifetime) = lifetime {
        state.ledger.sell(&key, token.family, state.now().saturating_add(Duration::from_secs(lifetime)));
        answer["expires_in"] = lifetime.into();
    }
    if let Some(scope) = form.get("scope") {
        answer["scope"] = scope.into();
    }
    Ok(answer)
}

/// RFC 8693, sections 2.1 and 2.2.2: for whom, and where the token is to be used.
fn check_target(state: &State, exchange: &Exchange<'_>) -> Result<(), Failure> {
    let invalid = |text: &str| Failure::new(400, "invalid_target", text);
    let known = &state.settings(exchange.flavour).audiences;
    let is_known = |audience: &str| known.as_ref().is_none_or(|known| known.iter().any(|it| it == audience));
    if !exchange.form.all("audience").all(is_known) {
        return Err(invalid("The audience is not known"));
    }
    let is_address = |text: &str| Url::parse(text).is_ok_and(|url| url.fragment().is_none());
    if !exchange.form.all("resource").all(is_address) {
        return Err(invalid("The resource must be an absolute URI without a fragment"));
    }
    Ok(())
}
