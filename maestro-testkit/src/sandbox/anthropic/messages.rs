//! A reply as a message, whole or streamed.

use serde_json::{Value, json};

use super::super::answer::{Answer, Event, Frames, Framing, ordered};
use super::super::ask::{Ask, Reasoning};
use super::super::ids::Ids;
use super::super::reply::{Block, Finish, Reply, Usage};
use super::super::seal;

/// Spaces put before the last brace, in turn: the provider pads its events by a random number.
const PADDING: [usize; 5] = [0, 6, 2, 11, 4];

/// The answer to a checked request.
pub(super) fn answer(ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
    let model = request["model"].clone();
    let blocks = blocks(ask, reply, ids);
    if ask.stream {
        return Answer::Stream(Frames { framing: Framing::Sse, events: events(&model, &blocks, reply, ids) });
    }
    let content: Vec<Value> = blocks.iter().filter_map(Piece::whole).collect();
    let mut message = message(&model, &content, reply, ids);
    message["stop_reason"] = stop_reason(reply).into();
    message["stop_sequence"] = stop_sequence(reply);
    message["stop_details"] = stop_details(reply);
    message["usage"] = usage(&reply.usage, reply.usage.output);
    Answer::Json(message)
}

/// A content block as it begins, its deltas, and its signature.
struct Piece {
    start: Value,
    /// Type of the deltas, key in them, and the pieces.
    deltas: (&'static str, &'static str, Vec<String>),
    signature: Option<String>,
    complete: bool,
}

impl Piece {
    /// The block as a whole; none for a tool call that was cut, whose input is no object.
    fn whole(&self) -> Option<Value> {
        let mut block = self.start.clone();
        let all = self.deltas.2.concat();
        match self.deltas.0 {
            "input_json_delta" => {
                block["input"] = serde_json::from_str(&all).ok().filter(Value::is_object)?;
            }

            _ => block[self.deltas.1] = all.into(),
        }
        if let Some(signature) = &self.signature {
            block["signature"] = signature.as_str().into();
        }
        Some(block)
    }
}

fn blocks(ask: &Ask, reply: &Reply, ids: &Ids) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (place, block) in reply.blocks.iter().enumerate() {
        pieces.push(match block {
            Block::Reasoning(deltas) => {
                let shown = ask.reasoning != Reasoning::Hidden;
                let deltas = if shown { deltas.clone() } else { Vec::new() };
                let signature = seal::make(seal::Kind::AnthropicThinking, ids.nonce(place), &deltas.concat());
                Piece {
                    start: json!({"type": "thinking", "thinking": "", "signature": ""}),
                    deltas: ("thinking_delta", "thinking", deltas),
                    signature: Some(signature),
                    complete: true,
                }
            }
            // Anthropic has no refusal part: a refusal is text, if anything, and a stop reason.
            Block::Text(deltas) | Block::Refusal(deltas) => Piece {
                start: json!({"type": "text", "text": ""}),
                deltas: ("text_delta", "text", deltas.clone()),
                signature: None,
                complete: true,
            },
            Block::Call(call) => Piece {
                start: json!({
                    "type": "tool_use",
                    "id": ids.make("toolu_", place),
                    "name": call.name,
                    "caller": {"type": "direct"},
                    "input": {},
                }),
                deltas: ("input_json_delta", "partial_json", call.deltas.clone()),
                signature: None,
                complete: call.complete,
            },
        });
    }
    pieces
}

fn events(model: &Value, blocks: &[Piece], reply: &Reply, ids: &Ids) -> Vec<Event> {
    let mut stream = Stream { events: Vec::new() };
    let mut start = message(model, &[], reply, ids);
    start["usage"] = usage(&reply.usage, reply.usage.output.min(1));
    stream.push("message_start", &[("message", start)]);
    let mut pinged = false;
    for (index, piece) in blocks.iter().enumerate() {
        let index = ("index", Value::from(index));
        stream.push("content_block_start", &[index.clone(), ("content_block", piece.start.clone())]);
        if !pinged {
            // With a space and unpadded, as the provider writes it.
            stream.events.push(Event::named("ping", r#"{"type": "ping"}"#.to_owned()));
            pinged = true;
        }
        let (kind, key, deltas) = &piece.deltas;
        let mut delta = |kind: &str, key: &str, value: &str| {
            let json = ordered(&[("type", kind.into()), (key, value.into())]);
            stream.delta(&index.1, &json);
        };
        if *kind == "input_json_delta" {
            delta(kind, key, "");
            // `{}` is sent as nothing at all: an empty string at the end means it.
            if deltas.concat() != "{}" {
                deltas.iter().for_each(|piece| delta(kind, key, piece));
            }
        } else {
            deltas.iter().for_each(|piece| delta(kind, key, piece));
        }
        if let Some(signature) = &piece.signature {
            delta("signature_delta", "signature", signature);
        }
        // The provider never closes the block of a call that the limit cut.
        if piece.complete {
            stream.push("content_block_stop", &[index]);
        }
    }
    if !pinged {
        stream.events.push(Event::named("ping", r#"{"type": "ping"}"#.to_owned()));
    }
    let delta = json!({
        "stop_reason": stop_reason(reply),
        "stop_sequence": stop_sequence(reply),
        "stop_details": stop_details(reply),
    });
    let mut last = usage(&reply.usage, reply.usage.output);
    if let Some(usage) = last.as_object_mut() {
        usage.retain(|key, _| !matches!(key.as_str(), "cache_creation" | "service_tier" | "inference_geo"));
    }
    stream.push("message_delta", &[("delta", delta), ("usage", last)]);
    stream.push("message_stop", &[]);
    stream.events
}

/// Events so far.
struct Stream {
    events: Vec<Event>,
}

impl Stream {
    fn push(&mut self, name: &'static str, fields: &[(&str, Value)]) {
        let mut all = vec![("type", Value::from(name))];
        all.extend_from_slice(fields);
        let json = ordered(&all);
        self.padded(name, json);
    }

    fn delta(&mut self, index: &Value, delta: &str) {
        let json = format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#);
        self.padded("content_block_delta", json);
    }

    fn padded(&mut self, name: &'static str, mut json: String) {
        json.pop();
        json.push_str(&" ".repeat(PADDING[self.events.len() % PADDING.len()]));
        json.push('}');
        self.events.push(Event::named(name, json));
    }
}

fn message(model: &Value, content: &[Value], reply: &Reply, ids: &Ids) -> Value {
    json!({
        "id": ids.make("msg_", 0),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": null,
        "stop_sequence": null,
        "stop_details": null,
        "usage": usage(&reply.usage, 0),
    })
}

fn usage(usage: &Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input.saturating_sub(usage.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning.min(output)},
        "service_tier": "standard",
        "inference_geo": "not_available",
    })
}

fn stop_reason(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Stop => "end_turn",
        Finish::StopSequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::Refusal | Finish::ContentFilter => "refusal",
    }
}

fn stop_sequence(reply: &Reply) -> Value {
    match &reply.finish {
        Finish::StopSequence(stop) => stop.as_str().into(),
        _ => Value::Null,
    }
}

fn stop_details(reply: &Reply) -> Value {
    match reply.finish {
        Finish::Refusal | Finish::ContentFilter => json!({
            "type": "refusal",
            "category": null,
            "explanation": "A scenario of the sandbox asked for this refusal.",
        }),
        _ => Value::Null,
    }
}
