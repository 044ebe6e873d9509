//! Authorization addresses: PKCE (RFC 7636), state, and parameters in the order that a server is used to.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maestro_core::{
    Result, Secret,
    provider::{OAuthClient, PendingAuthorization},
};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::catalog::query_value;

/// Random bytes of a verifier; it has 86 characters then, of the 43 to 128 that RFC 7636 allows.
const VERIFIER_BYTES: usize = 64;
/// Random bytes of a state.
const STATE_BYTES: usize = 32;

/// Begins a sign-in. The state and the verifier have nothing to do with each other: a verifier that is sent as the state
/// stands in the browser's history, and protects nothing.
pub(super) fn begin(client: &OAuthClient, redirect_uri: &Url) -> Result<PendingAuthorization> {
    let state = random::<STATE_BYTES>()?;
    let verifier = random::<VERIFIER_BYTES>()?;
    let profile = &client.profile;
    let (scope, challenge) = (profile.scopes.join(" "), challenge(&verifier));
    let mut parameters = vec![
        ("client_id", client.client_id.as_str()),
        ("redirect_uri", redirect_uri.as_str()),
        ("response_type", "code"),
        ("scope", &scope),
        ("state", state.reveal()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    if scope.is_empty() {
        parameters.retain(|(name, _)| *name != "scope");
    }
    let extra = profile.extra_authorize_parameters.iter();
    parameters.extend(extra.map(|(name, value)| (name.as_str(), value.as_str())));
    // The sort is stable, so that what is not named keeps its order, behind what is.
    let place = |name: &str| {
        let order = &profile.parameter_order;
        order.iter().position(|known| known == name).unwrap_or(order.len())
    };
    parameters.sort_by_key(|(name, _)| place(name));

    let query: Vec<_> = parameters
        .into_iter()
        .map(|(name, value)| format!("{}={}", query_value(name), query_value(value)))
        .collect();
    let mut url = profile.authorization_endpoint.clone();
    // A query that the address has already stays (RFC 6749, section 3.1).
    let before = url.query().filter(|query| !query.is_empty()).map(|query| format!("{query}&"));
    url.set_query(Some(&format!("{}{}", before.unwrap_or_default(), query.join("&"))));
    Ok(PendingAuthorization { url, redirect_uri: redirect_uri.clone(), state, verifier })
}

/// The challenge of a verifier (RFC 7636, section 4.2).
fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.reveal().as_bytes()))
}

/// Random bytes as text, from the generator that the operating system seeds.
fn random<const N: usize>() -> Result<Secret> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_86_characters_and_a_state_43() {
        assert_eq!(random::<VERIFIER_BYTES>().unwrap().reveal().len(), 86);
        assert_eq!(random::<STATE_BYTES>().unwrap().reveal().len(), 43);
        assert_ne!(random::<STATE_BYTES>().unwrap(), random::<STATE_BYTES>().unwrap());
    }
}
