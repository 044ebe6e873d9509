//! What is asked about tokens and about the server itself: revocation, who signed in, the well-known documents.

use http::HeaderMap;
use serde_json::{Value, json};

use super::State;
use super::failure::Failure;
use super::flavour::Flavour;
use super::ledger::{Kind, Standing};
use super::token::{Exchange, client};

/// RFC 7009.  A refresh token takes its whole family with it; an access token does so at Google only.
pub(super) fn revoke(state: &mut State, exchange: &Exchange<'_>) -> Result<Value, Failure> {
    let (flavour, form) = (exchange.flavour, exchange.form);
    form.once_each()?;
    let given = form.need("token")?;
    let caller = form.caller(exchange.headers)?;
    // Google asks for no client, and OpenAI's names itself only with a refresh token.
    let named = match flavour {
        Flavour::Standard | Flavour::Anthropic => Some(client(state.settings(flavour), caller)?),
        Flavour::Openai if caller.id.is_some() => Some(client(state.settings(flavour), caller)?),
        Flavour::Openai | Flavour::Google => None,
    };
    let owned = state.ledger.token(given).filter(|token| {
        state.ledger.family(token.family).is_some_and(|family| {
            family.flavour == flavour && named.as_ref().is_none_or(|client| *client == family.client)
        })
    });
    let Some(token) = owned else {
        // RFC 7009, section 2.2: what is not known is as good as revoked.
        return match flavour {
            Flavour::Google => Err(Failure::new(400, "invalid_token", "Token expired or revoked")),
            _ => Ok(json!({})),
        };
    };
    match (token.kind, flavour) {
        (Kind::Refresh, _) | (_, Flavour::Google) => {
            state.ledger.revoke_family(token.family);
        }
        _ => state.ledger.revoke_token(given),
    }
    Ok(json!({}))
}

/// Who signed in.
pub(super) fn userinfo(state: &State, flavour: Flavour, headers: &HeaderMap) -> Result<Value, Failure> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Failure::new(401, "invalid_token", "An access token is wanted")),
    };
    match state.ledger.standing(token, state.now()) {
        Standing::Good(known, _) if known == flavour => {}
        _ => return Err(Failure::new(401, "invalid_token", "The access token is not valid")),
    }
    let user = &state.settings(flavour).user;
    Ok(match flavour {
        Flavour::Google => json!({"id": user.id, "email": user.email, "verified_email": true}),
        _ => json!({"sub": user.id, "email": user.email, "email_verified": user.email.is_some()}),
    })
}

/// The document of RFC 8414, which does for OpenID Connect Discovery too.
pub(super) fn metadata(state: &State, flavour: Flavour) -> Value {
    let endpoints = state.endpoints(flavour);
    let mut grants = vec!["authorization_code", "refresh_token"];
    if matches!(flavour, Flavour::Standard | Flavour::Google) {
        grants.push("urn:ietf:params:oauth:grant-type:device_code");
    }
    if matches!(flavour, Flavour::Standard | Flavour::Openai) {
        grants.push("urn:ietf:params:oauth:grant-type:token-exchange");
    }
    let mut body = json!({
        "issuer": endpoints.issuer,
        "authorization_endpoint": endpoints.authorize,
        "token_endpoint": endpoints.token,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["none"],
        "authorization_response_iss_parameter_supported": flavour == Flavour::Standard,
    });
    // OpenAI's device flow is not the RFC's, so its address does not belong here.
    let device = endpoints.device.filter(|_| flavour != Flavour::Openai);
    for (name, url) in [
        ("revocation_endpoint", endpoints.revoke),
        ("userinfo_endpoint", endpoints.userinfo),
        ("device_authorization_endpoint", device),
    ] {
        if let Some(url) = url {
            body[name] = url.into();
        }
    }
    body
}
