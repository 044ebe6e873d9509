//! What a provider adds to the parser: from frames to events.

use std::collections::VecDeque;

use super::SseFrame;
use crate::{
    chat::StreamEvent,
    error::{Error, ErrorKind, Result},
};

/// Turns the frames of one answer into canonical events. One decoder serves one answer.
///
/// It borrows from the frame and writes into the buffer it is given. It keeps no text of its own: deltas go out as they
/// come. It never panics, whatever the bytes. Before [`Finished`](StreamEvent::Finished) it ends every part; before
/// another end parts may stay open, and count as cut. After [`Restarted`](StreamEvent::Restarted) the answer begins anew,
/// with [`Started`](StreamEvent::Started) and from part 0.
pub trait StreamDecoder: Send {
    /// Reads one frame. Frames after the provider's terminal signal are not handed in.
    ///
    /// A frame that is [unterminated](SseFrame::unterminated) and not whole is no error: the body was cut there, and
    /// the answer must not finish.
    ///
    /// An error, of kind [`Protocol`](ErrorKind::Protocol), ends the stream as
    /// [`Failed`](StreamEvent::Failed). An error that the *provider* reports in the stream is an event, and never of
    /// kind `Protocol`.
    fn push(&mut self, frame: SseFrame<'_>, out: &mut Events) -> Result<()>;

    /// Reads a whole JSON object or array that stood in the body outside of any SSE field: an error in the middle of a
    /// stream, with some providers, or a whole answer that came as plain JSON though a stream was asked for.
    fn stray(&mut self, json: &str, out: &mut Events) -> Result<()>;

    /// The body has ended. The decoder emits [`Finished`](StreamEvent::Finished) if the provider's rules allow an end
    /// here; if it emits no end, the stream is [`Truncated`](StreamEvent::Truncated).
    fn finish(&mut self, out: &mut Events) -> Result<()>;
}

/// The events that wait to be read. After an end it takes nothing more.
#[derive(Debug, Default)]
pub struct Events {
    queue: VecDeque<StreamEvent>,
    ended: bool,
}

impl Events {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event. After an end it is dropped.
    #[inline]
    pub fn push(&mut self, event: StreamEvent) {
        if !self.ended {
            self.ended = event.is_end();
            self.queue.push_back(event);
        }
    }

    /// Takes the oldest event.
    #[inline]
    pub fn pop(&mut self) -> Option<StreamEvent> {
        self.queue.pop_front()
    }

    /// Whether an end has been added, read or not.
    #[inline]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Ends the stream with an error of decoding.
    pub(super) fn fail(&mut self, error: Error) {
        self.push(StreamEvent::Failed(error));
    }

    /// Ends the stream because its body did, without a terminal signal.
    pub(super) fn truncate(&mut self, cause: Option<Error>) {
        let mut error = Error::new(ErrorKind::Interrupted, "read an answer")
            .because("the stream ended before the answer did")
            .advise("what had come is kept; ask again for a whole answer");
        if let Some(cause) = cause {
            error = error.caused_by(cause);
        }
        self.push(StreamEvent::Truncated(error));
    }
}
