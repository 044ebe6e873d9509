//! Function declarations and the choice among them.

use std::borrow::Cow;

use maestro_core::chat::{Action, ChatRequest, RawJson, ToolChoice, ToolDefinition, TranslationReport};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Generation, schema};
use crate::json;

/// In which field the schemas of tools go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaField {
    /// `parametersJsonSchema`, and `parameters` for models before Gemini 2.
    #[default]
    ByModel,
    /// `parametersJsonSchema`: JSON Schema as it is.
    JsonSchema,
    /// `parameters`: what is left of it in Google's subset of OpenAPI 3.0; see [`sanitise`](super::sanitise).
    OpenApi,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tool<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Cow<'a, RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    function_calling_config: CallingConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallingConfig<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

/// One list of declarations; absent when there are no tools.
pub(super) fn encode<'a>(
    tools: &'a [ToolDefinition],
    field: SchemaField,
    generation: Generation,
    report: &mut TranslationReport,
) -> Option<[Tool<'a>; 1]> {
    let open_api = match field {
        SchemaField::ByModel => generation == Generation::One,
        SchemaField::JsonSchema => false,
        SchemaField::OpenApi => true,
    };
    let declarations = tools.iter().map(|tool| {
        let mut declaration = Declaration {
            name: tool.name.as_str(),
            description: &tool.description,
            parameters: None,
            parameters_json_schema: None,
        };
        // A tool without parameters leaves both out.
        if has_properties(&tool.parameters) {
            if open_api {
                declaration.parameters = sanitised(tool, report).map(Cow::Owned);
            } else {
                declaration.parameters_json_schema = Some(json::raw(&tool.parameters));
            }
        }
        declaration
    });
    (!tools.is_empty()).then(|| [Tool { function_declarations: declarations.collect() }])
}

/// Absent when there is nothing to choose from, and when the default is meant.
pub(super) fn config(request: &ChatRequest) -> Option<ToolConfig<'_>> {
    if request.tools.is_empty() {
        return None;
    }
    let (mode, allowed_function_names) = match &request.tool_choice {
        ToolChoice::Auto => return None,
        ToolChoice::None => ("NONE", None),
        ToolChoice::Required => ("ANY", None),
        ToolChoice::Tool(name) => ("ANY", Some([name.as_str()])),
    };
    Some(ToolConfig { function_calling_config: CallingConfig { mode, allowed_function_names } })
}

/// Whether a schema says anything about parameters.
fn has_properties(schema: &RawJson) -> bool {
    schema.to_value().as_object().is_some_and(|schema| {
        let is_empty = |name: &str| {
            schema.get(name).and_then(|value| value.as_object()).is_none_or(|map| map.is_empty())
        };
        !is_empty("properties")
            || ["$ref", "anyOf", "oneOf", "allOf", "additionalProperties", "patternProperties"]
                .iter()
                .any(|name| schema.get(*name).is_some_and(|value| !value.is_boolean()))
    })
}

fn sanitised(tool: &ToolDefinition, report: &mut TranslationReport) -> Option<Box<RawValue>> {
    let sanitised = schema::sanitise(&tool.parameters.to_value());
    if !sanitised.removed.is_empty() {
        let reason = format!("tool {}: its schema without {}", tool.name, sanitised.removed.join(", "));
        report.note(Action::Downgraded, reason);
    }
    RawValue::from_string(sanitised.schema.to_string()).ok()
}
