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
    API, Decoder, OpenAi,
    backend::{self, Backend},
    error,
    input::{self, Item, ItemIds},
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
        let backend = Backend::of(endpoint);
        let mut headers = self.headers(endpoint, "ask for an answer")?;
        if backend == Backend::ChatGpt {
            backend::add_conversation(&mut headers, request);
        }
        let body = body(request, backend, report)?;
        request::stream_of(backend.url(endpoint, "/responses"), headers, &body)
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

fn body<'a>(request: &'a ChatRequest, backend: Backend, report: &mut TranslationReport) -> Result<Body<'a>> {
    let behind_sign_in = backend == Backend::ChatGpt;
    // Nothing is kept there, so an id names nothing.
    let ids = if behind_sign_in { ItemIds::Dropped } else { ItemIds::Kept };
    let input = input::encode(&request.messages, ids, report);
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
    if behind_sign_in {
        backend::note_refused(request, report);
    }
    let has_instructions = !system.is_empty() || behind_sign_in;
    let one_at_a_time = request.parallel_tools == ParallelTools::OneAtATime && !request.tools.is_empty();
    Ok(Body {
        model: request.model.as_str(),
        instructions: has_instructions.then(|| system.join("\n\n")),
        input,
        tools: tools::encode(&request.tools, report),
        tool_choice: tools::choice(request),
        parallel_tool_calls: one_at_a_time.then_some(false),
        max_output_tokens: request.max_output_tokens.filter(|_| !behind_sign_in).map(|limit| {
            if limit < MIN_OUTPUT_TOKENS {
                report.note(Action::Downgraded, "output limit: 16 is the least that is taken");
            }
            limit.max(MIN_OUTPUT_TOKENS)
        }),
        temperature: sampling(
            "temperature",
            request.temperature_milli.filter(|_| !behind_sign_in),
            request,
            report,
        ),
        top_p: sampling("top_p", request.top_p_milli.filter(|_| !behind_sign_in), request, report),
        reasoning: Reasoning::of(request, report),
        text,
        include: if thinks == reasoning::Thinks::No && !behind_sign_in {
            &[]
        } else {
            &["reasoning.encrypted_content"]
        },
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
