//! The way to the network, watched: the next streamed answer can be cut off, or its bytes kept.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, header::ACCEPT};
use maestro::{
    Error, ErrorKind, Result,
    core::{
        chat::StreamEvent,
        http::{BodyStream, HttpClient},
        stream::{Parser, StreamDecoder},
    },
    providers::http::ReqwestClient,
};

/// An HTTP client that can meddle with one streamed answer. Everything else passes as it is: of a sign-in or a refresh, of
/// which there is no second copy, no byte may be lost.
pub(super) struct Wire {
    inner: ReqwestClient,
    next: Mutex<Meddling>,
    kept: Arc<Mutex<Vec<u8>>>,
}

/// What is done to the next streamed answer that begins.
#[derive(Default)]
enum Meddling {
    /// Nothing.
    #[default]
    None,
    /// The connection breaks once the answer has said something so many times.
    Cut { decoder: Box<dyn StreamDecoder>, after: usize },
    /// Its bytes are kept.
    Keep,
}

impl Wire {
    /// A way to the network that does nothing of its own yet.
    pub(super) fn new() -> Self {
        Self { inner: ReqwestClient::default(), next: Mutex::default(), kept: Arc::default() }
    }

    /// Breaks the connection of the next streamed answer, behind the piece with the `after`th bit of text in it. What is cut is
    /// decided by what was said and not by bytes: providers begin with events that say nothing, and pack them differently.
    pub(super) fn cut_next(&self, decoder: Box<dyn StreamDecoder>, after: usize) {
        self.meddle(Meddling::Cut { decoder, after });
    }

    /// Keeps the bytes of the next streamed answer, in place of those kept before.
    pub(super) fn keep_next(&self) {
        self.meddle(Meddling::Keep);
    }

    /// The bytes that were kept.
    pub(super) fn kept(&self) -> Vec<u8> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn meddle(&self, meddling: Meddling) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = meddling;
    }
}

#[async_trait]
impl HttpClient for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<BodyStream>> {
        let is_streamed =
            request.headers().get(ACCEPT).is_some_and(|accept| accept.as_bytes() == b"text/event-stream");
        let response = self.inner.send(request).await?;
        // A refusal is asked again as the policy has it; what follows is the answer that was meant.
        if !is_streamed || !response.status().is_success() {
            return Ok(response);
        }
        let meddling = std::mem::take(&mut *self.next.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(match meddling {
            Meddling::None => response,
            Meddling::Cut { decoder, after } => response.map(|body| cut(body, Parser::new(decoder), after)),
            Meddling::Keep => {
                let kept = self.kept.clone();
                kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
                response.map(|body| keep(body, kept))
            }
        })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The body up to the piece with the last wanted bit of text, then a broken connection. An answer that is whole with that piece
/// stays whole: a cut behind its end would cut nothing.
fn cut(body: BodyStream, parser: Parser, after: usize) -> BodyStream {
    Box::pin(stream::unfold((Some(body), parser, after), |(body, mut parser, mut left)| async move {
        let mut body = body?;
        if left == 0 && !parser.is_ended() {
            let broken = Error::new(ErrorKind::Unavailable, "read an answer")
                .because("the connection was broken here, on purpose");
            return Some((Err(broken), (None, parser, 0)));
        }
        let piece = body.next().await?;
        if let Ok(bytes) = &piece {
            parser.push(bytes);
            while let Some(event) = parser.next_event() {
                if matches!(&event, StreamEvent::TextDelta { text, .. } if !text.is_empty()) {
                    left = left.saturating_sub(1);
                }
            }
        }
        let body = piece.is_ok().then_some(body);
        Some((piece, (body, parser, left)))
    }))
}

fn keep(body: BodyStream, kept: Arc<Mutex<Vec<u8>>>) -> BodyStream {
    Box::pin(body.inspect(move |piece| {
        if let Ok(bytes) = piece {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
    }))
}

#[cfg(test)]
mod tests {
    use maestro::providers::openai_compatible::Decoder;

    use super::*;

    /// The pieces of a body that is cut after so many bits of text, and whether it broke.
    async fn pieces_of(answer: &[&'static str], after: usize) -> (usize, bool) {
        let body: BodyStream =
            Box::pin(stream::iter(answer.to_vec()).map(|piece| Ok(Bytes::from_static(piece.as_bytes()))));
        let pieces: Vec<_> = cut(body, Parser::new(Box::new(Decoder::new())), after).collect().await;
        let broken = pieces.last().is_some_and(std::result::Result::is_err);
        (pieces.iter().filter(|piece| piece.is_ok()).count(), broken)
    }

    const ROLE: &str =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    const WORD: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n";
    const HALF: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"cont";
    const END: &str =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

    #[tokio::test]
    async fn a_body_breaks_behind_the_text_that_was_wanted() {
        assert_eq!(pieces_of(&[ROLE, WORD, WORD, WORD, END], 2).await, (3, true));
        assert_eq!(pieces_of(&[ROLE, WORD, WORD, HALF], 2).await, (3, true));
    }

    #[tokio::test]
    async fn an_answer_that_is_whole_stays_whole() {
        assert_eq!(pieces_of(&[ROLE, WORD, END], 2).await, (3, false));
        let all = Box::leak([ROLE, WORD, WORD, END].concat().into_boxed_str());
        assert_eq!(pieces_of(&[all], 2).await, (1, false));
    }
}
