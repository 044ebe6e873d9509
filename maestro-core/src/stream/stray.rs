//! JSON that stands in an SSE body outside of any field.

use std::borrow::Cow;

use super::{Events, JsonDepth, StreamDecoder};
use crate::error::{Error, ErrorKind, Result};

/// Gathers one JSON object or array at a time from lines that are no field, however they are broken, and hands it to
/// the decoder at its last brace. Lines that do not begin like one are passed over, so that text which is not JSON
/// costs no memory.
#[derive(Debug)]
pub(super) struct Stray {
    limit: usize,
    buffer: Vec<u8>,
    depth: JsonDepth,
    /// The rest of the line is of no interest.
    pass: bool,
}

impl Stray {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new(), depth: JsonDepth::default(), pass: false }
    }

    /// Takes the next bytes of a line, without its end.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        decoder: &mut dyn StreamDecoder,
        out: &mut Events,
    ) -> Result<()> {
        let mut rest = bytes;
        while !self.pass && !rest.is_empty() && !out.is_ended() {
            if self.depth.is_outside() {
                rest = rest.trim_ascii_start();
                match rest.first() {
                    Some(b'{' | b'[') => {}
                    Some(_) => self.pass = true,
                    None => {}
                }
                if self.pass || rest.is_empty() {
                    break;
                }
            }
            let closed = self.depth.feed(rest);
            let (taken, after) = rest.split_at(closed.unwrap_or(rest.len()));
            if self.buffer.len() + taken.len() > self.limit {
                return Err(too_large(self.limit));
            }
            self.buffer.extend_from_slice(taken);
            rest = after;
            if closed.is_some() {
                self.hand_over(decoder, out)?;
            }
        }
        Ok(())
    }

    /// The line has ended.
    pub(super) fn end_line(&mut self) {
        self.pass = false;
        if !self.depth.is_outside() {
            self.depth.end_line();
            if self.buffer.len() < self.limit {
                self.buffer.push(b'\n');
            }
        }
    }

    /// Forgets what is open: a value is not interrupted by an event.
    #[inline]
    pub(super) fn clear(&mut self) {
        if !self.buffer.is_empty() {
            self.buffer.clear();
            self.depth = JsonDepth::default();
        }
    }

    fn hand_over(&mut self, decoder: &mut dyn StreamDecoder, out: &mut Events) -> Result<()> {
        let json: Cow<'_, str> = String::from_utf8_lossy(&self.buffer);
        if serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok() {
            decoder.stray(&json, out)?;
        }
        self.buffer.clear();
        Ok(())
    }
}

#[cold]
fn too_large(limit: usize) -> Error {
    Error::new(ErrorKind::Protocol, "read an answer")
        .because(format!("JSON outside of any event is larger than the limit of {limit} bytes"))
}
