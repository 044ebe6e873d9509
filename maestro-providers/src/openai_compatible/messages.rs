//! Messages. Content is a plain text wherever there is only text, since that is what every server understands.

use std::borrow::Cow;

use maestro_core::chat::{
    Action, Audio, ChatRequest, Document, Image, Media, Message, Part, PartKind, Role, ToolCall, ToolResult,
    TranslationReport,
};
use serde::Serialize;
use serde_json::value::RawValue;
use url::Url;

use super::API;
use crate::json::{self, Base64, DataUrl};

#[derive(Serialize)]
pub(super) struct Entry<'a> {
    role: &'static str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    /// `null`, beside calls.
    Nothing,
    Text(Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Piece<'a> {
    Native(&'a RawValue),
    Made(MadePiece<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum MadePiece<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
    File { file: File<'a> },
    InputAudio { input_audio: InputAudio<'a> },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Address<'a> {
    Url(&'a Url),
    Data(DataUrl<'a>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum File<'a> {
    Data { filename: &'a str, file_data: DataUrl<'a> },
    Id { file_id: &'a str },
}

#[derive(Serialize)]
struct InputAudio<'a> {
    data: Base64<'a>,
    format: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Call<'a> {
    Native(&'a RawValue),
    Made { id: &'a str, r#type: &'static str, function: Function<'a> },
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// Writes the conversation. All instructions that stand before it become one message: some servers take only one.
pub(super) fn encode<'a>(request: &'a ChatRequest, report: &mut TranslationReport) -> Vec<Entry<'a>> {
    let is_system = |message: &&Message| message.role == Role::System;
    let leading = request.messages.iter().take_while(is_system).count();
    let (first, rest) = request.messages.split_at(leading);
    let mut system: Vec<Cow<'a, str>> = request.system.iter().map(|text| Cow::Borrowed(&**text)).collect();
    system.extend(first.iter().map(|message| Cow::Owned(message.text())));
    system.retain(|text| !text.trim().is_empty());

    let mut entries = Vec::with_capacity(rest.len() + 1);
    if !system.is_empty() {
        entries.push(Entry::text("system", Cow::Owned(system.join("\n\n"))));
    }
    for (number, message) in rest.iter().enumerate() {
        let mut note = |part: usize| {
            let kind = message.parts.get(part).map_or("part", |part| part.kind.name());
            let reason = format!("{kind}: this API has no form for it");
            report.note_part(leading + number, part, Action::Dropped, reason);
        };
        match message.role {
            Role::System => entries.push(Entry::text("system", Cow::Owned(message.text()))),
            Role::User => entries.extend(user(&message.parts, &mut note)),
            Role::Assistant => entries.extend(assistant(&message.parts, &mut note)),
            Role::Tool => {
                for (index, part) in message.parts.iter().enumerate() {
                    match &part.kind {
                        PartKind::ToolResult(result) => entries.push(self::result(result)),
                        _ => note(index),
                    }
                }
            }
        }
    }
    entries
}

impl<'a> Entry<'a> {
    const fn text(role: &'static str, text: Cow<'a, str>) -> Self {
        Self { role, content: Content::Text(text), tool_calls: Vec::new(), tool_call_id: None }
    }
}

fn user<'a>(parts: &'a [Part], note: &mut impl FnMut(usize)) -> Option<Entry<'a>> {
    if let [part] = parts
        && let Some(text) = part.as_text()
    {
        return Some(Entry::text("user", Cow::Borrowed(text)));
    }
    let mut pieces = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        match piece(part) {
            Some(piece) => pieces.push(piece),
            None => note(index),
        }
    }
    let texts: Option<Vec<&str>> = parts.iter().map(Part::as_text).collect();
    let content = match texts {
        Some(texts) => Content::Text(Cow::Owned(texts.join("\n"))),
        None => Content::Pieces(pieces),
    };
    let is_empty = match &content {
        Content::Pieces(pieces) => pieces.is_empty(),
        Content::Text(text) => text.is_empty(),
        Content::Nothing => true,
    };
    (!is_empty).then_some(Entry { role: "user", content, tool_calls: Vec::new(), tool_call_id: None })
}

/// What the model said, as one text, and its calls.
fn assistant<'a>(parts: &'a [Part], note: &mut impl FnMut(usize)) -> Option<Entry<'a>> {
    let mut texts: Vec<&'a str> = Vec::new();
    let mut pieces = Vec::new();
    let mut tool_calls = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        match &part.kind {
            PartKind::Text(text) => texts.push(&text.text),
            PartKind::Refusal(refusal) => texts.push(&refusal.text),
            PartKind::ToolCall(call) => tool_calls.push(self::call(part, call)),
            PartKind::Opaque(opaque) if opaque.native.api == API => {
                pieces.push(Piece::Native(json::raw(&opaque.native.json)));
            }
            _ => note(index),
        }
    }
    let content = match texts[..] {
        _ if !pieces.is_empty() => {
            let texts = texts.iter().map(|text| Piece::Made(MadePiece::Text { text }));
            Content::Pieces(texts.chain(pieces).collect())
        }
        [] if tool_calls.is_empty() => return None,
        [] => Content::Nothing,
        [text] => Content::Text(Cow::Borrowed(text)),
        _ => Content::Text(Cow::Owned(texts.concat())),
    };
    Some(Entry { role: "assistant", content, tool_calls, tool_call_id: None })
}

/// There is no field for a failure, so it is told in words.
fn result(result: &ToolResult) -> Entry<'_> {
    let failed = if result.is_error { "Error: " } else { "" };
    let text = Cow::Owned(format!("{failed}{}", result.joined_text()));
    Entry { tool_call_id: Some(&result.call_id), ..Entry::text("tool", text) }
}

fn call<'a>(part: &'a Part, call: &'a ToolCall) -> Call<'a> {
    if let Some(native) = json::own_native(part, &API) {
        return Call::Native(json::raw(native));
    }
    let arguments = if call.args_raw.trim().is_empty() { "{}" } else { &call.args_raw };
    Call::Made { id: &call.call_id, r#type: "function", function: Function { name: &call.name, arguments } }
}

fn piece(part: &Part) -> Option<Piece<'_>> {
    Some(Piece::Made(match &part.kind {
        PartKind::Text(text) => MadePiece::Text { text: &text.text },
        PartKind::Image(image) => self::image(image)?,
        PartKind::Document(document) => MadePiece::File { file: file(document)? },
        PartKind::Audio(audio) => MadePiece::InputAudio { input_audio: self::audio(audio)? },
        PartKind::Opaque(opaque) if opaque.native.api == API => {
            return Some(Piece::Native(json::raw(&opaque.native.json)));
        }
        _ => return None,
    }))
}

fn image(image: &Image) -> Option<MadePiece<'_>> {
    let url = match &image.media {
        Media::Bytes { media_type, data } => Address::Data(DataUrl { media_type, data }),
        Media::Url { url, .. } => Address::Url(url),
        Media::FileRef { .. } => return None,
    };
    Some(MadePiece::ImageUrl { image_url: ImageUrl { url, detail: image.detail.as_deref() } })
}

fn file(document: &Document) -> Option<File<'_>> {
    match &document.media {
        Media::Bytes { media_type, data } => Some(File::Data {
            filename: document.title.as_deref().unwrap_or("document.pdf"),
            file_data: DataUrl { media_type, data },
        }),
        Media::FileRef { id, .. } => Some(File::Id { file_id: id }),
        Media::Url { .. } => None,
    }
}

fn audio(audio: &Audio) -> Option<InputAudio<'_>> {
    let Media::Bytes { media_type, data } = &audio.media else { return None };
    let format = if media_type.contains("wav") { "wav" } else { "mp3" };
    Some(InputAudio { data: Base64(data), format })
}
