//! The stream of the Responses API.
//!
//! An answer is a list of items, each announced, filled by deltas, and then told as a whole; the finished item is the
//! truth, since the terminal event of the ChatGPT host has no output. It ends with `response.completed`,
//! `response.incomplete` or `response.failed`, or with an `error` event; a body that ends before is truncated. Events
//! are told by the `type` in their JSON, since compatible servers leave out the SSE names.

mod item;
mod stream_error;
mod wire;

use compact_str::CompactString;
use maestro_core::{
    Result,
    chat::{Finish, Notice, PartEnd, RawJson, StreamEvent},
    stream::{Events, SseFrame, StreamDecoder},
};
use serde_json::Value;
use smallvec::SmallVec;

use self::{
    item::{Around, Item, Thought},
    stream_error::{PROVIDER, stream_error},
    wire::{Event, ItemFields, Response},
};
use crate::decoding::{Index, not_json, read, read_into};

/// Reads one streamed answer of the Responses API, of OpenAI itself, of the ChatGPT host, or of a compatible server.
///
/// It also reads a whole answer, or an error, that comes as plain JSON though a stream was asked for.
#[derive(Debug, Default)]
pub struct Decoder {
    begun: bool,
    response_id: Option<CompactString>,
    model: Option<CompactString>,
    /// The index of the next part.
    next: u32,
    items: SmallVec<[Item; 2]>,
    refused: bool,
}

impl Decoder {
    /// A decoder for one answer.
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    fn event(&mut self, event: &mut Event<'_>, name: Option<&str>, json: &str, out: &mut Events) {
        let delta = event.delta.take();
        let event = &*event;
        let (content, summary) =
            (event.content_index.0.unwrap_or_default(), event.summary_index.0.unwrap_or_default());
        let kind = event.kind.filled().or(name).unwrap_or_default();
        match kind {
            "response.output_text.delta" => self.with(event, false, delta, out, |item, text, around| {
                item.text(content, text, around);
            }),
            "response.function_call_arguments.delta" => {
                // Without its announcement a call has no name; then its arguments come with the finished item.
                if let (Some(at), Some(json)) = (self.find(event), delta) {
                    self.items[at].arguments(json, out);
                }
            }
            "response.reasoning_summary_text.delta" => {
                self.with(event, true, delta, out, |item, text, around| {
                    item.thought(Thought::Summary(summary), text, around);
                });
            }
            "response.reasoning_text.delta" => self.with(event, true, delta, out, |item, text, around| {
                item.thought(Thought::Raw(content), text, around);
            }),
            "response.refusal.delta" => {
                self.refused = true;
                self.with(event, false, delta, out, |item, text, around| item.refusal(content, text, around));
            }
            "response.output_text.annotation.added" => {
                let annotation = event.annotation.0;
                self.with(event, false, annotation, out, |item, json, around| {
                    item.annotation(content, json, around);
                });
            }
            "response.output_item.added" => self.item(event, false, json, out),
            "response.output_item.done" => self.item(event, true, json, out),
            "response.created" | "response.queued" | "response.in_progress" => {
                if let Some(response) = event.response.0.and_then(|response| read(response).ok()) {
                    self.begin(&response, kind == "response.created", out);
                }
            }
            "response.completed" | "response.incomplete" => self.end(event.response.0, kind, out),
            "response.failed" => self.fail(event.response.0, json, out),
            // What they say is said by the finished item too, or is nothing.
            "response.content_part.added"
            | "response.content_part.done"
            | "response.output_text.done"
            | "response.refusal.done"
            | "response.function_call_arguments.done"
            | "response.custom_tool_call_input.delta"
            | "response.custom_tool_call_input.done"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_summary_part.done"
            | "response.reasoning_summary_text.done"
            | "response.reasoning_text.done"
            | "keepalive"
            | "ping" => {}
            kind if kind == "error" || event.error.0.is_some() => {
                out.push(StreamEvent::Failed(stream_error(event.error.0.unwrap_or(json))));
            }
            kind => notice(kind, RawJson::parse(json).ok(), out),
        }
    }

    /// Gives what an event brings to its item, which is begun if its announcement was lost.
    #[inline]
    fn with<T>(
        &mut self,
        event: &Event<'_>,
        reasoning: bool,
        brought: Option<T>,
        out: &mut Events,
        give: impl FnOnce(&mut Item, T, &mut Around<'_>),
    ) {
        let Some(brought) = brought else { return };
        let found = self.find(event);
        let mut around = Around { model: self.model.as_ref(), next: &mut self.next, out };
        let at = found.unwrap_or_else(|| {
            let id = event.item_id.to_compact();
            self.items.push(Item::from_delta(event.output_index.0, id, reasoning, &mut around));
            self.items.len() - 1
        });
        give(&mut self.items[at], brought, &mut around);
    }

    /// The item that an event belongs to, which as a rule is the last one. Some proxies change the item's id with every
    /// event, some servers leave out the index: either is enough.
    #[inline]
    fn find(&self, event: &Event<'_>) -> Option<usize> {
        let open = || self.items.iter().enumerate().rev().filter(|(_, item)| !item.done);
        let id = event.item_id.filled();
        let by_id = id.and_then(|id| {
            open().find(|(_, item)| {
                item.id.as_deref() == Some(id)
                    && (event.output_index.0.is_none() || item.output_index == event.output_index.0)
            })
        });
        let by_index = || match event.output_index.0 {
            Some(index) => open().find(|(_, item)| item.output_index == Some(index)),
            None => open().next(),
        };
        by_id.or_else(by_index).map(|(at, _)| at)
    }

    /// An item is announced, or told as a whole.
    fn item(&mut self, event: &Event<'_>, whole: bool, json: &str, out: &mut Events) {
        let Some((raw, fields)) = event.item.0.and_then(|raw| Some((raw, read::<ItemFields<'_>>(raw).ok()?)))
        else {
            notice("response.output_item", RawJson::parse(json).ok(), out);
            return;
        };
        let found = whole.then(|| self.find_item(&fields, event.output_index.0)).flatten();
        let mut around = Around { model: self.model.as_ref(), next: &mut self.next, out };
        let at = found.unwrap_or_else(|| {
            self.items.push(Item::added(event.output_index.0, &fields, &mut around));
            self.items.len() - 1
        });
        if whole {
            self.refused |= fields.content.iter().any(|content| content.kind.get() == "refusal");
            self.items[at].finish(fields, raw, &mut around);
        }
    }

    fn find_item(&self, fields: &ItemFields<'_>, output_index: Option<u32>) -> Option<usize> {
        let open = || self.items.iter().enumerate().rev().filter(|(_, item)| !item.done);
        let id = fields.id.filled();
        let by_id = id.and_then(|id| open().find(|(_, item)| item.id.as_deref() == Some(id)));
        by_id.or_else(|| open().find(|(_, item)| item.output_index == output_index)).map(|(at, _)| at)
    }

    fn begin(&mut self, response: &Response<'_>, created: bool, out: &mut Events) {
        let id = response.id.to_compact();
        if self.begun {
            if !created || id == self.response_id {
                return;
            }
            // A proxy asked again, and put the second answer behind the first.
            *self = Self::default();
            out.push(StreamEvent::Restarted { reason: "the provider began its answer anew".into() });
        } else if !self.items.is_empty() {
            return;
        }
        self.begun = true;
        self.response_id = id.clone();
        self.model = response.model.to_compact();
        out.push(StreamEvent::Started { response_id: id, model: self.model.clone() });
    }

    fn end(&mut self, response: Option<&str>, kind: &str, out: &mut Events) {
        let mut response =
            response.and_then(|response| read::<Response<'_>>(response).ok()).unwrap_or_default();
        self.begin(&response, false, out);
        // The terminal event repeats what came, or on the ChatGPT host nothing. It counts only if it is all there is.
        let output = std::mem::take(&mut response.output);
        if self.items.is_empty() {
            for (index, raw) in (0..).zip(output) {
                let event = Event { output_index: Index(Some(index)), item: raw, ..Event::default() };
                self.item(&event, true, raw.0.unwrap_or_default(), out);
            }
        }
        if let Some(counts) = response.usage {
            out.push(StreamEvent::UsageSnapshot(counts.usage()));
        }
        let incomplete = kind == "response.incomplete" || response.status.get() == "incomplete";
        let reason = response.incomplete_details.reason.get();
        let calls = self.items.iter().any(Item::is_call);
        let finish = match reason {
            "max_output_tokens" => Finish::Length,
            "content_filter" => Finish::Filtered,
            "" if incomplete => Finish::Other("incomplete".into()),
            "" if self.refused => Finish::Filtered,
            "" => Finish::Stop.with_calls(calls),
            other => Finish::Other(other.into()),
        };
        let cut = !matches!(finish, Finish::Stop | Finish::ToolUse);
        for item in &mut self.items {
            item.close(if cut { PartEnd::Cut } else { PartEnd::Whole }, out);
        }
        out.push(StreamEvent::Finished { finish });
    }

    fn fail(&mut self, response: Option<&str>, json: &str, out: &mut Events) {
        let response = response.and_then(|response| read::<Response<'_>>(response).ok()).unwrap_or_default();
        if let Some(counts) = response.usage {
            out.push(StreamEvent::UsageSnapshot(counts.usage()));
        }
        let error = response.error.0.unwrap_or(json);
        out.push(StreamEvent::Failed(stream_error(error)));
    }
}

impl StreamDecoder for Decoder {
    #[inline]
    fn push(&mut self, frame: SseFrame<'_>, out: &mut Events) -> Result<()> {
        let mut event = Event::default();
        match read_into(frame.data, &mut event) {
            Ok(()) => self.event(&mut event, frame.event, frame.data, out),
            // The body was cut in the middle of the event, and that is what the end of the stream will say.
            Err(_) if frame.unterminated => {}
            Err(_) if matches!(frame.data.trim(), "" | "[DONE]") => {}
            // What begins as an object was an event, and perhaps a piece of the answer.
            Err(error) if frame.data.trim_start().starts_with('{') => {
                return Err(not_json(PROVIDER, frame.data, error));
            }
            // Proxies put their own words into the stream; the answer goes on behind them.
            Err(_) => {
                let json = RawJson::parse(frame.data);
                let json = json.unwrap_or_else(|_| RawJson::from_value(&Value::from(frame.data)));
                notice(frame.event.unwrap_or("unreadable"), Some(json), out);
            }
        }
        Ok(())
    }

    fn stray(&mut self, json: &str, out: &mut Events) -> Result<()> {
        let Ok(mut event) = read::<Event<'_>>(json) else { return Ok(()) };
        if event.object.get() == "response" && event.kind.filled().is_none() {
            let raw = Some(json);
            match read::<Response<'_>>(json).unwrap_or_default().status.get() {
                "failed" | "cancelled" => self.fail(raw, json, out),
                "queued" | "in_progress" => {}
                _ => self.end(raw, "", out),
            }
        } else if event.error.0.is_none() && event.detail.0.is_some() {
            out.push(StreamEvent::Failed(stream_error(json)));
        } else {
            self.event(&mut event, Some("stray"), json, out);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Events) -> Result<()> {
        // Only a terminal event ends an answer.
        Ok(())
    }
}

fn notice(name: &str, json: Option<RawJson>, out: &mut Events) {
    if let Some(json) = json {
        out.push(StreamEvent::Notice(Box::new(Notice { name: name.into(), json })));
    }
}
