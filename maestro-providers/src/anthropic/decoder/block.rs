//! One content block, from its start to its end.

use std::borrow::Cow;

use compact_str::CompactString;
use maestro_core::{
    chat::{Citation, Native, Opaque, PartEnd, PartKind, PartStart, RawJson, Seal, SealKind, StreamEvent},
    stream::Events,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    super::API,
    wire::{BlockFields, CitationFields, Delta},
};
use crate::decoding::read;

/// A block that has begun.
#[derive(Debug)]
pub(super) enum Block {
    /// A text or a thought, with the index of its part.
    Plain(u32),
    /// A call of a tool of ours.
    Call(u32, Box<Call>),
    /// It becomes a part when it ends, since its JSON is not whole before.
    Opaque(Box<Held>),
}

#[derive(Debug, Default)]
pub(super) struct Call {
    /// The arguments that came with the start of the block; they count if no delta follows.
    input: Option<Box<str>>,
    /// The block's JSON, if it says more of the call than the neutral fields can.
    native: Option<Held>,
}

/// The JSON of a block as it began, and what its deltas added.
#[derive(Debug)]
pub(super) struct Held {
    json: Box<str>,
    input: String,
    /// Fields that a delta set.
    set: Vec<(&'static str, Box<str>)>,
}

impl Block {
    /// Begins a block with all that its start holds, which is everything for some types and for a whole answer.
    pub(super) fn start(
        mut fields: BlockFields<'_>,
        json: &str,
        model: Option<&CompactString>,
        next: &mut u32,
        out: &mut Events,
    ) -> Self {
        match fields.kind.get() {
            "text" => {
                let index = begin(PartStart::Text, next, out);
                if let Some(text) = fields.text.take() {
                    out.push(StreamEvent::TextDelta { index, text });
                }
                fields.citations.iter().filter_map(|json| json.0).for_each(|json| cite(index, json, out));
                Self::Plain(index)
            }
            "thinking" => {
                let index = begin(PartStart::Reasoning, next, out);
                if let Some(text) = fields.thinking.take() {
                    out.push(StreamEvent::ReasoningDelta { index, text });
                }
                seal(index, SealKind::Signature, fields.signature.get(), model, out);
                Self::Plain(index)
            }
            "redacted_thinking" => {
                let index = begin(PartStart::Reasoning, next, out);
                seal(index, SealKind::Redacted, fields.data.get(), model, out);
                Self::Plain(index)
            }
            "tool_use" => {
                let call_id = fields.id.to_compact().unwrap_or_default();
                let name = fields.name.to_compact().unwrap_or_default();
                let index = begin(PartStart::ToolCall { call_id, name }, next, out);
                let input = fields.input.0.filter(|input| !is_empty_object(input));
                let direct = fields.caller.is_none_or(|caller| caller.kind.get() == "direct");
                let native = (!direct).then(|| Held::new(json));
                Self::Call(index, Box::new(Call { input: input.map(Box::from), native }))
            }
            _ => Self::Opaque(Box::new(Held::new(json))),
        }
    }

    /// Begins a block whose start was lost, if its first delta tells what it is.
    pub(super) fn from_delta(delta: &Delta<'_>, next: &mut u32, out: &mut Events) -> Option<Self> {
        let part = match delta.kind.get() {
            "text_delta" => PartStart::Text,
            "thinking_delta" | "signature_delta" => PartStart::Reasoning,
            _ => return None,
        };
        Some(Self::Plain(begin(part, next, out)))
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self, Self::Call(..))
    }

    /// Takes a delta. False if it is of a type that means nothing here.
    #[inline]
    pub(super) fn delta(
        &mut self,
        delta: &mut Delta<'_>,
        model: Option<&CompactString>,
        out: &mut Events,
    ) -> bool {
        match (self, delta.kind.get()) {
            (Self::Plain(index), "text_delta") => {
                if let Some(text) = delta.text.take() {
                    out.push(StreamEvent::TextDelta { index: *index, text });
                }
            }
            (Self::Plain(index), "thinking_delta") => {
                if let Some(text) = delta.thinking.take() {
                    out.push(StreamEvent::ReasoningDelta { index: *index, text });
                }
            }
            (Self::Call(index, call), "input_json_delta") => {
                if let Some(json) = delta.partial_json.take() {
                    call.input = None;
                    if let Some(native) = &mut call.native {
                        native.input.push_str(&json);
                    }
                    out.push(StreamEvent::ArgsDelta { index: *index, json });
                }
            }
            (Self::Plain(index), "signature_delta") => {
                seal(*index, SealKind::Signature, delta.signature.get(), model, out);
            }
            (Self::Plain(index), "citations_delta") => {
                if let Some(citation) = delta.citation.0 {
                    cite(*index, citation, out);
                }
            }
            (Self::Opaque(held), "input_json_delta") => {
                held.input.push_str(&delta.partial_json.take().unwrap_or_default());
            }
            (Self::Opaque(held), "compaction_delta") => {
                let fields = [("content", delta.content), ("encrypted_content", delta.encrypted_content)];
                held.set.extend(fields.into_iter().filter_map(|(key, json)| Some((key, json.0?.into()))));
            }
            _ => return false,
        }
        true
    }

    /// Ends the block in this way.
    pub(super) fn end(self, end: PartEnd, next: &mut u32, out: &mut Events) {
        match self {
            Self::Plain(index) => out.push(StreamEvent::PartEnd { index, end }),
            Self::Call(index, call) => {
                let mut native = None;
                if let Some(input) = call.input {
                    out.push(StreamEvent::ArgsDelta { index, json: input.as_ref().into() });
                }
                if end == PartEnd::Whole {
                    native = call.native.and_then(|held| held.merged());
                }
                let end = native.map_or(end, |json| PartEnd::Native(Box::new(Native { api: API, json })));
                out.push(StreamEvent::PartEnd { index, end });
            }
            Self::Opaque(held) => {
                let Some(json) = held.merged() else { return };
                let opaque = Opaque { native: Native { api: API, json } };
                let index = begin(PartStart::Whole(Box::new(PartKind::Opaque(opaque))), next, out);
                out.push(StreamEvent::PartEnd { index, end });
            }
        }
    }
}

impl Held {
    fn new(json: &str) -> Self {
        Self { json: json.into(), input: String::new(), set: Vec::new() }
    }

    /// The block as it would have come in a whole answer: its own fields, in their order, with those that the deltas
    /// brought in their place. Arguments that broke off leave the field as it was.
    fn merged(&self) -> Option<RawJson> {
        let mut brought: Vec<(&str, &str)> = self.set.iter().map(|(key, json)| (*key, &**json)).collect();
        if RawJson::parse(self.input.as_str()).is_ok() {
            brought.push(("input", &self.input));
        }
        if brought.is_empty() {
            return RawJson::parse(&*self.json).ok();
        }
        let Fields(mut fields) = serde_json::from_str(&self.json).ok()?;
        for (key, json) in brought {
            match fields.iter_mut().find(|(name, _)| name == key) {
                Some((_, value)) => *value = json,
                None => fields.push((key.into(), json)),
            }
        }
        let fields =
            fields.iter().map(|(name, json)| Some(format!("{}:{json}", serde_json::to_string(name).ok()?)));
        RawJson::parse(format!("{{{}}}", fields.collect::<Option<Vec<_>>>()?.join(","))).ok()
    }
}

/// The fields of an object in their order, each value as it is written.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, json)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    fields.push((name, json.get()));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

fn begin(part: PartStart, next: &mut u32, out: &mut Events) -> u32 {
    let index = *next;
    *next += 1;
    out.push(StreamEvent::PartStart { index, part });
    index
}

/// A signature replaces what was there, it is never added to it.
fn seal(index: u32, kind: SealKind, bytes: &str, model: Option<&CompactString>, out: &mut Events) {
    if !bytes.is_empty() {
        let seal = Seal { api: API, model: model.cloned(), kind, bytes: bytes.to_owned() };
        out.push(StreamEvent::SealSet { index, seal: Box::new(seal) });
    }
}

fn cite(index: u32, json: &str, out: &mut Events) {
    // A citation whose fields have another form is still kept as its JSON.
    let fields = read::<CitationFields<'_>>(json).unwrap_or_default();
    let Ok(native) = RawJson::parse(json) else { return };
    let citation = Citation {
        url: fields.url.to_text(),
        title: fields.title.to_text().or_else(|| fields.document_title.to_text()),
        quote: fields.cited_text.to_text(),
        native: Native { api: API, json: native },
    };
    out.push(StreamEvent::CitationAdded { index, citation: Box::new(citation) });
}

fn is_empty_object(json: &str) -> bool {
    json.strip_prefix('{')
        .and_then(|json| json.strip_suffix('}'))
        .is_some_and(|inner| inner.trim().is_empty())
}
