//! A provider from outside: everything that a program needs to add one of its own.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use maestro::core::{
    Error, ErrorKind, Result, Retry,
    chat::{ApiId, ChatRequest, Finish, PartEnd, PartStart, StreamEvent, TargetRules, TranslationReport},
    provider::{ApiKeyFlow, ChatProtocol, Endpoint, ModelCatalog, OAuthFlow, Provider, ProviderId},
    stream::{Events, SseFrame, StreamDecoder},
};

/// Speaks the simplest protocol there can be: each `data:` is text, `[END]` is the end.
pub(crate) struct Echo {
    id: ProviderId,
    rules: TargetRules,
}

impl Echo {
    pub(crate) fn new(rules: TargetRules) -> Self {
        Self { id: ProviderId::new("echo").unwrap(), rules }
    }
}

impl Provider for Echo {
    fn id(&self) -> &ProviderId {
        &self.id
    }
    fn api_key(&self) -> Option<&dyn ApiKeyFlow> {
        None
    }
    fn oauth(&self) -> Option<&dyn OAuthFlow> {
        None
    }
    fn chat(&self) -> Option<&dyn ChatProtocol> {
        Some(self)
    }
    fn models(&self) -> Option<&dyn ModelCatalog> {
        None
    }
}

impl ChatProtocol for Echo {
    fn api(&self) -> ApiId {
        ApiId::from_static("echo")
    }

    fn rules(&self, _model: &str) -> TargetRules {
        self.rules.clone()
    }

    fn encode(
        &self,
        endpoint: &Endpoint,
        request: &ChatRequest,
        _report: &mut TranslationReport,
    ) -> Result<Request<Bytes>> {
        let said: Vec<_> = request
            .messages
            .iter()
            .map(|message| format!("{}: {}", message.role.as_str(), message.text()))
            .collect();
        let said = request
            .system
            .iter()
            .map(|text| format!("system: {text}"))
            .chain(said)
            .collect::<Vec<_>>()
            .join("\n");
        Request::post(endpoint.url("http://127.0.0.1:1", "/echo"))
            .body(Bytes::from(said))
            .map_err(|error| Error::new(ErrorKind::Internal, "encode").caused_by(error))
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(Decoder { begun: false })
    }

    fn error(&self, status: StatusCode, _headers: &HeaderMap, _body: &[u8]) -> Error {
        let retry = if status.is_server_error() { Retry::Backoff } else { Retry::Never };
        let kind = if status.is_server_error() { ErrorKind::Unavailable } else { ErrorKind::Unauthenticated };
        Error::new(kind, "ask echo").with_provider("echo").with_status(status.as_u16()).with_retry(retry)
    }
}

struct Decoder {
    begun: bool,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: SseFrame<'_>, out: &mut Events) -> Result<()> {
        if !self.begun {
            self.begun = true;
            out.push(StreamEvent::Started { response_id: Some("echo-1".into()), model: None });
            out.push(StreamEvent::PartStart { index: 0, part: PartStart::Text });
        }
        if frame.data == "[END]" {
            out.push(StreamEvent::PartEnd { index: 0, end: PartEnd::Whole });
            out.push(StreamEvent::Finished { finish: Finish::Stop });
        } else if frame.data == "[ERROR]" {
            out.push(StreamEvent::Failed(
                Error::new(ErrorKind::Unavailable, "ask echo").with_provider("echo"),
            ));
        } else {
            out.push(StreamEvent::TextDelta { index: 0, text: frame.data.into() });
        }
        Ok(())
    }

    fn stray(&mut self, _json: &str, _out: &mut Events) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _out: &mut Events) -> Result<()> {
        Ok(())
    }
}

/// The rules of a protocol that takes text in any order.
pub(crate) fn rules() -> TargetRules {
    TargetRules::strict(ApiId::from_static("echo"), "m")
}
