//! A reply as a generated content, whole or streamed.

use serde_json::{Map, Value, json};

use super::super::answer::{Answer, Event, Frames, Framing, ordered};
use super::super::ask::{Ask, Reasoning};
use super::super::ids::Ids;
use super::super::models::reasons;
use super::super::reply::{Block, Finish, Reply, Usage};
use super::super::seal;

/// The answer to a checked request; `request` holds the model and whether SSE was asked for.
pub(super) fn answer(ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
    let maker = Maker { ask, model: &request["model"], reply, ids };
    let chunks = maker.chunks();
    if ask.stream {
        let framing = if request["sse"] == true { Framing::SseCrlf } else { Framing::Array };
        let events = chunks.into_iter().map(Event::data).collect();
        return Answer::Stream(Frames { framing, events });
    }
    Answer::Json(maker.whole())
}

struct Maker<'a> {
    ask: &'a Ask,
    model: &'a Value,
    reply: &'a Reply,
    ids: &'a Ids,
}

impl Maker<'_> {
    /// All of it in one object: adjacent texts joined, signatures on their own parts.
    fn whole(&self) -> Value {
        if self.blocked() {
            return self.chunk(&[], true, self.reply.usage.output);
        }
        let mut parts = Vec::new();
        for block in &self.reply.blocks {
            match block {
                Block::Reasoning(deltas) if self.shows_thoughts() => {
                    parts.push(json!({"text": deltas.concat(), "thought": true}));
                }
                Block::Reasoning(_) | Block::Call(_) => {}
                Block::Text(deltas) | Block::Refusal(deltas) => parts.push(json!({"text": deltas.concat()})),
            }
        }
        parts.extend(self.calls());
        match parts.last_mut() {
            // Without calls the signature sits on the last part.
            Some(last) if self.signs() && last["functionCall"].is_null() && last["thought"] != true => {
                last["thoughtSignature"] = self.signature("").into();
            }
            _ => {}
        }
        self.chunk(&parts, true, self.reply.usage.output)
    }

    /// The objects of a stream: one for each delta, all calls in one, and the last with why it ended.
    fn chunks(&self) -> Vec<String> {
        if self.blocked() {
            return vec![self.line(&[], true, 0)];
        }
        let mut chunks = Vec::new();
        let mut said = 0;
        for block in &self.reply.blocks {
            let thought = match block {
                Block::Reasoning(_) if !self.shows_thoughts() => {
                    said += block.deltas().len() as u64;
                    continue;
                }
                Block::Call(_) => continue,
                Block::Reasoning(_) => true,
                Block::Text(_) | Block::Refusal(_) => false,
            };
            for delta in block.deltas() {
                said += 1;
                let part =
                    if thought { json!({"text": delta, "thought": true}) } else { json!({"text": delta}) };
                chunks.push(self.line(&[part], false, said));
            }
        }
        let calls = self.calls();
        let total = self.reply.usage.output;
        if !calls.is_empty() {
            chunks.push(self.line(&calls, false, total));
        }
        let last = match self.signs() && self.reply.calls().next().is_none() {
            true => json!({"text": "", "thoughtSignature": self.signature("")}),
            false => json!({"text": ""}),
        };
        chunks.push(self.line(&[last], true, total));
        chunks
    }

    /// The calls, of which the first is signed.  One that the limit cut is not sent: its arguments are no object.
    fn calls(&self) -> Vec<Value> {
        let named = self.ask_takes_ids();
        let mut parts = Vec::new();
        for (place, call) in self.reply.calls().filter(|call| call.complete).enumerate() {
            let args = serde_json::from_str::<Value>(&call.arguments()).ok().filter(Value::is_object);
            let mut function = json!({"name": call.name, "args": args.unwrap_or_else(|| json!({}))});
            if named {
                function["id"] = self.ids.short("call", place).chars().take(8).collect::<String>().into();
            }
            let mut part = json!({"functionCall": function});
            if place == 0 && self.signs() {
                part["thoughtSignature"] = self.signature(&call.name).into();
            }
            parts.push(part);
        }
        parts
    }

    fn line(&self, parts: &[Value], last: bool, said: u64) -> String {
        let chunk = self.chunk(parts, last, said);
        let order = ["candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"];
        let fields: Vec<(&str, Value)> =
            order.iter().filter_map(|key| Some((*key, chunk.get(key)?.clone()))).collect();
        ordered(&fields)
    }

    fn chunk(&self, parts: &[Value], last: bool, said: u64) -> Value {
        let mut chunk = Map::new();
        if self.blocked() {
            chunk.insert("promptFeedback".into(), json!({"blockReason": "SAFETY"}));
        } else {
            let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
            if last {
                candidate["finishReason"] = self.finish().into();
            }
            chunk.insert("candidates".into(), json!([candidate]));
        }
        let usage = if last { usage(&self.reply.usage) } else { partial(&self.reply.usage, said) };
        chunk.insert("usageMetadata".into(), usage);
        chunk.insert("modelVersion".into(), self.model.clone());
        chunk.insert("responseId".into(), self.ids.short("response", 0).into());
        Value::Object(chunk)
    }

    /// A refusal without a word is a prompt that was blocked: no candidate at all.
    fn blocked(&self) -> bool {
        self.reply.finish == Finish::Refusal && self.reply.blocks.is_empty()
    }

    fn finish(&self) -> &'static str {
        match self.reply.finish {
            // Calls end like anything else.
            Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls => "STOP",
            Finish::Length => "MAX_TOKENS",
            Finish::Refusal | Finish::ContentFilter => "SAFETY",
        }
    }

    fn shows_thoughts(&self) -> bool {
        match self.ask.reasoning {
            Reasoning::Shown => true,
            // A model that reasons unasked shows it, or nobody would see that it does.
            Reasoning::Off => reasons(&self.ask.model) || self.reply.usage.reasoning > 0,
            Reasoning::Hidden => false,
        }
    }

    /// Whether the reply carries signatures: it reasoned, or the model demands them back.
    fn signs(&self) -> bool {
        self.reply.reasoning().is_some() || self.ask.model.starts_with("gemini-3")
    }

    /// Models before the third generation gave no ids to calls.
    fn ask_takes_ids(&self) -> bool {
        !["gemini-1", "gemini-2"].iter().any(|old| self.ask.model.starts_with(old))
    }

    fn signature(&self, content: &str) -> String {
        seal::make(seal::Kind::GeminiPart, self.ids.nonce(0), content)
    }
}

fn usage(usage: &Usage) -> Value {
    let mut made = json!({
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.input + usage.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    });
    if usage.reasoning > 0 {
        made["thoughtsTokenCount"] = usage.reasoning.into();
    }
    if usage.cached > 0 {
        made["cachedContentTokenCount"] = usage.cached.into();
    }
    made
}

/// What is counted after this many deltas; thoughts come first.
fn partial(whole: &Usage, said: u64) -> Value {
    let output = said.min(whole.output);
    usage(&Usage { output, reasoning: whole.reasoning.min(output), ..*whole })
}
