//! The stream of Chat Completions, as OpenAI and the servers that follow it send it.
//!
//! An answer ends with `[DONE]`, or with the end of the body after a `finish_reason`. Everything else differs from
//! server to server: where reasoning stands, how calls are numbered, when usage comes, what an error looks like.

mod calls;
mod stream_error;
mod wire;

use compact_str::CompactString;
use maestro_core::{
    Result,
    chat::{Citation, Finish, Native, PartEnd, PartStart, RawJson, StreamEvent, Usage},
    stream::{Events, SseFrame, StreamDecoder},
};

use self::{
    calls::{Calls, Naming},
    stream_error::{PROVIDER, stream_error},
    wire::{Annotation, Call, Choice, Chunk, Content, Counts, Delta},
};
use super::API;
use crate::decoding::{Raw, not_json, read, read_into};

/// Reads one streamed answer of Chat Completions.
///
/// It also reads a whole answer, or an error, that comes as plain JSON though a stream was asked for.
#[derive(Debug, Default)]
pub struct Decoder {
    seed: CompactString,
    begun: bool,
    response_id: Option<CompactString>,
    /// The index of the next part.
    next: u32,
    text: Option<u32>,
    reasoning: Option<u32>,
    refusal: Option<u32>,
    calls: Calls,
    usage: Option<Usage>,
    finish_reason: Option<CompactString>,
    /// The body was cut in the middle of an event.
    torn: bool,
}

impl Decoder {
    /// A decoder for one answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that mixes `seed` into the ids that it makes up for calls without one. They depend on the seed, the
    /// server's id of the answer and the place of the call, so that a seed of its own for each request keeps them apart
    /// even where the server names no id.
    #[must_use]
    pub fn with_seed(mut self, seed: impl Into<CompactString>) -> Self {
        self.seed = seed.into();
        self
    }

    #[inline]
    fn chunk(&mut self, chunk: &mut Chunk<'_>, json: &str, named_error: bool, out: &mut Events) {
        let text = |field: Raw<'_>| field.0.is_some_and(|json| json.starts_with('"'));
        let bare = !chunk.choices.listed && (text(chunk.message) || text(chunk.detail));
        if chunk.error.0.is_some() || bare || named_error {
            out.push(StreamEvent::Failed(stream_error(chunk.error.0.unwrap_or(json))));
            return;
        }
        // Azure begins with a chunk of nothing, without an id.
        if !self.begun && (chunk.id.filled().is_some() || chunk.choices.first.is_some()) {
            self.begun = true;
            self.response_id = chunk.id.to_compact();
            let model = chunk.model.to_compact();
            out.push(StreamEvent::Started { response_id: self.response_id.clone(), model });
        }
        if let Some(choice) = &mut chunk.choices.first {
            self.choice(choice, out);
        }
        if let Some(usage) = chunk.usage.take().map(Counts::usage).filter(|usage| self.usage != Some(*usage))
        {
            self.usage = Some(usage);
            out.push(StreamEvent::UsageSnapshot(usage));
        }
    }

    #[inline]
    fn choice(&mut self, choice: &mut Choice<'_>, out: &mut Events) {
        if let Some(error) = choice.error.0 {
            out.push(StreamEvent::Failed(stream_error(error)));
            return;
        }
        self.delta(&mut choice.delta, out);
        if let Some(Ok(mut whole)) = choice.message.0.map(read::<Delta<'_>>) {
            self.delta(&mut whole, out);
        }
        if let Some(reason) = choice.finish_reason.take() {
            self.finish_reason = Some(reason);
        }
    }

    #[inline]
    fn delta(&mut self, delta: &mut Delta<'_>, out: &mut Events) {
        // Some versions of vLLM send the same thought under both names.
        if let Some(text) = delta.reasoning_content.take().or_else(|| delta.reasoning.take()) {
            self.think(text, out);
        }
        match std::mem::take(&mut delta.content) {
            Content::None => {}
            Content::Text(text) => self.say(text, out),
            Content::Parts(parts) => {
                for mut part in parts {
                    part.thinking.0.into_iter().for_each(|text| self.think(text, out));
                    part.text.take().into_iter().for_each(|text| self.say(text, out));
                    part.refusal.take().into_iter().for_each(|text| self.refuse(text, out));
                }
            }
        }
        if let Some(text) = delta.refusal.take() {
            self.refuse(text, out);
        }
        let Self { calls, seed, response_id, next, .. } = self;
        let naming = Naming { seed, response_id: response_id.as_deref() };
        for call in &mut delta.tool_calls {
            calls.delta(call, &naming, next, out);
        }
        if let Some(function) = delta.function_call.take() {
            calls.delta(&mut Call { function, ..Call::default() }, &naming, next, out);
        }
        delta.annotations.iter().filter_map(|json| json.0).for_each(|json| self.cite(json, out));
    }

    #[inline]
    fn say(&mut self, text: CompactString, out: &mut Events) {
        let index = part(&mut self.text, PartStart::Text, &mut self.next, out);
        out.push(StreamEvent::TextDelta { index, text });
    }

    fn think(&mut self, text: CompactString, out: &mut Events) {
        let index = part(&mut self.reasoning, PartStart::Reasoning, &mut self.next, out);
        out.push(StreamEvent::ReasoningDelta { index, text });
    }

    fn refuse(&mut self, text: CompactString, out: &mut Events) {
        let index = part(&mut self.refusal, PartStart::Refusal, &mut self.next, out);
        out.push(StreamEvent::RefusalDelta { index, text });
    }

    fn cite(&mut self, json: &str, out: &mut Events) {
        let source = read::<Annotation<'_>>(json).unwrap_or_default().url_citation;
        let Ok(native) = RawJson::parse(json) else { return };
        let (url, title) = (source.url.to_text(), source.title.to_text());
        let citation = Citation { url, title, quote: None, native: Native { api: API, json: native } };
        let index = part(&mut self.text, PartStart::Text, &mut self.next, out);
        out.push(StreamEvent::CitationAdded { index, citation: Box::new(citation) });
    }

    fn end(&mut self, out: &mut Events) {
        let told = self.finish_reason.as_deref().map_or(Finish::Stop, finish);
        // A reason that is not known says nothing of a cut: then a call is as good as its JSON.
        let cut = matches!(told, Finish::Length | Finish::Filtered);
        let finish = match told {
            Finish::Stop if self.refusal.is_some() => Finish::Filtered,
            told => told.with_calls(!self.calls.is_empty()),
        };
        let mut grown = [self.text, self.reasoning, self.refusal];
        grown.sort_unstable();
        for index in grown.into_iter().flatten() {
            out.push(StreamEvent::PartEnd { index, end: if cut { PartEnd::Cut } else { PartEnd::Whole } });
        }
        let naming = Naming { seed: &self.seed, response_id: self.response_id.as_deref() };
        self.calls.end(cut, &naming, &mut self.next, out);
        out.push(StreamEvent::Finished { finish });
    }
}

impl StreamDecoder for Decoder {
    #[inline]
    fn push(&mut self, frame: SseFrame<'_>, out: &mut Events) -> Result<()> {
        let mut chunk = Chunk::default();
        match read_into(frame.data, &mut chunk) {
            Ok(()) => self.chunk(&mut chunk, frame.data, frame.event == Some("error"), out),
            Err(error) => match frame.data.trim() {
                "[DONE]" => self.end(out),
                "" => {}
                data if frame.unterminated => self.torn = !"[DONE]".starts_with(data),
                _ => return Err(not_json(PROVIDER, frame.data, error)),
            },
        }
        Ok(())
    }

    fn stray(&mut self, json: &str, out: &mut Events) -> Result<()> {
        let Ok(mut chunk) = read::<Chunk<'_>>(json) else { return Ok(()) };
        self.chunk(&mut chunk, json, false, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Events) -> Result<()> {
        if self.finish_reason.is_some() && !self.torn {
            self.end(out);
        }
        Ok(())
    }
}

/// The part of one kind, begun if it is not there yet.
#[inline]
fn part(place: &mut Option<u32>, start: PartStart, next: &mut u32, out: &mut Events) -> u32 {
    *place.get_or_insert_with(|| {
        let index = *next;
        *next += 1;
        out.push(StreamEvent::PartStart { index, part: start });
        index
    })
}

/// What a finish reason means.
fn finish(reason: &str) -> Finish {
    match reason {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolUse,
        "content_filter" | "refusal" => Finish::Filtered,
        other => Finish::Other(other.into()),
    }
}
