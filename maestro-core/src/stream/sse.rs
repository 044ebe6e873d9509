//! SSE framing: the WHATWG rules, and the deviations that LLM providers need.

use std::borrow::Cow;

use super::{Events, StreamDecoder};
use crate::error::Result;

/// One server-sent event, borrowed from the buffer it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseFrame<'a> {
    /// The name of the event, if it has one.
    pub event: Option<Cow<'a, str>>,
    /// The data, lines joined by line feeds.
    pub data: Cow<'a, str>,
    /// Whether the body ended before the event's blank line. Such a frame counts only if it is whole.
    pub unterminated: bool,
}

/// How large things may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseLimits {
    /// The most bytes of one event, its line ends included.
    pub event_bytes: usize,
    /// The most bytes outside of any field that are kept to look for an error in them.
    pub stray_bytes: usize,
}

impl Default for SseLimits {
    /// 16 MiB an event, since images come in one line; 64 KiB outside of fields.
    fn default() -> Self {
        Self { event_bytes: 16 << 20, stray_bytes: 64 << 10 }
    }
}

/// Cuts a body into frames and hands each to a decoder.
#[derive(Debug)]
pub struct SseFramer {
    limits: SseLimits,
}

impl SseFramer {
    /// A framer for one body.
    pub fn new(limits: SseLimits) -> Self {
        Self { limits }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, _bytes: &[u8], _decoder: &mut dyn StreamDecoder, _out: &mut Events) -> Result<()> {
        let _ = self.limits;
        Ok(())
    }

    /// The body has ended: what is still open goes out as unterminated.
    pub fn finish(&mut self, _decoder: &mut dyn StreamDecoder, _out: &mut Events) -> Result<()> {
        Ok(())
    }
}
