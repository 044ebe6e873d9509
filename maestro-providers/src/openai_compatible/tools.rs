//! Tools, the choice among them, and the form of the answer: all nested once more than in the Responses API.

use std::borrow::Cow;

use maestro_core::chat::{ChatRequest, RawJson, ToolChoice, ToolDefinition, ToolName, TranslationReport};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::strict;

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: Cow<'a, RawValue>,
    /// Only said when it is true: few servers know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Choice<'a> {
    Mode(&'static str),
    Function { r#type: &'static str, function: Named<'a> },
}

#[derive(Serialize)]
pub(super) struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
pub(super) struct ResponseFormat<'a> {
    r#type: &'static str,
    json_schema: NamedSchema<'a>,
}

#[derive(Serialize)]
struct NamedSchema<'a> {
    name: &'a str,
    schema: Cow<'a, RawValue>,
    strict: bool,
}

impl<'a> ResponseFormat<'a> {
    pub(super) fn of(name: &'a ToolName, schema: &'a RawJson, report: &mut TranslationReport) -> Self {
        let (schema, strict) = strict::output(schema, report);
        Self { r#type: "json_schema", json_schema: NamedSchema { name: name.as_str(), schema, strict } }
    }
}

pub(super) fn encode<'a>(tools: &'a [ToolDefinition], report: &mut TranslationReport) -> Vec<Tool<'a>> {
    let tools = tools.iter().map(|tool| {
        let (parameters, strict) = strict::parameters(tool, report);
        let function = Function {
            name: tool.name.as_str(),
            description: &tool.description,
            parameters,
            strict: strict.then_some(true),
        };
        Tool { r#type: "function", function }
    });
    tools.collect()
}

/// Absent when there is nothing to choose from, and when the default is meant.
pub(super) fn choice(request: &ChatRequest) -> Option<Choice<'_>> {
    if request.tools.is_empty() {
        return None;
    }
    match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(Choice::Mode("none")),
        ToolChoice::Required => Some(Choice::Mode("required")),
        ToolChoice::Tool(name) => {
            Some(Choice::Function { r#type: "function", function: Named { name: name.as_str() } })
        }
    }
}
