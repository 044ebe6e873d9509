//! The fields of the stream's JSON that are read.

use maestro_core::chat::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decoding::{Str, Text, Tokens};

/// Any event. The fields of all types stand side by side, so that the order of keys does not matter.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
    #[serde(default)]
    pub(super) index: u32,
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    pub(super) content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) usage: Option<Counts>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) request_id: Str<'a>,
}

/// Only the type of an event.
#[derive(Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
}

impl Kind<'_> {
    /// Whether it is an event of which nothing is known, and which may thus have any form.
    pub(super) fn is_unknown(&self) -> bool {
        !self.kind.get().is_empty()
            && !matches!(
                self.kind.get(),
                "message_start"
                    | "content_block_start"
                    | "content_block_delta"
                    | "content_block_stop"
                    | "message_delta"
                    | "message_stop"
                    | "error"
            )
    }
}

/// What an event adds: to a block, or to the message.
#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
    #[serde(default)]
    pub(super) text: Text,
    #[serde(default)]
    pub(super) partial_json: Text,
    #[serde(default)]
    pub(super) thinking: Text,
    #[serde(borrow, default)]
    pub(super) signature: Str<'a>,
    #[serde(borrow, default)]
    pub(super) citation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) encrypted_content: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) stop_reason: Text,
    #[serde(borrow, default)]
    pub(super) stop_details: Option<&'a RawValue>,
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
