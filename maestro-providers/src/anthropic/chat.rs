//! `POST /v1/messages`: what the API demands, and the request as a whole.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use maestro_core::{
    Error, FieldError, Result,
    chat::{
        Action, CallIdRule, CallSeals, Carries, ChatRequest, EmptyText, FilteredTurns, FirstTurn, LastTurn,
        MediaPlace, MediaRule, MidSystem, Neighbours, OutputFormat, ParallelTools, ReasoningRule,
        RefusalRule, ResultPlace, SealScope, Strictness, TargetRules, ToolChoice, ToolNameRule,
        TranslationReport,
    },
    provider::{ChatProtocol, Endpoint},
    stream::StreamDecoder,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    API, Anthropic, Decoder, error,
    messages::{self, Block, Turn},
    thinking::{OutputEffort, Thinking, ThinkingPlan},
};
use crate::{json, request};

/// What is asked for when the caller names no limit, since this API demands one. Every current model writes as much.
pub const DEFAULT_MAX_TOKENS: u32 = 8192;

impl ChatProtocol for Anthropic {
    fn api(&self) -> maestro_core::chat::ApiId {
        API
    }

    fn rules(&self, model: &str) -> TargetRules {
        TargetRules {
            api: API,
            model: model.into(),
            // A signature is bound to Anthropic; other models mostly ignore it.
            seals: SealScope::Api,
            reasoning: ReasoningRule::Sealed,
            call_seals: CallSeals::Optional,
            // `^[a-zA-Z0-9_-]+$`; no length is known.
            call_ids: CallIdRule { max_len: usize::MAX },
            tool_names: ToolNameRule { max_len: 64 },
            results: ResultPlace::NextTurn,
            result_images: MediaPlace::Inside,
            result_documents: MediaPlace::Inside,
            assistant_media: MediaPlace::Beside,
            images: MediaRule {
                bytes: &["image/jpeg", "image/png", "image/gif", "image/webp"],
                urls: Carries::Yes,
                // Files need a beta flag of their own.
                file_refs: Carries::No,
            },
            documents: MediaRule {
                bytes: &["application/pdf", "text/plain"],
                urls: Carries::Yes,
                file_refs: Carries::No,
            },
            audio: MediaRule::NONE,
            refusals: RefusalRule::AsText,
            filtered: FilteredTurns::Dropped,
            empty_text: EmptyText::AlwaysDropped,
            mid_system: MidSystem::AsUserText,
            neighbours: Neighbours::Merged,
            first_turn: FirstTurn::User,
            // A final answer would be a prefill, which the newest models and all with thinking refuse.
            last_turn: LastTurn::NotAssistant,
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
        request::stream_of(Self::url(endpoint, "/v1/messages"), headers, &body)
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
    max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    stream: bool,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
struct Choice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<OutputEffort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    schema: &'a RawValue,
}

fn body<'a>(request: &'a ChatRequest, report: &mut TranslationReport) -> Result<Body<'a>> {
    let (system, messages) = messages::encode(request, report);
    if messages.is_empty() {
        return Err(Error::invalid("ask for an answer", [FieldError::new("messages", "are empty")]));
    }
    let plan = ThinkingPlan::of(request, report);
    let format = match &request.output {
        OutputFormat::Text => None,
        OutputFormat::JsonSchema { schema, .. } => {
            Some(Format { r#type: "json_schema", schema: json::raw(schema) })
        }
    };
    let output_config =
        (plan.effort.is_some() || format.is_some()).then_some(OutputConfig { effort: plan.effort, format });
    Ok(Body {
        model: request.model.as_str(),
        max_tokens: plan.max_tokens,
        system,
        messages,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: choice(request),
        temperature: sampling("temperature", request.temperature_milli, &plan, report),
        top_p: sampling("top_p", request.top_p_milli, &plan, report),
        thinking: plan.thinking,
        output_config,
        stop_sequences: stop(request, report),
        stream: true,
    })
}

fn tool(tool: &maestro_core::chat::ToolDefinition) -> Tool<'_> {
    Tool {
        name: tool.name.as_str(),
        description: &tool.description,
        input_schema: json::raw(&tool.parameters),
        strict: (tool.strictness == Strictness::Strict).then_some(true),
    }
}

/// Absent when there is nothing to choose from, and when the default is meant.
fn choice(request: &ChatRequest) -> Option<Choice<'_>> {
    if request.tools.is_empty() {
        return None;
    }
    let single = (request.parallel_tools == ParallelTools::OneAtATime).then_some(true);
    let choice = |r#type, name, disable_parallel_tool_use| Choice { r#type, name, disable_parallel_tool_use };
    match &request.tool_choice {
        ToolChoice::Auto if single.is_none() => None,
        ToolChoice::Auto => Some(choice("auto", None, single)),
        ToolChoice::None => Some(choice("none", None, None)),
        ToolChoice::Required => Some(choice("any", None, single)),
        ToolChoice::Tool(name) => Some(choice("tool", Some(name.as_str()), single)),
    }
}

/// Sampling is not taken together with thinking, and a temperature only up to 1.
fn sampling(
    name: &str,
    milli: Option<u32>,
    plan: &ThinkingPlan,
    report: &mut TranslationReport,
) -> Option<f64> {
    let milli = milli?;
    if plan.is_thinking() {
        report.note(Action::Dropped, format!("{name}: not taken together with thinking"));
        return None;
    }
    if milli > 1000 {
        report.note(Action::Downgraded, format!("{name}: 1 is the most that is taken"));
    }
    Some(json::from_milli(milli.min(1000)))
}

fn stop<'a>(request: &'a ChatRequest, report: &mut TranslationReport) -> Vec<&'a str> {
    let (good, blank): (Vec<_>, Vec<_>) =
        request.stop.iter().map(String::as_str).partition(|stop| !stop.trim().is_empty());
    if !blank.is_empty() {
        report.note(Action::Dropped, "stop strings of nothing but white space are refused");
    }
    good
}
