//! A reply as a response, whole or streamed.

use serde_json::{Value, json};

use super::super::answer::{Answer, Event, Frames, Framing, ordered};
use super::super::ask::{Ask, Reasoning};
use super::super::ids::{CREATED, Ids};
use super::super::protocol::Failure;
use super::super::reply::{Block, Finish, Reply, Usage};
use super::super::seal;

/// Padding put on deltas in turn, against guessing tokens from lengths.
const OBFUSCATION: [&str; 4] = ["nKp2vQ7xL", "b4", "Zt8wYm1", "q9RfUd3sHcVe"];

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    Api,
    /// It names no content type, and its last event has no output: the items are in the events before.
    Chatgpt,
}

/// The answer to a checked request.
pub(super) fn answer(host: Host, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
    let items = items(ask, request, reply, ids);
    if ask.stream {
        let framing = match host {
            Host::Api => Framing::Sse,
            Host::Chatgpt => Framing::SseUntyped,
        };
        return Answer::Stream(Frames { framing, events: events(host, request, reply, &items, ids) });
    }
    let output = items.iter().map(|item| item.done.clone()).collect();
    Answer::Json(finished(request, reply, output, ids))
}

/// The error event, nested as it is really sent, and the failed response behind it.
pub(super) fn failure(kind: &str, message: &str, failure: &Failure<'_>, ids: &Ids) -> Vec<Event> {
    let error = json!({"type": kind, "code": kind, "message": message, "param": null});
    let mut response = response(failure.request, ids);
    response["status"] = "failed".into();
    response["error"] = json!({"code": kind, "message": message});
    let mut stream = Stream { events: Vec::new(), before: failure.sent, obfuscate: false };
    stream.push("error", vec![("error", error)]);
    stream.push("response.failed", vec![("response", response)]);
    stream.events
}

/// An output item as it is added, as it is done, and what is streamed between.
struct Item<'a> {
    added: Value,
    done: Value,
    id: String,
    block: &'a Block,
}

fn items<'a>(ask: &Ask, request: &Value, reply: &'a Reply, ids: &Ids) -> Vec<Item<'a>> {
    let include = request["include"].as_array();
    let sealed = include.is_some_and(|list| list.iter().any(|entry| entry == "reasoning.encrypted_content"));
    let last = reply.blocks.len();
    let mut items = Vec::new();
    for (place, block) in reply.blocks.iter().enumerate() {
        let cut = reply.finish == Finish::Length && place + 1 == last;
        let status = if cut { "incomplete" } else { "completed" };
        items.push(match block {
            Block::Reasoning(deltas) => {
                let id = ids.make("rs_", place);
                let text = if ask.reasoning == Reasoning::Hidden { String::new() } else { deltas.concat() };
                let seal = |nonce: usize, text: &str| match sealed {
                    true => seal::make(seal::Kind::OpenaiReasoning, ids.nonce(nonce), text).into(),
                    false => Value::Null,
                };
                let summary = match text.is_empty() {
                    true => json!([]),
                    false => json!([{"type": "summary_text", "text": text}]),
                };
                let item = |summary: Value, seal: Value| {
                    let mut item = json!({"id": id, "type": "reasoning", "summary": summary, "content": []});
                    if sealed {
                        item["encrypted_content"] = seal;
                    }
                    item
                };
                // The content on `added` differs from the one on `done`, which is the one to keep.
                Item {
                    added: item(json!([]), seal(1000 + place, "")),
                    done: item(summary, seal(place, &text)),
                    id: id.clone(),
                    block,
                }
            }
            Block::Text(_) | Block::Refusal(_) => {
                let id = ids.make("msg_", place);
                let item = |status: &str, content: Value| {
                    json!({
                        "id": id, "type": "message", "role": "assistant", "status": status,
                        "content": content,
                    })
                };
                Item {
                    added: item("in_progress", json!([])),
                    done: item(status, json!([part(block, &block.deltas().concat())])),
                    id: id.clone(),
                    block,
                }
            }
            Block::Call(call) => {
                let id = ids.make("fc_", place);
                let item = |status: &str, arguments: &str| {
                    json!({
                        "id": id, "type": "function_call", "status": status, "arguments": arguments,
                        "call_id": ids.make("call_", place), "name": call.name,
                    })
                };
                Item {
                    added: item("in_progress", ""),
                    done: item(if call.complete { "completed" } else { "incomplete" }, &call.arguments()),
                    id: id.clone(),
                    block,
                }
            }
        });
    }
    items
}

fn events(host: Host, request: &Value, reply: &Reply, items: &[Item<'_>], ids: &Ids) -> Vec<Event> {
    let obfuscate = request["stream_options"]["include_obfuscation"] != false;
    let mut stream = Stream { events: Vec::new(), before: 0, obfuscate };
    let begun = response(request, ids);
    stream.push("response.created", vec![("response", begun.clone())]);
    stream.push("response.in_progress", vec![("response", begun)]);
    for (index, item) in items.iter().enumerate() {
        let index = Value::from(index);
        let out = ("output_index", index.clone());
        stream.push("response.output_item.added", vec![out.clone(), ("item", item.added.clone())]);
        let at = [("item_id", Value::from(item.id.as_str())), out.clone()];
        match item.block {
            Block::Reasoning(deltas) => {
                if let Some(text) = item.done["summary"][0]["text"].as_str() {
                    summary(&mut stream, &at, deltas, text);
                }
            }
            Block::Text(deltas) | Block::Refusal(deltas) => {
                content(&mut stream, &at, item.block, deltas);
            }
            Block::Call(call) => {
                for delta in &call.deltas {
                    stream.delta("response.function_call_arguments.delta", &at, delta);
                }
                let mut done = at.to_vec();
                done.push(("arguments", call.arguments().into()));
                stream.push("response.function_call_arguments.done", done);
            }
        }
        stream.push("response.output_item.done", vec![out, ("item", item.done.clone())]);
    }
    let output = match host {
        Host::Api => items.iter().map(|item| item.done.clone()).collect(),
        Host::Chatgpt => Vec::new(),
    };
    let name = match reply.finish {
        Finish::Length | Finish::ContentFilter => "response.incomplete",
        _ => "response.completed",
    };
    stream.push(name, vec![("response", finished(request, reply, output, ids))]);
    stream.events
}

fn summary(stream: &mut Stream, at: &[(&'static str, Value)], deltas: &[String], text: &str) {
    let mut at = at.to_vec();
    at.push(("summary_index", 0.into()));
    let with = |key, value: Value| [at.clone(), vec![(key, value)]].concat();
    let part = |text: &str| json!({"type": "summary_text", "text": text});
    stream.push("response.reasoning_summary_part.added", with("part", part("")));
    for delta in deltas {
        stream.delta("response.reasoning_summary_text.delta", &at, delta);
    }
    stream.push("response.reasoning_summary_text.done", with("text", text.into()));
    stream.push("response.reasoning_summary_part.done", with("part", part(text)));
}

fn content(stream: &mut Stream, at: &[(&'static str, Value)], block: &Block, deltas: &[String]) {
    let refusal = matches!(block, Block::Refusal(_));
    let mut at = at.to_vec();
    at.push(("content_index", 0.into()));
    let with = |fields: Vec<(&'static str, Value)>| [at.clone(), fields].concat();
    let whole = deltas.concat();
    stream.push("response.content_part.added", with(vec![("part", part(block, ""))]));
    if refusal {
        for delta in deltas {
            stream.delta("response.refusal.delta", &at, delta);
        }
        stream.push("response.refusal.done", with(vec![("refusal", whole.as_str().into())]));
    } else {
        let at = with(vec![("logprobs", json!([]))]);
        for delta in deltas {
            stream.delta("response.output_text.delta", &at, delta);
        }
        stream.push(
            "response.output_text.done",
            with(vec![("text", whole.as_str().into()), ("logprobs", json!([]))]),
        );
    }
    stream.push("response.content_part.done", with(vec![("part", part(block, &whole))]));
}

fn part(block: &Block, text: &str) -> Value {
    match block {
        Block::Refusal(_) => json!({"type": "refusal", "refusal": text}),
        _ => json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []}),
    }
}

/// Events so far; the number of an event is its place behind those that went before.
struct Stream {
    events: Vec<Event>,
    before: usize,
    obfuscate: bool,
}

impl Stream {
    fn push(&mut self, name: &'static str, fields: Vec<(&'static str, Value)>) {
        let mut all =
            vec![("type", name.into()), ("sequence_number", (self.before + self.events.len()).into())];
        all.extend(fields);
        self.events.push(Event::named(name, ordered(&all)));
    }

    fn delta(&mut self, name: &'static str, at: &[(&'static str, Value)], delta: &str) {
        let mut fields = at.to_vec();
        fields.push(("delta", delta.into()));
        if self.obfuscate {
            fields.push(("obfuscation", OBFUSCATION[self.events.len() % OBFUSCATION.len()].into()));
        }
        self.push(name, fields);
    }
}

/// The response object with what the request said, in progress and empty.
fn response(request: &Value, ids: &Ids) -> Value {
    let or = |key: &str, default: Value| match &request[key] {
        Value::Null => default,
        value => value.clone(),
    };
    let reasoning = &request["reasoning"];
    let format = match &request["text"]["format"] {
        Value::Null => json!({"type": "text"}),
        format => format.clone(),
    };
    json!({
        "id": ids.make("resp_", 0),
        "object": "response",
        "created_at": CREATED,
        "completed_at": null,
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": request["instructions"],
        "max_output_tokens": request["max_output_tokens"],
        "max_tool_calls": request["max_tool_calls"],
        "model": or("model", "sandbox-small".into()),
        "output": [],
        "parallel_tool_calls": or("parallel_tool_calls", true.into()),
        "previous_response_id": null,
        "prompt_cache_key": request["prompt_cache_key"],
        "reasoning": {"effort": reasoning["effort"], "summary": reasoning["summary"]},
        "safety_identifier": request["safety_identifier"],
        "service_tier": "default",
        "store": or("store", true.into()),
        "temperature": or("temperature", 1.0.into()),
        "text": {"format": format, "verbosity": "medium"},
        "tool_choice": or("tool_choice", "auto".into()),
        "tools": tools(&request["tools"]),
        "top_logprobs": 0,
        "top_p": or("top_p", 1.0.into()),
        "truncation": or("truncation", "disabled".into()),
        "usage": null,
        "user": request["user"],
        "metadata": or("metadata", json!({})),
    })
}

/// The tools as the provider echoes them: strict unless the request says otherwise.
fn tools(tools: &Value) -> Value {
    let mut tools = tools.as_array().cloned().unwrap_or_default();
    for tool in tools.iter_mut().filter(|tool| tool["type"] == "function") {
        if tool["strict"].is_null() {
            tool["strict"] = true.into();
            if tool["parameters"].is_object() {
                tool["parameters"]["additionalProperties"] = false.into();
            }
        }
    }
    tools.into()
}

fn finished(request: &Value, reply: &Reply, output: Vec<Value>, ids: &Ids) -> Value {
    let mut response = response(request, ids);
    let reason = match reply.finish {
        Finish::Length => Some("max_output_tokens"),
        Finish::ContentFilter => Some("content_filter"),
        _ => None,
    };
    response["output"] = output.into();
    response["usage"] = usage(&reply.usage);
    match reason {
        Some(reason) => {
            response["status"] = "incomplete".into();
            response["incomplete_details"] = json!({"reason": reason});
        }
        None => {
            response["status"] = "completed".into();
            response["completed_at"] = (CREATED + 1).into();
        }
    }
    response
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    })
}
