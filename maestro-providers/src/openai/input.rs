//! Input items: the conversation as this API wants it, one flat list.

use std::{borrow::Cow, collections::BTreeMap};

use maestro_core::chat::{
    Action, Document, Image, Media, Message, Part, PartKind, Role, SealKind, ToolResult, ToolResultContent,
    TranslationReport,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use super::API;
use crate::json::{self, DataUrl};

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Item<'a> {
    /// The provider's own JSON, as it came, or without its id.
    Native(Cow<'a, RawValue>),
    Made(MadeItem<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum MadeItem<'a> {
    Message { role: &'static str, content: Vec<Content<'a>> },
    Reasoning { summary: Vec<SummaryText<'a>>, encrypted_content: &'a str },
    FunctionCall { call_id: &'a str, name: &'a str, arguments: &'a str },
    FunctionCallOutput { call_id: &'a str, output: Output<'a> },
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Native(&'a RawValue),
    Made(MadeContent<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum MadeContent<'a> {
    InputText {
        text: Cow<'a, str>,
    },
    OutputText {
        text: &'a str,
    },
    Refusal {
        refusal: &'a str,
    },
    InputImage {
        #[serde(flatten)]
        image: ImageSource<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
    },
    InputFile {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
        #[serde(flatten)]
        file: FileSource<'a>,
    },
}

#[derive(Serialize)]
pub(super) enum ImageSource<'a> {
    #[serde(rename = "image_url")]
    Data(DataUrl<'a>),
    #[serde(rename = "image_url")]
    Url(&'a Url),
    #[serde(rename = "file_id")]
    Id(&'a str),
}

#[derive(Serialize)]
pub(super) enum FileSource<'a> {
    #[serde(rename = "file_data")]
    Data(DataUrl<'a>),
    #[serde(rename = "file_url")]
    Url(&'a Url),
    #[serde(rename = "file_id")]
    Id(&'a str),
}

#[derive(Serialize)]
pub(super) struct SummaryText<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Output<'a> {
    Text(String),
    Parts(Vec<MadeContent<'a>>),
}

/// Whether items that the server made go back under the ids that it gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ItemIds {
    /// Yes.
    #[default]
    Kept,
    /// No, where an id would be looked up and not found.
    Dropped,
}

/// Writes the conversation as items, in order.
pub(super) fn encode<'a>(
    messages: &'a [Message],
    ids: ItemIds,
    report: &mut TranslationReport,
) -> Vec<Item<'a>> {
    let mut items = Items { ids, ..Items::default() };
    for (number, message) in messages.iter().enumerate() {
        let role = match message.role {
            Role::System => "developer",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        for (index, part) in message.parts.iter().enumerate() {
            if !items.add(role, part) {
                let reason = format!("{}: this API has no form for it", part.kind.name());
                report.note_part(number, index, Action::Dropped, reason);
            }
        }
        items.close();
    }
    items.done
}

/// The items so far, and the message that still grows.
#[derive(Default)]
struct Items<'a> {
    ids: ItemIds,
    done: Vec<Item<'a>>,
    role: &'static str,
    content: Vec<Content<'a>>,
}

impl<'a> Items<'a> {
    /// Writes a part. False when there is no form for it.
    fn add(&mut self, role: &'static str, part: &'a Part) -> bool {
        let native = match &part.kind {
            PartKind::Opaque(opaque) => (opaque.native.api == API).then_some(&opaque.native.json),
            _ => json::own_native(part, &API),
        };
        if let Some(native) = native {
            let raw = json::raw(native);
            if is_content(raw) {
                self.grow(role, Content::Native(raw));
            } else {
                self.close();
                self.done.push(Item::Native(match self.ids {
                    ItemIds::Kept => Cow::Borrowed(raw),
                    ItemIds::Dropped => without_id(raw),
                }));
            }
            return true;
        }
        if let Some(content) = content(role, part) {
            self.grow(role, Content::Made(content));
            return true;
        }
        match item(part) {
            Some(item) => {
                self.close();
                self.done.push(Item::Made(item));
                true
            }
            None => false,
        }
    }

    fn grow(&mut self, role: &'static str, content: Content<'a>) {
        self.role = role;
        self.content.push(content);
    }

    /// Ends the message that grows.
    fn close(&mut self) {
        if !self.content.is_empty() {
            let content = std::mem::take(&mut self.content);
            self.done.push(Item::Made(MadeItem::Message { role: self.role, content }));
        }
    }
}

/// An item without its id. Its other fields stay as they were written, so that no number is rounded.
fn without_id(item: &RawValue) -> Cow<'_, RawValue> {
    let fields: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(item.get()).ok();
    let shorter = fields.and_then(|mut fields| {
        fields.remove("id")?;
        serde_json::value::to_raw_value(&fields).ok()
    });
    shorter.map_or(Cow::Borrowed(item), Cow::Owned)
}

/// Whether native JSON is a piece of a message's content rather than an item of its own.
fn is_content(native: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Cow<'a, str>>,
    }
    let head: Option<Head<'_>> = serde_json::from_str(native.get()).ok();
    head.and_then(|head| head.kind).is_some_and(|kind| matches!(&*kind, "output_text" | "refusal"))
}

/// A part that belongs into a message.
fn content<'a>(role: &'static str, part: &'a Part) -> Option<MadeContent<'a>> {
    Some(match &part.kind {
        PartKind::Text(text) if role == "assistant" => MadeContent::OutputText { text: &text.text },
        PartKind::Text(text) => MadeContent::InputText { text: Cow::Borrowed(&text.text) },
        PartKind::Refusal(refusal) if role == "assistant" => MadeContent::Refusal { refusal: &refusal.text },
        PartKind::Image(image) if role != "assistant" => self::image(image),
        PartKind::Document(document) if role != "assistant" => self::document(document),
        _ => return None,
    })
}

/// A part that is an item of its own.
fn item(part: &Part) -> Option<MadeItem<'_>> {
    Some(match &part.kind {
        PartKind::Reasoning(reasoning) => {
            let seal = reasoning.seal.as_ref();
            let seal = seal.filter(|seal| seal.api == API && seal.kind == SealKind::EncryptedContent)?;
            let shown = (!reasoning.text.is_empty()).then_some(reasoning.text.as_str());
            let summary =
                shown.map(|text| SummaryText { r#type: "summary_text", text }).into_iter().collect();
            MadeItem::Reasoning { summary, encrypted_content: &seal.bytes }
        }
        PartKind::ToolCall(call) => {
            let arguments = if call.args_raw.trim().is_empty() { "{}" } else { &call.args_raw };
            MadeItem::FunctionCall { call_id: &call.call_id, name: &call.name, arguments }
        }
        PartKind::ToolResult(result) => {
            MadeItem::FunctionCallOutput { call_id: &result.call_id, output: output(result) }
        }
        _ => return None,
    })
}

/// One text where there is only text. A failure is told in words, since there is no field for it.
fn output(result: &ToolResult) -> Output<'_> {
    let failed = if result.is_error { "Error: " } else { "" };
    if result.content.iter().all(|content| matches!(content, ToolResultContent::Text { .. })) {
        return Output::Text(format!("{failed}{}", result.joined_text()));
    }
    let mut parts: Vec<_> = result
        .content
        .iter()
        .map(|content| match content {
            ToolResultContent::Text { text } => MadeContent::InputText { text: Cow::Borrowed(text) },
            ToolResultContent::Image(image) => self::image(image),
            ToolResultContent::Document(document) => self::document(document),
        })
        .collect();
    if result.is_error {
        parts.insert(0, MadeContent::InputText { text: Cow::Borrowed("Error:") });
    }
    Output::Parts(parts)
}

fn image(image: &Image) -> MadeContent<'_> {
    let source = match &image.media {
        Media::Bytes { media_type, data } => ImageSource::Data(DataUrl { media_type, data }),
        Media::Url { url, .. } => ImageSource::Url(url),
        Media::FileRef { id, .. } => ImageSource::Id(id),
    };
    MadeContent::InputImage { image: source, detail: image.detail.as_deref() }
}

fn document(document: &Document) -> MadeContent<'_> {
    let title = document.title.as_deref();
    match &document.media {
        // A file in the request must have a name.
        Media::Bytes { media_type, data } => MadeContent::InputFile {
            filename: Some(title.unwrap_or("document.pdf")),
            file: FileSource::Data(DataUrl { media_type, data }),
        },
        Media::Url { url, .. } => MadeContent::InputFile { filename: None, file: FileSource::Url(url) },
        Media::FileRef { id, .. } => MadeContent::InputFile { filename: None, file: FileSource::Id(id) },
    }
}
