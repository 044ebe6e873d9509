//! The fields of the stream's JSON that are read.

use maestro_core::chat::Usage;

use crate::decoding::{Index, Raw, Str, Text, Tokens, object};

object! {
    /// Any event. The fields of all types stand side by side, so that the order of keys does not matter.
    pub(super) struct Event<'a> {
        pub(super) kind: Str<'a> = "type",
        pub(super) delta: Text = "delta",
        pub(super) item_id: Str<'a> = "item_id",
        pub(super) output_index: Index = "output_index",
        pub(super) content_index: Index = "content_index",
        pub(super) summary_index: Index = "summary_index",
        pub(super) item: Raw<'a> = "item",
        pub(super) annotation: Raw<'a> = "annotation",
        pub(super) response: Raw<'a> = "response",
        pub(super) error: Raw<'a> = "error",
        /// What a whole answer is told by.
        pub(super) object: Str<'a> = "object",
        pub(super) detail: Raw<'a> = "detail",
    }
}

object! {
    /// The response, as far as it is there.
    pub(super) struct Response<'a> {
        pub(super) id: Str<'a> = "id",
        pub(super) model: Str<'a> = "model",
        pub(super) status: Str<'a> = "status",
        pub(super) error: Raw<'a> = "error",
        pub(super) incomplete_details: Incomplete<'a> = "incomplete_details",
        pub(super) usage: Option<Counts> = "usage",
        pub(super) output: Vec<Raw<'a>> = "output",
    }
}

object! {
    pub(super) struct Incomplete<'a> {
        pub(super) reason: Str<'a> = "reason",
    }
}

object! {
    /// One item of the output, of whatever type.
    pub(super) struct ItemFields<'a> {
        pub(super) kind: Str<'a> = "type",
        pub(super) id: Str<'a> = "id",
        pub(super) status: Str<'a> = "status",
        pub(super) phase: Str<'a> = "phase",
        /// The parts of a message, or the thoughts of a reasoning.
        pub(super) content: Vec<Content<'a>> = "content",
        pub(super) summary: Vec<Content<'a>> = "summary",
        pub(super) encrypted_content: Str<'a> = "encrypted_content",
        pub(super) call_id: Str<'a> = "call_id",
        pub(super) name: Str<'a> = "name",
        pub(super) namespace: Str<'a> = "namespace",
        pub(super) arguments: Raw<'a> = "arguments",
        /// A picture, as base64, and its format.
        pub(super) result: Str<'a> = "result",
        pub(super) output_format: Str<'a> = "output_format",
    }
}

object! {
    pub(super) struct Content<'a> {
        pub(super) kind: Str<'a> = "type",
        pub(super) text: Text = "text",
        pub(super) refusal: Text = "refusal",
        pub(super) annotations: Vec<Raw<'a>> = "annotations",
    }
}

object! {
    /// A source of a text.
    pub(super) struct Annotation<'a> {
        pub(super) url: Str<'a> = "url",
        pub(super) title: Str<'a> = "title",
        pub(super) filename: Str<'a> = "filename",
    }
}

object! {
    /// Tokens as this API counts them: cached and reasoning tokens are inside the totals already.
    pub(super) struct Counts {
        input: Tokens = "input_tokens",
        output: Tokens = "output_tokens",
        input_details: InputDetails = "input_tokens_details",
        output_details: OutputDetails = "output_tokens_details",
    }
}

object! {
    struct InputDetails {
        cached: Tokens = "cached_tokens",
        cache_write: Tokens = "cache_write_tokens",
    }
}

object! {
    struct OutputDetails {
        reasoning: Tokens = "reasoning_tokens",
    }
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        Usage {
            input_total: self.input.get(),
            input_cached: self.input_details.cached.get(),
            input_cache_write: self.input_details.cache_write.get(),
            output_total: self.output.get(),
            output_reasoning: self.output_details.reasoning.get(),
        }
    }
}
