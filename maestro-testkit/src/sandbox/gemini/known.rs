//! The fields Gemini's JSON parser knows.  Anything else fails the whole request, before any rule is looked at.

use serde_json::Value;

use super::super::answer::Refusal;
use super::error;

/// What a value at a known name is.
#[derive(Clone, Copy)]
enum Shape {
    /// Not looked into.
    Any,
    /// A message with these fields.
    Message(&'static [Field]),
    /// A list of messages with these fields.
    List(&'static [Field]),
    /// A schema, which holds schemas.
    Schema,
}

/// A name in camel case, and what is there.
type Field = (&'static str, Shape);

use Shape::{Any, List, Message, Schema};

const REQUEST: &[Field] = &[
    ("model", Any),
    ("contents", List(CONTENT)),
    ("systemInstruction", Message(CONTENT)),
    ("tools", List(TOOL)),
    (
        "toolConfig",
        Message(&[
            (
                "functionCallingConfig",
                Message(&[
                    ("mode", Any),
                    ("allowedFunctionNames", Any),
                    ("streamFunctionCallArguments", Any),
                ]),
            ),
            ("retrievalConfig", Any),
            ("includeServerSideToolInvocations", Any),
        ]),
    ),
    ("safetySettings", List(&[("category", Any), ("threshold", Any), ("method", Any)])),
    ("generationConfig", Message(GENERATION)),
    ("cachedContent", Any),
    ("serviceTier", Any),
    ("store", Any),
];

const COUNT: &[Field] = &[("contents", List(CONTENT)), ("generateContentRequest", Message(REQUEST))];

const CONTENT: &[Field] = &[("role", Any), ("parts", List(PART))];

const PART: &[Field] = &[
    ("text", Any),
    ("inlineData", Message(&[("mimeType", Any), ("data", Any), ("displayName", Any)])),
    ("fileData", Message(&[("mimeType", Any), ("fileUri", Any), ("displayName", Any)])),
    (
        "functionCall",
        Message(&[("name", Any), ("args", Any), ("id", Any), ("partialArgs", Any), ("willContinue", Any)]),
    ),
    (
        "functionResponse",
        Message(&[
            ("name", Any),
            ("response", Any),
            ("id", Any),
            ("parts", Any),
            ("scheduling", Any),
            ("willContinue", Any),
        ]),
    ),
    ("executableCode", Message(&[("language", Any), ("code", Any), ("id", Any)])),
    ("codeExecutionResult", Message(&[("outcome", Any), ("output", Any), ("id", Any)])),
    ("toolCall", Any),
    ("toolResponse", Any),
    ("thought", Any),
    ("thoughtSignature", Any),
    ("videoMetadata", Any),
    ("mediaResolution", Any),
    ("partMetadata", Any),
];

const TOOL: &[Field] = &[
    (
        "functionDeclarations",
        List(&[
            ("name", Any),
            ("description", Any),
            ("parameters", Schema),
            ("parametersJsonSchema", Any),
            ("response", Schema),
            ("responseJsonSchema", Any),
            ("behavior", Any),
        ]),
    ),
    ("googleSearch", Any),
    ("googleSearchRetrieval", Any),
    ("codeExecution", Any),
    ("urlContext", Any),
    ("computerUse", Any),
    ("fileSearch", Any),
    ("googleMaps", Any),
    ("mcpServers", Any),
];

const GENERATION: &[Field] = &[
    ("temperature", Any),
    ("topP", Any),
    ("topK", Any),
    ("candidateCount", Any),
    ("maxOutputTokens", Any),
    ("stopSequences", Any),
    ("seed", Any),
    ("presencePenalty", Any),
    ("frequencyPenalty", Any),
    ("responseMimeType", Any),
    ("responseSchema", Schema),
    ("responseJsonSchema", Any),
    ("responseModalities", Any),
    ("responseLogprobs", Any),
    ("logprobs", Any),
    ("mediaResolution", Any),
    ("speechConfig", Any),
    ("imageConfig", Any),
    ("thinkingConfig", Message(&[("includeThoughts", Any), ("thinkingBudget", Any), ("thinkingLevel", Any)])),
];

const SCHEMA: &[Field] = &[
    ("type", Any),
    ("format", Any),
    ("title", Any),
    ("description", Any),
    ("nullable", Any),
    ("enum", Any),
    ("items", Schema),
    // Schemas again, which a constant cannot say of itself: `schema` looks into them.
    ("properties", Any),
    ("required", Any),
    ("minItems", Any),
    ("maxItems", Any),
    ("minLength", Any),
    ("maxLength", Any),
    ("minProperties", Any),
    ("maxProperties", Any),
    ("minimum", Any),
    ("maximum", Any),
    ("pattern", Any),
    ("anyOf", Any),
    ("default", Any),
    ("example", Any),
    ("propertyOrdering", Any),
];

/// Refuses the first field of a request to generate that is not known.
pub(super) fn request(value: &Value) -> Result<(), Refusal> {
    message(value, REQUEST, "")
}

/// Refuses the first field of a request to count tokens that is not known.
pub(super) fn count(value: &Value) -> Result<(), Refusal> {
    message(value, COUNT, "")
}

/// A field by its name in camel case or in snake case.
pub(super) fn get<'a>(value: &'a Value, camel: &str) -> &'a Value {
    match value.get(camel) {
        Some(found) => found,
        None => &value[snake(camel).as_str()],
    }
}

fn message(value: &Value, known: &[Field], path: &str) -> Result<(), Refusal> {
    let Some(map) = value.as_object() else {
        if value.is_null() {
            return Ok(());
        }
        return Err(error::invalid(format!("Invalid value at '{path}': expected an object.")));
    };
    for (name, inner) in map {
        let Some((_, shape)) = known.iter().find(|(field, _)| field == name || snake(field) == *name) else {
            return Err(error::unknown_field(name, path));
        };
        // The parser names its fields in snake case, whatever was sent.
        let at = snake(name);
        inside(inner, *shape, &if path.is_empty() { at } else { format!("{path}.{at}") })?;
    }
    Ok(())
}

fn inside(value: &Value, shape: Shape, path: &str) -> Result<(), Refusal> {
    match shape {
        Any => Ok(()),
        Message(fields) => message(value, fields, path),
        Schema => schema(value, path),
        List(fields) => {
            // Protocol buffers' JSON takes a single message for a list of one.
            let Some(list) = value.as_array() else { return message(value, fields, path) };
            list.iter()
                .enumerate()
                .try_for_each(|(place, entry)| message(entry, fields, &format!("{path}[{place}]")))
        }
    }
}

fn schema(value: &Value, path: &str) -> Result<(), Refusal> {
    message(value, SCHEMA, path)?;
    for (place, property) in
        value["properties"].as_object().into_iter().flat_map(|map| map.values()).enumerate()
    {
        // The parser names the value of a map entry by its place, not by its key.
        schema(property, &format!("{path}.properties[{place}].value"))?;
    }
    let any = get(value, "anyOf");
    for (place, option) in any.as_array().into_iter().flatten().enumerate() {
        schema(option, &format!("{path}.any_of[{place}]"))?;
    }
    Ok(())
}

fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_spellings_are_known() {
        let camel = json!({"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":""}}]}]});
        let snake = json!({"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":""}}]}],
            "generation_config":{"max_output_tokens":1}});
        assert!(request(&camel).is_ok() && request(&snake).is_ok());
    }

    #[test]
    fn an_unknown_name_is_told_with_its_path() {
        let told = |value: Value| {
            let refusal = request(&value).unwrap_err();
            refusal.body["error"]["message"].as_str().unwrap().to_owned()
        };
        let tool = |parameters: Value| json!({"tools":[{"functionDeclarations":[{"name":"f","parameters":parameters}]}]});
        assert_eq!(
            told(tool(json!({"type":"OBJECT","additionalProperties":false}))),
            "Invalid JSON payload received. Unknown name \"additionalProperties\" at \
             'tools[0].function_declarations[0].parameters': Cannot find field."
        );
        assert!(
            told(tool(json!({"type":"OBJECT","properties":{"a":{"const":1}}})))
                .contains("'tools[0].function_declarations[0].parameters.properties[0].value'")
        );
        assert!(told(json!({"temperature":1})).contains("Unknown name \"temperature\": Cannot find field."));
    }
}
