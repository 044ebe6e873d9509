//! The client: core's `HttpClient` over reqwest.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use maestro_core::{
    Error, ErrorKind, FieldError, Result,
    http::{BodyStream, HttpClient},
};
use reqwest::{Client, redirect::Policy};
use url::{Host, Url};

use super::{
    HttpSettings, Proxies, SentInBody, failure, failure::Timer, redacted_body::Secrets, timed_body::TimedBody,
};

/// Core's [`HttpClient`] over reqwest: rustls, no redirects, pooled connections, timers that fit streams.
///
/// Clones share their connections. It asks for no compression, so that every event of a stream arrives when it is sent.
/// It logs method, host, path, status, request id and times (`tracing`, level debug), never bodies, never a query, and
/// no header of a request. A key that was sent and comes back, in a header or in the body of the answer, is replaced by
/// `[redacted]`; one shorter than 16 bytes stays in the body of an answer that is no error, where it may be a word.
#[derive(Clone)]
pub struct ReqwestClient {
    shared: Arc<Shared>,
}

struct Shared {
    settings: HttpSettings,
    /// For loopback hosts, and for all hosts when no proxy is wanted.
    direct: OnceLock<Client>,
    /// For all other hosts.
    proxied: OnceLock<Client>,
}

impl ReqwestClient {
    pub(super) fn new(settings: HttpSettings) -> Self {
        Self { shared: Arc::new(Shared { settings, direct: OnceLock::new(), proxied: OnceLock::new() }) }
    }

    /// The timers and habits of the client.
    pub fn settings(&self) -> &HttpSettings {
        &self.shared.settings
    }
}

impl Default for ReqwestClient {
    fn default() -> Self {
        Self::new(HttpSettings::default())
    }
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClient").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for ReqwestClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<BodyStream>> {
        let settings = &self.shared.settings;
        let in_body = request.extensions().get::<SentInBody>().cloned();
        let request = reqwest::Request::try_from(request).map_err(|error| {
            Error::invalid("send a request", [FieldError::new("url", "is not an address")])
                .caused_by(error.without_url())
        })?;
        let url = request.url();
        let peer = failure::Peer::of(url)?;
        let client = self.shared.client_for(url)?.clone();
        let (method, path) = (request.method().clone(), url.path().to_owned());
        let secrets = Secrets::sent_in(request.headers());
        tracing::trace!(%method, host = %peer, path, "sending");

        let began = Instant::now();
        let sent = tokio::time::timeout(settings.first_byte_timeout, client.execute(request)).await;
        let response = match sent {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failure::of_request(error, &peer, settings)),
            Err(_) => Err(failure::timed_out(&peer, Timer::FirstByte, settings.first_byte_timeout)),
        };
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut response = response.inspect_err(
            |error| tracing::debug!(%method, host = %peer, path, elapsed_ms, kind = %error.kind(), "no answer"),
        )?;
        secrets.leave_headers(response.headers_mut());
        if let Some(in_body) = in_body {
            in_body.leave_headers(response.headers_mut());
        }
        let status = response.status().as_u16();
        let request_id = request_id(response.headers()).unwrap_or_default();
        tracing::debug!(%method, host = %peer, path, status, request_id, elapsed_ms, "answered");

        let first_byte_left = settings.first_byte_timeout.saturating_sub(began.elapsed());
        let (status, version) = (response.status(), response.version());
        let headers = std::mem::take(response.headers_mut());
        let body = TimedBody::new(response.bytes_stream(), peer, first_byte_left, settings);
        let mut answer = Response::new(Box::pin(secrets.leave_body(status, body)) as BodyStream);
        (*answer.status_mut(), *answer.version_mut(), *answer.headers_mut()) = (status, version, headers);
        Ok(answer)
    }
}

impl Shared {
    fn client_for(&self, url: &Url) -> Result<&Client> {
        let (slot, proxies) = match self.settings.proxies {
            Proxies::System if !is_loopback(url) => (&self.proxied, Proxies::System),
            _ => (&self.direct, Proxies::None),
        };
        match slot.get() {
            Some(client) => Ok(client),
            None => {
                let client = build(&self.settings, proxies)?;
                Ok(slot.get_or_init(|| client))
            }
        }
    }
}

fn build(settings: &HttpSettings, proxies: Proxies) -> Result<Client> {
    let builder = Client::builder()
        .user_agent(&settings.user_agent)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(settings.pool_idle_timeout)
        .tcp_keepalive(settings.tcp_keepalive)
        .tcp_nodelay(true);
    let builder = match proxies {
        Proxies::System => builder,
        Proxies::None => builder.no_proxy(),
    };
    builder.build().map_err(|error| {
        Error::new(ErrorKind::Internal, "make the HTTP client")
            .because("TLS or the certificates of this machine cannot be used")
            .caused_by(error)
    })
}

/// The id under which a provider knows a request, under whichever name it sends it.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["request-id", "x-request-id", "x-oai-request-id", "x-goog-request-id", "cf-ray"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok().filter(|id| !id.is_empty()))
}

/// Whether an address is one of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_never_used_for_this_machine() {
        for (url, expected) in [
            ("http://localhost:1/", true),
            ("http://api.localhost/", true),
            ("http://127.8.9.1/", true),
            ("http://[::1]:8080/", true),
            ("https://localhost.example/", false),
            ("https://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
