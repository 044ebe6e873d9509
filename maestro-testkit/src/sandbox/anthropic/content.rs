//! What the messages of a conversation with Anthropic have to be.

use serde_json::Value;

use super::super::answer::Refusal;
use super::super::seal;
use super::error::invalid;

/// What a conversation says.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) last_user: String,
    /// The results that the last message brings, empty when it brings none.
    pub(super) tool_results: Vec<String>,
}

/// Block types that are the provider's own business and are kept as they are.
const OPAQUE: [&str; 10] = [
    "server_tool_use",
    "mcp_tool_use",
    "mcp_tool_result",
    "container_upload",
    "compaction",
    "fallback",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
];

/// Checks all messages and reads what they say.
pub(super) fn conversation(messages: &[Value]) -> Result<Talk, Refusal> {
    if messages.is_empty() {
        return Err(invalid("messages: at least one message is required"));
    }
    let mut talk = Talk::default();
    // Ids of the calls of the message before, which this one has to answer.
    let mut open: Vec<String> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let at = format!("messages.{place}");
        if let Some(fields) = message.as_object()
            && let Some(key) = fields.keys().find(|key| !matches!(key.as_str(), "role" | "content"))
        {
            return Err(invalid(format!("{at}.{key}: Extra inputs are not permitted")));
        }
        let role = match message["role"].as_str() {
            Some(role @ ("user" | "assistant")) => role,
            Some("system") => {
                return Err(invalid(
                    "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` \
                     parameter, not \"system\" as an input message role.",
                ));
            }
            _ => return Err(invalid(format!("{at}.role: Input should be 'user' or 'assistant'"))),
        };
        if place == 0 && role != "user" {
            return Err(invalid("messages: first message must use the \"user\" role"));
        }
        let last = place + 1 == messages.len();
        let said = match &message["content"] {
            Value::String(text) => string_content(text, &at, role, last)?,
            Value::Array(blocks) => blocks_content(blocks, &at, role, last)?,
            _ => {
                return Err(invalid(format!(
                    "{at}.content: Input should be a valid string or a list of blocks"
                )));
            }
        };
        pair(&open, &said, &at, place)?;
        open = said.calls;
        if role == "user" {
            if !said.text.is_empty() {
                talk.last_user = said.text;
            }
            talk.tool_results = said.results.into_iter().map(|(_, text)| text).collect();
        } else {
            talk.tool_results.clear();
        }
        if last && role == "assistant" && said.ends_in_space {
            return Err(invalid("messages: final assistant content cannot end with trailing whitespace"));
        }
    }
    if !open.is_empty() {
        return Err(unanswered(messages.len() - 1, &open));
    }
    Ok(talk)
}

/// The text of a text block, which must have some.
pub(super) fn text_of(block: &Value, at: &str, owner: &str) -> Result<String, Refusal> {
    match block["text"].as_str() {
        None => Err(invalid(format!("{at}.text: Field required"))),
        Some("") => Err(invalid(format!("{owner}: text content blocks must be non-empty"))),
        Some(text) if text.trim().is_empty() => {
            Err(invalid(format!("{owner}: text content blocks must contain non-whitespace text")))
        }
        Some(text) => Ok(text.to_owned()),
    }
}

/// Whether a name is made of letters, digits, `_` and `-`, and is no longer than this.
pub(super) fn is_name(name: &str, most: usize) -> bool {
    (1..=most).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// What one message says.
#[derive(Debug, Default)]
struct Said {
    text: String,
    calls: Vec<String>,
    results: Vec<(String, String)>,
    /// How many results stand before anything else.
    leading: usize,
    ends_in_space: bool,
}

fn string_content(text: &str, at: &str, role: &str, last: bool) -> Result<Said, Refusal> {
    if text.is_empty() && !(last && role == "assistant") {
        return Err(invalid(format!(
            "{at}: all messages must have non-empty content except for the optional final assistant message"
        )));
    }
    Ok(Said { text: text.to_owned(), ends_in_space: text.ends_with(char::is_whitespace), ..Said::default() })
}

fn blocks_content(blocks: &[Value], at: &str, role: &str, last: bool) -> Result<Said, Refusal> {
    if blocks.is_empty() && !(last && role == "assistant") {
        return Err(invalid(format!(
            "{at}: all messages must have non-empty content except for the optional final assistant message"
        )));
    }
    let mut said = Said::default();
    let mut texts = Vec::new();
    for (place, block) in blocks.iter().enumerate() {
        let at = format!("{at}.content.{place}");
        let Some(kind) = block["type"].as_str() else {
            return Err(invalid(format!("{at}.type: Field required")));
        };
        let allowed = match kind {
            "text" => true,
            "image" | "document" | "tool_result" | "search_result" => role == "user",
            "tool_use" | "thinking" | "redacted_thinking" => role == "assistant",
            kind if OPAQUE.contains(&kind) => true,
            _ => {
                return Err(invalid(format!(
                    "{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
                )));
            }
        };
        if !allowed {
            return Err(invalid(format!("{at}: `{kind}` blocks are not allowed in `{role}` messages")));
        }
        if kind != "tool_result" && kind != "text" && block.get("thinking").is_none() {
            said.ends_in_space = false;
        }
        match kind {
            "text" => {
                let text = text_of(block, &at, "messages")?;
                said.ends_in_space = text.ends_with(char::is_whitespace);
                texts.push(text);
            }
            "image" | "document" => source(block, kind, &at)?,
            "tool_use" => said.calls.push(tool_use(block, &at)?),
            "tool_result" => {
                if said.leading == place {
                    said.leading += 1;
                }
                said.results.push(tool_result(block, &at)?);
            }
            "thinking" => thinking(block, &at)?,
            "redacted_thinking" if block["data"].as_str().is_none_or(str::is_empty) => {
                return Err(invalid(format!("{at}.redacted_thinking.data: Field required")));
            }
            _ => {}
        }
    }
    said.text = texts.join("\n");
    Ok(said)
}

fn source(block: &Value, kind: &str, at: &str) -> Result<(), Refusal> {
    let source = &block["source"];
    let wanted: &[&str] = match source["type"].as_str() {
        Some("base64") => &["media_type", "data"],
        Some("url") => &["url"],
        Some("file") => &["file_id"],
        Some("text") if kind == "document" => &["media_type", "data"],
        Some("content") if kind == "document" => return Ok(()),
        _ => {
            return Err(invalid(format!(
                "{at}.{kind}.source: Input tag found using 'type' does not match any of the expected tags"
            )));
        }
    };
    if let Some(name) = wanted.iter().find(|name| source[**name].as_str().is_none_or(str::is_empty)) {
        return Err(invalid(format!("{at}.{kind}.source.{name}: Field required")));
    }
    if source["type"] == "base64" {
        if kind == "image"
            && !matches!(
                source["media_type"].as_str(),
                Some("image/jpeg" | "image/png" | "image/gif" | "image/webp")
            )
        {
            return Err(invalid(format!(
                "{at}.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' \
                 or 'image/webp'"
            )));
        }
        if source["data"].as_str().and_then(seal::decode).is_none() {
            return Err(invalid(format!("{at}.{kind}.source.base64: invalid base64 data")));
        }
    }
    Ok(())
}

fn tool_use(block: &Value, at: &str) -> Result<String, Refusal> {
    let Some(id) = block["id"].as_str() else {
        return Err(invalid(format!("{at}.tool_use.id: Field required")));
    };
    if !is_name(id, usize::MAX) {
        return Err(invalid(format!("{at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")));
    }
    if !block["name"].as_str().is_some_and(|name| is_name(name, 200)) {
        return Err(invalid(format!(
            "{at}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'"
        )));
    }
    if !block["input"].is_object() {
        return Err(invalid(format!("{at}.tool_use.input: Input should be a valid dictionary")));
    }
    Ok(id.to_owned())
}

fn tool_result(block: &Value, at: &str) -> Result<(String, String), Refusal> {
    let Some(id) = block["tool_use_id"].as_str() else {
        return Err(invalid(format!("{at}.tool_result.tool_use_id: Field required")));
    };
    let text = match &block["content"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let mut texts = Vec::new();
            for (place, part) in parts.iter().enumerate() {
                let at = format!("{at}.tool_result.content.{place}");
                match part["type"].as_str() {
                    Some("text") => texts.push(text_of(part, &at, "messages")?),
                    Some(kind @ ("image" | "document")) => source(part, kind, &at)?,
                    Some("search_result" | "tool_reference") => {}
                    _ => {
                        return Err(invalid(format!(
                            "{at}: Input tag found using 'type' does not match any of the expected tags"
                        )));
                    }
                }
            }
            texts.join("\n")
        }
        _ => {
            return Err(invalid(format!(
                "{at}.tool_result.content: Input should be a valid string or a list"
            )));
        }
    };
    Ok((id.to_owned(), text))
}

fn thinking(block: &Value, at: &str) -> Result<(), Refusal> {
    let Some(thought) = block["thinking"].as_str() else {
        return Err(invalid(format!("{at}.thinking.thinking: Field required")));
    };
    let Some(signature) = block["signature"].as_str() else {
        return Err(invalid(format!("{at}.thinking.signature: Field required")));
    };
    if !seal::verify(seal::Kind::AnthropicThinking, signature, thought) {
        return Err(invalid(format!("{at}: Invalid `signature` in `thinking` block")));
    }
    Ok(())
}

/// Each call is answered by the next message, at its beginning, and nothing else is answered.
fn pair(open: &[String], said: &Said, at: &str, place: usize) -> Result<(), Refusal> {
    let answered = |id: &String| said.results.iter().any(|(result, _)| result == id);
    let missing: Vec<String> = open.iter().filter(|id| !answered(id)).cloned().collect();
    if !missing.is_empty() {
        return Err(unanswered(place - 1, &missing));
    }
    for (number, (id, _)) in said.results.iter().enumerate() {
        if !open.contains(id) {
            return Err(invalid(format!(
                "{at}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )));
        }
        if said.results[..number].iter().any(|(other, _)| other == id) {
            return Err(invalid(format!(
                "{at}.content.{number}: each tool_use must have a single result. Found multiple \
                 `tool_result` blocks with id: {id}"
            )));
        }
    }
    if said.leading < said.results.len() {
        let late = said.results.len() - said.leading;
        return Err(invalid(format!(
            "{at}: Did not find {late} `tool_result` block(s) at the beginning of this message. Messages \
             following `tool_use` blocks must begin with a matching number of `tool_result` blocks."
        )));
    }
    Ok(())
}

fn unanswered(place: usize, ids: &[String]) -> Refusal {
    invalid(format!(
        "messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
         `tool_use` block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    ))
}
