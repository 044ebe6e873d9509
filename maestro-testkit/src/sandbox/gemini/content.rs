//! What the contents of a conversation with Gemini have to be.

use serde_json::Value;

use super::super::answer::Refusal;
use super::super::seal;
use super::error::invalid;
use super::known::get;

/// What Google documents to send in the place of a signature that there is none of.
const PLACEHOLDER: &str = "skip_thought_signature_validator";

/// What payload keys a part may have, of which it has exactly one.
const PAYLOADS: [&str; 9] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

/// What the contents say.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) last_user: String,
    pub(super) tool_results: Vec<String>,
}

/// Checks all contents; signatures of calls must be there when the model is strict about them.
pub(super) fn conversation(contents: &[Value], signed: bool) -> Result<Talk, Refusal> {
    let mut talk = Talk::default();
    let mut open = 0;
    let turn = current_turn(contents);
    for (place, content) in contents.iter().enumerate() {
        let role = match content["role"].as_str() {
            None | Some("user" | "function") => "user",
            Some("model") => "model",
            Some(_) => return Err(invalid("Please use a valid role: user, model.")),
        };
        if place == 0 && role == "model" {
            return Err(invalid(
                "Please ensure that multiturn requests alternate between user and model, beginning with user.",
            ));
        }
        let parts: Vec<&Value> = match &content["parts"] {
            Value::Array(parts) => parts.iter().collect(),
            Value::Null => Vec::new(),
            one => vec![one],
        };
        if parts.is_empty() {
            return Err(invalid(format!(
                "* GenerateContentRequest.contents[{place}].parts: contents.parts must not be empty."
            )));
        }
        let said = read(&parts, place)?;
        if role == "user" && said.calls > 0 {
            return Err(invalid("Please ensure that function call parts come in a turn of role model."));
        }
        if open > 0 && (role != "user" || said.results.len() != open) {
            return Err(unequal());
        }
        if open == 0 && !said.results.is_empty() {
            return Err(invalid(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if said.calls > 0 && place == 0 {
            return Err(call_turn());
        }
        if said.calls > 0 && contents[place - 1]["role"] == "model" {
            return Err(call_turn());
        }
        if signed && place >= turn && said.calls > 0 && !said.first_call_signed {
            return Err(invalid(format!(
                "Function call is missing a thought_signature in functionCall parts. This is required for \
                 tools to work correctly, and missing thought_signature may lead to degraded model \
                 performance. Additional data, function call `default_api:{}` , position {}. Please refer to \
                 https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
                said.first_call,
                place + 1
            )));
        }
        open = said.calls;
        if role == "user" {
            if !said.text.is_empty() {
                talk.last_user = said.text;
            }
            talk.tool_results = said.results;
        } else {
            talk.tool_results.clear();
        }
    }
    if open > 0 {
        return Err(unequal());
    }
    Ok(talk)
}

/// Where the current turn begins: behind the last user content that is more than function responses.
fn current_turn(contents: &[Value]) -> usize {
    let spoken = |content: &Value| {
        let parts = content["parts"].as_array();
        content["role"] != "model"
            && parts.is_some_and(|parts| parts.iter().any(|part| get(part, "functionResponse").is_null()))
    };
    contents.iter().rposition(spoken).map_or(0, |place| place + 1)
}

/// What one content says.
#[derive(Debug, Default)]
struct Said {
    text: String,
    calls: usize,
    first_call: String,
    first_call_signed: bool,
    results: Vec<String>,
}

fn read(parts: &[&Value], place: usize) -> Result<Said, Refusal> {
    let mut said = Said::default();
    let mut texts = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let at = format!("contents[{place}].parts[{number}]");
        let payloads = PAYLOADS.iter().filter(|key| !get(part, key).is_null()).count();
        if payloads != 1 {
            let message = if payloads == 0 {
                format!(
                    "* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized \
                     field"
                )
            } else {
                format!("Invalid value at '{at}': oneof field 'data' is already set.")
            };
            return Err(invalid(message));
        }
        let signature = get(part, "thoughtSignature").as_str();
        if !get(part, "text").is_null() {
            let Some(text) = part["text"].as_str() else {
                return Err(invalid(format!("Invalid value at '{at}.text' (TYPE_STRING)")));
            };
            signed(signature, "")?;
            if text.is_empty() && signature.is_none() && parts.len() == 1 {
                return Err(invalid(format!(
                    "Unable to submit request because it must have a text parameter in {at}."
                )));
            }
            if part["thought"] != true {
                texts.push(text);
            }
        }
        let inline = get(part, "inlineData");
        if !inline.is_null() {
            inline_data(inline, &at)?;
        }
        let call = get(part, "functionCall");
        if !call.is_null() {
            let Some(name) = call["name"].as_str().filter(|name| !name.is_empty()) else {
                return Err(invalid(format!("* GenerateContentRequest.{at}.function_call.name: empty")));
            };
            if !matches!(call["args"], Value::Null | Value::Object(_)) {
                return Err(invalid(format!("Invalid value at '{at}.function_call.args' (type Struct)")));
            }
            signed(signature, name)?;
            if said.calls == 0 {
                said.first_call = name.to_owned();
                said.first_call_signed = signature.is_some();
            }
            said.calls += 1;
        }
        let response = get(part, "functionResponse");
        if !response.is_null() {
            if response["name"].as_str().is_none_or(str::is_empty) {
                return Err(invalid(format!(
                    "* GenerateContentRequest.{at}.function_response.name: Name cannot be empty."
                )));
            }
            let Some(object) = response["response"].as_object() else {
                return Err(invalid(format!(
                    "Invalid value at '{at}.function_response.response' (type.googleapis.com/google.protobuf.\
                     Struct)"
                )));
            };
            let output = object.get("output").or_else(|| object.get("error"));
            said.results.push(match output {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => response["response"].to_string(),
            });
        }
    }
    said.text = texts.join("\n");
    Ok(said)
}

fn inline_data(inline: &Value, at: &str) -> Result<(), Refusal> {
    if get(inline, "mimeType").as_str().is_none_or(str::is_empty) {
        return Err(invalid(format!("* GenerateContentRequest.{at}.inline_data.mime_type: empty")));
    }
    match inline["data"].as_str().map(seal::decode) {
        Some(Some(_)) => Ok(()),
        _ => Err(invalid(format!(
            "Invalid value at '{at}.inline_data.data' (TYPE_BYTES), Base64 decoding failed"
        ))),
    }
}

/// A signature, where there is one, was made by the sandbox for a part of this content, or is the placeholder.
fn signed(signature: Option<&str>, content: &str) -> Result<(), Refusal> {
    let Some(signature) = signature else { return Ok(()) };
    let placeholder = signature == PLACEHOLDER
        || seal::decode(signature).is_some_and(|bytes| bytes == PLACEHOLDER.as_bytes());
    if placeholder || seal::verify(seal::Kind::GeminiPart, signature, content) {
        return Ok(());
    }
    Err(invalid("Corrupted thought signature."))
}

fn unequal() -> Refusal {
    invalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts \
         of the function call turn.",
    )
}

fn call_turn() -> Refusal {
    invalid(
        "Please ensure that function call turn comes immediately after a user turn or after a function response \
         turn.",
    )
}
