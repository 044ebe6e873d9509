//! The fields of the stream's JSON that are read.

use maestro_core::chat::Usage;

use crate::decoding::{Index, Raw, Str, Text, Tokens, object};

object! {
    /// Any event. The fields of all types stand side by side, so that the order of keys does not matter.
    pub(super) struct Event<'a> {
        pub(super) kind: Str<'a> = "type",
        pub(super) index: Index = "index",
        pub(super) delta: Delta<'a> = "delta",
        pub(super) content_block: Raw<'a> = "content_block",
        pub(super) message: Raw<'a> = "message",
        pub(super) usage: Option<Counts> = "usage",
        pub(super) error: Raw<'a> = "error",
        pub(super) request_id: Str<'a> = "request_id",
    }
}

object! {
    /// What an event adds: to a block, or to the message.
    pub(super) struct Delta<'a> {
        pub(super) kind: Str<'a> = "type",
        pub(super) text: Text = "text",
        pub(super) partial_json: Text = "partial_json",
        pub(super) thinking: Text = "thinking",
        pub(super) signature: Str<'a> = "signature",
        pub(super) citation: Raw<'a> = "citation",
        pub(super) content: Raw<'a> = "content",
        pub(super) encrypted_content: Raw<'a> = "encrypted_content",
        pub(super) stop_reason: Text = "stop_reason",
        pub(super) stop_details: Raw<'a> = "stop_details",
    }
}

object! {
    /// The message, as far as it is there: without content at the start of a stream.
    pub(super) struct Message<'a> {
        pub(super) id: Str<'a> = "id",
        pub(super) model: Str<'a> = "model",
        pub(super) content: Vec<Raw<'a>> = "content",
        pub(super) stop_reason: Str<'a> = "stop_reason",
        pub(super) stop_details: Raw<'a> = "stop_details",
        pub(super) usage: Option<Counts> = "usage",
    }
}

object! {
    /// A block, as it begins.
    pub(super) struct BlockFields<'a> {
        pub(super) kind: Str<'a> = "type",
        pub(super) text: Text = "text",
        pub(super) citations: Vec<Raw<'a>> = "citations",
        pub(super) thinking: Text = "thinking",
        pub(super) signature: Str<'a> = "signature",
        pub(super) data: Str<'a> = "data",
        pub(super) id: Str<'a> = "id",
        pub(super) name: Str<'a> = "name",
        pub(super) input: Raw<'a> = "input",
        pub(super) caller: Option<Caller<'a>> = "caller",
    }
}

object! {
    /// Who called a tool.
    pub(super) struct Caller<'a> {
        pub(super) kind: Str<'a> = "type",
    }
}

object! {
    /// A citation, of whatever type.
    pub(super) struct CitationFields<'a> {
        pub(super) url: Str<'a> = "url",
        pub(super) title: Str<'a> = "title",
        pub(super) document_title: Str<'a> = "document_title",
        pub(super) cited_text: Str<'a> = "cited_text",
    }
}

object! {
    /// Why a classifier stopped the answer.
    pub(super) struct StopDetails<'a> {
        pub(super) category: Str<'a> = "category",
        pub(super) explanation: Str<'a> = "explanation",
    }
}

object! {
    /// Tokens as this API counts them: those of the cache stand beside the input, not in it.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Counts {
        input: Tokens = "input_tokens",
        cache_creation: Tokens = "cache_creation_input_tokens",
        cache_read: Tokens = "cache_read_input_tokens",
        output: Tokens = "output_tokens",
        output_details: Option<OutputDetails> = "output_tokens_details",
    }
}

object! {
    #[derive(Debug, Clone, Copy)]
    struct OutputDetails {
        thinking: Tokens = "thinking_tokens",
    }
}

impl Counts {
    /// These counts, and for those that are not told the earlier ones. They are totals, never to be added up.
    pub(super) fn over(self, earlier: Self) -> Self {
        Self {
            input: self.input.or(earlier.input),
            cache_creation: self.cache_creation.or(earlier.cache_creation),
            cache_read: self.cache_read.or(earlier.cache_read),
            output: self.output.or(earlier.output),
            output_details: self.output_details.or(earlier.output_details),
        }
    }

    pub(super) fn usage(self) -> Usage {
        let (cached, written) = (self.cache_read.get(), self.cache_creation.get());
        Usage {
            input_total: self.input.get().saturating_add(cached).saturating_add(written),
            input_cached: cached,
            input_cache_write: written,
            output_total: self.output.get(),
            output_reasoning: self.output_details.unwrap_or_default().thinking.get(),
        }
    }
}
