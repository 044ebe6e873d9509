//! Fields that both APIs have, and how they are read.

use serde_json::{Map, Value};

use super::super::answer::Refusal;
use super::super::ask::{Choice, Tool};
use super::super::models::exists;
use super::super::seal;
use super::error::{invalid, missing, unknown_field, unknown_model, wrong_type, wrong_value};

/// Reasoning efforts that are known.
const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Refuses the first field that is not known.
pub(super) fn known(body: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    match body.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(unknown_field(key)),
        None => Ok(()),
    }
}

/// The model, which must exist; `status` is that of the refusal when it does not.
pub(super) fn model(body: &Map<String, Value>, status: u16) -> Result<String, Refusal> {
    match body.get("model") {
        None | Some(Value::Null) => Err(missing("model")),
        Some(Value::String(model)) if model.is_empty() => Err(missing("model")),
        Some(Value::String(model)) if exists(model) => Ok(model.clone()),
        Some(Value::String(model)) => Err(unknown_model(status, model)),
        Some(_) => Err(wrong_type("model", "a string")),
    }
}

/// A boolean, when it is there.
pub(super) fn flag(value: &Value, param: &str) -> Result<Option<bool>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        _ => Err(wrong_type(param, "a boolean")),
    }
}

/// A whole number from `least` up, when it is there.
pub(super) fn whole(value: &Value, param: &str, least: u64) -> Result<Option<u64>, Refusal> {
    match value {
        Value::Null => Ok(None),
        value => match value.as_u64() {
            Some(number) if number >= least => Ok(Some(number)),
            Some(number) => Err(below(param, &number.to_string(), least)),
            None if value.as_i64().is_some() => Err(below(param, &value.to_string(), least)),
            None => Err(wrong_type(param, "an integer")),
        },
    }
}

/// Temperature 0 to 2 and `top_p` 0 to 1; neither for models that reason.
pub(super) fn sampling(body: &Map<String, Value>, model: &str) -> Result<(), Refusal> {
    for (name, most) in [("temperature", 2.0), ("top_p", 1.0)] {
        let Some(value) = body.get(name).filter(|value| !value.is_null()) else { continue };
        let Some(number) = value.as_f64() else { return Err(wrong_type(name, "a decimal")) };
        if number > most {
            let message = format!(
                "Invalid '{name}': decimal above maximum value. Expected a value <= {most}, but got {number} instead."
            );
            return Err(invalid(message, Some(name), Some("decimal_above_max_value")));
        }
        if number < 0.0 {
            let message = format!(
                "Invalid '{name}': decimal below minimum value. Expected a value >= 0, but got {number} instead."
            );
            return Err(invalid(message, Some(name), Some("decimal_below_min_value")));
        }
        if is_reasoning_series(model) {
            let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
            return Err(invalid(message, Some(name), Some("unsupported_parameter")));
        }
    }
    Ok(())
}

/// Models that take `max_completion_tokens` and no sampling parameters.
pub(super) fn is_reasoning_series(model: &str) -> bool {
    ["o1", "o3", "o4"].iter().any(|series| model.starts_with(series))
}

/// A reasoning effort; whether it asks for any reasoning.
pub(super) fn effort(value: &Value, param: &str) -> Result<bool, Refusal> {
    match value {
        Value::Null => Ok(false),
        Value::String(effort) if EFFORTS.contains(&effort.as_str()) => Ok(effort != "none"),
        Value::String(effort) => Err(wrong_value(param, effort, &EFFORTS)),
        _ => Err(wrong_type(param, "a string")),
    }
}

/// A function: `fields` holds its name and parameters, wherever the API puts them.
pub(super) fn function(fields: &Value, at: &str) -> Result<Tool, Refusal> {
    let name = match &fields["name"] {
        Value::Null => return Err(missing(&format!("{at}.name"))),
        Value::String(name) => name,
        _ => return Err(wrong_type(&format!("{at}.name"), "a string")),
    };
    tool_name(name, &format!("{at}.name"))?;
    let schema = match &fields["parameters"] {
        Value::Null => Value::Object(Map::new()),
        schema @ Value::Object(_) => schema.clone(),
        _ => return Err(wrong_type(&format!("{at}.parameters"), "an object")),
    };
    if schema.get("type").is_some_and(|kind| kind != "object") {
        let message = format!(
            "Invalid schema for function '{name}': schema must be a JSON Schema of 'type: \"object\"', got \
             'type: {}'.",
            schema["type"]
        );
        let param = format!("{at}.parameters");
        return Err(invalid(message, Some(&param), Some("invalid_function_parameters")));
    }
    Ok(Tool { name: name.clone(), schema })
}

/// A name of up to 64 letters, digits, `_` and `-`.
pub(super) fn tool_name(name: &str, param: &str) -> Result<(), Refusal> {
    let good = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if good {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern \
         '^[a-zA-Z0-9_-]{{1,64}}$'."
    );
    Err(invalid(message, Some(param), Some("invalid_value")))
}

/// The choice as a word, or none when it is an object.
pub(super) fn choice_word(choice: &Value, tools: bool) -> Result<Option<Choice>, Refusal> {
    match choice {
        Value::Null => Ok(Some(Choice::Auto)),
        Value::String(_) | Value::Object(_) if !tools && choice != "none" && choice != "auto" => {
            Err(invalid(
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
                Some("tool_choice"),
                None,
            ))
        }
        Value::String(word) => match word.as_str() {
            "auto" => Ok(Some(Choice::Auto)),
            "none" => Ok(Some(Choice::None)),
            "required" => Ok(Some(Choice::Any)),
            other => Err(wrong_value("tool_choice", other, &["none", "auto", "required"])),
        },
        Value::Object(_) => Ok(None),
        _ => Err(wrong_type("tool_choice", "a string or an object")),
    }
}

/// A tool that is named by the choice and must be among those offered.
pub(super) fn chosen(name: &Value, tools: &[Tool]) -> Result<Choice, Refusal> {
    match name.as_str() {
        Some(name) if tools.iter().any(|tool| tool.name == name) => Ok(Choice::Named(name.to_owned())),
        Some(name) => Err(invalid(
            format!("Tool choice '{name}' not found in 'tools' parameter."),
            Some("tool_choice"),
            None,
        )),
        None => Err(missing("tool_choice.name")),
    }
}

/// An image: a data URL with base64 in it, or an address.
pub(super) fn image_url(value: &Value, param: &str) -> Result<(), Refusal> {
    let Some(url) = value.as_str() else { return Err(missing(param)) };
    let good = match url.strip_prefix("data:") {
        Some(data) => data
            .split_once(";base64,")
            .is_some_and(|(kind, data)| kind.starts_with("image/") && seal::decode(data).is_some()),
        None => url.starts_with("https://") || url.starts_with("http://"),
    };
    if good {
        return Ok(());
    }
    Err(invalid(
        format!("Invalid '{param}'. Expected a valid URL, but got a value with an invalid format."),
        Some(param),
        Some("invalid_value"),
    ))
}

fn below(param: &str, number: &str, least: u64) -> Refusal {
    invalid(
        format!(
            "Invalid '{param}': integer below minimum value. Expected a value >= {least}, but got {number} \
             instead."
        ),
        Some(param),
        Some("integer_below_min_value"),
    )
}
