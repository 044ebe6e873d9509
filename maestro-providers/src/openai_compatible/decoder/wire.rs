//! The fields of the stream's JSON that are read.

use std::fmt;

use compact_str::CompactString;
use maestro_core::chat::Usage;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::decoding::{Few, Str, Text, Tokens};

/// One event, or a whole answer.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
    #[serde(borrow, default)]
    pub(super) model: Str<'a>,
    #[serde(borrow, default)]
    pub(super) choices: Option<Few<Choice<'a>>>,
    #[serde(default)]
    pub(super) usage: Option<Counts>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
    /// Some servers report errors without an envelope: then this and the next stand at the top.
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) detail: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    pub(super) index: Option<u32>,
    /// What is new.
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    /// In a whole answer, everything in the place of `delta`.
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) finish_reason: Text,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    pub(super) content: Content,
    pub(super) reasoning_content: Text,
    pub(super) reasoning: Text,
    pub(super) refusal: Text,
    #[serde(borrow)]
    pub(super) tool_calls: Few<Call<'a>>,
    /// The form before `tool_calls`, one call at most.
    #[serde(borrow)]
    pub(super) function_call: Option<Function<'a>>,
    #[serde(borrow)]
    pub(super) annotations: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Call<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Str<'a>,
    /// A string, as a rule.
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl Function<'_> {
    /// The arguments, as the text that they are or that they would be written as.
    #[inline]
    pub(super) fn arguments(&self) -> Option<CompactString> {
        let json = self.arguments?.get();
        match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<Text>(json).ok()?.take(),
            Some(b'{' | b'[') => Some(json.into()),
            _ => None,
        }
    }
}

/// A text, nothing, or a list of parts.
#[derive(Default)]
pub(super) enum Content {
    #[default]
    None,
    Text(CompactString),
    Parts(Vec<ContentPart>),
}

/// One part of a content that is a list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ContentPart {
    pub(super) text: Text,
    pub(super) thinking: ThinkingText,
    pub(super) refusal: Text,
}

/// What was thought: a text, or a list of texts.
#[derive(Default)]
pub(super) struct ThinkingText(pub(super) SmallVec<[CompactString; 1]>);

impl<'de> Deserialize<'de> for Content {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or parts")
            }

            #[inline]
            fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
                Ok(if text.is_empty() { Content::None } else { Content::Text(text.into()) })
            }

            fn visit_unit<E: Error>(self) -> Result<Content, E> {
                Ok(Content::None)
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Content, E> {
                Ok(Content::None)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Content, E> {
                Ok(Content::None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Content::None)
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl<'de> Deserialize<'de> for ThinkingText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = ThinkingText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or parts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ThinkingText, E> {
                Ok(ThinkingText(SmallVec::from_iter([text.into()])))
            }

            fn visit_unit<E: Error>(self) -> Result<ThinkingText, E> {
                Ok(ThinkingText::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ThinkingText, A::Error> {
                let mut texts = SmallVec::new();
                while let Some(part) = seq.next_element::<ContentPart>()? {
                    texts.extend(part.text.take());
                }
                Ok(ThinkingText(texts))
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

/// Tokens as this API counts them. DeepSeek names the cached ones differently.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    prompt_tokens: Tokens,
    completion_tokens: Tokens,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    prompt_cache_hit_tokens: Tokens,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Tokens,
    cache_write_tokens: Tokens,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Tokens,
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        let prompt = self.prompt_tokens_details.unwrap_or_default();
        Usage {
            input_total: self.prompt_tokens.get(),
            input_cached: prompt.cached_tokens.or(self.prompt_cache_hit_tokens).get(),
            input_cache_write: prompt.cache_write_tokens.get(),
            output_total: self.completion_tokens.get(),
            output_reasoning: self.completion_tokens_details.unwrap_or_default().reasoning_tokens.get(),
        }
    }
}

/// A source of an answer.
#[derive(Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub(super) url_citation: Option<UrlCitation>,
}

#[derive(Default, Deserialize)]
pub(super) struct UrlCitation {
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
}
