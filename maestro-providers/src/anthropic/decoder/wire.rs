//! The fields of the stream's JSON that are read.

use maestro_core::chat::Usage;
use serde::{Deserialize, de::MapAccess};
use serde_json::value::RawValue;

use crate::decoding::{Fill, Index, Object, Str, Text, Tokens, skip};

/// Any event. The fields of all types stand side by side, so that the order of keys does not matter.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) kind: Str<'a>,
    pub(super) index: Index,
    pub(super) delta: Delta<'a>,
    pub(super) content_block: Option<&'a RawValue>,
    pub(super) message: Option<&'a RawValue>,
    pub(super) usage: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) request_id: Str<'a>,
}

/// What an event adds: to a block, or to the message.
#[derive(Default)]
pub(super) struct Delta<'a> {
    pub(super) kind: Str<'a>,
    pub(super) text: Text,
    pub(super) partial_json: Text,
    pub(super) thinking: Text,
    pub(super) signature: Option<&'a RawValue>,
    pub(super) citation: Option<&'a RawValue>,
    pub(super) content: Option<&'a RawValue>,
    pub(super) encrypted_content: Option<&'a RawValue>,
    pub(super) stop_reason: Text,
    pub(super) stop_details: Option<&'a RawValue>,
}

impl<'de> Fill<'de> for Event<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "index" => self.index = map.next_value()?,
            "delta" => map.next_value_seed(Object(&mut self.delta))?,
            "content_block" => self.content_block = map.next_value()?,
            "message" => self.message = map.next_value()?,
            "usage" => self.usage = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "request_id" => self.request_id = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fill<'de> for Delta<'de> {
    #[inline]
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "text" => self.text = map.next_value()?,
            "partial_json" => self.partial_json = map.next_value()?,
            "thinking" => self.thinking = map.next_value()?,
            "signature" => self.signature = map.next_value()?,
            "citation" => self.citation = map.next_value()?,
            "content" => self.content = map.next_value()?,
            "encrypted_content" => self.encrypted_content = map.next_value()?,
            "stop_reason" => self.stop_reason = map.next_value()?,
            "stop_details" => self.stop_details = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The message, as far as it is there: without content at the start of a stream.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
    #[serde(borrow, default)]
    pub(super) model: Str<'a>,
    #[serde(borrow, default)]
    pub(super) content: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) stop_reason: Str<'a>,
    #[serde(borrow, default)]
    pub(super) stop_details: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) usage: Option<Counts>,
}

/// A block, as it begins.
#[derive(Deserialize)]
pub(super) struct BlockFields<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
    #[serde(default)]
    pub(super) text: Text,
    #[serde(borrow, default)]
    pub(super) citations: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    pub(super) thinking: Text,
    #[serde(borrow, default)]
    pub(super) signature: Str<'a>,
    #[serde(borrow, default)]
    pub(super) data: Str<'a>,
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
    #[serde(borrow, default)]
    pub(super) name: Str<'a>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) caller: Option<Caller<'a>>,
}

/// Who called a tool.
#[derive(Deserialize)]
pub(super) struct Caller<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
}

/// A citation, of whatever type.
#[derive(Deserialize)]
pub(super) struct CitationFields {
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) document_title: Option<String>,
    #[serde(default)]
    pub(super) cited_text: Option<String>,
}

/// Why a classifier stopped the answer.
#[derive(Deserialize)]
pub(super) struct StopDetails<'a> {
    #[serde(borrow, default)]
    pub(super) category: Str<'a>,
    #[serde(borrow, default)]
    pub(super) explanation: Str<'a>,
}

/// Tokens as this API counts them: those of the cache stand beside the input, not in it.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    input_tokens: Tokens,
    cache_creation_input_tokens: Tokens,
    cache_read_input_tokens: Tokens,
    output_tokens: Tokens,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Tokens,
}

impl Counts {
    /// These counts, and for those that are not told the earlier ones. They are totals, never to be added up.
    pub(super) fn over(self, earlier: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.or(earlier.input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .or(earlier.cache_creation_input_tokens),
            cache_read_input_tokens: self.cache_read_input_tokens.or(earlier.cache_read_input_tokens),
            output_tokens: self.output_tokens.or(earlier.output_tokens),
            output_tokens_details: self.output_tokens_details.or(earlier.output_tokens_details),
        }
    }

    pub(super) fn usage(self) -> Usage {
        let (cached, written) = (self.cache_read_input_tokens.get(), self.cache_creation_input_tokens.get());
        Usage {
            input_total: self.input_tokens.get().saturating_add(cached).saturating_add(written),
            input_cached: cached,
            input_cache_write: written,
            output_total: self.output_tokens.get(),
            output_reasoning: self.output_tokens_details.unwrap_or_default().thinking_tokens.get(),
        }
    }
}
