//! Contents and parts.

use std::collections::HashSet;

use maestro_core::chat::{
    Action, ChatRequest, Media, Message, Part, PartKind, Role, Seal, SealKind, ToolCall, ToolResult,
    ToolResultContent, TranslationReport,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{API, Generation};
use crate::json::{self, Base64, ObjectArgs};

#[derive(Serialize)]
pub(super) struct Content<'a> {
    role: &'static str,
    parts: Vec<Piece<'a>>,
}

#[derive(Serialize)]
pub(super) struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Piece<'a> {
    /// The provider's own JSON, as it came.
    Native(&'a RawValue),
    Made(MadePiece<'a>),
}

/// A part: one payload, and what stands beside it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadePiece<'a> {
    #[serde(flatten)]
    payload: Payload<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Payload<'a> {
    Text(&'a str),
    #[serde(rename_all = "camelCase")]
    InlineData(InlineData<'a>),
    #[serde(rename_all = "camelCase")]
    FileData {
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<&'a str>,
        file_uri: &'a str,
    },
    FunctionCall {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        name: &'a str,
        args: ObjectArgs<'a>,
    },
    FunctionResponse {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        name: &'a str,
        response: Response,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        parts: Vec<ResponsePart<'a>>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InlineData<'a> {
    mime_type: &'a str,
    data: Base64<'a>,
}

/// What a tool said: always an object, whose key tells how it went.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Response {
    Output(String),
    Error(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePart<'a> {
    inline_data: InlineData<'a>,
}

/// Writes the instructions and the conversation. Instructions that stand first in the conversation join the others;
/// neighbours of one role on the wire (results of tools count as the user's) become one content, part by part.
pub(super) fn encode<'a>(
    request: &'a ChatRequest,
    report: &mut TranslationReport,
) -> (Vec<Text<'a>>, Vec<Content<'a>>) {
    let mut system: Vec<Text<'a>> = request.system.iter().map(|text| Text { text }).collect();
    let mut contents: Vec<Content<'a>> = Vec::new();
    // Only ids that the API gave itself go back to it: older models refuse the field.
    let generation = Generation::of(request.model.as_str());
    let mut own_ids = HashSet::new();
    for (number, message) in request.messages.iter().enumerate() {
        let role = match message.role {
            Role::System => {
                system.extend(message.parts.iter().filter_map(Part::as_text).map(|text| Text { text }));
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "model",
        };
        let mut parts = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            if let PartKind::ToolCall(call) = &part.kind
                && gave_id(message, part, call, generation)
            {
                own_ids.insert(&*call.call_id);
            }
            match piece(part, &own_ids) {
                Some(piece) => parts.push(piece),
                None => {
                    let reason = format!("{}: this API has no form for it", part.kind.name());
                    report.note_part(number, index, Action::Dropped, reason);
                }
            }
        }
        match contents.last_mut() {
            Some(last) if last.role == role => last.parts.append(&mut parts),
            _ if parts.is_empty() => {}
            _ => contents.push(Content { role, parts }),
        }
    }
    system.retain(|text| !text.text.trim().is_empty());
    (system, contents)
}

fn piece<'a>(part: &'a Part, own_ids: &HashSet<&str>) -> Option<Piece<'a>> {
    let native = match &part.kind {
        PartKind::Opaque(opaque) => (opaque.native.api == API).then_some(&opaque.native.json),
        _ => json::own_native(part, &API),
    };
    if let Some(native) = native {
        return Some(Piece::Native(json::raw(native)));
    }
    let signature = part.seal().and_then(signature);
    let (payload, thought) = match &part.kind {
        PartKind::Text(text) if !text.text.is_empty() || signature.is_some() => {
            (Payload::Text(&text.text), None)
        }
        PartKind::Refusal(refusal) if !refusal.text.is_empty() => (Payload::Text(&refusal.text), None),
        // A thought without its signature is nothing to the API.
        PartKind::Reasoning(reasoning) if signature.is_some() => (Payload::Text(&reasoning.text), Some(true)),
        PartKind::Image(image) => (media(&image.media)?, None),
        PartKind::Document(document) => (media(&document.media)?, None),
        PartKind::Audio(audio) => (media(&audio.media)?, None),
        PartKind::ToolCall(call) => {
            let id = own_ids.contains(&*call.call_id).then_some(&*call.call_id);
            (Payload::FunctionCall { id, name: &call.name, args: ObjectArgs(&call.args_raw) }, None)
        }
        PartKind::ToolResult(result) => (response(result, own_ids), None),
        _ => return None,
    };
    Some(Piece::Made(MadePiece { payload, thought, thought_signature: signature }))
}

fn signature(seal: &Seal) -> Option<&str> {
    (seal.api == API && seal.kind == SealKind::ThoughtSignature).then_some(&*seal.bytes)
}

/// Whether the API gave the id of a call itself: native JSON shows it; without, an answer of its own to a model that
/// knows ids has one, unless it is of the form in which missing ids are made up.
fn gave_id(message: &Message, part: &Part, call: &ToolCall, generation: Generation) -> bool {
    if let Some(native) = json::own_native(part, &API) {
        return call_id(json::raw(native)).as_deref() == Some(&*call.call_id);
    }
    let is_made_up = call
        .call_id
        .strip_prefix("call_")
        .is_some_and(|digits| digits.len() == 24 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let is_own = message.origin.as_ref().is_some_and(|origin| origin.api == API);
    is_own && generation >= Generation::Three && !is_made_up
}

/// The id within a native call, if it has one.
fn call_id(native: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        #[serde(alias = "function_call")]
        function_call: Option<Call>,
    }
    #[derive(Deserialize)]
    struct Call {
        id: Option<String>,
    }
    serde_json::from_str::<Wire>(native.get()).ok()?.function_call?.id
}

fn media(media: &Media) -> Option<Payload<'_>> {
    match media {
        Media::Bytes { media_type, data } => {
            Some(Payload::InlineData(InlineData { mime_type: media_type, data: Base64(data) }))
        }
        Media::FileRef { id, media_type, .. } => {
            Some(Payload::FileData { mime_type: media_type.as_deref(), file_uri: id })
        }
        Media::Url { .. } => None,
    }
}

fn response<'a>(result: &'a ToolResult, own_ids: &HashSet<&str>) -> Payload<'a> {
    let text = result.joined_text();
    let parts = result.content.iter().filter_map(|content| {
        let media = match content {
            ToolResultContent::Image(image) => &image.media,
            ToolResultContent::Document(document) => &document.media,
            ToolResultContent::Text { .. } => return None,
        };
        match media {
            Media::Bytes { media_type, data } => {
                Some(ResponsePart { inline_data: InlineData { mime_type: media_type, data: Base64(data) } })
            }
            _ => None,
        }
    });
    Payload::FunctionResponse {
        id: own_ids.contains(&*result.call_id).then_some(&*result.call_id),
        name: &result.name,
        response: if result.is_error { Response::Error(text) } else { Response::Output(text) },
        parts: parts.collect(),
    }
}
