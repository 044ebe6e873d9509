//! The stream of generateContent.
//!
//! Every event is a response of its own with new parts only. There is no terminal signal: the body is read to its end,
//! and a `finishReason`, of which the last one counts, makes it a good one. Errors also come as JSON without any SSE
//! field. Code Assist wraps each response in an object; that is undone here.

mod stream_error;
mod wire;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use compact_str::CompactString;
use maestro_core::{
    Error, ErrorKind, Result,
    chat::{
        Audio, Citation, Document, Finish, Image, Media, Native, Notice, Opaque, PartEnd, PartKind,
        PartStart, RawJson, Seal, SealKind, StreamEvent, Usage,
    },
    stream::{Events, SseFrame, StreamDecoder},
};

use self::{
    stream_error::{PROVIDER, stream_error},
    wire::{Blob, Candidate, Chunk, FileData, FunctionCall, Grounding, Part, RawParts},
};
use super::API;
use crate::decoding::{elements, made_up, not_json, read, read_into};

/// Reads one streamed answer of generateContent, with or without Code Assist's wrapping.
///
/// It also reads an answer, a list of chunks or an error that comes as plain JSON though SSE was asked for.
#[derive(Debug, Default)]
pub struct Decoder {
    seed: CompactString,
    begun: bool,
    response_id: Option<CompactString>,
    model: Option<CompactString>,
    /// The index of the next part.
    next: u32,
    calls: u32,
    /// The part that grows.
    open: Option<Open>,
    usage: Option<Usage>,
    finish_reason: Option<CompactString>,
    /// The addresses that were cited already: some servers repeat them with every chunk.
    cited: Vec<Box<str>>,
    /// The body was cut in the middle of an event.
    torn: bool,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    index: u32,
    thought: bool,
    /// A signed part is never merged with its neighbour.
    sealed: bool,
}

impl Decoder {
    /// A decoder for one answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that mixes `seed` into the ids that it makes up for calls without one. They depend on the seed, the
    /// provider's id of the answer and the place of the call, so that a seed of its own for each request keeps them
    /// apart even where the provider names no id.
    #[must_use]
    pub fn with_seed(mut self, seed: impl Into<CompactString>) -> Self {
        self.seed = seed.into();
        self
    }

    fn json(&mut self, json: &str, out: &mut Events) -> std::result::Result<(), usize> {
        if json.trim_ascii_start().starts_with('[') {
            for json in elements(json)? {
                self.object(json, out)?;
            }
            return Ok(());
        }
        self.object(json, out)
    }

    /// One event, with Code Assist's wrapping undone, once.
    #[inline]
    fn object(&mut self, json: &str, out: &mut Events) -> std::result::Result<(), usize> {
        let mut chunk = Chunk::default();
        read_into(json, &mut chunk)?;
        match chunk.response.0 {
            Some(wrapped) if chunk.error.0.is_none() => {
                self.begin(chunk.trace_id.to_compact(), None);
                self.chunk(&mut read(wrapped)?, wrapped, out);
            }
            _ => self.chunk(&mut chunk, json, out),
        }
        Ok(())
    }

    #[inline]
    fn chunk(&mut self, chunk: &mut Chunk<'_>, json: &str, out: &mut Events) {
        if let Some(error) = chunk.error.0 {
            out.push(StreamEvent::Failed(stream_error(error)));
            return;
        }
        if !self.begun {
            self.begin(
                chunk.response_id.to_compact().or(chunk.trace_id.to_compact()),
                chunk.model_version.to_compact(),
            );
            self.begun = self.response_id.is_some() || self.model.is_some() || chunk.candidates.0.is_some();
            if self.begun {
                let (response_id, model) = (self.response_id.clone(), self.model.clone());
                out.push(StreamEvent::Started { response_id, model });
            }
        }
        let usage = chunk.usage.take().map(wire::Counts::usage).filter(|usage| self.usage != Some(*usage));
        if let Some(reason) = chunk.prompt_feedback.block_reason.filled() {
            self.usage(usage, out);
            out.push(StreamEvent::Failed(blocked(reason)));
            return;
        }
        if let Some(candidate) = &mut chunk.candidates.0 {
            self.candidate(candidate, json, out);
        }
        self.usage(usage, out);
    }

    fn begin(&mut self, response_id: Option<CompactString>, model: Option<CompactString>) {
        self.response_id = self.response_id.take().or(response_id);
        self.model = self.model.take().or(model);
    }

    fn usage(&mut self, usage: Option<Usage>, out: &mut Events) {
        if let Some(usage) = usage {
            self.usage = Some(usage);
            out.push(StreamEvent::UsageSnapshot(usage));
        }
    }

    fn candidate(&mut self, candidate: &mut Candidate<'_>, json: &str, out: &mut Events) {
        if let Some(reason) = candidate.finish_reason.to_compact() {
            self.finish_reason = Some(reason);
        }
        for (at, part) in candidate.content.parts.iter_mut().enumerate() {
            self.part(part, at, json, out);
        }
        for (name, json) in [
            ("groundingMetadata", candidate.grounding_metadata),
            ("citationMetadata", candidate.citation_metadata),
        ] {
            if let Some(json) = json.0.filter(|json| json.len() > "{}".len()) {
                self.cite(name, json, out);
            }
        }
        if let Some(json) = candidate.url_context_metadata.0 {
            notice("urlContextMetadata", json, out);
        }
        if let Some(json) = candidate.finish_message.0 {
            notice("finishMessage", json, out);
        }
    }

    #[inline]
    fn part(&mut self, part: &mut Part<'_>, at: usize, json: &str, out: &mut Events) {
        let signature = part.signature.filled();
        if part.unknown {
            self.whole(opaque_part(json, at), None, out);
        } else if let Some(call) = part.function_call.0 {
            self.call(&read(call).unwrap_or_default(), signature, out);
        } else if let Some(blob) = part.inline_data.0 {
            self.whole(
                blob_part(&read(blob).unwrap_or_default()).or_else(|| opaque_part(json, at)),
                signature,
                out,
            );
        } else if let Some(file) = part.file_data.0 {
            self.whole(Some(file_part(&read(file).unwrap_or_default())), signature, out);
        } else if let Some(text) = part.text.take() {
            let index = self.growing(part.thought.0, signature, out);
            out.push(if part.thought.0 {
                StreamEvent::ReasoningDelta { index, text }
            } else {
                StreamEvent::TextDelta { index, text }
            });
        } else if signature.is_some() {
            // Nothing to show, and yet it must come back with the next request.
            self.growing(part.thought.0, signature, out);
        }
    }

    /// The part that a text belongs to: the one that grows, or a new one if the text is of another kind or signed.
    #[inline]
    fn growing(&mut self, thought: bool, signature: Option<&str>, out: &mut Events) -> u32 {
        match self.open {
            Some(open) if open.thought == thought && !open.sealed && signature.is_none() => open.index,
            _ => {
                self.close(PartEnd::Whole, out);
                let index = self.start(if thought { PartStart::Reasoning } else { PartStart::Text }, out);
                self.seal(index, signature, out);
                self.open = Some(Open { index, thought, sealed: signature.is_some() });
                index
            }
        }
    }

    fn call(&mut self, call: &FunctionCall<'_>, signature: Option<&str>, out: &mut Events) {
        let call_id = match call.id.to_compact() {
            Some(id) => id,
            None => made_up(&self.seed, self.response_id.as_deref(), self.calls),
        };
        self.calls += 1;
        self.close(PartEnd::Whole, out);
        let name = call.name.get().into();
        let index = self.start(PartStart::ToolCall { call_id, name }, out);
        self.seal(index, signature, out);
        let json = call.args.0.unwrap_or("{}");
        out.push(StreamEvent::ArgsDelta { index, json: json.into() });
        out.push(StreamEvent::PartEnd { index, end: PartEnd::Whole });
    }

    fn whole(&mut self, kind: Option<PartKind>, signature: Option<&str>, out: &mut Events) {
        let Some(kind) = kind else { return };
        self.close(PartEnd::Whole, out);
        let index = self.start(PartStart::Whole(Box::new(kind)), out);
        self.seal(index, signature, out);
        out.push(StreamEvent::PartEnd { index, end: PartEnd::Whole });
    }

    fn start(&mut self, part: PartStart, out: &mut Events) -> u32 {
        let index = self.next;
        self.next += 1;
        out.push(StreamEvent::PartStart { index, part });
        index
    }

    fn seal(&self, index: u32, signature: Option<&str>, out: &mut Events) {
        if let Some(bytes) = signature {
            let (api, model, kind) = (API, self.model.clone(), SealKind::ThoughtSignature);
            let seal = Seal { api, model, kind, bytes: bytes.to_owned() };
            out.push(StreamEvent::SealSet { index, seal: Box::new(seal) });
        }
    }

    fn close(&mut self, end: PartEnd, out: &mut Events) {
        if let Some(open) = self.open.take() {
            out.push(StreamEvent::PartEnd { index: open.index, end });
        }
    }

    /// Sources, for the text that grows, and all that was said about them as a notice.
    fn cite(&mut self, name: &str, json: &str, out: &mut Events) {
        notice(name, json, out);
        let Some(Open { index, thought: false, .. }) = self.open else { return };
        let Ok(grounding) = read::<Grounding<'_>>(json) else { return };
        for source in grounding.sources() {
            let Some(place) = source.place() else { continue };
            if self.cited.iter().any(|cited| **cited == *place) {
                continue;
            }
            let Ok(json) = RawJson::parse(source.json) else { continue };
            self.cited.push(place.into());
            let citation = Citation {
                url: Some(place.to_owned()),
                title: source.title(),
                quote: None,
                native: Native { api: API, json },
            };
            out.push(StreamEvent::CitationAdded { index, citation: Box::new(citation) });
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: SseFrame<'_>, out: &mut Events) -> Result<()> {
        match self.json(frame.data, out) {
            Ok(()) => Ok(()),
            Err(_) if frame.unterminated => {
                self.torn = true;
                Ok(())
            }
            Err(_) if matches!(frame.data.trim(), "" | "[DONE]") => Ok(()),
            Err(error) => Err(not_json(PROVIDER, frame.data, error)),
        }
    }

    fn stray(&mut self, json: &str, out: &mut Events) -> Result<()> {
        // JSON of another form says nothing about the answer.
        let _ = self.json(json, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Events) -> Result<()> {
        if let Some(reason) = self.finish_reason.take().filter(|_| !self.torn) {
            let finish = finish(&reason);
            self.close(if finish == Finish::Stop { PartEnd::Whole } else { PartEnd::Cut }, out);
            out.push(StreamEvent::Finished { finish: finish.with_calls(self.calls > 0) });
        }
        Ok(())
    }
}

/// What a finish reason means.
fn finish(reason: &str) -> Finish {
    match reason {
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "PROHIBITED_CONTENT"
        | "BLOCKLIST"
        | "SPII"
        | "RECITATION"
        | "LANGUAGE"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::Filtered,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE" => Finish::ModelFault,
        other => Finish::Other(other.into()),
    }
}

/// The prompt was refused: status 200, no answer, and the same prompt will be refused again.
fn blocked(reason: &str) -> Error {
    Error::new(ErrorKind::Filtered, "read an answer")
        .with_provider(PROVIDER)
        .with_code(reason)
        .because("the prompt was blocked")
        .advise("change the prompt; sent again it is blocked again")
}

/// A picture, sound or document, if its bytes can be read.
fn blob_part(blob: &Blob<'_>) -> Option<PartKind> {
    let data = STANDARD.decode(blob.data.get()).ok()?.into();
    Some(media_part(Media::Bytes { media_type: blob.mime_type.get().into(), data }))
}

fn file_part(file: &FileData<'_>) -> PartKind {
    let (id, media_type) = (file.file_uri.get().to_owned(), file.mime_type.to_compact());
    media_part(Media::FileRef { api: API, id, media_type })
}

fn media_part(media: Media) -> PartKind {
    match media.media_type().and_then(|media_type| media_type.split('/').next()) {
        Some("image") => PartKind::Image(Image { media, detail: None, seal: None }),
        Some("audio") => PartKind::Audio(Audio { media }),
        _ => PartKind::Document(Document { media, title: None }),
    }
}

/// The part at a place of an event, as its JSON.
fn opaque_part(json: &str, at: usize) -> Option<PartKind> {
    let json = RawJson::parse(read::<RawParts<'_>>(json).ok()?.part(at)?).ok()?;
    Some(PartKind::Opaque(Opaque { native: Native { api: API, json } }))
}

fn notice(name: &str, json: &str, out: &mut Events) {
    if let Ok(json) = RawJson::parse(json) {
        out.push(StreamEvent::Notice(Box::new(Notice { name: name.into(), json })));
    }
}
