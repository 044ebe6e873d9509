//! The fields of the stream's JSON that are read.

use maestro_core::chat::Usage;
use smallvec::SmallVec;

use crate::decoding::{Flag, Index, Json, Malformed, Raw, Read, Str, Text, Tokens, object, read};

object! {
    /// One event: a response with what is new.
    pub(super) struct Chunk<'a> {
        pub(super) candidates: Candidates<'a> = "candidates",
        pub(super) prompt_feedback: PromptFeedback<'a> = "promptFeedback",
        pub(super) usage: Option<Counts> = "usageMetadata",
        pub(super) model_version: Str<'a> = "modelVersion",
        pub(super) response_id: Str<'a> = "responseId",
        pub(super) error: Raw<'a> = "error",
        /// Code Assist's wrapping, with its own id of the answer beside it.
        pub(super) response: Raw<'a> = "response",
        pub(super) trace_id: Str<'a> = "traceId",
    }
}

/// The candidate of index 0: only one is ever asked for.
#[derive(Default)]
pub(super) struct Candidates<'a>(pub(super) Option<Candidate<'a>>);

object! {
    pub(super) struct Candidate<'a> {
        index: Index = "index",
        pub(super) content: Content<'a> = "content",
        pub(super) finish_reason: Str<'a> = "finishReason",
        pub(super) finish_message: Raw<'a> = "finishMessage",
        pub(super) grounding_metadata: Raw<'a> = "groundingMetadata",
        pub(super) citation_metadata: Raw<'a> = "citationMetadata",
        pub(super) url_context_metadata: Raw<'a> = "urlContextMetadata",
    }
}

object! {
    pub(super) struct Content<'a> {
        pub(super) parts: SmallVec<[Part<'a>; 1]> = "parts",
    }
}

/// One part: a payload, and what stands beside it.
#[derive(Default)]
pub(super) struct Part<'a> {
    pub(super) text: Text,
    pub(super) thought: Flag,
    pub(super) signature: Str<'a>,
    pub(super) function_call: Raw<'a>,
    pub(super) inline_data: Raw<'a>,
    pub(super) file_data: Raw<'a>,
    /// A payload that is not known is there, so that only its JSON says what the part is.
    pub(super) unknown: bool,
}

object! {
    pub(super) struct FunctionCall<'a> {
        pub(super) name: Str<'a> = "name",
        pub(super) args: Raw<'a> = "args",
        pub(super) id: Str<'a> = "id",
    }
}

object! {
    pub(super) struct Blob<'a> {
        pub(super) mime_type: Str<'a> = "mimeType",
        pub(super) data: Str<'a> = "data",
    }
}

object! {
    pub(super) struct FileData<'a> {
        pub(super) mime_type: Str<'a> = "mimeType",
        pub(super) file_uri: Str<'a> = "fileUri",
    }
}

object! {
    pub(super) struct PromptFeedback<'a> {
        pub(super) block_reason: Str<'a> = "blockReason",
    }
}

impl<'a> Read<'a> for Candidates<'a> {
    #[inline]
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Malformed> {
        if json.peek() != Some(b'[') {
            return json.skip();
        }
        json.list(|json| {
            if self.0.is_some() {
                return json.skip();
            }
            let candidate = self.0.insert(Candidate::default());
            candidate.read(json)?;
            if candidate.index.0.unwrap_or_default() != 0 {
                self.0 = None;
            }
            Ok(())
        })
    }
}

impl<'a> Read<'a> for Part<'a> {
    #[inline]
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Malformed> {
        if json.peek() != Some(b'{') {
            return json.skip();
        }
        json.object(|key, json| match key {
            "text" => self.text.read(json),
            "thought" => self.thought.read(json),
            "thoughtSignature" => self.signature.read(json),
            "functionCall" => self.function_call.read(json),
            "inlineData" => self.inline_data.read(json),
            "fileData" => self.file_data.read(json),
            // What stands beside a payload and says nothing without it.
            "videoMetadata" | "mediaResolution" | "partMetadata" => json.skip(),
            _ => {
                self.unknown = true;
                json.skip()
            }
        })
    }
}

object! {
    /// Tokens as this API counts them: thoughts stand beside the candidates, prompts of tools beside the prompt.
    pub(super) struct Counts {
        prompt: Tokens = "promptTokenCount",
        tool_use_prompt: Tokens = "toolUsePromptTokenCount",
        cached_content: Tokens = "cachedContentTokenCount",
        candidates: Tokens = "candidatesTokenCount",
        thoughts: Tokens = "thoughtsTokenCount",
    }
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        let thoughts = self.thoughts.get();
        Usage {
            input_total: self.prompt.get().saturating_add(self.tool_use_prompt.get()),
            input_cached: self.cached_content.get(),
            input_cache_write: 0,
            output_total: self.candidates.get().saturating_add(thoughts),
            output_reasoning: thoughts,
        }
    }
}

object! {
    /// The parts of an event as they are written; read only where one of them is not known.
    pub(super) struct RawParts<'a> {
        candidates: Vec<RawCandidate<'a>> = "candidates",
    }
}

object! {
    struct RawCandidate<'a> {
        index: Index = "index",
        content: RawContent<'a> = "content",
    }
}

object! {
    struct RawContent<'a> {
        parts: Vec<Raw<'a>> = "parts",
    }
}

impl<'a> RawParts<'a> {
    pub(super) fn part(&self, at: usize) -> Option<&'a str> {
        let candidate =
            self.candidates.iter().find(|candidate| candidate.index.0.unwrap_or_default() == 0)?;
        candidate.content.parts.get(at)?.0
    }
}

object! {
    /// Where an answer comes from.
    pub(super) struct Grounding<'a> {
        chunks: Vec<Raw<'a>> = "groundingChunks",
        citation_sources: Vec<Raw<'a>> = "citationSources",
        citations: Vec<Raw<'a>> = "citations",
    }
}

/// One source, of whatever type.
pub(super) struct Source<'a> {
    pub(super) json: &'a str,
    fields: SourceFields<'a>,
}

object! {
    struct SourceFields<'a> {
        web: Option<Page<'a>> = "web",
        retrieved_context: Option<Page<'a>> = "retrievedContext",
        maps: Option<Page<'a>> = "maps",
        uri: Str<'a> = "uri",
        title: Str<'a> = "title",
    }
}

object! {
    struct Page<'a> {
        uri: Str<'a> = "uri",
        title: Str<'a> = "title",
    }
}

impl<'a> Grounding<'a> {
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'a>> {
        let all = self.chunks.iter().chain(&self.citation_sources).chain(&self.citations);
        all.filter_map(|json| json.0).map(|json| Source { json, fields: read(json).unwrap_or_default() })
    }
}

impl Source<'_> {
    fn page(&self) -> Option<&Page<'_>> {
        let fields = &self.fields;
        fields.web.as_ref().or(fields.retrieved_context.as_ref()).or(fields.maps.as_ref())
    }

    pub(super) fn place(&self) -> Option<&str> {
        self.page().map_or(&self.fields.uri, |page| &page.uri).filled()
    }

    pub(super) fn title(&self) -> Option<String> {
        self.page().map_or(&self.fields.title, |page| &page.title).to_text()
    }
}
