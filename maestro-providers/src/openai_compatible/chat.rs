//! `POST /chat/completions`: what the API demands, and the request as a whole.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use maestro_core::{
    Error, FieldError, Id, Result,
    chat::{
        Action, ApiId, CallIdRule, CallSeals, Carries, ChatRequest, Effort, EmptyText, FilteredTurns,
        FirstTurn, LastTurn, MediaPlace, MediaRule, MidSystem, Neighbours, OutputFormat, ParallelTools,
        ReasoningRule, RefusalRule, ResultPlace, SealScope, TargetRules, ToolNameRule, TranslationReport,
    },
    provider::{ChatProtocol, Endpoint},
    stream::StreamDecoder,
};
use serde::Serialize;
use url::Url;

use super::{
    API, Decoder, OpenAiCompatible, error,
    messages::{self, Entry},
    tools::{self, Choice, ResponseFormat, Tool},
};
use crate::{json, request};

/// How a server spells the limit on output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaxTokensField {
    /// `max_completion_tokens` at OpenAI's own host, whose newer models refuse the other; `max_tokens` elsewhere, which
    /// most servers know alone.
    #[default]
    ByHost,
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// The most stop strings that are taken.
const MAX_STOPS: usize = 4;

impl ChatProtocol for OpenAiCompatible {
    fn api(&self) -> ApiId {
        API
    }

    fn rules(&self, model: &str) -> TargetRules {
        TargetRules {
            api: API,
            model: model.into(),
            seals: SealScope::Api,
            // The protocol has no reasoning; what servers add is not portable, not even back to themselves.
            reasoning: ReasoningRule::Dropped,
            call_seals: CallSeals::Optional,
            call_ids: CallIdRule { max_len: 40 },
            tool_names: ToolNameRule { max_len: 64 },
            results: ResultPlace::NextTurn,
            result_images: MediaPlace::Beside,
            result_documents: MediaPlace::Beside,
            assistant_media: MediaPlace::Beside,
            images: MediaRule {
                bytes: &["image/png", "image/jpeg", "image/webp", "image/gif"],
                urls: Carries::Yes,
                file_refs: Carries::No,
            },
            documents: MediaRule { bytes: &["application/pdf"], urls: Carries::No, file_refs: Carries::Yes },
            audio: MediaRule {
                bytes: &["audio/wav", "audio/x-wav", "audio/mpeg", "audio/mp3"],
                urls: Carries::No,
                file_refs: Carries::No,
            },
            refusals: RefusalRule::AsText,
            filtered: FilteredTurns::Kept,
            empty_text: EmptyText::AlwaysDropped,
            mid_system: MidSystem::Kept,
            neighbours: Neighbours::Allowed,
            first_turn: FirstTurn::Any,
            last_turn: LastTurn::Any,
        }
    }

    fn encode(
        &self,
        endpoint: &Endpoint,
        request: &ChatRequest,
        report: &mut TranslationReport,
    ) -> Result<Request<Bytes>> {
        let base = self.base(endpoint, "ask for an answer")?;
        let body = self.body(base, request, report)?;
        request::stream_of(Self::url(base, "/chat/completions"), Self::headers(endpoint)?, &body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        // A server may name no answer, or the same name twice; ids that are made up for its calls must differ all the same.
        Box::new(Decoder::new().with_seed(Id::<Decoder>::new().to_string()))
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        error::classify("ask for an answer", status, headers, body)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    stream: bool,
    stream_options: StreamOptions,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl OpenAiCompatible {
    fn body<'a>(
        &self,
        base: &Url,
        request: &'a ChatRequest,
        report: &mut TranslationReport,
    ) -> Result<Body<'a>> {
        let messages = messages::encode(request, report);
        if messages.is_empty() {
            return Err(Error::invalid("ask for an answer", [FieldError::new("messages", "are empty")]));
        }
        let is_openai = base.host_str() == Some("api.openai.com");
        let completion = match self.max_tokens_field {
            MaxTokensField::ByHost => is_openai,
            MaxTokensField::MaxTokens => false,
            MaxTokensField::MaxCompletionTokens => true,
        };
        let one_at_a_time = request.parallel_tools == ParallelTools::OneAtATime && !request.tools.is_empty();
        Ok(Body {
            model: request.model.as_str(),
            messages,
            tools: tools::encode(&request.tools, report),
            tool_choice: tools::choice(request),
            parallel_tool_calls: one_at_a_time.then_some(false),
            max_tokens: request.max_output_tokens.filter(|_| !completion),
            max_completion_tokens: request.max_output_tokens.filter(|_| completion),
            temperature: request.temperature_milli.map(json::from_milli),
            top_p: request.top_p_milli.map(json::from_milli),
            stop: stop(request, report),
            reasoning_effort: request.effort.map(|effort| reasoning_effort(effort, report)),
            response_format: match &request.output {
                OutputFormat::Text => None,
                OutputFormat::JsonSchema { name, schema } => Some(ResponseFormat::of(name, schema, report)),
            },
            // Other servers may refuse a field that they do not know.
            prompt_cache_key: request.cache_key.as_deref().filter(|_| is_openai),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
        })
    }
}

fn stop<'a>(request: &'a ChatRequest, report: &mut TranslationReport) -> &'a [String] {
    match request.stop.get(..MAX_STOPS) {
        Some(first) if request.stop.len() > MAX_STOPS => {
            report.note(Action::Dropped, "stop strings beyond the fourth");
            first
        }
        _ => &request.stop,
    }
}

fn reasoning_effort(effort: Effort, report: &mut TranslationReport) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => {
            report.note(Action::Downgraded, "effort: high is the most that servers agree on");
            "high"
        }
    }
}
