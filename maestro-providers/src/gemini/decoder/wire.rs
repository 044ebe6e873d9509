//! The fields of the stream's JSON that are read.

use maestro_core::chat::Usage;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::decoding::{Few, Str, Text, Tokens};

/// One event: a response with what is new.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk<'a> {
    #[serde(borrow, default)]
    pub(super) candidates: Few<Candidate<'a>>,
    #[serde(borrow, default)]
    pub(super) prompt_feedback: Option<PromptFeedback<'a>>,
    #[serde(default)]
    pub(super) usage_metadata: Option<Counts>,
    #[serde(borrow, default)]
    pub(super) model_version: Str<'a>,
    #[serde(borrow, default)]
    pub(super) response_id: Str<'a>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
    /// Code Assist's wrapping, with its own id of the answer beside it.
    #[serde(borrow, default)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) trace_id: Str<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(default)]
    pub(super) index: u32,
    #[serde(borrow, default)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Str<'a>,
    #[serde(borrow, default)]
    pub(super) finish_message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) grounding_metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) citation_metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) url_context_metadata: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow, default)]
    pub(super) parts: Few<Part<'a>>,
}

/// One part: a payload, and what stands beside it.
#[derive(Default)]
pub(super) struct Part<'a> {
    pub(super) text: Text,
    pub(super) thought: bool,
    pub(super) signature: Str<'a>,
    pub(super) function_call: Option<FunctionCall<'a>>,
    pub(super) inline_data: Option<Blob<'a>>,
    pub(super) file_data: Option<FileData<'a>>,
    /// A payload that is not known is there.
    unknown: bool,
}

#[derive(Deserialize)]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow, default)]
    pub(super) name: Str<'a>,
    #[serde(borrow, default)]
    pub(super) args: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    #[serde(borrow, default)]
    pub(super) mime_type: Str<'a>,
    #[serde(borrow, default)]
    pub(super) data: Str<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(borrow, default)]
    pub(super) mime_type: Str<'a>,
    #[serde(borrow, default)]
    pub(super) file_uri: Str<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback<'a> {
    #[serde(borrow, default)]
    pub(super) block_reason: Str<'a>,
}

/// Tokens as this API counts them: thoughts stand beside the candidates, prompts of tools beside the prompt.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Counts {
    prompt_token_count: Tokens,
    tool_use_prompt_token_count: Tokens,
    cached_content_token_count: Tokens,
    candidates_token_count: Tokens,
    thoughts_token_count: Tokens,
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        let thoughts = self.thoughts_token_count.get();
        Usage {
            input_total: self.prompt_token_count.get().saturating_add(self.tool_use_prompt_token_count.get()),
            input_cached: self.cached_content_token_count.get(),
            input_cache_write: 0,
            output_total: self.candidates_token_count.get().saturating_add(thoughts),
            output_reasoning: thoughts,
        }
    }
}

impl Part<'_> {
    /// Whether only its JSON says what it is.
    #[inline]
    pub(super) fn is_opaque(&self) -> bool {
        self.unknown
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PartKey {
    Text,
    Thought,
    ThoughtSignature,
    FunctionCall,
    InlineData,
    FileData,
    // What stands beside a payload and says nothing without it.
    VideoMetadata,
    MediaResolution,
    PartMetadata,
    #[serde(other)]
    Unknown,
}

impl<'de: 'a, 'a> Deserialize<'de> for Part<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Part<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a part")
            }

            #[inline]
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part<'de>, A::Error> {
                let mut part = Part::default();
                while let Some(key) = map.next_key::<PartKey>()? {
                    match key {
                        PartKey::Text => part.text = map.next_value()?,
                        PartKey::Thought => {
                            part.thought = map.next_value::<Option<bool>>()?.unwrap_or_default()
                        }
                        PartKey::ThoughtSignature => part.signature = map.next_value()?,
                        PartKey::FunctionCall => part.function_call = map.next_value()?,
                        PartKey::InlineData => part.inline_data = map.next_value()?,
                        PartKey::FileData => part.file_data = map.next_value()?,
                        PartKey::VideoMetadata | PartKey::MediaResolution | PartKey::PartMetadata => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        PartKey::Unknown => {
                            map.next_value::<IgnoredAny>()?;
                            part.unknown = true;
                        }
                    }
                }
                Ok(part)
            }
        }

        deserializer.deserialize_map(Entries)
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
