//! The one place that sends: encode, send, look at what came, try again.
//!
//! A request is tried again only as long as its caller has seen nothing of an answer; a restart in the middle would
//! repeat text.

mod policy;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use maestro_core::{
    Error, ErrorKind, Result,
    chat::{ChatRequest, Normalised, StreamEvent, TranslationReport, normalise},
    http::BodyStream,
    provider::ChatProtocol,
    stream::parse_stream,
};

pub use self::policy::RetryPolicy;
use crate::{ChatStream, Maestro, Target, chat_stream::Exchange};

/// The most bytes of an answer that is not a stream; providers' errors are far smaller.
const BODY_LIMIT: usize = 1 << 20;

impl Maestro {
    /// Asks a model and returns once its answer begins: the stream's first event is there.
    ///
    /// The conversation is normalised for the provider first; see [`ChatStream::report`] for what that changed. A
    /// failure that is likely to pass is tried again as the [`RetryPolicy`] says, as long as no event has been
    /// returned. Tokens of a saved authentication are refreshed before they end, and once more when they are refused. Any error of the provider up to there is this function's error; later ones are the stream's last
    /// event. Nothing is stored: see [`Maestro::turn`].
    pub async fn stream_chat(&self, target: &Target, mut request: ChatRequest) -> Result<ChatStream> {
        let protocol = self.registry().chat(&target.provider)?;
        let mut target = self.ready(target).await?;
        let rules = protocol.rules(request.model.as_str());
        let Normalised { messages, mut report } = normalise(std::mem::take(&mut request.messages), &rules);
        request.messages = messages;
        let mut encoded = protocol.encode(&target.endpoint, &request, &mut report)?;

        let mut delays = self.inner.retry.delays();
        let mut may_renew = true;
        loop {
            let error = match self.attempt(protocol, &encoded, &mut report).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            // A refused token is renewed once; the provider's word counts more than the token's.
            if error.status() == Some(401) && std::mem::take(&mut may_renew) {
                let Some(renewed) = self.renewed(&target).await? else { return Err(error) };
                target = renewed;
                encoded = protocol.encode(&target.endpoint, &request, &mut report)?;
                continue;
            }
            let Some(delay) = delays.after(&error) else { return Err(error) };
            tracing::info!(kind = %error.kind(), provider = %target.provider, delay_ms = delay.as_millis() as u64, "asking again");
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(
        &self,
        protocol: &dyn ChatProtocol,
        request: &http::Request<Bytes>,
        report: &mut TranslationReport,
    ) -> Result<ChatStream> {
        let response = self.http().send(request.clone()).await?;
        let response = accept(protocol, response).await?;
        let (head, body) = response.into_parts();
        let mut events = parse_stream(body, protocol.decoder());
        let is_json = Body::of(&head.headers) == Body::Json;
        let mut first = events.next().await;
        while is_json && matches!(first, Some(StreamEvent::Notice(_))) {
            first = events.next().await;
        }
        match first {
            Some(StreamEvent::Truncated(_)) if is_json => {
                // Neither an answer nor an error is in it: it is not from the API that was asked for.
                Err(protocol.error(head.status, &head.headers, b"{}"))
            }
            Some(StreamEvent::Failed(error) | StreamEvent::Truncated(error)) => Err(error),
            first => {
                let exchange =
                    Exchange { request_headers: request.headers().clone(), response_headers: head.headers };
                Ok(ChatStream::new(first, events, exchange, std::mem::take(report)))
            }
        }
    }
}

/// Lets an event stream through, and reads anything else as the error that it is.
async fn accept(protocol: &dyn ChatProtocol, response: Response<BodyStream>) -> Result<Response<BodyStream>> {
    if response.status() == StatusCode::OK && Body::of(response.headers()) != Body::Other {
        return match compression(response.headers()) {
            None => Ok(response),
            Some(name) => Err(Error::new(ErrorKind::Protocol, "ask for an answer")
                .because(format!("the answer is compressed ({name}), which was not asked for"))
                .advise("a proxy in between may do that; turn compression off for event streams")),
        };
    }
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        // Half an error body still tells more than none.
        let Ok(chunk) = chunk else { break };
        let room = BODY_LIMIT.saturating_sub(bytes.len());
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if room <= chunk.len() {
            break;
        }
    }
    Err(protocol.error(head.status, &head.headers, &bytes))
}

/// How a body is compressed, if it is. None is asked for: a compressor holds events back.
fn compression(headers: &HeaderMap) -> Option<&str> {
    let name = headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("unknown").trim();
    (!name.is_empty() && !name.eq_ignore_ascii_case("identity")).then_some(name)
}

/// What the headers of a success promise of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// An event stream. A missing content type counts as one: some backends send none.
    Events,
    /// JSON. Some servers answer whole although a stream was asked for, or put an error into a success; the decoder
    /// reads both.
    Json,
    /// Something else, such as a page for browsers.
    Other,
}

impl Body {
    fn of(headers: &HeaderMap) -> Self {
        let Some(kind) = headers.get(CONTENT_TYPE) else { return Self::Events };
        let kind = kind.to_str().unwrap_or_default().trim_start().to_ascii_lowercase();
        if kind.starts_with("text/event-stream") {
            Self::Events
        } else if kind.starts_with("application/json") {
            Self::Json
        } else {
            Self::Other
        }
    }
}
