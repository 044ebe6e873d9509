//! A reply as a chat completion, whole or streamed.

use serde_json::{Value, json};

use super::super::answer::{Answer, Event, Frames, Framing, ordered};
use super::super::ask::Ask;
use super::super::ids::{CREATED, Ids};
use super::super::reply::{Block, Finish, Reply, Usage};

/// The answer to a checked request.
pub(super) fn answer(ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
    if ask.stream {
        return Answer::Stream(Frames { framing: Framing::Sse, events: events(request, reply, ids) });
    }
    let mut message = json!({
        "role": "assistant",
        "content": content(reply),
        "refusal": reply.refusal(),
        "annotations": [],
    });
    if let Some(reasoning) = reply.reasoning() {
        message["reasoning_content"] = reasoning.into();
    }
    let calls: Vec<Value> = reply
        .calls()
        .enumerate()
        .map(|(place, call)| {
            json!({
                "id": ids.make("call_", place),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments()},
            })
        })
        .collect();
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    Answer::Json(json!({
        "id": ids.make("chatcmpl-", 0),
        "object": "chat.completion",
        "created": CREATED,
        "model": request["model"],
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": finish(reply),
        }],
        "usage": usage(&reply.usage),
        "service_tier": "default",
        "system_fingerprint": "fp_sandbox",
    }))
}

fn events(request: &Value, reply: &Reply, ids: &Ids) -> Vec<Event> {
    let include_usage = request["stream_options"]["include_usage"] == true;
    let head = [
        ("id", ids.make("chatcmpl-", 0).into()),
        ("object", "chat.completion.chunk".into()),
        ("created", CREATED.into()),
        ("model", request["model"].clone()),
        ("service_tier", "default".into()),
        ("system_fingerprint", "fp_sandbox".into()),
    ];
    let chunk = |choices: Value, usage: Option<Value>| {
        let mut fields = head.to_vec();
        fields.push(("choices", choices));
        // The key is there, and null, on all chunks of a stream that will report usage.
        if include_usage {
            fields.push(("usage", usage.unwrap_or_default()));
        }
        Event::data(ordered(&fields))
    };
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let piece = |delta: Value| chunk(choice(delta, Value::Null), None);

    let first = if content(reply).is_null() { Value::Null } else { "".into() };
    let mut events = vec![piece(json!({"role": "assistant", "content": first, "refusal": null}))];
    let mut index = 0;
    for block in &reply.blocks {
        match block {
            Block::Reasoning(deltas) => {
                events.extend(deltas.iter().map(|delta| piece(json!({"reasoning_content": delta}))));
            }
            Block::Text(deltas) => events.extend(deltas.iter().map(|delta| piece(json!({"content": delta})))),
            Block::Refusal(deltas) => {
                events.extend(deltas.iter().map(|delta| piece(json!({"refusal": delta}))));
            }
            Block::Call(call) => {
                events.push(piece(json!({"tool_calls": [{
                    "index": index,
                    "id": ids.make("call_", index),
                    "type": "function",
                    "function": {"name": call.name, "arguments": ""},
                }]})));
                events.extend(call.deltas.iter().map(|delta| {
                    piece(json!({"tool_calls": [{"index": index, "function": {"arguments": delta}}]}))
                }));
                index += 1;
            }
        }
    }
    events.push(chunk(choice(json!({}), finish(reply).into()), None));
    if include_usage {
        events.push(chunk(json!([]), Some(usage(&reply.usage))));
    }
    events.push(Event::data("[DONE]".to_owned()));
    events
}

/// The text, or null when there is none.
fn content(reply: &Reply) -> Value {
    let text = reply.text();
    if text.is_empty() { Value::Null } else { text.into() }
}

fn finish(reply: &Reply) -> &'static str {
    match reply.finish {
        // A refusal ends like any other answer here.
        Finish::Stop | Finish::StopSequence(_) | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}
