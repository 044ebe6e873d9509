//! HTTP requests as values, and the credentials that they carry.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use maestro_core::{
    Error, ErrorKind, FieldError, Result, Secret,
    auth::{Credentials, OAuthTokens},
    provider::Endpoint,
};
use serde::Serialize;

/// What an endpoint gives to prove who asks.
pub(crate) enum Proof<'a> {
    Key(&'a Secret),
    Token(&'a OAuthTokens),
    Nothing,
}

impl<'a> Proof<'a> {
    pub(crate) fn of(endpoint: &'a Endpoint) -> Self {
        match &endpoint.credentials {
            Some(Credentials::ApiKey { key: Some(key), .. }) => Self::Key(key),
            Some(Credentials::OAuth { tokens, .. }) => match &tokens.api_key {
                Some(key) => Self::Key(key),
                None => Self::Token(tokens),
            },
            _ => Self::Nothing,
        }
    }
}

/// The error of a provider that wants a key and was given none.
pub(crate) fn no_key(provider: &str, operation: &'static str, variable: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, operation)
        .because(format!("{provider} wants an API key and there is none"))
        .advise(format!("set {variable}, or save a key under a name"))
}

/// Adds `authorization: Bearer …`.
pub(crate) fn bearer(headers: &mut HeaderMap, secret: &Secret) -> Result<()> {
    headers.insert(header::AUTHORIZATION, secret.header_value("Bearer ")?);
    Ok(())
}

/// Adds a header whose value is known to be harmless.
pub(crate) fn plain(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
}

/// A request with a JSON body whose answer is a stream.
pub(crate) fn stream_of<T: Serialize>(
    url: String,
    mut headers: HeaderMap,
    body: &T,
) -> Result<Request<Bytes>> {
    let body = serde_json::to_vec(body).map_err(|error| {
        Error::new(ErrorKind::Internal, "write a request")
            .because("it cannot be put as JSON")
            .caused_by(error)
    })?;
    plain(&mut headers, "content-type", "application/json");
    plain(&mut headers, "accept", "text/event-stream");
    build(Method::POST, url, headers, body.into())
}

/// A request without a body whose answer is JSON.
pub(crate) fn get(url: String, mut headers: HeaderMap) -> Result<Request<Bytes>> {
    plain(&mut headers, "accept", "application/json");
    build(Method::GET, url, headers, Bytes::new())
}

fn build(method: Method, url: String, headers: HeaderMap, body: Bytes) -> Result<Request<Bytes>> {
    let mut request = Request::builder().method(method).uri(url).body(body).map_err(|error| {
        Error::invalid("write a request", [FieldError::new("base_url", "does not give a valid address")])
            .caused_by(error)
    })?;
    *request.headers_mut() = headers;
    Ok(request)
}
