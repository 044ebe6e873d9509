//! What `POST /v1/messages` and `POST /v1/messages/count_tokens` demand of a body.

use serde_json::{Map, Value};

use super::super::answer::Refusal;
use super::super::ask::{Ask, Choice, Reasoning, Tool, count};
use super::super::models::exists;
use super::content;
use super::error::invalid;
use super::models::unknown;

/// Fields of both endpoints.
const SHARED: [&str; 8] =
    ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"];

/// Fields of messages alone.
const MESSAGES: [&str; 12] = [
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "service_tier",
    "container",
    "inference_geo",
    "mcp_servers",
    "context_management",
];

/// Most `cache_control` marks of one request.
const CACHE_MARKS: usize = 4;

/// Least tokens a thinking budget may have.
const LEAST_BUDGET: u64 = 1024;

/// Checks a request for a message.
pub(super) fn messages(request: &Value) -> Result<Ask, Refusal> {
    let body = object(request)?;
    known_fields(body, &[&SHARED[..], &MESSAGES[..]])?;
    let max_tokens = match body.get("max_tokens") {
        None => return Err(invalid("max_tokens: Field required")),
        Some(value) => value
            .as_u64()
            .ok_or_else(|| invalid("max_tokens: Input should be a valid integer, at least 0"))?,
    };
    let mut ask = shared(body)?;
    ask.limit = Some(max_tokens);
    ask.stream = flag(body, "stream")?.unwrap_or(false);
    sampling(body)?;
    ask.stops = stops(body)?;
    thinking_limits(body, max_tokens)?;
    Ok(ask)
}

/// Checks a request to count tokens.
pub(super) fn count_tokens(request: &Value) -> Result<Ask, Refusal> {
    let body = object(request)?;
    known_fields(body, &[&SHARED[..]])?;
    shared(body)
}

fn object(request: &Value) -> Result<&Map<String, Value>, Refusal> {
    request.as_object().ok_or_else(|| invalid("The request body must be a JSON object"))
}

fn known_fields(body: &Map<String, Value>, known: &[&[&str]]) -> Result<(), Refusal> {
    match body.keys().find(|key| !known.iter().any(|list| list.contains(&key.as_str()))) {
        Some(key) => Err(invalid(format!("{key}: Extra inputs are not permitted"))),
        None => Ok(()),
    }
}

fn shared(body: &Map<String, Value>) -> Result<Ask, Refusal> {
    let model = match body.get("model") {
        None => return Err(invalid("model: Field required")),
        Some(Value::String(model)) if !model.is_empty() => model.clone(),
        Some(_) => return Err(invalid("model: Input should be a valid string")),
    };
    let Some(messages) = body.get("messages") else { return Err(invalid("messages: Field required")) };
    let Some(messages) = messages.as_array() else {
        return Err(invalid("messages: Input should be a valid list"));
    };
    if !exists(&model) {
        return Err(unknown(&model));
    }
    let system = system(body.get("system"))?;
    let tools = tools(body)?;
    let thinks = thinks(body)?;
    let talk = content::conversation(messages)?;
    if let Some(last) = messages.last()
        && last["role"] == "assistant"
        && thinks != Reasoning::Off
    {
        return Err(invalid(
            "messages: Expected the final message to be from the user: a prefilled assistant message is not \
             supported when `thinking` is enabled",
        ));
    }
    if cache_marks(&Value::Object(body.clone())) > CACHE_MARKS {
        return Err(invalid("A maximum of 4 blocks with cache_control may be provided."));
    }
    let (choice, parallel) = choice(body, &tools, thinks)?;
    let sized: Vec<&Value> =
        ["system", "messages", "tools"].iter().filter_map(|key| body.get(*key)).collect();
    Ok(Ask {
        input_tokens: count(&sized),
        model,
        system,
        last_user: talk.last_user,
        tool_results: talk.tool_results,
        tools,
        choice,
        parallel,
        reasoning: thinks,
        format: format(body)?,
        ..Ask::default()
    })
}

fn flag(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(invalid(format!("{name}: Input should be a valid boolean"))),
    }
}

fn system(system: Option<&Value>) -> Result<Option<String>, Refusal> {
    match system {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Array(blocks)) => {
            let mut texts = Vec::new();
            for (place, block) in blocks.iter().enumerate() {
                if block["type"] != "text" {
                    return Err(invalid(format!("system.{place}.type: Input should be 'text'")));
                }
                texts.push(content::text_of(block, &format!("system.{place}"), "system")?);
            }
            Ok(Some(texts.join("\n")))
        }
        Some(_) => Err(invalid("system: Input should be a valid string or a list of text blocks")),
    }
}

fn sampling(body: &Map<String, Value>) -> Result<(), Refusal> {
    let thinks = body.get("thinking").is_some_and(|t| t["type"] == "enabled" || t["type"] == "adaptive");
    for name in ["temperature", "top_p"] {
        let Some(value) = body.get(name).filter(|value| !value.is_null()) else { continue };
        let Some(number) = value.as_f64() else {
            return Err(invalid(format!("{name}: Input should be a valid number")));
        };
        if !(0.0..=1.0).contains(&number) {
            return Err(invalid(format!("{name}: range: 0..1")));
        }
        if thinks && name == "temperature" && (number - 1.0).abs() > f64::EPSILON {
            return Err(invalid("`temperature` may only be set to 1 when thinking is enabled."));
        }
    }
    Ok(())
}

fn stops(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let list = match body.get("stop_sequences") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid("stop_sequences: Input should be a valid list")),
    };
    list.iter()
        .enumerate()
        .map(|(place, stop)| match stop.as_str() {
            None => Err(invalid(format!("stop_sequences.{place}: Input should be a valid string"))),
            Some(stop) if stop.trim().is_empty() => {
                Err(invalid("stop_sequences: each stop sequence must contain non-whitespace"))
            }
            Some(stop) => Ok(stop.to_owned()),
        })
        .collect()
}

fn thinks(body: &Map<String, Value>) -> Result<Reasoning, Refusal> {
    let Some(thinking) = body.get("thinking").filter(|thinking| !thinking.is_null()) else {
        return Ok(Reasoning::Off);
    };
    let shown = match thinking["display"].as_str() {
        None | Some("summarized") => Reasoning::Shown,
        Some("omitted") => Reasoning::Hidden,
        Some(_) => return Err(invalid("thinking.display: Input should be 'summarized' or 'omitted'")),
    };
    match thinking["type"].as_str() {
        Some("disabled") => Ok(Reasoning::Off),
        Some("enabled" | "adaptive") => Ok(shown),
        _ => Err(invalid("thinking.type: Input should be 'enabled', 'adaptive' or 'disabled'")),
    }
}

fn thinking_limits(body: &Map<String, Value>, max_tokens: u64) -> Result<(), Refusal> {
    let Some(thinking) = body.get("thinking").filter(|thinking| thinking["type"] == "enabled") else {
        return Ok(());
    };
    match thinking["budget_tokens"].as_u64() {
        None => Err(invalid("thinking.enabled.budget_tokens: Field required")),
        Some(budget) if budget < LEAST_BUDGET => {
            Err(invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"))
        }
        Some(budget) if budget >= max_tokens => {
            Err(invalid("`max_tokens` must be greater than `thinking.budget_tokens`."))
        }
        Some(_) => Ok(()),
    }
}

fn tools(body: &Map<String, Value>) -> Result<Vec<Tool>, Refusal> {
    let list = match body.get("tools") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid("tools: Input should be a valid list")),
    };
    let mut tools: Vec<Tool> = Vec::new();
    for (place, tool) in list.iter().enumerate() {
        let at = format!("tools.{place}");
        // A versioned type is a tool that the provider runs itself: nothing of it is checked.
        if tool["type"].as_str().is_some_and(|kind| kind != "custom") {
            continue;
        }
        let Some(fields) = tool.as_object() else {
            return Err(invalid(format!("{at}: Input should be a valid dictionary")));
        };
        let known = [
            "name",
            "description",
            "input_schema",
            "strict",
            "cache_control",
            "eager_input_streaming",
            "type",
            "defer_loading",
            "allowed_callers",
            "input_examples",
        ];
        if let Some(key) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(invalid(format!("{at}.custom.{key}: Extra inputs are not permitted")));
        }
        let Some(name) = tool["name"].as_str() else {
            return Err(invalid(format!("{at}.custom.name: Field required")));
        };
        if !content::is_name(name, 128) {
            return Err(invalid(format!(
                "{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        if tools.iter().any(|other| other.name == name) {
            return Err(invalid("tools: Tool names must be unique."));
        }
        let Some(schema) = tool.get("input_schema") else {
            return Err(invalid(format!("{at}.custom.input_schema: Field required")));
        };
        if schema["type"] != "object" {
            return Err(invalid(format!("{at}.custom.input_schema.type: Input should be 'object'")));
        }
        tools.push(Tool { name: name.to_owned(), schema: schema.clone() });
    }
    Ok(tools)
}

fn choice(body: &Map<String, Value>, tools: &[Tool], thinks: Reasoning) -> Result<(Choice, bool), Refusal> {
    let Some(choice) = body.get("tool_choice").filter(|choice| !choice.is_null()) else {
        return Ok((Choice::Auto, true));
    };
    if body.get("tools").is_none() {
        return Err(invalid("tool_choice may only be specified while providing tools."));
    }
    let parallel = choice["disable_parallel_tool_use"] != true;
    let enabled = body.get("thinking").is_some_and(|thinking| thinking["type"] == "enabled");
    let made = match choice["type"].as_str() {
        Some("auto") => Choice::Auto,
        Some("none") => Choice::None,
        Some("any" | "tool") if thinks != Reasoning::Off && enabled => {
            return Err(invalid("Thinking may not be enabled when tool_choice forces tool use."));
        }
        Some("any") => Choice::Any,
        Some("tool") => match choice["name"].as_str() {
            Some(name) if tools.iter().any(|tool| tool.name == name) => Choice::Named(name.to_owned()),
            Some(name) => return Err(invalid(format!("Tool '{name}' not found in provided tools"))),
            None => return Err(invalid("tool_choice.tool.name: Field required")),
        },
        _ => {
            return Err(invalid("tool_choice.type: Input should be 'auto', 'any', 'none' or 'tool'"));
        }
    };
    Ok((made, parallel))
}

fn format(body: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    let Some(config) = body.get("output_config").filter(|config| !config.is_null()) else { return Ok(None) };
    if let Some(effort) = config.get("effort").filter(|effort| !effort.is_null())
        && !matches!(effort.as_str(), Some("low" | "medium" | "high" | "xhigh" | "max"))
    {
        return Err(invalid(
            "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
        ));
    }
    let Some(format) = config.get("format").filter(|format| !format.is_null()) else { return Ok(None) };
    match (format["type"].as_str(), format.get("schema")) {
        (Some("json_schema"), Some(schema)) => Ok(Some(schema.clone())),
        (Some("json_schema"), None) => Err(invalid("output_config.format.schema: Field required")),
        _ => Err(invalid("output_config.format.type: Input should be 'json_schema'")),
    }
}

/// Explicit marks in system, tools and messages; the automatic one at the top level is one too.
fn cache_marks(value: &Value) -> usize {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match key.as_str() {
                "cache_control" => usize::from(!value.is_null()),
                // What a tool's schema or a call's input holds is the caller's, whatever it is named.
                "input_schema" | "input" => 0,
                _ => cache_marks(value),
            })
            .sum(),
        Value::Array(list) => list.iter().map(cache_marks).sum(),
        _ => 0,
    }
}
