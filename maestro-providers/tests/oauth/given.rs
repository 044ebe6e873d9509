//! What the tests share: clients, answers, and what was asked.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, StatusCode};
use maestro_core::{
    Secret,
    auth::OAuthTokens,
    provider::{CodePaste, OAuthClient, OAuthFlow as _, OAuthProfile, PendingAuthorization},
    time::Timestamp,
};
use maestro_providers::{anthropic, gemini, oauth::OAuth, openai};
use maestro_testkit::replay::{Answer, ReplayClient};
use serde_json::Value;

pub(crate) fn now() -> Timestamp {
    "2026-11-21T05:00:00Z".parse().unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

pub(crate) fn client(profile: OAuthProfile) -> OAuthClient {
    OAuthClient { profile, client_id: "my client".into(), client_secret: None }
}

pub(crate) fn engine(profile: OAuthProfile) -> OAuth {
    OAuth::turned_on(client(profile)).unwrap()
}

pub(crate) fn openai() -> OAuth {
    engine(openai::oauth_profile())
}

pub(crate) fn anthropic() -> OAuth {
    engine(anthropic::oauth_profile())
}

pub(crate) fn gemini() -> OAuth {
    let client =
        OAuthClient { client_secret: Some(secret("not-so-secret")), ..client(gemini::oauth_profile()) };
    OAuth::new(client).unwrap()
}

pub(crate) fn pending(oauth: &OAuth) -> PendingAuthorization {
    oauth.authorize(&"http://localhost:1455/auth/callback".parse().unwrap()).unwrap()
}

pub(crate) fn code(text: &str) -> CodePaste {
    CodePaste { code: secret(text), state: None }
}

pub(crate) fn tokens() -> OAuthTokens {
    let mut tokens = OAuthTokens::new(secret("old-access"));
    tokens.refresh_token = Some(secret("old-refresh"));
    tokens.id_token = Some(secret("old-id"));
    tokens
}

/// A token with these claims, signed by nobody.
pub(crate) fn jwt(claims: &Value) -> String {
    format!("eyJhbGciOiJub25lIn0.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

pub(crate) fn answers(status: u16, body: impl Into<Bytes>) -> ReplayClient {
    ReplayClient::new([answer(status, body)])
}

pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    Answer::json(StatusCode::from_u16(status).unwrap(), body)
}

/// The one request that was sent.
pub(crate) fn only(http: &ReplayClient) -> Request<Bytes> {
    let mut requests = http.requests();
    assert_eq!(requests.len(), 1, "exactly one request");
    requests.remove(0)
}

pub(crate) fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}

/// The parameters of a form, in order.
pub(crate) fn form(request: &Request<Bytes>) -> Vec<(String, String)> {
    assert_eq!(header(request, "content-type"), Some("application/x-www-form-urlencoded"));
    pairs(std::str::from_utf8(request.body()).unwrap())
}

/// The fields of a JSON body, all of which are texts.
pub(crate) fn json(request: &Request<Bytes>) -> BTreeMap<String, String> {
    assert_eq!(header(request, "content-type"), Some("application/json"));
    serde_json::from_slice(request.body()).unwrap()
}

pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

pub(crate) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
