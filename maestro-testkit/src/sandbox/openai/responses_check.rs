//! What `POST /v1/responses` demands of a body; the items of `input` are in `items`.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::ask::{Ask, Reasoning, Tool, count};
use super::error::{invalid, missing, wrong_type, wrong_value};
use super::{fields, items};

const FIELDS: [&str; 31] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_tool_calls",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_logprobs",
    "reasoning",
    "text",
    "include",
    "store",
    "stream",
    "stream_options",
    "background",
    "previous_response_id",
    "conversation",
    "context_management",
    "truncation",
    "metadata",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "safety_identifier",
    "moderation",
    "prompt",
    "user",
];

const INCLUDES: [&str; 8] = [
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "message.input_image.image_url",
    "web_search_call.results",
    "web_search_call.action.sources",
    "file_search_call.results",
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
];

/// Tools that the provider runs itself; what they hold is not checked.
const HOSTED: [&str; 14] = [
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "computer",
    "computer_use_preview",
    "shell",
    "local_shell",
    "apply_patch",
    "tool_search",
    "namespace",
    "custom",
];

/// Least output tokens that may be asked for.
const LEAST_OUTPUT: u64 = 16;

/// Checks a request for a response.
pub(super) fn request(request: &Value) -> Result<Ask, Refusal> {
    let Some(body) = request.as_object() else { return Err(wrong_type("body", "an object")) };
    fields::known(body, &FIELDS)?;
    let model = fields::model(body, 400)?;
    fields::sampling(body, &model)?;
    let limit = fields::whole(&request["max_output_tokens"], "max_output_tokens", LEAST_OUTPUT)?;
    let store = fields::flag(&request["store"], "store")?.unwrap_or(true);
    includes(&request["include"])?;
    state(request)?;
    let instructions = match &request["instructions"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        _ => return Err(wrong_type("instructions", "a string")),
    };
    let tools = tools(&request["tools"])?;
    let choice = match fields::choice_word(&request["tool_choice"], request["tools"][0].is_object())? {
        Some(choice) => choice,
        None => named_choice(&request["tool_choice"], &tools)?,
    };
    let talk = match &request["input"] {
        Value::Null => return Err(missing("input")),
        Value::String(text) => items::Talk { last_user: text.clone(), ..Default::default() },
        Value::Array(list) => items::conversation(list, store)?,
        _ => return Err(wrong_type("input", "a string or an array of items")),
    };
    let system = match (instructions, talk.system) {
        (Some(first), Some(second)) => Some(format!("{first}\n{second}")),
        (first, second) => first.or(second),
    };
    let sized: Vec<&Value> =
        ["instructions", "input", "tools"].iter().filter_map(|key| body.get(*key)).collect();
    Ok(Ask {
        input_tokens: count(&sized),
        reasoning: reasoning(&request["reasoning"])?,
        format: format(&request["text"]["format"])?,
        parallel: fields::flag(&request["parallel_tool_calls"], "parallel_tool_calls")?.unwrap_or(true),
        stream: fields::flag(&request["stream"], "stream")?.unwrap_or(false),
        model,
        system,
        last_user: talk.last_user,
        tool_results: talk.tool_results,
        tools,
        choice,
        limit,
        stops: Vec::new(),
    })
}

fn includes(include: &Value) -> Result<(), Refusal> {
    let list = match include {
        Value::Null => return Ok(()),
        Value::Array(list) => list,
        _ => return Err(wrong_type("include", "an array of strings")),
    };
    match list.iter().enumerate().find(|(_, entry)| !INCLUDES.iter().any(|known| entry == known)) {
        Some((place, entry)) => {
            Err(wrong_value(&format!("include[{place}]"), entry.as_str().unwrap_or("?"), &INCLUDES))
        }
        None => Ok(()),
    }
}

/// The sandbox keeps no responses: a reference to one is answered as one that has expired.
fn state(request: &Value) -> Result<(), Refusal> {
    let previous = &request["previous_response_id"];
    if !previous.is_null() && !request["conversation"].is_null() {
        let message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'.";
        return Err(invalid(message, None, Some("mutually_exclusive_parameters")));
    }
    if let Some(id) = previous.as_str() {
        return Err(invalid(
            format!("Previous response with id '{id}' not found."),
            Some("previous_response_id"),
            Some("previous_response_not_found"),
        ));
    }
    if request["background"] == true {
        return Err(invalid("The sandbox has no background mode.", Some("background"), None));
    }
    Ok(())
}

fn tools(tools: &Value) -> Result<Vec<Tool>, Refusal> {
    let list = match tools {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(wrong_type("tools", "an array of objects")),
    };
    let mut made = Vec::new();
    for (place, tool) in list.iter().enumerate() {
        let at = format!("tools[{place}]");
        match tool["type"].as_str() {
            // The nested shape of Chat Completions fails here: its name is one level down.
            Some("function") => made.push(fields::function(tool, &at)?),
            Some(kind) if HOSTED.contains(&kind) => {}
            Some(kind) => {
                let supported = [&["function"][..], &HOSTED[..]].concat();
                return Err(wrong_value(&format!("{at}.type"), kind, &supported));
            }
            None => return Err(missing(&format!("{at}.type"))),
        }
    }
    Ok(made)
}

fn named_choice(choice: &Value, tools: &[Tool]) -> Result<super::super::ask::Choice, Refusal> {
    use super::super::ask::Choice;
    match choice["type"].as_str() {
        Some("function") => fields::chosen(&choice["name"], tools),
        Some("allowed_tools") if choice["mode"] == "required" => Ok(Choice::Any),
        Some("allowed_tools" | "custom") => Ok(Choice::Auto),
        Some(kind) if HOSTED.contains(&kind) => Ok(Choice::Auto),
        _ => Err(missing("tool_choice.type")),
    }
}

fn reasoning(reasoning: &Value) -> Result<Reasoning, Refusal> {
    if reasoning.is_null() {
        return Ok(Reasoning::Off);
    }
    let asked = fields::effort(&reasoning["effort"], "reasoning.effort")?;
    match reasoning["summary"].as_str() {
        Some("auto" | "concise" | "detailed") => Ok(Reasoning::Shown),
        Some(other) => Err(wrong_value("reasoning.summary", other, &["auto", "concise", "detailed"])),
        None if asked => Ok(Reasoning::Hidden),
        None => Ok(Reasoning::Off),
    }
}

fn format(format: &Value) -> Result<Option<Value>, Refusal> {
    match format["type"].as_str() {
        None if format.is_null() => Ok(None),
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(json!({"type": "object"}))),
        Some("json_schema") if !format["name"].is_string() => Err(missing("text.format.name")),
        Some("json_schema") => match &format["schema"] {
            schema @ Value::Object(_) => Ok(Some(schema.clone())),
            _ => Err(missing("text.format.schema")),
        },
        other => Err(wrong_value(
            "text.format.type",
            other.unwrap_or_default(),
            &["json_object", "json_schema", "text"],
        )),
    }
}
