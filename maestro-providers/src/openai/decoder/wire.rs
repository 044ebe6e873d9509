//! The fields of the stream's JSON that are read.

use maestro_core::chat::Usage;
use serde::{Deserialize, de::MapAccess};
use serde_json::value::RawValue;

use crate::decoding::{Fill, Index, Str, Text, Tokens, skip};

/// Any event. The fields of all types stand side by side, so that the order of keys does not matter.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) kind: Str<'a>,
    pub(super) delta: Text,
    pub(super) item_id: Str<'a>,
    pub(super) output_index: Index,
    pub(super) content_index: Index,
    pub(super) summary_index: Index,
    pub(super) item: Option<&'a RawValue>,
    pub(super) annotation: Option<&'a RawValue>,
    pub(super) response: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    /// What a whole answer is told by.
    pub(super) object: Str<'a>,
    pub(super) detail: Option<&'a RawValue>,
}

impl<'de> Fill<'de> for Event<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "delta" => self.delta = map.next_value()?,
            "item_id" => self.item_id = map.next_value()?,
            "output_index" => self.output_index = map.next_value()?,
            "content_index" => self.content_index = map.next_value()?,
            "summary_index" => self.summary_index = map.next_value()?,
            "item" => self.item = map.next_value()?,
            "annotation" => self.annotation = map.next_value()?,
            "response" => self.response = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "object" => self.object = map.next_value()?,
            "detail" => self.detail = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The response, as far as it is there.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) model: Str<'a>,
    #[serde(borrow)]
    pub(super) status: Str<'a>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) incomplete_details: Option<Incomplete<'a>>,
    pub(super) usage: Option<Counts>,
    #[serde(borrow)]
    pub(super) output: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
pub(super) struct Incomplete<'a> {
    #[serde(borrow, default)]
    pub(super) reason: Str<'a>,
}

/// One item of the output, of whatever type.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemFields<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Str<'a>,
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) status: Str<'a>,
    #[serde(borrow)]
    pub(super) phase: Str<'a>,
    /// The parts of a message, or the thoughts of a reasoning.
    #[serde(borrow)]
    pub(super) content: Option<Vec<Content<'a>>>,
    #[serde(borrow)]
    pub(super) summary: Option<Vec<Content<'a>>>,
    #[serde(borrow)]
    pub(super) encrypted_content: Str<'a>,
    #[serde(borrow)]
    pub(super) call_id: Str<'a>,
    #[serde(borrow)]
    pub(super) name: Str<'a>,
    #[serde(borrow)]
    pub(super) namespace: Str<'a>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
    /// A picture, as base64, and its format.
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) output_format: Str<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Str<'a>,
    pub(super) text: Text,
    pub(super) refusal: Text,
    #[serde(borrow)]
    pub(super) annotations: Option<Vec<&'a RawValue>>,
}

/// A source of a text.
#[derive(Default, Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) filename: Option<String>,
}

/// Tokens as this API counts them: cached and reasoning tokens are inside the totals already.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    input_tokens: Tokens,
    output_tokens: Tokens,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Tokens,
    cache_write_tokens: Tokens,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Tokens,
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        let input = self.input_tokens_details.unwrap_or_default();
        Usage {
            input_total: self.input_tokens.get(),
            input_cached: input.cached_tokens.get(),
            input_cache_write: input.cache_write_tokens.get(),
            output_total: self.output_tokens.get(),
            output_reasoning: self.output_tokens_details.unwrap_or_default().reasoning_tokens.get(),
        }
    }
}
