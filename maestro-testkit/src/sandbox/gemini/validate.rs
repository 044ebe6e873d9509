//! What `:generateContent` and `:countTokens` demand of a body.

use serde_json::{Value, json};

use super::super::answer::Refusal;
use super::super::ask::{Ask, Choice, Reasoning, Tool, count};
use super::content;
use super::error::invalid;
use super::known::{self, get};

/// Checks a request to generate.
pub(super) fn generate(request: &Value, model: &str) -> Result<Ask, Refusal> {
    known::request(request)?;
    let contents = contents(request)?;
    let strict = model.starts_with("gemini-3");
    let system = system(get(request, "systemInstruction"))?;
    let tools = tools(request)?;
    let (choice, tools) = choice(request, tools)?;
    let talk = content::conversation(contents, strict)?;
    let generation = get(request, "generationConfig");
    let limit = match get(generation, "maxOutputTokens") {
        Value::Null => None,
        value => Some(value.as_u64().filter(|limit| *limit > 0).ok_or_else(|| {
            invalid("* GenerateContentRequest.generation_config.max_output_tokens: must be positive")
        })?),
    };
    sampling(generation)?;
    Ok(Ask {
        model: model.to_owned(),
        system,
        last_user: talk.last_user,
        tool_results: talk.tool_results,
        tools,
        choice,
        parallel: true,
        reasoning: thinking(get(generation, "thinkingConfig"))?,
        format: format(generation)?,
        limit,
        stops: stops(generation)?,
        stream: false,
        input_tokens: count(&[
            get(request, "contents"),
            get(request, "systemInstruction"),
            get(request, "tools"),
        ]),
    })
}

/// Checks a request to count tokens, which holds contents or a whole request to generate.
pub(super) fn count_tokens(request: &Value, model: &str) -> Result<(), Refusal> {
    known::count(request)?;
    let inner = get(request, "generateContentRequest");
    if inner.is_null() {
        content::conversation(contents(request)?, model.starts_with("gemini-3")).map(drop)
    } else {
        generate(inner, model).map(drop)
    }
}

fn contents(request: &Value) -> Result<&[Value], Refusal> {
    match get(request, "contents") {
        Value::Array(list) if !list.is_empty() => Ok(list),
        one @ Value::Object(_) => Ok(std::slice::from_ref(one)),
        _ => Err(invalid("* GenerateContentRequest.contents: contents is not specified\n")),
    }
}

fn system(system: &Value) -> Result<Option<String>, Refusal> {
    if system.is_null() {
        return Ok(None);
    }
    let parts = match &system["parts"] {
        Value::Array(parts) => parts.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    };
    let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
    if texts.iter().all(|text| text.is_empty()) {
        return Err(invalid("* GenerateContentRequest.system_instruction.parts: must have a text"));
    }
    Ok(Some(texts.join("\n")))
}

fn tools(request: &Value) -> Result<Vec<Tool>, Refusal> {
    let list = get(request, "tools");
    let list = list.as_array().map_or_else(|| std::slice::from_ref(list), Vec::as_slice);
    let mut tools: Vec<Tool> = Vec::new();
    for (place, tool) in list.iter().enumerate() {
        for (number, declared) in
            get(tool, "functionDeclarations").as_array().into_iter().flatten().enumerate()
        {
            let at = format!("tools[{place}].function_declarations[{number}]");
            let name = declared["name"].as_str().unwrap_or_default();
            if !is_name(name) {
                return Err(invalid(format!(
                    "* GenerateContentRequest.{at}.name: Invalid function name. Must start with a letter or an \
                     underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), \
                     or dashes (-), with a maximum length of 128."
                )));
            }
            if tools.iter().any(|other| other.name == name) {
                return Err(invalid(format!("Duplicate function declaration found: {name}")));
            }
            let (plain, json_schema) = (&declared["parameters"], get(declared, "parametersJsonSchema"));
            if !plain.is_null() && !json_schema.is_null() {
                return Err(invalid(format!(
                    "* GenerateContentRequest.{at}: parameters and parameters_json_schema are both set"
                )));
            }
            let schema = match (plain.is_null(), json_schema.is_null()) {
                (false, _) => plain.clone(),
                (_, false) => json_schema.clone(),
                _ => json!({"type": "object"}),
            };
            tools.push(Tool { name: name.to_owned(), schema });
        }
    }
    if tools.len() > 512 {
        return Err(invalid("* GenerateContentRequest.tools: at most 512 function declarations are allowed"));
    }
    Ok(tools)
}

fn is_name(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && name.len() <= 128 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c))
}

/// The choice, and the tools it leaves to choose from.
fn choice(request: &Value, tools: Vec<Tool>) -> Result<(Choice, Vec<Tool>), Refusal> {
    let config = get(get(request, "toolConfig"), "functionCallingConfig");
    let names: Vec<&str> = get(config, "allowedFunctionNames")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mode = config["mode"].as_str().unwrap_or("AUTO");
    if !names.is_empty() && !matches!(mode, "ANY" | "VALIDATED") {
        return Err(invalid(
            "allowed_function_names should be set only when the function calling mode is ANY or VALIDATED.",
        ));
    }
    if let Some(name) = names.iter().find(|name| !tools.iter().any(|tool| tool.name == **name)) {
        return Err(invalid(format!(
            "allowed_function_names contains a function that is not declared: {name}"
        )));
    }
    let choice = match mode {
        "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" => Choice::Auto,
        "ANY" => Choice::Any,
        "NONE" => Choice::None,
        other => {
            return Err(invalid(format!(
                "Invalid value at 'tool_config.function_calling_config.mode', \"{other}\""
            )));
        }
    };
    let tools =
        tools.into_iter().filter(|tool| names.is_empty() || names.contains(&tool.name.as_str())).collect();
    Ok((choice, tools))
}

fn sampling(generation: &Value) -> Result<(), Refusal> {
    for (name, most) in [("temperature", 2.0), ("topP", 1.0)] {
        let value = get(generation, name);
        if !value.is_null() && !value.as_f64().is_some_and(|number| (0.0..=most).contains(&number)) {
            return Err(invalid(format!(
                "* GenerateContentRequest.generation_config.{}: must be in the range [0.0, {most:.1}].",
                if name == "topP" { "top_p" } else { name }
            )));
        }
    }
    Ok(())
}

fn thinking(config: &Value) -> Result<Reasoning, Refusal> {
    let (budget, level) = (get(config, "thinkingBudget"), get(config, "thinkingLevel"));
    if !budget.is_null() && !level.is_null() {
        return Err(invalid("You can only set one of thinking budget and thinking level."));
    }
    if !budget.is_null() && budget.as_i64().is_none_or(|budget| budget < -1) {
        return Err(invalid("The thinking budget is out of range."));
    }
    if let Some(level) = level.as_str()
        && !["MINIMAL", "LOW", "MEDIUM", "HIGH"].contains(&level.to_ascii_uppercase().as_str())
    {
        return Err(invalid(format!(
            "Invalid value at 'generation_config.thinking_config.thinking_level', \"{level}\""
        )));
    }
    if config.is_null() || *budget == 0 {
        return Ok(Reasoning::Off);
    }
    Ok(if get(config, "includeThoughts") == true { Reasoning::Shown } else { Reasoning::Hidden })
}

fn stops(generation: &Value) -> Result<Vec<String>, Refusal> {
    let list = match get(generation, "stopSequences") {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.len() <= 5 => list,
        _ => {
            return Err(invalid(
                "* GenerateContentRequest.generation_config.stop_sequences: at most 5 stop sequences are allowed",
            ));
        }
    };
    Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn format(generation: &Value) -> Result<Option<Value>, Refusal> {
    let (schema, json_schema) = (get(generation, "responseSchema"), get(generation, "responseJsonSchema"));
    let json = get(generation, "responseMimeType") == "application/json";
    let given = if schema.is_null() { json_schema } else { schema };
    if !given.is_null() && !json {
        return Err(invalid(
            "Response schema is only supported when the response mime type is application/json.",
        ));
    }
    match (json, given) {
        (false, _) => Ok(None),
        (true, Value::Null) => Ok(Some(json!({"type": "object"}))),
        (true, schema) => Ok(Some(schema.clone())),
    }
}
