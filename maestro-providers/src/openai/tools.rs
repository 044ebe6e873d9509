//! Tools and the choice among them.

use std::borrow::Cow;

use maestro_core::chat::{ChatRequest, ToolChoice, ToolDefinition, TranslationReport};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::strict;

/// A function tool, flat. `strict` is always said: the server makes schemas strict that do not mention it.
#[derive(Serialize)]
pub(super) struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: Cow<'a, RawValue>,
    strict: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Choice<'a> {
    Mode(&'static str),
    Function { r#type: &'static str, name: &'a str },
}

pub(super) fn encode<'a>(tools: &'a [ToolDefinition], report: &mut TranslationReport) -> Vec<Tool<'a>> {
    let tools = tools.iter().map(|tool| {
        let (parameters, strict) = strict::parameters(tool, report);
        Tool {
            r#type: "function",
            name: tool.name.as_str(),
            description: &tool.description,
            parameters,
            strict,
        }
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
        ToolChoice::Tool(name) => Some(Choice::Function { r#type: "function", name: name.as_str() }),
    }
}
