//! What the input items of a request for a response have to be.

use serde_json::Value;

use super::super::answer::Refusal;
use super::super::seal;
use super::error::{invalid, missing, wrong_type, wrong_value};
use super::fields;

/// Items that are the provider's own and are kept as they are.
const OPAQUE: [&str; 22] = [
    "compaction",
    "compaction_trigger",
    "item_reference",
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "computer_call",
    "computer_call_output",
    "shell_call",
    "shell_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
];

/// What the items say.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) system: Option<String>,
    pub(super) last_user: String,
    /// The outputs at the end of the conversation.
    pub(super) tool_results: Vec<String>,
}

/// Checks all items, the pairs of calls and outputs, and what follows reasoning.
pub(super) fn conversation(items: &[Value], store: bool) -> Result<Talk, Refusal> {
    let mut talk = Talk::default();
    let mut calls: Vec<&str> = Vec::new();
    let mut outputs: Vec<&str> = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let at = format!("input[{place}]");
        let kind = match &item["type"] {
            Value::String(kind) => kind.as_str(),
            Value::Null if item.get("role").is_some() => "message",
            Value::Null => return Err(missing(&format!("{at}.type"))),
            _ => return Err(wrong_type(&format!("{at}.type"), "a string")),
        };
        let id = |name: &str| {
            item[name].as_str().filter(|id| !id.is_empty()).ok_or_else(|| missing(&format!("{at}.{name}")))
        };
        match kind {
            "message" => message(item, &at, &mut talk)?,
            "reasoning" => {
                reasoning(item, &at, store)?;
                followed(items, place)?;
            }
            "function_call" | "custom_tool_call" => {
                let name = id("name")?;
                fields::tool_name(name, &format!("{at}.name"))?;
                let text = if kind == "function_call" { "arguments" } else { "input" };
                match &item[text] {
                    Value::String(_) => {}
                    Value::Null => return Err(missing(&format!("{at}.{text}"))),
                    _ => return Err(wrong_type(&format!("{at}.{text}"), "a string")),
                }
                talk.tool_results.clear();
                calls.push(id("call_id")?);
            }
            "function_call_output" | "custom_tool_call_output" => {
                let id = id("call_id")?;
                if !calls.contains(&id) {
                    return Err(invalid(
                        format!("No tool call found for function call output with call_id {id}."),
                        Some("input"),
                        None,
                    ));
                }
                outputs.push(id);
                talk.tool_results.push(output(&item["output"], &at)?);
            }
            "item_reference" if !store => return Err(not_stored(item["id"].as_str().unwrap_or_default())),
            kind if OPAQUE.contains(&kind) => {}
            other => {
                let known = ["message", "reasoning", "function_call", "function_call_output"];
                return Err(wrong_value(&format!("{at}.type"), other, &[&known[..], &OPAQUE[..]].concat()));
            }
        }
    }
    // Results may stand apart from their calls: they are matched over the whole list.
    match calls.iter().find(|call| !outputs.contains(call)) {
        Some(call) => {
            Err(invalid(format!("No tool output found for function call {call}."), Some("input"), None))
        }
        None => Ok(talk),
    }
}

fn message(item: &Value, at: &str, talk: &mut Talk) -> Result<(), Refusal> {
    let roles = ["user", "assistant", "system", "developer"];
    let role = match item["role"].as_str() {
        Some(role) if roles.contains(&role) => role,
        Some(role) => return Err(wrong_value(&format!("{at}.role"), role, &roles)),
        None => return Err(missing(&format!("{at}.role"))),
    };
    let said = content(&item["content"], &format!("{at}.content"), role)?;
    match role {
        "user" => {
            talk.tool_results.clear();
            if !said.is_empty() {
                talk.last_user = said;
            }
        }
        "assistant" => talk.tool_results.clear(),
        _ => {
            talk.system = Some(match talk.system.take() {
                Some(before) => format!("{before}\n{said}"),
                None => said,
            });
        }
    }
    Ok(())
}

fn content(content: &Value, at: &str, role: &str) -> Result<String, Refusal> {
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts,
        Value::Null => return Err(missing(at)),
        _ => return Err(wrong_type(at, "a string or an array of parts")),
    };
    let allowed: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        _ => &["input_text", "input_image", "input_file", "input_audio"],
    };
    let mut texts = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let at = format!("{at}[{place}]");
        let kind = part["type"].as_str().unwrap_or_default();
        if !allowed.contains(&kind) {
            return Err(wrong_value(&at, kind, allowed));
        }
        match kind {
            "input_text" | "output_text" => match part["text"].as_str() {
                Some(text) => texts.push(text),
                None => return Err(missing(&format!("{at}.text"))),
            },
            "input_image" if part["file_id"].is_null() => {
                fields::image_url(&part["image_url"], &format!("{at}.image_url"))?;
            }
            "refusal" if !part["refusal"].is_string() => return Err(missing(&format!("{at}.refusal"))),
            _ => {}
        }
    }
    Ok(texts.join("\n"))
}

fn output(output: &Value, at: &str) -> Result<String, Refusal> {
    match output {
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) => content(output, &format!("{at}.output"), "user"),
        Value::Null => Err(missing(&format!("{at}.output"))),
        _ => Err(wrong_type(&format!("{at}.output"), "a string or an array of parts")),
    }
}

fn reasoning(item: &Value, at: &str, store: bool) -> Result<(), Refusal> {
    let Some(parts) = item["summary"].as_array() else { return Err(missing(&format!("{at}.summary"))) };
    let mut summary = String::new();
    for (place, part) in parts.iter().enumerate() {
        match (part["type"].as_str(), part["text"].as_str()) {
            (Some("summary_text"), Some(text)) => summary.push_str(text),
            _ => return Err(missing(&format!("{at}.summary[{place}].text"))),
        }
    }
    match item["encrypted_content"].as_str() {
        Some(sealed) if seal::verify(seal::Kind::OpenaiReasoning, sealed, &summary) => Ok(()),
        Some(sealed) => {
            let start: String = sealed.chars().take(4).collect();
            let rest: Vec<char> = sealed.chars().skip(4).collect();
            let end: String = rest[rest.len().saturating_sub(4)..].iter().collect();
            let message = format!(
                "The encrypted content {start}...{end} could not be verified. Reason: Encrypted content could \
                 not be decrypted or parsed."
            );
            Err(invalid(message, None, Some("invalid_encrypted_content")))
        }
        None if store => Ok(()),
        None => Err(not_stored(item["id"].as_str().unwrap_or_default())),
    }
}

/// Reasoning stands before the item that it led to: a message of the assistant, a call, or more reasoning.
fn followed(items: &[Value], place: usize) -> Result<(), Refusal> {
    let good = items.get(place + 1).is_some_and(|next| {
        let message = next["type"].is_null() || next["type"] == "message";
        let output = next["type"].as_str().is_some_and(|kind| kind.ends_with("_output"));
        if message { next["role"] == "assistant" } else { !output }
    });
    if good {
        return Ok(());
    }
    let id = items[place]["id"].as_str().unwrap_or_default();
    Err(invalid(
        format!("Item '{id}' of type 'reasoning' was provided without its required following item."),
        Some("input"),
        None,
    ))
}

fn not_stored(id: &str) -> Refusal {
    let message = format!(
        "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with \
         `store` set to true, or remove this item from your input."
    );
    let mut refusal = invalid(message, Some("input"), None);
    refusal.status = 404;
    refusal
}
