//! The stream of the Messages API.
//!
//! An answer is `message_start`, then blocks (start, deltas, stop), then `message_delta` with the reason of the end, then
//! `message_stop`, which alone ends it: a body that ends before is truncated. Events are told by the `type` in their
//! JSON, since proxies drop the SSE names. What is not known goes through: blocks as opaque parts, events as notices.

mod block;
mod stream_error;
mod wire;

use compact_str::CompactString;
use maestro_core::{
    Result,
    chat::{Finish, Notice, PartEnd, PartKind, PartStart, RawJson, Refusal, StreamEvent},
    stream::{Events, SseFrame, StreamDecoder},
};
use smallvec::SmallVec;

use self::{
    block::Block,
    stream_error::{PROVIDER, stream_error},
    wire::{Counts, Delta, Event, Message, StopDetails},
};
use crate::decoding::{Read, not_json, read, read_into};

/// Reads one streamed answer of the Messages API.
///
/// It also reads a whole answer, or an error, that comes as plain JSON though a stream was asked for.
#[derive(Debug, Default)]
pub struct Decoder {
    begun: bool,
    response_id: Option<CompactString>,
    model: Option<CompactString>,
    /// The index of the next part.
    next: u32,
    /// The blocks that have begun and not ended, each with the provider's index of it.
    open: SmallVec<[(u32, Block); 1]>,
    has_calls: bool,
    counts: Counts,
    /// Why the answer ends, once it is told.
    stop_reason: Option<CompactString>,
}

impl Decoder {
    /// A decoder for one answer.
    pub fn new() -> Self {
        Self::default()
    }

    fn event(
        &mut self,
        event: &mut Event<'_>,
        name: Option<&str>,
        json: &str,
        out: &mut Events,
    ) -> Result<()> {
        let index = event.index.0.unwrap_or_default();
        match event.kind.filled().or(name).unwrap_or_default() {
            "content_block_delta" => self.delta(index, &mut event.delta, json, out),
            "content_block_start" => match event.content_block.0 {
                Some(block) => self.block_start(index, block, out),
                None => Ok(()),
            },
            "content_block_stop" => {
                self.block_stop(index, out);
                Ok(())
            }
            "message_start" => match event.message.0 {
                Some(message) => self.message_start(message, out),
                None => Ok(()),
            },
            "message_delta" => {
                self.message_delta(event, out);
                Ok(())
            }
            "message_stop" => {
                self.end(out);
                Ok(())
            }
            "ping" => Ok(()),
            kind if kind == "error" || event.error.0.is_some() => {
                out.push(StreamEvent::Failed(stream_error(event.error.0, event.request_id.filled())));
                Ok(())
            }
            kind => notice(kind, json, out),
        }
    }

    fn message_start(&mut self, message: &str, out: &mut Events) -> Result<()> {
        let message: Message<'_> = fields(message)?;
        let id = message.id.to_compact();
        if self.begun {
            // Proxies send it twice, or begin a whole second attempt in the middle of the first.
            if id == self.response_id && self.next == 0 && self.open.is_empty() {
                return Ok(());
            }
            *self = Self::default();
            out.push(StreamEvent::Restarted { reason: "the provider began its answer anew".into() });
        }
        self.begun = true;
        self.response_id = id.clone();
        self.model = message.model.to_compact();
        out.push(StreamEvent::Started { response_id: id, model: self.model.clone() });
        self.usage(message.usage, out);
        Ok(())
    }

    fn block_start(&mut self, index: u32, json: &str, out: &mut Events) -> Result<()> {
        // An index that is used again belongs to a new block: the one before lost its end.
        self.block_stop(index, out);
        let block = Block::start(fields(json)?, json, self.model.as_ref(), &mut self.next, out);
        self.has_calls |= block.is_call();
        self.open.push((index, block));
        Ok(())
    }

    #[inline]
    fn delta(&mut self, index: u32, delta: &mut Delta<'_>, json: &str, out: &mut Events) -> Result<()> {
        if let Some((_, block)) = self.open.iter_mut().rev().find(|(at, _)| *at == index) {
            return if block.delta(delta, self.model.as_ref(), out) {
                Ok(())
            } else {
                notice("content_block_delta", json, out)
            };
        }
        // The start of the block was lost. What the delta adds tells what it is, save for calls, which need a name.
        let Some(mut block) = Block::from_delta(delta, &mut self.next, out) else {
            return notice("content_block_delta", json, out);
        };
        block.delta(delta, self.model.as_ref(), out);
        self.open.push((index, block));
        Ok(())
    }

    fn block_stop(&mut self, index: u32, out: &mut Events) {
        if let Some(at) = self.open.iter().position(|(block, _)| *block == index) {
            self.open.remove(at).1.end(PartEnd::Whole, &mut self.next, out);
        }
    }

    fn message_delta(&mut self, event: &mut Event<'_>, out: &mut Events) {
        self.usage(event.usage, out);
        if let Some(reason) = event.delta.stop_reason.take() {
            self.stop(reason, event.delta.stop_details.0, out);
        }
    }

    /// The reason of the end is told. Blocks that are still open get no more, whether or not their end comes: a call
    /// that the token limit cut has none.
    fn stop(&mut self, reason: CompactString, details: Option<&str>, out: &mut Events) {
        let whole = matches!(finish(&reason), Finish::Stop | Finish::ToolUse);
        for (_, block) in std::mem::take(&mut self.open) {
            block.end(if whole { PartEnd::Whole } else { PartEnd::Cut }, &mut self.next, out);
        }
        if reason == "refusal" {
            self.refusal(details, out);
        }
        self.stop_reason = Some(reason);
    }

    fn refusal(&mut self, details: Option<&str>, out: &mut Events) {
        let details = details.and_then(|details| read::<StopDetails<'_>>(details).ok());
        let Some(details) = details.filter(|details| details.explanation.filled().is_some()) else { return };
        let refusal =
            Refusal { text: details.explanation.get().to_owned(), category: details.category.to_compact() };
        let index = self.next;
        self.next += 1;
        out.push(StreamEvent::PartStart {
            index,
            part: PartStart::Whole(Box::new(PartKind::Refusal(refusal))),
        });
        out.push(StreamEvent::PartEnd { index, end: PartEnd::Whole });
    }

    fn usage(&mut self, usage: Option<Counts>, out: &mut Events) {
        if let Some(counts) = usage {
            self.counts = counts.over(self.counts);
            out.push(StreamEvent::UsageSnapshot(self.counts.usage()));
        }
    }

    fn end(&mut self, out: &mut Events) {
        for (_, block) in std::mem::take(&mut self.open) {
            block.end(PartEnd::Whole, &mut self.next, out);
        }
        let finish = self.stop_reason.as_deref().map_or(Finish::Stop, finish);
        out.push(StreamEvent::Finished { finish: finish.with_calls(self.has_calls) });
    }

    /// A whole answer: the same steps as a streamed one, from its finished blocks.
    fn message(&mut self, json: &str, out: &mut Events) -> Result<()> {
        let message: Message<'_> = fields(json)?;
        self.response_id = message.id.to_compact();
        self.model = message.model.to_compact();
        out.push(StreamEvent::Started { response_id: self.response_id.clone(), model: self.model.clone() });
        for (index, block) in (0_u32..).zip(message.content) {
            // This also ends the block before. How the last one ends is left to the reason of the stop.
            self.block_stop(index.saturating_sub(1), out);
            self.block_start(index, block.0.unwrap_or_default(), out)?;
        }
        self.usage(message.usage, out);
        if let Some(reason) = message.stop_reason.to_compact() {
            self.stop(reason, message.stop_details.0, out);
        }
        self.end(out);
        Ok(())
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: SseFrame<'_>, out: &mut Events) -> Result<()> {
        let mut event = Event::default();
        match read_into(frame.data, &mut event) {
            Ok(()) => self.event(&mut event, frame.event, frame.data, out),
            // The body was cut in the middle of the event, and that is what the end of the stream will say.
            Err(_) if frame.unterminated => Ok(()),
            Err(_) if matches!(frame.data.trim(), "" | "[DONE]") => Ok(()),
            Err(error) => Err(not_json(PROVIDER, frame.data, error)),
        }
    }

    fn stray(&mut self, json: &str, out: &mut Events) -> Result<()> {
        match read::<Event<'_>>(json) {
            Ok(event) if event.kind.get() == "message" => self.message(json, out),
            Ok(mut event) => self.event(&mut event, Some("stray"), json, out),
            Err(_) => notice("stray", json, out),
        }
    }

    fn finish(&mut self, _: &mut Events) -> Result<()> {
        // Only `message_stop` ends an answer.
        Ok(())
    }
}

/// What a stop reason means.
fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" => Finish::Length,
        "tool_use" => Finish::ToolUse,
        "pause_turn" => Finish::Paused,
        "refusal" => Finish::Filtered,
        "model_context_window_exceeded" => Finish::ContextFull,
        other => Finish::Other(other.into()),
    }
}

fn notice(name: &str, json: &str, out: &mut Events) -> Result<()> {
    out.push(StreamEvent::Notice(Box::new(Notice { name: name.into(), json: RawJson::parse(json)? })));
    Ok(())
}

fn fields<'a, T: Read<'a> + Default>(json: &'a str) -> Result<T> {
    read(json).map_err(|error| not_json(PROVIDER, json, error))
}
