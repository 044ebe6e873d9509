//! `POST /v1/responses`: what the API demands, and the request as a whole.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use maestro_core::{
    Error, FieldError, Result,
    chat::{
        Action, ApiId, CallIdRule, CallSeals, Carries, ChatRequest, EmptyText, FilteredTurns, FirstTurn,
        LastTurn, MediaPlace, MediaRule, MidSystem, Neighbours, OutputFormat, ParallelTools, ReasoningRule,
        RefusalRule, ResultPlace, SealScope, TargetRules, ToolNameRule, TranslationReport,
    },
    provider::{ChatProtocol, Endpoint},
    stream::StreamDecoder,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    API, Decoder, OpenAi, error,
    input::{self, Item},
    reasoning::{self, Reasoning},
    tools::{self, Choice, Tool},
};
use crate::{json, request, strict};

/// The smallest limit on output that is accepted.
const MIN_OUTPUT_TOKENS: u32 = 16;

impl ChatProtocol for OpenAi {
    fn api(&self) -> ApiId {
        API
    }

    fn rules(&self, model: &str) -> TargetRules {
        TargetRules {
            api: API,
            model: model.into(),
            // Encrypted reasoning of another model cannot be decrypted, and the request fails.
            seals: SealScope::Model,
            reasoning: ReasoningRule::SealedWithFollower,
            call_seals: CallSeals::Optional,
            call_ids: CallIdRule { max_len: 64 },
            tool_names: ToolNameRule { max_len: 64 },
            results: ResultPlace::AfterCall,
            result_images: MediaPlace::Inside,
            result_documents: MediaPlace::Beside,
            assistant_media: MediaPlace::Beside,
            images: MediaRule {
                bytes: &["image/png", "image/jpeg", "image/webp", "image/gif"],
                urls: Carries::Yes,
                file_refs: Carries::Yes,
            },
            documents: MediaRule { bytes: &["application/pdf"], urls: Carries::Yes, file_refs: Carries::Yes },
            audio: MediaRule::NONE,
            refusals: RefusalRule::Replayed,
            filtered: FilteredTurns::Kept,
            empty_text: EmptyText::OwnKept,
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
        let headers = self.headers(endpoint, "ask for an answer")?;
        let body = body(request, report)?;
        request::stream_of(Self::url(endpoint, "/responses"), headers, &body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(Decoder::new())
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        error::classify("ask for an answer", status, headers, body)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
    input: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    include: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    store: bool,
    stream: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    name: &'a str,
    schema: Cow<'a, RawValue>,
    strict: bool,
}

fn body<'a>(request: &'a ChatRequest, report: &mut TranslationReport) -> Result<Body<'a>> {
    let input = input::encode(&request.messages, report);
    if input.is_empty() {
        return Err(Error::invalid("ask for an answer", [FieldError::new("messages", "are empty")]));
    }
    let system: Vec<_> =
        request.system.iter().map(AsRef::as_ref).filter(|text: &&str| !text.is_empty()).collect();
    let thinks = reasoning::thinks(request.model.as_str());
    if !request.stop.is_empty() {
        report.note(Action::Dropped, "stop strings: this API has none");
    }
    let text = match &request.output {
        OutputFormat::Text => None,
        OutputFormat::JsonSchema { name, schema } => {
            let (schema, strict) = strict::output(schema, report);
            Some(Text { format: Format { r#type: "json_schema", name: name.as_str(), schema, strict } })
        }
    };
    let one_at_a_time = request.parallel_tools == ParallelTools::OneAtATime && !request.tools.is_empty();
    Ok(Body {
        model: request.model.as_str(),
        instructions: (!system.is_empty()).then(|| system.join("\n\n")),
        input,
        tools: tools::encode(&request.tools, report),
        tool_choice: tools::choice(request),
        parallel_tool_calls: one_at_a_time.then_some(false),
        max_output_tokens: request.max_output_tokens.map(|limit| {
            if limit < MIN_OUTPUT_TOKENS {
                report.note(Action::Downgraded, "output limit: 16 is the least that is taken");
            }
            limit.max(MIN_OUTPUT_TOKENS)
        }),
        temperature: sampling("temperature", request.temperature_milli, request, report),
        top_p: sampling("top_p", request.top_p_milli, request, report),
        reasoning: Reasoning::of(request, report),
        text,
        include: if thinks == reasoning::Thinks::No { &[] } else { &["reasoning.encrypted_content"] },
        prompt_cache_key: request.cache_key.as_deref(),
        store: false,
        stream: true,
    })
}

/// Models that reason refuse sampling parameters, unless they are told not to reason.
fn sampling(
    name: &str,
    milli: Option<u32>,
    request: &ChatRequest,
    report: &mut TranslationReport,
) -> Option<f64> {
    let milli = milli?;
    if reasoning::refuses_sampling(request) {
        report.note(Action::Dropped, format!("{name}: models that reason refuse it"));
        return None;
    }
    Some(json::from_milli(milli))
}
