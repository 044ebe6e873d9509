//! `POST /v1beta/{model}:streamGenerateContent?alt=sse`: what the API demands, and the request as a whole.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use maestro_core::{
    Error, FieldError, Id, Result,
    chat::{
        Action, ApiId, CallIdRule, CallSeals, Carries, ChatRequest, EmptyText, FilteredTurns, FirstTurn,
        LastTurn, MediaPlace, MediaRule, MidSystem, Neighbours, ParallelTools, ReasoningRule, RefusalRule,
        ResultPlace, SealScope, TargetRules, ToolNameRule, TranslationReport,
    },
    provider::{ChatProtocol, Endpoint},
    stream::StreamDecoder,
};
use serde::Serialize;

use super::{
    API, Decoder, Gemini, Generation,
    contents::{self, Content, Text},
    error,
    generation::GenerationConfig,
    model_path,
    tools::{self, Tool, ToolConfig},
};
use crate::request;

/// What Google documents to be sent in place of a signature for calls that were made elsewhere.
const PLACEHOLDER: &str = "skip_thought_signature_validator";

impl ChatProtocol for Gemini {
    fn api(&self) -> ApiId {
        API
    }

    fn rules(&self, model: &str) -> TargetRules {
        let is_newest = Generation::of(model) >= Generation::Three;
        let in_results = if is_newest { MediaPlace::Inside } else { MediaPlace::Beside };
        TargetRules {
            api: API,
            model: model.into(),
            // A signature of another model is called corrupted.
            seals: SealScope::Model,
            reasoning: ReasoningRule::Sealed,
            call_seals: if is_newest {
                CallSeals::FirstOfAnswer { placeholder: PLACEHOLDER }
            } else {
                CallSeals::Optional
            },
            // Ids are only sent when the API made them itself.
            call_ids: CallIdRule { max_len: 64 },
            tool_names: ToolNameRule { max_len: 64 },
            results: ResultPlace::NextTurn,
            result_images: in_results,
            result_documents: in_results,
            assistant_media: MediaPlace::Inside,
            images: MediaRule {
                bytes: &["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"],
                urls: Carries::No,
                file_refs: Carries::Yes,
            },
            documents: MediaRule {
                bytes: &["application/pdf", "text/*"],
                urls: Carries::No,
                file_refs: Carries::Yes,
            },
            audio: MediaRule { bytes: &["audio/*"], urls: Carries::No, file_refs: Carries::Yes },
            refusals: RefusalRule::AsText,
            filtered: FilteredTurns::Dropped,
            empty_text: EmptyText::SealedKept,
            mid_system: MidSystem::AsUserText,
            neighbours: Neighbours::Merged,
            first_turn: FirstTurn::User,
            last_turn: LastTurn::NotAssistant,
        }
    }

    fn encode(
        &self,
        endpoint: &Endpoint,
        request: &ChatRequest,
        report: &mut TranslationReport,
    ) -> Result<Request<Bytes>> {
        let path = model_path(request.model.as_str(), "ask for an answer")?;
        if let Some(code_assist) = self.code_assist_for(endpoint) {
            let url = Self::code_assist_url(endpoint, "streamGenerateContent?alt=sse");
            let headers = Self::code_assist_headers(endpoint)?;
            let body = self.body(request, report)?;
            return request::stream_of(url, headers, &code_assist.wrap(request, body));
        }
        let url = Self::url(endpoint, &format!("{path}:streamGenerateContent?alt=sse"));
        let headers = self.headers(endpoint, "ask for an answer")?;
        let body = self.body(request, report)?;
        request::stream_of(url, headers, &body)
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
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SystemInstruction<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[Tool<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "GenerationConfig::is_default")]
    generation_config: GenerationConfig<'a>,
}

#[derive(Serialize)]
struct SystemInstruction<'a> {
    parts: Vec<Text<'a>>,
}

impl Gemini {
    fn body<'a>(&self, request: &'a ChatRequest, report: &mut TranslationReport) -> Result<Body<'a>> {
        let (system, contents) = contents::encode(request, report);
        if contents.is_empty() {
            return Err(Error::invalid("ask for an answer", [FieldError::new("messages", "are empty")]));
        }
        if request.parallel_tools == ParallelTools::OneAtATime && !request.tools.is_empty() {
            report.note(
                Action::Dropped,
                "one call at a time: this API cannot be told; run the first and refuse others",
            );
        }
        let generation = Generation::of(request.model.as_str());
        Ok(Body {
            system_instruction: (!system.is_empty()).then_some(SystemInstruction { parts: system }),
            contents,
            tools: tools::encode(&request.tools, self.schema_field, generation, report),
            tool_config: tools::config(request),
            generation_config: GenerationConfig::of(request, generation, report),
        })
    }
}
