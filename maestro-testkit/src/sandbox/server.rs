//! The server: takes connections, finds the endpoint and the scenario of a request, sends the answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use maestro_core::time::Clock;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Frames, Framing, Refusal};
use super::ask::Ask;
use super::authorization::Authority;
use super::ids::Ids;
use super::journal::{Journal, Ticket};
use super::matching::{Candidate, Scenarios};
use super::protocol::{Call, Failure, Protocol, Query, protocol};
use super::reply::Reply;
use super::route::{Endpoint, route};
use super::scenario::{ErrorScript, RawScript, Scenario, StatusScript, StreamScript};
use super::{authorization, control, delivery};

/// The largest body that is read, a little above what any provider takes.
const BODY_LIMIT: usize = 64 << 20;

/// How long to wait after a failed accept; it fails when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the handle and the server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) scenarios: Scenarios,
    pub(super) journal: Arc<Journal>,
    pub(super) authority: Arc<Authority>,
    connections: AtomicU64,
}

impl Shared {
    pub(super) fn new(address: SocketAddr, scenarios: Vec<Scenario>, clock: Option<Arc<dyn Clock>>) -> Self {
        Self {
            address,
            scenarios: Scenarios::new(scenarios),
            journal: Arc::new(Journal::new()),
            authority: Arc::new(Authority::new(format!("http://{address}"), clock)),
            connections: AtomicU64::new(0),
        }
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Serves until `hard` is cancelled, or `soft` is and all answers have ended.
pub(super) async fn run(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    soft: CancellationToken,
    hard: CancellationToken,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(inner) => Counting { inner, shared: shared.clone() },
        Err(error) => {
            tracing::error!(%error, "the sandbox could not register its listener");
            return;
        }
    };
    let app = Router::new().fallback(handle).with_state(shared);
    let serve = axum::serve(listener, app).with_graceful_shutdown(soft.cancelled_owned());
    tokio::select! {
        ended = async { serve.await } => {
            if let Err(error) = ended {
                tracing::error!(%error, "the sandbox ended");
            }
        }
        () = hard.cancelled() => {}
    }
}

/// A listener that counts connections and sends small packets at once.
struct Counting {
    inner: TcpListener,
    shared: Arc<Shared>,
}

impl axum::serve::Listener for Counting {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, address)) => {
                    self.shared.connections.fetch_add(1, Ordering::Relaxed);
                    // Without it an event may wait for the acknowledgement of the one before.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    return (stream, address);
                }
                Err(error) => {
                    tracing::debug!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_LIMIT).await;
    if control::is_control(parts.uri.path()) {
        return control::handle(&shared, &parts, &body.unwrap_or_default());
    }
    if authorization::is_authorization(parts.uri.path()) {
        return authorization::handle(&shared, &parts, body.as_deref().ok()).await;
    }
    let route = route(parts.uri.path(), &parts.headers);
    let protocol = protocol(route.dialect);
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let bytes = body.as_ref().map_or(&[][..], |body| body.as_ref());
    let ticket = shared.journal.open(&parts, route.dialect, bytes);
    let ids = Ids::new(ticket.number(), bytes);
    let call = Call {
        endpoint: &route.endpoint,
        headers: &parts.headers,
        query: &query,
        body: bytes,
        authority: &shared.authority,
    };

    let decided = match body {
        Err(_) => Err(protocol.error(413)),
        Ok(_) => decide(protocol, &parts.method, parts.uri.path(), &call),
    };
    let decided = match decided {
        Err(refusal) => {
            let reply = Decided::Refusal(refusal);
            return Sending { protocol, ids, scenario: Scenario::default(), ticket }.send(reply);
        }
        Ok(decided) => decided,
    };
    let said = match &decided {
        Decided::Ask { ask, .. } => Some((ask.model.as_str(), ask.last_user.as_str())),
        _ => None,
    };
    let candidate = Candidate { dialect: route.dialect, path: parts.uri.path(), said, grant: None };
    let scenario = shared.scenarios.take(&candidate).unwrap_or_default();
    if let Err(error) = scenario.validate() {
        let body = Value::String(format!("the sandbox cannot play this scenario: {error}"));
        let reply = Decided::Refusal(Refusal::new(500, body));
        return Sending { protocol, ids, scenario: Scenario::default(), ticket }.send(reply);
    }
    if let Some(delay) = scenario.delay() {
        tokio::time::sleep(delay).await;
    }
    Sending { protocol, ids, scenario, ticket }.send(decided)
}

/// What a request is answered with, before scenarios.
enum Decided {
    Json(Value),
    Ask { ask: Box<Ask>, request: Value },
    Refusal(Refusal),
}

fn decide(protocol: &dyn Protocol, method: &Method, path: &str, call: &Call<'_>) -> Result<Decided, Refusal> {
    let wanted = match call.endpoint {
        Endpoint::Models | Endpoint::Model(_) => Method::GET,
        Endpoint::Account(name) if name.starts_with("operations/") => Method::GET,
        Endpoint::Generate(_) | Endpoint::Count(_) | Endpoint::Account(_) => Method::POST,
        Endpoint::Unknown => return Err(protocol.no_such_path(method.as_str(), path)),
    };
    protocol.authorise(call)?;
    if method != wanted {
        return Err(protocol.no_such_path(method.as_str(), path));
    }
    match call.endpoint {
        Endpoint::Models => protocol.models(call.query).map(Decided::Json),
        Endpoint::Model(id) => protocol.model(id).map(Decided::Json),
        Endpoint::Account(name) => protocol.account(call, name).map(Decided::Json),
        Endpoint::Count(_) => protocol.count(call).map(Decided::Json),
        Endpoint::Generate(_) => {
            let (ask, request) = protocol.read(call)?;
            Ok(Decided::Ask { ask: Box::new(ask), request })
        }
        Endpoint::Unknown => Err(protocol.no_such_path(method.as_str(), path)),
    }
}

/// An answer on its way.
struct Sending {
    protocol: &'static dyn Protocol,
    ids: Ids,
    scenario: Scenario,
    ticket: Ticket,
}

impl Sending {
    fn send(self, decided: Decided) -> Response {
        let streams = matches!(&decided, Decided::Ask { ask, .. } if ask.stream);
        let script = self.scenario.status.clone();
        if let Some(raw) = self.scenario.raw.clone() {
            return self.raw(raw, script.as_ref(), streams);
        }
        match (decided, script) {
            (_, Some(script)) if script.body.is_some() || script.code >= 300 => self.scripted(&script),
            (Decided::Refusal(mut refusal), _) => {
                self.protocol.stamp(&mut refusal.body, &self.ids);
                let mut response = self.json(refusal.status, &refusal.body, None);
                for (name, value) in refusal.headers {
                    if let Ok(value) = HeaderValue::try_from(value) {
                        response.headers_mut().insert(name, value);
                    }
                }
                response
            }
            (Decided::Json(body), script) => self.json(200, &body, script.as_ref()),
            (Decided::Ask { ask, request }, script) => {
                let reply = Reply::to(&ask, self.scenario.reply.as_ref());
                match self.protocol.answer(&ask, &request, &reply, &self.ids) {
                    Answer::Json(body) => self.json(200, &body, script.as_ref()),
                    Answer::Stream(frames) => self.stream(&frames, &request, script.as_ref()),
                }
            }
        }
    }

    fn scripted(self, script: &StatusScript) -> Response {
        match &script.body {
            Some(Value::String(text)) => {
                let bytes = Bytes::from(text.clone());
                self.respond(script.code, Some("text/plain; charset=utf-8"), bytes, Some(script))
            }
            Some(body) => self.json(script.code, body, Some(script)),
            None => {
                let mut body = self.protocol.error(script.code).body;
                self.protocol.stamp(&mut body, &self.ids);
                self.json(script.code, &body, Some(script))
            }
        }
    }

    fn raw(self, raw: RawScript, script: Option<&StatusScript>, streams: bool) -> Response {
        let fallback = if streams { "text/event-stream" } else { "application/json" };
        let content_type = raw.content_type.as_deref().unwrap_or(fallback);
        let content_type = (!content_type.is_empty()).then_some(content_type);
        self.respond(script.map_or(200, |s| s.code), content_type, Bytes::from(raw.body), script)
    }

    fn json(self, status: u16, body: &Value, script: Option<&StatusScript>) -> Response {
        self.respond(
            script.map_or(status, |s| s.code),
            Some("application/json"),
            Bytes::from(body.to_string()),
            script,
        )
    }

    fn respond(
        self,
        status: u16,
        content_type: Option<&str>,
        bytes: Bytes,
        script: Option<&StatusScript>,
    ) -> Response {
        let mut response = self.head(status, content_type, script);
        let first_byte = self.scenario.first_byte_ms.map(Duration::from_millis);
        let script = self.scenario.stream.unwrap_or_default();
        *response.body_mut() = delivery::whole(bytes, &script, first_byte, self.ticket);
        response
    }

    fn stream(self, frames: &Frames, request: &Value, script: Option<&StatusScript>) -> Response {
        let content_type = match frames.framing {
            Framing::Sse => Some("text/event-stream; charset=utf-8"),
            Framing::SseUntyped => None,
            Framing::SseCrlf => Some("text/event-stream"),
            Framing::Array => Some("application/json; charset=UTF-8"),
        };
        let mut response = self.head(script.map_or(200, |s| s.code), content_type, script);
        if frames.framing == Framing::SseCrlf {
            let attachment = HeaderValue::from_static("attachment");
            response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment);
        }
        let first_byte = self.scenario.first_byte_ms.map(Duration::from_millis);
        let script: StreamScript = self.scenario.stream.unwrap_or_default();
        let (protocol, ids) = (self.protocol, self.ids);
        let failure = |error: &ErrorScript, sent: usize| {
            let (kind, message) = (error.kind.as_deref(), error.message.as_deref());
            protocol.failure(&Failure { kind, message, sent, request }, &ids)
        };
        *response.body_mut() = delivery::stream(frames, &script, first_byte, failure, self.ticket);
        response
    }

    fn head(&self, status: u16, content_type: Option<&str>, script: Option<&StatusScript>) -> Response {
        self.ticket.answered(status);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let mut put = |name: &str, value: &str| {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        };
        for (name, value) in self.protocol.headers(&self.ids) {
            put(name, &value);
        }
        if let Some(content_type) = content_type {
            put("content-type", content_type);
        }
        for (name, value) in script.into_iter().flat_map(|script| &script.headers) {
            put(name, value);
        }
        response
    }
}
