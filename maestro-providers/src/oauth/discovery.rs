//! What an authorization server says of itself (RFC 8414, OpenID Connect Discovery).

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use maestro_core::{Error, ErrorKind, FieldError, Result, http::HttpClient, provider::ClientAuthentication};
use serde_json::{Map, Value};
use url::Url;

use super::ask::{Reply, check_address, read};
use crate::request;

const OPERATION: &str = "discover an authorization server";

/// What an authorization server says of itself, as far as a sign-in needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerMetadata {
    /// Who issues the tokens: the one that was asked for.
    pub issuer: Url,
    /// Where the user signs in.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are traded.
    pub token_endpoint: Url,
    /// Where a device asks for a code, if the server signs devices in (RFC 8628).
    pub device_authorization_endpoint: Option<Url>,
    /// Where tokens are revoked, if they can be (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// How a client with a secret proves itself: in the body if the server takes that, else in a header.
    pub client_authentication: ClientAuthentication,
}

/// Asks a server about itself, by its issuer: at `/.well-known/oauth-authorization-server`, which stands between host and
/// path (RFC 8414, section 3.1), then at `/.well-known/openid-configuration` in the same place, then behind the path.
///
/// [`ErrorKind::NotFound`] when it has no such document, [`ErrorKind::Protocol`] when the document is of another issuer
/// (RFC 8414, section 3.3) or lacks an address, [`ErrorKind::Unsupported`] when the server has no PKCE with S256,
/// [`ErrorKind::Invalid`] when an address is neither `https` nor on this machine, [`ErrorKind::Unavailable`] when nobody
/// answers.
pub async fn discover(http: &dyn HttpClient, issuer: &Url) -> Result<ServerMetadata> {
    check_address(OPERATION, "issuer", issuer)?;
    if issuer.query().is_some() || issuer.fragment().is_some() {
        let problem = "must not have a query or a fragment";
        return Err(Error::invalid(OPERATION, [FieldError::new("issuer", problem)]));
    }
    let places = places(issuer);
    for place in &places {
        let reply = ask(http, place).await?;
        // A page for browsers may stand where the document would.
        if let (StatusCode::OK, Ok(document)) = (reply.status, reply.object()) {
            return metadata(&reply, issuer, &document);
        }
        if reply.status.is_server_error() || reply.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(reply.error(ErrorKind::Unavailable));
        }
    }
    let looked: Vec<_> = places.iter().map(Url::path).collect();
    Err(Error::not_found(OPERATION, issuer)
        .because("it says nothing of itself")
        .advise(format!("give its addresses yourself; looked at {}", looked.join(", "))))
}

/// Where the document may stand.
fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    let mut places = vec![
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("/.well-known/openid-configuration{path}")),
    ];
    if !path.is_empty() {
        places.push(at(format!("{path}/.well-known/openid-configuration")));
    }
    places
}

async fn ask(http: &dyn HttpClient, place: &Url) -> Result<Reply> {
    let request: http::Request<Bytes> = request::get(place.as_str().to_owned(), HeaderMap::new())?;
    let host = place.host_str().unwrap_or_default();
    read(http, request, host, OPERATION, Vec::new()).await
}

fn metadata(reply: &Reply, issuer: &Url, document: &Map<String, Value>) -> Result<ServerMetadata> {
    let url =
        |name: &'static str| document.get(name).and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
    let broken = |problem: String| reply.error(ErrorKind::Protocol).on(issuer).because(problem);
    let said = url("issuer").ok_or_else(|| broken("its document names no issuer".into()))?;
    if said != *issuer {
        // Otherwise one server could speak for another.
        return Err(broken("its document is of another issuer".into()));
    }
    let list = |name: &str| -> Option<Vec<&str>> {
        Some(document.get(name)?.as_array()?.iter().filter_map(Value::as_str).collect())
    };
    if list("code_challenge_methods_supported").is_some_and(|methods| !methods.contains(&"S256")) {
        return Err(reply
            .error(ErrorKind::Unsupported)
            .on(issuer)
            .because("it has no PKCE with S256, without which no code is safe"));
    }
    let required =
        |name: &'static str| url(name).ok_or_else(|| broken(format!("its document names no {name}")));
    // What is left out means `client_secret_basic` (RFC 8414, section 2).
    let methods =
        list("token_endpoint_auth_methods_supported").unwrap_or_else(|| vec!["client_secret_basic"]);
    let found = ServerMetadata {
        issuer: issuer.clone(),
        authorization_endpoint: required("authorization_endpoint")?,
        token_endpoint: required("token_endpoint")?,
        device_authorization_endpoint: url("device_authorization_endpoint"),
        revocation_endpoint: url("revocation_endpoint"),
        client_authentication: if methods.contains(&"client_secret_post") {
            ClientAuthentication::Post
        } else {
            ClientAuthentication::Basic
        },
    };
    for (name, url) in [
        ("authorization_endpoint", Some(&found.authorization_endpoint)),
        ("token_endpoint", Some(&found.token_endpoint)),
        ("device_authorization_endpoint", found.device_authorization_endpoint.as_ref()),
        ("revocation_endpoint", found.revocation_endpoint.as_ref()),
    ] {
        url.map_or(Ok(()), |url| check_address(OPERATION, name, url))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_stands_between_host_and_path() {
        let paths = |issuer: &str| -> Vec<String> {
            places(&issuer.parse().unwrap()).iter().map(|place| place.path().to_owned()).collect()
        };
        assert_eq!(
            paths("https://a.example"),
            ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
        );
        assert_eq!(
            paths("https://a.example/tenant/1/"),
            [
                "/.well-known/oauth-authorization-server/tenant/1",
                "/.well-known/openid-configuration/tenant/1",
                "/tenant/1/.well-known/openid-configuration"
            ]
        );
    }
}
