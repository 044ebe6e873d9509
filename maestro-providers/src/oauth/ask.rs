//! Requests to an authorization server, and answers that are read to their end.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use maestro_core::{
    Error, ErrorKind, FieldError, Result, Secret,
    http::HttpClient,
    provider::{BodyForm, ClientAuthentication, OAuthClient},
};
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    catalog::query_value,
    http::{SentInBody, read_body},
};

/// The longest answer that is read; tokens with many claims have some kilobytes.
const MAX_ANSWER: usize = 1 << 20;
/// What is shorter is no secret, and would be found in every word.
const SHORTEST: usize = 4;
/// How long an authorization server may take for its whole answer.
const LIMIT: Duration = Duration::from_secs(30);

/// A request to an authorization server.
pub(super) struct Ask<'a> {
    client: &'a OAuthClient,
    operation: &'static str,
    url: &'a Url,
    body: BodyForm,
    headers: HeaderMap,
    fields: Vec<(&'a str, &'a str)>,
    /// What is sent and must not come back in an error.
    secrets: Vec<&'a str>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(
        client: &'a OAuthClient,
        operation: &'static str,
        url: &'a Url,
        body: BodyForm,
    ) -> Result<Self> {
        check_address(operation, "endpoint", url)?;
        let headers = HeaderMap::new();
        Ok(Self { client, operation, url, body, headers, fields: Vec::new(), secrets: Vec::new() })
    }

    /// Adds a parameter.
    pub(super) fn field(mut self, name: &'a str, value: &'a str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Adds a parameter that is a secret.
    pub(super) fn secret(mut self, name: &'a str, value: &'a Secret) -> Self {
        self.secrets.push(value.reveal());
        self.field(name, value.reveal())
    }

    /// Names a text that must not come back in an error either.
    pub(super) fn hiding(mut self, text: &'a str) -> Self {
        self.secrets.push(text);
        self
    }

    /// Adds the client's id, and its secret as the profile says.
    pub(super) fn proved(mut self) -> Result<Self> {
        let client = self.client;
        let Some(secret) = &client.client_secret else {
            return Ok(self.field("client_id", &client.client_id));
        };
        match client.profile.client_authentication {
            ClientAuthentication::Post => {
                Ok(self.field("client_id", &client.client_id).secret("client_secret", secret))
            }
            ClientAuthentication::Basic => {
                // Both are put as in a form first (RFC 6749, section 2.3.1).
                let (id, password) =
                    (query_value(&client.client_id), Zeroizing::new(query_value(secret.reveal())));
                let both = Zeroizing::new(format!("{id}:{}", password.as_str()));
                let value = Secret::new(STANDARD.encode(both.as_bytes()))?;
                self.headers.insert(header::AUTHORIZATION, value.header_value("Basic ")?);
                self.secrets.push(secret.reveal());
                Ok(self)
            }
        }
    }

    /// Adds headers and parameters that the profile wants besides.
    pub(super) fn extras(
        mut self,
        headers: &[(String, String)],
        parameters: &'a [(String, String)],
    ) -> Result<Self> {
        for (name, value) in headers {
            let bad = |_| {
                let problem = format!("{name} is not a header that can be sent");
                Error::invalid(self.operation, [FieldError::new("headers", problem)])
            };
            let name: HeaderName = name.parse().map_err(|_| bad(()))?;
            self.headers.insert(name, HeaderValue::from_str(value).map_err(|_| bad(()))?);
        }
        self.fields.extend(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Ok(self)
    }

    /// Sends the request and reads the whole answer, whatever its status.
    pub(super) async fn send(mut self, http: &dyn HttpClient) -> Result<Reply> {
        let (media_type, body) = match self.body {
            BodyForm::Form => ("application/x-www-form-urlencoded", self.form()),
            BodyForm::Json => ("application/json", self.json()?),
        };
        let headers = &mut self.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.as_str().parse().map_err(|error: http::uri::InvalidUri| {
            Error::invalid(self.operation, [FieldError::new("endpoint", "is not a valid address")])
                .caused_by(error)
        })?;
        *request.headers_mut() = self.headers;
        let hidden: Vec<_> = self.secrets.into_iter().map(|text| Zeroizing::new(text.to_owned())).collect();
        let forms = hidden.iter().flat_map(|text| [text.clone(), Zeroizing::new(query_value(text))]);
        request.extensions_mut().insert(SentInBody(forms.collect()));
        read(http, request, &self.client.profile.name, self.operation, hidden).await
    }

    fn form(&self) -> Bytes {
        let pairs =
            self.fields.iter().map(|(name, value)| format!("{}={}", query_value(name), query_value(value)));
        pairs.collect::<Vec<_>>().join("&").into()
    }

    fn json(&self) -> Result<Bytes> {
        let fields: Map<String, Value> =
            self.fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        serde_json::to_vec(&fields).map(Bytes::from).map_err(|_| {
            Error::new(ErrorKind::Internal, self.operation).because("the request cannot be put as JSON")
        })
    }
}

/// An answer of an authorization server. It has no `Debug`: its body may hold tokens.
pub(super) struct Reply {
    pub(super) provider: String,
    pub(super) operation: &'static str,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What was sent and must not be told.
    pub(super) hidden: Vec<Zeroizing<String>>,
}

impl Reply {
    /// The body as a JSON object. [`ErrorKind::Unavailable`] when it is none: what a broken gateway says is nothing that
    /// the server has decided.
    pub(super) fn object(&self) -> Result<Map<String, Value>> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(self.error(ErrorKind::Unavailable).because("its answer is not a JSON object")),
        }
    }

    /// An error of this kind about the answer.
    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.operation).with_provider(&self.provider).with_status(self.status.as_u16())
    }

    /// The text without anything that was sent in secret, in whichever way it comes back.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in self.hidden.iter().filter(|text| text.len() >= SHORTEST) {
            for form in [secret.clone(), Zeroizing::new(query_value(secret))] {
                if clean.contains(form.as_str()) {
                    clean = clean.replace(form.as_str(), "[redacted]");
                }
            }
        }
        clean
    }
}

/// Sends a request and reads its answer to the end, within 30 seconds.
pub(super) async fn read(
    http: &dyn HttpClient,
    request: Request<Bytes>,
    provider: &str,
    operation: &'static str,
    hidden: Vec<Zeroizing<String>>,
) -> Result<Reply> {
    let asked = async { read_body(http.send(request).await?, MAX_ANSWER).await };
    let response = tokio::time::timeout(LIMIT, asked).await.map_err(|_| {
        Error::new(ErrorKind::Unavailable, operation)
            .with_provider(provider)
            .because(format!("no whole answer within {LIMIT:?}"))
    })??;
    let (parts, body) = response.into_parts();
    let headers = parts.headers;
    let mut reply = Reply {
        provider: provider.to_owned(),
        operation,
        status: parts.status,
        headers: HeaderMap::new(),
        body,
        hidden,
    };
    reply.headers = headers
        .into_iter()
        .filter_map(|(name, value)| {
            let told = value.to_str().is_ok_and(|text| reply.without_secrets(text) != text);
            name.map(|name| (name, if told { HeaderValue::from_static("[redacted]") } else { value }))
        })
        .collect();
    Ok(reply)
}

/// Checks that secrets may be sent to an address: `https`, or this machine. [`ErrorKind::Invalid`] names the field.
pub(super) fn check_address(operation: &'static str, field: &str, url: &Url) -> Result<()> {
    let problem = match url.scheme() {
        "https" if url.host().is_some() => return Ok(()),
        "http" if crate::http::is_loopback(url) => return Ok(()),
        "http" => "must begin with https://; plain http is for this machine alone",
        _ => "must begin with https:// and a host",
    };
    Err(Error::invalid(operation, [FieldError::new(field, problem)]))
}
