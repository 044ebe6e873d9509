//! The one stream parser for all providers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;

use super::{Events, SseFramer, SseLimits, StreamDecoder};
use crate::{
    chat::StreamEvent,
    error::{Error, Result},
};

/// Parses the body of a streamed answer: the one entry point for every provider (requirement M-T1).
///
/// The events end with exactly one of `Finished`, `Truncated` and `Failed`; an error of the body makes it `Truncated`.
/// After the last event the body is read on until it ends, without waiting, so that its connection can serve again.
pub fn parse_stream<S>(body: S, decoder: Box<dyn StreamDecoder>) -> EventStream<S>
where
    S: Stream<Item = Result<Bytes>> + Unpin,
{
    EventStream { body: Some(body), parser: Parser::new(decoder) }
}

/// The events of one answer. See [`parse_stream`].
pub struct EventStream<S> {
    /// Gone once it has ended.
    body: Option<S>,
    parser: Parser,
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> EventStream<S> {
    /// The rest of the body, once the last event has been read and if the body has not ended by itself. Reading it to
    /// its end gives the connection back; dropping it closes the connection.
    pub fn take_rest(&mut self) -> Option<S> {
        if self.parser.is_ended() { self.body.take() } else { None }
    }
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for EventStream<S> {
    type Item = StreamEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.parser.next_event() {
                if event.is_end() {
                    this.read_on(context);
                }
                return Poll::Ready(Some(event));
            }
            if this.parser.is_ended() {
                return Poll::Ready(None);
            }
            let Some(body) = &mut this.body else {
                this.parser.finish();
                continue;
            };
            match Pin::new(body).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => this.parser.push(&bytes),
                Poll::Ready(Some(Err(error))) => {
                    this.body = None;
                    this.parser.break_off(error);
                }
                Poll::Ready(None) => this.body = None,
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> EventStream<S> {
    /// Reads what of the body is there already, which as a rule is its end.
    fn read_on(&mut self, context: &mut Context<'_>) {
        while let Some(body) = &mut self.body {
            match Pin::new(body).poll_next(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => self.body = None,
                Poll::Pending => break,
            }
        }
    }
}

/// The parser by itself, for those who bring the bytes.
///
/// ```
/// # use maestro_core::{stream::{Events, Parser, SseFrame, StreamDecoder}, chat::{Finish, StreamEvent}, Result};
/// # struct Decoder;
/// # impl StreamDecoder for Decoder {
/// #     fn push(&mut self, frame: SseFrame<'_>, out: &mut Events) -> Result<()> {
/// #         out.push(StreamEvent::TextDelta { index: 0, text: frame.data.into() });
/// #         Ok(())
/// #     }
/// #     fn stray(&mut self, _: &str, _: &mut Events) -> Result<()> { Ok(()) }
/// #     fn finish(&mut self, out: &mut Events) -> Result<()> {
/// #         out.push(StreamEvent::Finished { finish: Finish::Stop });
/// #         Ok(())
/// #     }
/// # }
/// let mut parser = Parser::new(Box::new(Decoder));
/// parser.push(b"data: hel");
/// parser.push(b"lo\n\n");
/// parser.finish();
/// let events: Vec<_> = std::iter::from_fn(|| parser.next_event()).collect();
/// assert!(matches!(&events[0], StreamEvent::TextDelta { text, .. } if text == "hello"));
/// assert!(matches!(events[1], StreamEvent::Finished { .. }));
/// ```
pub struct Parser {
    framer: SseFramer,
    decoder: Box<dyn StreamDecoder>,
    events: Events,
}

impl Parser {
    /// A parser for one answer.
    pub fn new(decoder: Box<dyn StreamDecoder>) -> Self {
        Self::with_limits(decoder, SseLimits::default())
    }

    /// A parser for one answer with limits of its own.
    pub fn with_limits(decoder: Box<dyn StreamDecoder>, limits: SseLimits) -> Self {
        Self { framer: SseFramer::new(limits), decoder, events: Events::new() }
    }

    /// Takes the next bytes of the body, cut anywhere. After the end they are passed over.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.events.is_ended() {
            return;
        }
        let Self { framer, decoder, events } = self;
        if let Err(error) = framer.push(bytes, decoder.as_mut(), events) {
            events.fail(error);
        }
    }

    /// The body has ended by itself.
    pub fn finish(&mut self) {
        if self.events.is_ended() {
            return;
        }
        let Self { framer, decoder, events } = self;
        if let Err(error) = framer.finish(decoder.as_mut(), events).and_then(|()| decoder.finish(events)) {
            events.fail(error);
        }
        events.truncate(None);
    }

    /// The body has broken off with an error of the connection.
    pub fn break_off(&mut self, cause: Error) {
        self.events.truncate(Some(cause));
    }

    /// Takes the next event, if one is there.
    #[inline]
    pub fn next_event(&mut self) -> Option<StreamEvent> {
        self.events.pop()
    }

    /// Whether the end has been reached; events may still wait.
    #[inline]
    pub const fn is_ended(&self) -> bool {
        self.events.is_ended()
    }
}
