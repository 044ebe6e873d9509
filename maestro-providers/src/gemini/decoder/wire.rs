//! The fields of the stream's JSON that are read.

use std::fmt;

use maestro_core::chat::Usage;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::decoding::{Fill, Flag, Index, List, Object, Str, Text, Tokens, skip};

/// One event: a response with what is new.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    /// Whether there is any candidate.
    pub(super) answered: bool,
    /// The candidate of index 0: only one is ever asked for.
    pub(super) candidate: Candidate<'a>,
    pub(super) prompt_feedback: Option<&'a RawValue>,
    pub(super) usage: Option<Counts>,
    pub(super) model_version: Str<'a>,
    pub(super) response_id: Str<'a>,
    pub(super) error: Option<&'a RawValue>,
    /// Code Assist's wrapping, with its own id of the answer beside it.
    pub(super) response: Option<&'a RawValue>,
    pub(super) trace_id: Str<'a>,
}

#[derive(Default)]
pub(super) struct Candidate<'a> {
    index: Index,
    pub(super) content: Content<'a>,
    pub(super) finish_reason: Str<'a>,
    pub(super) finish_message: Option<&'a RawValue>,
    pub(super) grounding_metadata: Option<&'a RawValue>,
    pub(super) citation_metadata: Option<&'a RawValue>,
    pub(super) url_context_metadata: Option<&'a RawValue>,
}

#[derive(Default)]
pub(super) struct Content<'a> {
    pub(super) parts: SmallVec<[Part<'a>; 1]>,
}

/// One part: a payload, and what stands beside it.
#[derive(Default)]
pub(super) struct Part<'a> {
    pub(super) text: Text,
    pub(super) thought: Flag,
    pub(super) signature: Str<'a>,
    pub(super) function_call: Option<&'a RawValue>,
    pub(super) inline_data: Option<&'a RawValue>,
    pub(super) file_data: Option<&'a RawValue>,
    /// A payload that is not known is there, so that only its JSON says what the part is.
    pub(super) unknown: bool,
}

impl<'de> Fill<'de> for Chunk<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "candidates" => self.answered = map.next_value_seed(Candidates(&mut self.candidate))?,
            "usageMetadata" => map.next_value_seed(Object(self.usage.get_or_insert_default()))?,
            "modelVersion" => self.model_version = map.next_value()?,
            "responseId" => self.response_id = map.next_value()?,
            "promptFeedback" => self.prompt_feedback = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "response" => self.response = map.next_value()?,
            "traceId" => self.trace_id = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fill<'de> for Candidate<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "index" => self.index = map.next_value()?,
            "content" => map.next_value_seed(Object(&mut self.content))?,
            "finishReason" => self.finish_reason = map.next_value()?,
            "finishMessage" => self.finish_message = map.next_value()?,
            "groundingMetadata" => self.grounding_metadata = map.next_value()?,
            "citationMetadata" => self.citation_metadata = map.next_value()?,
            "urlContextMetadata" => self.url_context_metadata = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fill<'de> for Content<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "parts" => map.next_value_seed(List(&mut self.parts)),
            _ => skip(map),
        }
    }
}

impl<'de> Fill<'de> for Part<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "text" => self.text = map.next_value()?,
            "thought" => self.thought = map.next_value()?,
            "thoughtSignature" => self.signature = map.next_value()?,
            "functionCall" => self.function_call = map.next_value()?,
            "inlineData" => self.inline_data = map.next_value()?,
            "fileData" => self.file_data = map.next_value()?,
            // What stands beside a payload and says nothing without it.
            "videoMetadata" | "mediaResolution" | "partMetadata" => skip(map)?,
            _ => {
                skip(map)?;
                self.unknown = true;
            }
        }
        Ok(())
    }
}

/// Reads the candidate of index 0 out of a list, in place. Gives whether there is any.
struct Candidates<'s, 'de>(&'s mut Candidate<'de>);

impl<'de> DeserializeSeed<'de> for Candidates<'_, 'de> {
    type Value = bool;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Candidates<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut any = false;
        while seq.next_element_seed(Object(&mut *self.0))?.is_some() {
            any = true;
            if self.0.index.0.unwrap_or_default() == 0 {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
            *self.0 = Candidate::default();
        }
        Ok(any)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

#[derive(Default, Deserialize)]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow, default)]
    pub(super) name: Str<'a>,
    #[serde(borrow, default)]
    pub(super) args: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    #[serde(borrow, default)]
    pub(super) mime_type: Str<'a>,
    #[serde(borrow, default)]
    pub(super) data: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(borrow, default)]
    pub(super) mime_type: Str<'a>,
    #[serde(borrow, default)]
    pub(super) file_uri: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback<'a> {
    #[serde(borrow, default)]
    pub(super) block_reason: Str<'a>,
}

/// Tokens as this API counts them: thoughts stand beside the candidates, prompts of tools beside the prompt.
#[derive(Default)]
pub(super) struct Counts {
    prompt: Tokens,
    tool_use_prompt: Tokens,
    cached_content: Tokens,
    candidates: Tokens,
    thoughts: Tokens,
}

impl<'de> Fill<'de> for Counts {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "promptTokenCount" => self.prompt = map.next_value()?,
            "toolUsePromptTokenCount" => self.tool_use_prompt = map.next_value()?,
            "cachedContentTokenCount" => self.cached_content = map.next_value()?,
            "candidatesTokenCount" => self.candidates = map.next_value()?,
            "thoughtsTokenCount" => self.thoughts = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
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

/// The parts of an event as they are written; read only where one of them is not known.
#[derive(Deserialize)]
pub(super) struct RawParts<'a> {
    #[serde(borrow)]
    candidates: Vec<RawCandidate<'a>>,
}

#[derive(Deserialize)]
struct RawCandidate<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow, default)]
    content: Option<RawContent<'a>>,
}

#[derive(Deserialize)]
struct RawContent<'a> {
    #[serde(borrow, default)]
    parts: Vec<&'a RawValue>,
}

impl<'a> RawParts<'a> {
    pub(super) fn part(&self, at: usize) -> Option<&'a RawValue> {
        let candidate = self.candidates.iter().find(|candidate| candidate.index == 0)?;
        candidate.content.as_ref()?.parts.get(at).copied()
    }
}

/// Where an answer comes from.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grounding<'a> {
    #[serde(borrow, default)]
    grounding_chunks: Vec<&'a RawValue>,
    #[serde(borrow, default, alias = "citations")]
    citation_sources: Vec<&'a RawValue>,
}

/// One source, of whatever type.
pub(super) struct Source<'a> {
    pub(super) json: &'a RawValue,
    fields: SourceFields<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceFields<'a> {
    #[serde(borrow, default)]
    web: Option<Page<'a>>,
    #[serde(borrow, default)]
    retrieved_context: Option<Page<'a>>,
    #[serde(borrow, default)]
    maps: Option<Page<'a>>,
    #[serde(borrow, default)]
    uri: Str<'a>,
    #[serde(borrow, default)]
    title: Str<'a>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    uri: Str<'a>,
    #[serde(borrow, default)]
    title: Str<'a>,
}

impl<'a> Grounding<'a> {
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'a>> {
        self.grounding_chunks
            .iter()
            .chain(&self.citation_sources)
            .map(|json| Source { json, fields: serde_json::from_str(json.get()).unwrap_or_default() })
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
        self.page().map_or(&self.fields.title, |page| &page.title).filled().map(str::to_owned)
    }
}
