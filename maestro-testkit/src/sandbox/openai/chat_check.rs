//! What `POST /v1/chat/completions` demands of a body.

use serde_json::{Map, Value};

use super::super::answer::Refusal;
use super::super::ask::{Ask, Choice, Reasoning, Tool, count};
use super::error::{invalid, missing, wrong_type, wrong_value};
use super::fields;

const FIELDS: [&str; 36] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "n",
    "seed",
    "user",
    "metadata",
    "store",
    "response_format",
    "reasoning_effort",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "verbosity",
    "modalities",
    "audio",
    "prediction",
    "web_search_options",
    "functions",
    "function_call",
    "moderation",
];

const ROLES: [&str; 6] = ["system", "assistant", "user", "function", "tool", "developer"];

/// Checks a request for a completion.
pub(super) fn request(request: &Value) -> Result<Ask, Refusal> {
    let Some(body) = request.as_object() else { return Err(wrong_type("body", "an object")) };
    fields::known(body, &FIELDS)?;
    let model = fields::model(body, 404)?;
    let messages = match body.get("messages") {
        None => return Err(missing("messages")),
        Some(Value::Array(list)) if list.is_empty() => {
            let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got \
                           an empty array instead.";
            return Err(invalid(message, Some("messages"), Some("empty_array")));
        }
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong_type("messages", "an array of objects")),
    };
    fields::sampling(body, &model)?;
    let tools = tools(request)?;
    let choice = match fields::choice_word(&request["tool_choice"], !tools.is_empty())? {
        Some(choice) => choice,
        None => fields::chosen(&request["tool_choice"]["function"]["name"], &tools)?,
    };
    if body.get("parallel_tool_calls").is_some_and(|value| !value.is_null()) && tools.is_empty() {
        let message = "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when \
                       'tools' are specified.";
        return Err(invalid(message, Some("parallel_tool_calls"), None));
    }
    let stream = fields::flag(&request["stream"], "stream")?.unwrap_or(false);
    if !request["stream_options"].is_null() && !stream {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(invalid(message, Some("stream_options"), None));
    }
    if fields::whole(&request["n"], "n", 1)?.is_some_and(|n| n > 1) {
        return Err(invalid("The sandbox gives one choice only: n must be 1.", Some("n"), None));
    }
    let reasons = fields::effort(&request["reasoning_effort"], "reasoning_effort")?;
    let talk = conversation(messages)?;
    let sized: Vec<&Value> = ["messages", "tools"].iter().filter_map(|key| body.get(*key)).collect();
    Ok(Ask {
        input_tokens: count(&sized),
        limit: limit(body, &model)?,
        stops: stops(&request["stop"])?,
        format: format(&request["response_format"])?,
        parallel: fields::flag(&request["parallel_tool_calls"], "parallel_tool_calls")?.unwrap_or(true),
        reasoning: if reasons { Reasoning::Shown } else { Reasoning::Off },
        model,
        system: talk.system,
        last_user: talk.last_user,
        tool_results: talk.tool_results,
        tools,
        choice: if choice == Choice::None { Choice::None } else { choice },
        stream,
    })
}

#[derive(Default)]
struct Talk {
    system: Option<String>,
    last_user: String,
    tool_results: Vec<String>,
}

/// Roles and contents, and that each call is answered at once and nothing else is.
fn conversation(messages: &[Value]) -> Result<Talk, Refusal> {
    let mut talk = Talk::default();
    let mut open: Vec<String> = Vec::new();
    let mut in_results = false;
    for (place, message) in messages.iter().enumerate() {
        let at = format!("messages[{place}]");
        let role = match &message["role"] {
            Value::String(role) if ROLES.contains(&role.as_str()) => role.as_str(),
            Value::String(role) => return Err(wrong_value(&format!("{at}.role"), role, &ROLES)),
            Value::Null => return Err(missing(&format!("{at}.role"))),
            _ => return Err(wrong_type(&format!("{at}.role"), "a string")),
        };
        if role == "tool" {
            let Some(id) = message["tool_call_id"].as_str() else {
                return Err(missing(&format!("{at}.tool_call_id")));
            };
            if !in_results {
                let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding \
                               message with 'tool_calls'.";
                return Err(invalid(message, Some(&format!("{at}.role")), None));
            }
            let Some(known) = open.iter().position(|call| call == id) else {
                let message = format!(
                    "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message."
                );
                return Err(invalid(message, Some(&format!("{at}.tool_call_id")), None));
            };
            open.remove(known);
            talk.tool_results.push(text(&message["content"], &at, role)?);
            continue;
        }
        answered(&open)?;
        in_results = false;
        talk.tool_results.clear();
        match role {
            "system" | "developer" => {
                let said = text(&message["content"], &at, role)?;
                talk.system = Some(match talk.system.take() {
                    Some(before) => format!("{before}\n{said}"),
                    None => said,
                });
            }
            "assistant" => {
                open = calls(message, &at)?;
                in_results = !open.is_empty();
                let silent = message["content"].is_null() && message["refusal"].is_null();
                if silent && open.is_empty() && message["function_call"].is_null() {
                    let message = format!("Invalid value for 'content': expected a string, got null. ({at})");
                    return Err(invalid(message, Some(&format!("{at}.content")), None));
                }
                if !message["content"].is_null() {
                    text(&message["content"], &at, role)?;
                }
            }
            _ => {
                let said = text(&message["content"], &at, role)?;
                if !said.is_empty() {
                    talk.last_user = said;
                }
            }
        }
    }
    answered(&open)?;
    Ok(talk)
}

fn answered(open: &[String]) -> Result<(), Refusal> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
         'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(invalid(message, Some("messages"), None))
}

fn calls(message: &Value, at: &str) -> Result<Vec<String>, Refusal> {
    let list = match &message["tool_calls"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.is_empty() => {
            let param = format!("{at}.tool_calls");
            let message = format!("Invalid '{param}': empty array. Expected an array with minimum length 1.");
            return Err(invalid(message, Some(&param), Some("empty_array")));
        }
        Value::Array(list) => list,
        _ => return Err(wrong_type(&format!("{at}.tool_calls"), "an array of objects")),
    };
    let mut ids = Vec::new();
    for (place, call) in list.iter().enumerate() {
        let at = format!("{at}.tool_calls[{place}]");
        let Some(id) = call["id"].as_str() else { return Err(missing(&format!("{at}.id"))) };
        if call["type"] == "custom" {
            ids.push(id.to_owned());
            continue;
        }
        if call["type"] != "function" {
            return Err(wrong_value(&format!("{at}.type"), &plain(&call["type"]), &["function", "custom"]));
        }
        let Some(name) = call["function"]["name"].as_str() else {
            return Err(missing(&format!("{at}.function.name")));
        };
        fields::tool_name(name, &format!("{at}.function.name"))?;
        match &call["function"]["arguments"] {
            Value::String(_) => {}
            Value::Null => return Err(missing(&format!("{at}.function.arguments"))),
            _ => return Err(wrong_type(&format!("{at}.function.arguments"), "a string")),
        }
        ids.push(id.to_owned());
    }
    Ok(ids)
}

/// The text of a content that is a string or a list of parts.
fn text(content: &Value, at: &str, role: &str) -> Result<String, Refusal> {
    let at = format!("{at}.content");
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts,
        Value::Null => {
            let message = "Invalid value for 'content': expected a string, got null.";
            return Err(invalid(message, Some(&at), None));
        }
        _ => return Err(wrong_type(&at, "a string or an array of objects")),
    };
    let allowed: &[&str] = match role {
        "user" => &["text", "image_url", "input_audio", "file"],
        "assistant" => &["text", "refusal"],
        _ => &["text"],
    };
    let mut texts = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let at = format!("{at}[{place}]");
        let kind = plain(&part["type"]);
        if !allowed.contains(&kind.as_str()) {
            return Err(wrong_value(&format!("{at}.type"), &kind, allowed));
        }
        match kind.as_str() {
            "text" => match part["text"].as_str() {
                Some(text) => texts.push(text),
                None => return Err(missing(&format!("{at}.text"))),
            },
            "image_url" => fields::image_url(&part["image_url"]["url"], &format!("{at}.image_url.url"))?,
            _ => {}
        }
    }
    Ok(texts.join("\n"))
}

fn tools(request: &Value) -> Result<Vec<Tool>, Refusal> {
    let list = match &request["tools"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.is_empty() => {
            let message = "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an \
                           empty array instead.";
            return Err(invalid(message, Some("tools"), Some("empty_array")));
        }
        Value::Array(list) => list,
        _ => return Err(wrong_type("tools", "an array of objects")),
    };
    let mut tools = Vec::new();
    for (place, tool) in list.iter().enumerate() {
        let at = format!("tools[{place}]");
        match tool["type"].as_str() {
            Some("function") if tool["function"].is_object() => {
                tools.push(fields::function(&tool["function"], &format!("{at}.function"))?);
            }
            Some("function") => return Err(missing(&format!("{at}.function"))),
            Some("custom") => {}
            Some(other) => return Err(wrong_value(&format!("{at}.type"), other, &["function", "custom"])),
            None => return Err(missing(&format!("{at}.type"))),
        }
    }
    Ok(tools)
}

fn limit(body: &Map<String, Value>, model: &str) -> Result<Option<u64>, Refusal> {
    let get = |name: &str| fields::whole(body.get(name).unwrap_or(&Value::Null), name, 1);
    let (old, new) = (get("max_tokens")?, get("max_completion_tokens")?);
    if old.is_some() && fields::is_reasoning_series(model) {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        return Err(invalid(message, Some("max_tokens"), Some("unsupported_parameter")));
    }
    if old.is_some() && new.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(invalid(message, None, Some("invalid_parameter_combination")));
    }
    Ok(new.or(old))
}

fn stops(stop: &Value) -> Result<Vec<String>, Refusal> {
    match stop {
        Value::Null => Ok(Vec::new()),
        Value::String(stop) => Ok(vec![stop.clone()]),
        Value::Array(list) if list.len() > 4 => {
            let message = "Invalid 'stop': array too long. Expected an array with maximum length 4.";
            Err(invalid(message, Some("stop"), Some("array_above_max_length")))
        }
        Value::Array(list) => list
            .iter()
            .map(|stop| stop.as_str().map(str::to_owned).ok_or_else(|| wrong_type("stop", "strings")))
            .collect(),
        _ => Err(wrong_type("stop", "a string or an array of strings")),
    }
}

fn format(format: &Value) -> Result<Option<Value>, Refusal> {
    match format["type"].as_str() {
        None if format.is_null() => Ok(None),
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(serde_json::json!({"type": "object"}))),
        Some("json_schema") => {
            let inner = &format["json_schema"];
            if !inner["name"].is_string() {
                return Err(missing("response_format.json_schema.name"));
            }
            match &inner["schema"] {
                schema @ Value::Object(_) => Ok(Some(schema.clone())),
                _ => Err(missing("response_format.json_schema.schema")),
            }
        }
        _ => Err(wrong_value(
            "response_format.type",
            &plain(&format["type"]),
            &["json_object", "json_schema", "text"],
        )),
    }
}

/// A value as it is named in a message.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
