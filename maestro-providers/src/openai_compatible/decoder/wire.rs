//! The fields of the stream's JSON that are read.

use std::fmt;

use compact_str::CompactString;
use maestro_core::chat::Usage;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::decoding::{Fill, Index, List, Object, Str, Text, Tokens, skip};

/// One event, or a whole answer.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    pub(super) id: Str<'a>,
    pub(super) model: Str<'a>,
    /// Whether there is a list of choices, and whether it has any.
    pub(super) choices: Option<bool>,
    /// The choice of index 0: only one is ever asked for.
    pub(super) choice: Choice<'a>,
    pub(super) usage: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    /// Some servers report errors without an envelope: then this or the next stands at the top.
    pub(super) message: Option<&'a RawValue>,
    pub(super) detail: Option<&'a RawValue>,
}

#[derive(Default)]
pub(super) struct Choice<'a> {
    index: Index,
    /// What is new.
    pub(super) delta: Delta<'a>,
    /// In a whole answer, everything.
    pub(super) message: Option<&'a RawValue>,
    pub(super) finish_reason: Text,
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Default)]
pub(super) struct Delta<'a> {
    pub(super) content: Content,
    pub(super) reasoning_content: Text,
    pub(super) reasoning: Text,
    pub(super) refusal: Text,
    pub(super) tool_calls: SmallVec<[Call<'a>; 1]>,
    /// The form before `tool_calls`, one call at most.
    pub(super) function_call: Option<Function<'a>>,
    pub(super) annotations: Option<&'a RawValue>,
}

impl<'de> Fill<'de> for Chunk<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = map.next_value()?,
            "model" => self.model = map.next_value()?,
            "choices" => self.choices = map.next_value_seed(Choices(&mut self.choice))?,
            "usage" => self.usage = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "message" => self.message = map.next_value()?,
            "detail" => self.detail = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fill<'de> for Choice<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "index" => self.index = map.next_value()?,
            "delta" => map.next_value_seed(Object(&mut self.delta))?,
            "finish_reason" => self.finish_reason = map.next_value()?,
            "message" => self.message = map.next_value()?,
            "error" => self.error = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fill<'de> for Delta<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "content" => self.content = map.next_value()?,
            "reasoning_content" => self.reasoning_content = map.next_value()?,
            "reasoning" => self.reasoning = map.next_value()?,
            "refusal" => self.refusal = map.next_value()?,
            "tool_calls" => map.next_value_seed(List(&mut self.tool_calls))?,
            "function_call" => {
                let mut function = Function::default();
                map.next_value_seed(Object(&mut function))?;
                self.function_call =
                    (function.name.filled().is_some() || function.arguments.is_some()).then_some(function);
            }
            "annotations" => self.annotations = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Reads the choice of index 0 out of a list, in place. Gives whether the list has any, if it is one.
struct Choices<'s, 'de>(&'s mut Choice<'de>);

impl<'de> DeserializeSeed<'de> for Choices<'_, 'de> {
    type Value = Option<bool>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<bool>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Choices<'_, 'de> {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<bool>, A::Error> {
        let mut any = false;
        while seq.next_element_seed(Object(&mut *self.0))?.is_some() {
            any = true;
            if self.0.index.0.unwrap_or_default() == 0 {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
            *self.0 = Choice::default();
        }
        Ok(Some(any))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<bool>, E> {
        Ok(None)
    }
}

#[derive(Default)]
pub(super) struct Call<'a> {
    pub(super) index: Index,
    pub(super) id: Str<'a>,
    pub(super) function: Function<'a>,
}

#[derive(Default)]
pub(super) struct Function<'a> {
    pub(super) name: Str<'a>,
    /// A string, as a rule.
    arguments: Option<&'a RawValue>,
}

impl<'de> Fill<'de> for Call<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "index" => self.index = map.next_value()?,
            "id" => self.id = map.next_value()?,
            "function" => map.next_value_seed(Object(&mut self.function))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fill<'de> for Function<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "arguments" => self.arguments = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
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

            fn visit_f64<E: Error>(self, _: f64) -> Result<Content, E> {
                Ok(Content::None)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Content, E> {
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
