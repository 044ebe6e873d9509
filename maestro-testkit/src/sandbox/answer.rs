//! What a dialect answers before it becomes bytes.

use serde_json::Value;

/// An error in a provider's own words.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Headers that only this answer has.
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, body, headers: Vec::new() }
    }
}

/// The body of an answer that is not an error.
#[derive(Debug)]
pub(super) enum Answer {
    Json(Value),
    Stream(Frames),
}

/// A streamed body, event by event.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) framing: Framing,
    pub(super) events: Vec<Event>,
}

/// How events are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events with line feeds.
    Sse,
    /// The same without a content type.
    SseUntyped,
    /// Server-sent events with carriage return and line feed.
    SseCrlf,
    /// The elements of one JSON array.
    Array,
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The SSE event name, for dialects that send one.
    pub(super) name: Option<&'static str>,
    /// What follows `data:`.
    pub(super) data: String,
    /// The data is sent without `data:` and without line ends of its own.
    pub(super) bare: bool,
}

impl Event {
    pub(super) fn named(name: &'static str, data: String) -> Self {
        Self { name: Some(name), data, bare: false }
    }

    pub(super) fn data(data: String) -> Self {
        Self { name: None, data, bare: false }
    }
}

/// An object as JSON with its keys in this order: real events begin with their type, and a map of serde_json
/// would sort it to the end.
pub(super) fn ordered(fields: &[(&str, Value)]) -> String {
    let mut json = String::from("{");
    for (place, (key, value)) in fields.iter().enumerate() {
        if place > 0 {
            json.push(',');
        }
        json.push_str(&Value::from(*key).to_string());
        json.push(':');
        json.push_str(&value.to_string());
    }
    json.push('}');
    json
}
