//! Placeholder of the stream decoder.

use maestro_core::{
    Result,
    stream::{Events, SseFrame, StreamDecoder},
};

/// Decodes a stream.
#[derive(Debug, Default)]
pub struct Decoder;

impl Decoder {
    /// A decoder for one answer.
    pub fn new() -> Self {
        Self
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, _: SseFrame<'_>, _: &mut Events) -> Result<()> {
        Ok(())
    }

    fn stray(&mut self, _: &str, _: &mut Events) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut Events) -> Result<()> {
        Ok(())
    }
}
