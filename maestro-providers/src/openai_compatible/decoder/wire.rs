//! The fields of the stream's JSON that are read.

use compact_str::CompactString;
use maestro_core::chat::Usage;
use smallvec::SmallVec;

use crate::decoding::{Index, Json, Malformed, Raw, Read, Str, Text, Tokens, object};

object! {
    /// One event, or a whole answer.
    pub(super) struct Chunk<'a> {
        pub(super) id: Str<'a> = "id",
        pub(super) model: Str<'a> = "model",
        pub(super) choices: Choices<'a> = "choices",
        pub(super) usage: Option<Counts> = "usage",
        pub(super) error: Raw<'a> = "error",
        /// Some servers report errors without an envelope: then this or the next stands at the top.
        pub(super) message: Raw<'a> = "message",
        pub(super) detail: Raw<'a> = "detail",
    }
}

/// The choice of index 0: only one is ever asked for.
#[derive(Default)]
pub(super) struct Choices<'a> {
    /// There is a list, if only an empty one.
    pub(super) listed: bool,
    pub(super) first: Option<Choice<'a>>,
}

object! {
    pub(super) struct Choice<'a> {
        index: Index = "index",
        /// What is new.
        pub(super) delta: Delta<'a> = "delta",
        /// In a whole answer, everything.
        pub(super) message: Raw<'a> = "message",
        pub(super) finish_reason: Text = "finish_reason",
        pub(super) error: Raw<'a> = "error",
    }
}

object! {
    pub(super) struct Delta<'a> {
        pub(super) content: Content = "content",
        pub(super) reasoning_content: Text = "reasoning_content",
        pub(super) reasoning: Text = "reasoning",
        pub(super) refusal: Text = "refusal",
        pub(super) tool_calls: SmallVec<[Call<'a>; 1]> = "tool_calls",
        /// The form before `tool_calls`, one call at most.
        pub(super) function_call: Option<Function<'a>> = "function_call",
        pub(super) annotations: Vec<Raw<'a>> = "annotations",
    }
}

object! {
    pub(super) struct Call<'a> {
        pub(super) index: Index = "index",
        pub(super) id: Str<'a> = "id",
        pub(super) function: Function<'a> = "function",
    }
}

object! {
    pub(super) struct Function<'a> {
        pub(super) name: Str<'a> = "name",
        pub(super) arguments: Arguments = "arguments",
    }
}

/// The arguments of a call: a string as a rule, and the object itself with some servers.
#[derive(Default)]
pub(super) struct Arguments(pub(super) Option<CompactString>);

/// A text, nothing, or a list of parts.
#[derive(Default)]
pub(super) enum Content {
    #[default]
    None,
    Text(CompactString),
    Parts(Vec<ContentPart>),
}

object! {
    /// One part of a content that is a list.
    pub(super) struct ContentPart {
        pub(super) text: Text = "text",
        pub(super) thinking: Thinking = "thinking",
        pub(super) refusal: Text = "refusal",
    }
}

/// What was thought: a text, or a list of parts with a text each.
#[derive(Default)]
pub(super) struct Thinking(pub(super) Vec<CompactString>);

impl<'a> Read<'a> for Choices<'a> {
    #[inline]
    fn read(&mut self, json: &mut Json<'a>) -> Result<(), Malformed> {
        if json.peek() != Some(b'[') {
            return json.skip();
        }
        self.listed = true;
        json.list(|json| {
            if self.first.is_some() {
                return json.skip();
            }
            let choice = self.first.insert(Choice::default());
            choice.read(json)?;
            if choice.index.0.unwrap_or_default() != 0 {
                self.first = None;
            }
            Ok(())
        })
    }
}

impl<'de> Read<'de> for Arguments {
    #[inline]
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        match json.peek() {
            Some(b'"') => {
                let written = json.string()?;
                self.0 = Some(json.said(written)).filter(|text| !text.is_empty());
            }
            Some(b'{' | b'[') => self.0 = Some(json.raw()?.into()),
            _ => json.skip()?,
        }
        Ok(())
    }
}

impl<'de> Read<'de> for Content {
    #[inline]
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        match json.peek() {
            Some(b'"') => {
                let written = json.string()?;
                let text = json.said(written);
                *self = if text.is_empty() { Self::None } else { Self::Text(text) };
            }
            Some(b'[') => {
                let mut parts = Vec::new();
                parts.read(json)?;
                *self = Self::Parts(parts);
            }
            _ => json.skip()?,
        }
        Ok(())
    }
}

impl<'de> Read<'de> for Thinking {
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed> {
        if json.peek() == Some(b'[') {
            let mut parts = Vec::<ThinkingPart>::new();
            parts.read(json)?;
            self.0.extend(parts.iter_mut().filter_map(|part| part.text.take()));
            return Ok(());
        }
        let mut text = Text::default();
        text.read(json)?;
        self.0.extend(text.take());
        Ok(())
    }
}

object! {
    struct ThinkingPart {
        text: Text = "text",
    }
}

object! {
    /// Tokens as this API counts them. DeepSeek names the cached ones differently.
    pub(super) struct Counts {
        prompt: Tokens = "prompt_tokens",
        completion: Tokens = "completion_tokens",
        prompt_details: PromptDetails = "prompt_tokens_details",
        completion_details: CompletionDetails = "completion_tokens_details",
        prompt_cache_hit: Tokens = "prompt_cache_hit_tokens",
    }
}

object! {
    struct PromptDetails {
        cached: Tokens = "cached_tokens",
        cache_write: Tokens = "cache_write_tokens",
    }
}

object! {
    struct CompletionDetails {
        reasoning: Tokens = "reasoning_tokens",
    }
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        Usage {
            input_total: self.prompt.get(),
            input_cached: self.prompt_details.cached.or(self.prompt_cache_hit).get(),
            input_cache_write: self.prompt_details.cache_write.get(),
            output_total: self.completion.get(),
            output_reasoning: self.completion_details.reasoning.get(),
        }
    }
}

object! {
    /// A source of an answer.
    pub(super) struct Annotation<'a> {
        pub(super) url_citation: UrlCitation<'a> = "url_citation",
    }
}

object! {
    pub(super) struct UrlCitation<'a> {
        pub(super) url: Str<'a> = "url",
        pub(super) title: Str<'a> = "title",
    }
}
