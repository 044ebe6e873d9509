//! One item of the output, from its announcement to its end, and the parts that it becomes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use compact_str::CompactString;
use maestro_core::{
    chat::{
        Citation, Image, Media, Native, Opaque, PartEnd, PartKind, PartStart, RawJson, Seal, SealKind,
        StreamEvent,
    },
    stream::Events,
};
use smallvec::SmallVec;

use super::{
    super::API,
    wire::{Annotation, ItemFields},
};
use crate::decoding::read;

/// An item that was announced.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) output_index: Option<u32>,
    pub(super) id: Option<CompactString>,
    pub(super) done: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Each content of the message is a part.
    Message(SmallVec<[Content; 1]>),
    Reasoning {
        part: u32,
        /// The place of the last thought, so that thoughts are kept apart by a blank line.
        wrote: Option<Thought>,
    },
    Call {
        part: Option<u32>,
        wrote: bool,
    },
    /// It becomes a part when its whole JSON is there.
    Opaque,
}

#[derive(Debug)]
struct Content {
    place: u32,
    refusal: bool,
    part: u32,
    wrote: bool,
    citations: usize,
}

/// Which thought of a reasoning item a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thought {
    Summary(u32),
    Raw(u32),
}

/// What an item needs of the answer around it.
pub(super) struct Around<'a> {
    pub(super) model: Option<&'a CompactString>,
    pub(super) next: &'a mut u32,
    pub(super) out: &'a mut Events,
}

impl Around<'_> {
    fn start(&mut self, part: PartStart) -> u32 {
        let index = *self.next;
        *self.next += 1;
        self.out.push(StreamEvent::PartStart { index, part });
        index
    }
}

impl Item {
    /// Announces an item. Its part begins as soon as it is known what it is.
    pub(super) fn added(output_index: Option<u32>, fields: &ItemFields<'_>, around: &mut Around<'_>) -> Self {
        let kind = match fields.kind.get() {
            "message" => Kind::Message(SmallVec::new()),
            "reasoning" => Kind::Reasoning { part: around.start(PartStart::Reasoning), wrote: None },
            "function_call" => Kind::Call { part: begin_call(fields, around), wrote: false },
            _ => Kind::Opaque,
        };
        Self { output_index, id: fields.id.to_compact(), done: false, kind }
    }

    /// An item of which only a delta came: a message, or a reasoning.
    pub(super) fn from_delta(
        output_index: Option<u32>,
        id: Option<CompactString>,
        reasoning: bool,
        around: &mut Around<'_>,
    ) -> Self {
        let kind = if reasoning {
            Kind::Reasoning { part: around.start(PartStart::Reasoning), wrote: None }
        } else {
            Kind::Message(SmallVec::new())
        };
        Self { output_index, id, done: false, kind }
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.kind, Kind::Call { .. })
    }

    #[inline]
    pub(super) fn text(&mut self, place: u32, text: CompactString, around: &mut Around<'_>) {
        if let Kind::Message(contents) = &mut self.kind {
            let content = content(contents, place, false, around);
            content.wrote = true;
            around.out.push(StreamEvent::TextDelta { index: content.part, text });
        }
    }

    pub(super) fn refusal(&mut self, place: u32, text: CompactString, around: &mut Around<'_>) {
        if let Kind::Message(contents) = &mut self.kind {
            let content = content(contents, place, true, around);
            content.wrote = true;
            around.out.push(StreamEvent::RefusalDelta { index: content.part, text });
        }
    }

    pub(super) fn annotation(&mut self, place: u32, json: &str, around: &mut Around<'_>) {
        if let Kind::Message(contents) = &mut self.kind {
            let content = content(contents, place, false, around);
            content.citations += 1;
            cite(content.part, json, around.out);
        }
    }

    #[inline]
    pub(super) fn thought(&mut self, thought: Thought, text: CompactString, around: &mut Around<'_>) {
        if let Kind::Reasoning { part: index, wrote } = &mut self.kind {
            let index = *index;
            if wrote.replace(thought).is_some_and(|before| before != thought) {
                around.out.push(StreamEvent::ReasoningDelta { index, text: "\n\n".into() });
            }
            around.out.push(StreamEvent::ReasoningDelta { index, text });
        }
    }

    #[inline]
    pub(super) fn arguments(&mut self, json: CompactString, out: &mut Events) {
        if let Kind::Call { part: Some(index), wrote } = &mut self.kind {
            *wrote = true;
            out.push(StreamEvent::ArgsDelta { index: *index, json });
        }
    }

    /// The item as a whole: what the deltas did not bring is added from it, and its parts end.
    pub(super) fn finish(&mut self, mut fields: ItemFields<'_>, json: &str, around: &mut Around<'_>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let cut = fields.status.get() == "incomplete";
        match &self.kind {
            Kind::Message(_) => self.finish_message(&mut fields, json, cut, around),
            Kind::Reasoning { part, wrote } => {
                let (index, wrote) = (*part, wrote.is_some());
                if !wrote {
                    for (place, mut content) in (0..).zip(fields.summary) {
                        content
                            .text
                            .take()
                            .into_iter()
                            .for_each(|text| self.thought(Thought::Summary(place), text, around));
                    }
                    for (place, mut content) in (0..).zip(fields.content) {
                        content
                            .text
                            .take()
                            .into_iter()
                            .for_each(|text| self.thought(Thought::Raw(place), text, around));
                    }
                }
                // The one of the finished item counts: the one that came with the announcement differs.
                if let Some(bytes) = fields.encrypted_content.filled() {
                    let (model, kind) = (around.model.cloned(), SealKind::EncryptedContent);
                    let seal = Seal { api: API, model, kind, bytes: bytes.to_owned() };
                    around.out.push(StreamEvent::SealSet { index, seal: Box::new(seal) });
                }
                let end = if cut { PartEnd::Cut } else { native(json) };
                around.out.push(StreamEvent::PartEnd { index, end });
            }
            Kind::Call { part, wrote } => {
                let Some(index) = part.or_else(|| begin_call(&fields, around)) else { return };
                if !wrote && let Some(json) = arguments(fields.arguments.0) {
                    around.out.push(StreamEvent::ArgsDelta { index, json });
                }
                let end = match fields.namespace.filled() {
                    _ if cut => PartEnd::Cut,
                    Some(_) => native(json),
                    None => PartEnd::Whole,
                };
                around.out.push(StreamEvent::PartEnd { index, end });
            }
            Kind::Opaque => {
                let Ok(json) = RawJson::parse(json) else { return };
                let native = Native { api: API, json };
                let (part, end) = match picture(&fields) {
                    Some(picture) => (picture, PartEnd::Native(Box::new(native))),
                    None => (PartKind::Opaque(Opaque { native }), PartEnd::Whole),
                };
                let index = around.start(PartStart::Whole(Box::new(part)));
                around.out.push(StreamEvent::PartEnd { index, end });
            }
        }
    }

    /// The answer has ended without the end of this item.
    pub(super) fn close(&mut self, end: PartEnd, out: &mut Events) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        match &self.kind {
            Kind::Message(contents) => {
                for content in contents {
                    out.push(StreamEvent::PartEnd { index: content.part, end: end.clone() });
                }
            }
            Kind::Reasoning { part: index, .. } | Kind::Call { part: Some(index), .. } => {
                out.push(StreamEvent::PartEnd { index: *index, end });
            }
            Kind::Call { part: None, .. } | Kind::Opaque => {}
        }
    }

    fn finish_message(
        &mut self,
        fields: &mut ItemFields<'_>,
        json: &str,
        cut: bool,
        around: &mut Around<'_>,
    ) {
        let whole = std::mem::take(&mut fields.content);
        let alone = whole.len() == 1;
        for (place, mut written) in (0..).zip(whole) {
            let refusal = written.kind.get() == "refusal";
            let text = if refusal { &mut written.refusal } else { &mut written.text };
            let wrote = self.content(place).is_some_and(|content| content.wrote);
            match text.take() {
                Some(text) if !wrote && refusal => self.refusal(place, text, around),
                Some(text) if !wrote => self.text(place, text, around),
                _ => {}
            }
            let known = self.content(place).map_or(0, |content| content.citations);
            for json in written.annotations.iter().filter_map(|json| json.0).skip(known) {
                self.annotation(place, json, around);
            }
        }
        let Kind::Message(contents) = &self.kind else { return };
        // What the neutral fields cannot say is in the item, which holds all contents: each part gets its own.
        let says_more = fields.phase.filled().is_some();
        for content in contents {
            let end = match says_more {
                _ if cut => PartEnd::Cut,
                true if alone => native(json),
                true => only(json, content.place),
                false => PartEnd::Whole,
            };
            around.out.push(StreamEvent::PartEnd { index: content.part, end });
        }
    }

    fn content(&self, place: u32) -> Option<&Content> {
        match &self.kind {
            Kind::Message(contents) => contents.iter().find(|content| content.place == place),
            _ => None,
        }
    }
}

/// The arguments of a call: a string, though some servers send the object itself.
fn arguments(json: Option<&str>) -> Option<CompactString> {
    let json = json?;
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).ok(),
        Some(b'{' | b'[') => Some(json.into()),
        _ => None,
    }
}

fn begin_call(fields: &ItemFields<'_>, around: &mut Around<'_>) -> Option<u32> {
    let (call_id, name) = (fields.call_id.to_compact()?, fields.name.to_compact()?);
    Some(around.start(PartStart::ToolCall { call_id, name }))
}

fn content<'c>(
    contents: &'c mut SmallVec<[Content; 1]>,
    place: u32,
    refusal: bool,
    around: &mut Around<'_>,
) -> &'c mut Content {
    let at = match contents.iter().rposition(|content| content.place == place && content.refusal == refusal) {
        Some(at) => at,
        None => {
            let part = around.start(if refusal { PartStart::Refusal } else { PartStart::Text });
            contents.push(Content { place, refusal, part, wrote: false, citations: 0 });
            contents.len() - 1
        }
    };
    &mut contents[at]
}

fn cite(index: u32, json: &str, out: &mut Events) {
    // An annotation whose fields have another form is still kept as its JSON.
    let fields = read::<Annotation<'_>>(json).unwrap_or_default();
    let Ok(native) = RawJson::parse(json) else { return };
    let title = fields.title.to_text().or_else(|| fields.filename.to_text());
    let native = Native { api: API, json: native };
    let citation = Citation { url: fields.url.to_text(), title, quote: None, native };
    out.push(StreamEvent::CitationAdded { index, citation: Box::new(citation) });
}

fn native(json: &str) -> PartEnd {
    RawJson::parse(json).map_or(PartEnd::Whole, |json| PartEnd::Native(Box::new(Native { api: API, json })))
}

/// The message item with only the content at this place, and without its id, which may be used once.
fn only(json: &str, place: u32) -> PartEnd {
    let restricted = || {
        let mut item: serde_json::Value = serde_json::from_str(json).ok()?;
        let content = item.get_mut("content")?.get_mut(usize::try_from(place).ok()?)?.take();
        let fields = item.as_object_mut()?;
        fields.remove("id");
        fields.insert("content".to_owned(), serde_json::Value::Array(vec![content]));
        Some(item.to_string())
    };
    restricted().map_or(PartEnd::Whole, |json| native(&json))
}

/// The picture that a call of the image tool made.
fn picture(fields: &ItemFields<'_>) -> Option<PartKind> {
    if fields.kind.get() != "image_generation_call" {
        return None;
    }
    let data = STANDARD.decode(fields.result.filled()?).ok()?.into();
    let format = fields.output_format.filled().unwrap_or("png");
    let media = Media::Bytes { media_type: compact_str::format_compact!("image/{format}"), data };
    Some(PartKind::Image(Image { media, detail: None, seal: None }))
}
