//! What a request asks for, in words that are no provider's.

use serde_json::Value;

/// A request, after its dialect has found nothing wrong with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    pub(super) model: String,
    pub(super) system: Option<String>,
    /// The text of the last user message that has any.
    pub(super) last_user: String,
    /// What the tools answered, when the conversation ends with that.
    pub(super) tool_results: Vec<String>,
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Choice,
    /// Whether several tools may be called at once.
    pub(super) parallel: bool,
    pub(super) reasoning: Reasoning,
    /// The schema an answer in JSON has to fit.
    pub(super) format: Option<Value>,
    /// Most output tokens; a token is a delta.
    pub(super) limit: Option<u64>,
    pub(super) stops: Vec<String>,
    pub(super) stream: bool,
    pub(super) input_tokens: u64,
}

/// A tool the request offers.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) schema: Value,
}

/// Whether tools are to be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Choice {
    #[default]
    Auto,
    None,
    Any,
    Named(String),
}

/// Whether reasoning is asked for, and shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Reasoning {
    #[default]
    Off,
    /// It happens, and only its seal is sent.
    Hidden,
    Shown,
}

/// Tokens of a request: a quarter of the bytes of everything in it that is said or offered, at least one.
pub(super) fn count(parts: &[&Value]) -> u64 {
    fn bytes(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(bytes).sum(),
            Value::Object(map) => map.iter().map(|(key, value)| key.len() / 2 + bytes(value)).sum(),
            Value::Null => 0,
            Value::Bool(_) | Value::Number(_) => 4,
        }
    }
    let total: usize = parts.iter().map(|part| bytes(part)).sum();
    u64::try_from(total.div_ceil(4)).unwrap_or(u64::MAX).max(1)
}
