//! Messages and content blocks.

use maestro_core::chat::{
    Action, CacheHint, ChatRequest, Document, Image, Media, Part, PartKind, Role, SealKind, ToolResult,
    ToolResultContent, TranslationReport,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use url::Url;

use super::API;
use crate::json::{self, Base64, ObjectArgs};

/// The most cache marks that a request may carry.
const MAX_CACHE_MARKS: usize = 4;

#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

/// A content block. The order of fields is the order on the wire.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Block<'a> {
    /// The provider's own JSON, as it came.
    Native(&'a RawValue),
    /// The same with a cache mark put behind its last field.
    Marked(Box<RawValue>),
    Made {
        #[serde(flatten)]
        kind: BlockKind<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockKind<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Source<'a>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: ObjectArgs<'a>,
    },
    ToolResult {
        tool_use_id: &'a str,
        #[serde(skip_serializing_if = "ResultContent::is_empty")]
        content: ResultContent<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        is_error: Option<bool>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: Base64<'a> },
    Text { media_type: &'static str, data: &'a str },
    Url { url: &'a Url },
}

pub(super) enum ResultContent<'a> {
    Text(String),
    Blocks(Vec<BlockKind<'a>>),
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct CacheControl {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

/// Writes the instructions and the conversation. Instructions that stand first in the conversation join the others;
/// neighbours of one role on the wire (results of tools count as the user's) become one message.
pub(super) fn encode<'a>(
    request: &'a ChatRequest,
    report: &mut TranslationReport,
) -> (Vec<Block<'a>>, Vec<Turn<'a>>) {
    let mut marks = Marks::of(request, report);
    let mut system: Vec<_> = request
        .system
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| Block::Made { kind: BlockKind::Text { text }, cache_control: None })
        .collect();
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for (number, message) in request.messages.iter().enumerate() {
        let mut blocks = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            let mark = marks.take(part);
            match block(part, mark) {
                Some(block) => blocks.push(block),
                None => report.note_part(
                    number,
                    index,
                    Action::Dropped,
                    format!("{}: this API has no form for it", part.kind.name()),
                ),
            }
        }
        let role = match message.role {
            Role::System => {
                system.append(&mut blocks);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.append(&mut blocks),
            _ if blocks.is_empty() => {}
            _ => turns.push(Turn { role, content: blocks }),
        }
    }
    (system, turns)
}

fn block(part: &Part, mark: Option<CacheHint>) -> Option<Block<'_>> {
    let native = match &part.kind {
        PartKind::Opaque(opaque) => (opaque.native.api == API).then_some(&opaque.native.json),
        _ => json::own_native(part, &API),
    };
    let cache_control = mark.map(CacheControl::from);
    if let Some(native) = native {
        let native = json::raw(native);
        return Some(match cache_control {
            Some(mark) => marked(native, mark).map_or(Block::Native(native), Block::Marked),
            None => Block::Native(native),
        });
    }
    Some(Block::Made { kind: kind(part)?, cache_control })
}

fn kind(part: &Part) -> Option<BlockKind<'_>> {
    Some(match &part.kind {
        PartKind::Text(text) if !text.text.is_empty() => BlockKind::Text { text: &text.text },
        PartKind::Refusal(refusal) if !refusal.text.is_empty() => BlockKind::Text { text: &refusal.text },
        PartKind::Image(image) => self::image(image)?,
        PartKind::Document(document) => self::document(document)?,
        PartKind::Reasoning(reasoning) => {
            let seal = reasoning.seal.as_ref().filter(|seal| seal.api == API)?;
            match seal.kind {
                SealKind::Signature => {
                    BlockKind::Thinking { thinking: &reasoning.text, signature: &seal.bytes }
                }
                SealKind::Redacted => BlockKind::RedactedThinking { data: &seal.bytes },
                _ => return None,
            }
        }
        PartKind::ToolCall(call) => {
            BlockKind::ToolUse { id: &call.call_id, name: &call.name, input: ObjectArgs(&call.args_raw) }
        }
        PartKind::ToolResult(result) => BlockKind::ToolResult {
            tool_use_id: &result.call_id,
            content: ResultContent::of(result),
            is_error: result.is_error.then_some(true),
        },
        _ => return None,
    })
}

fn image(image: &Image) -> Option<BlockKind<'_>> {
    Some(BlockKind::Image { source: source(&image.media)? })
}

fn document(document: &Document) -> Option<BlockKind<'_>> {
    let source = match &document.media {
        Media::Bytes { media_type, data } if media_type.starts_with("text/") => {
            Source::Text { media_type: "text/plain", data: std::str::from_utf8(data).ok()? }
        }
        media => source(media)?,
    };
    Some(BlockKind::Document { source, title: document.title.as_deref() })
}

fn source(media: &Media) -> Option<Source<'_>> {
    match media {
        Media::Bytes { media_type, data } => Some(Source::Base64 { media_type, data: Base64(data) }),
        Media::Url { url, .. } => Some(Source::Url { url }),
        Media::FileRef { .. } => None,
    }
}

impl<'a> ResultContent<'a> {
    /// One text where there is only text, blocks otherwise.
    fn of(result: &'a ToolResult) -> Self {
        if result.content.iter().all(|content| matches!(content, ToolResultContent::Text { .. })) {
            return Self::Text(result.joined_text());
        }
        let blocks = result.content.iter().filter_map(|content| match content {
            ToolResultContent::Text { text } if text.is_empty() => None,
            ToolResultContent::Text { text } => Some(BlockKind::Text { text }),
            ToolResultContent::Image(image) => self::image(image),
            ToolResultContent::Document(document) => self::document(document),
        });
        Self::Blocks(blocks.collect())
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Blocks(blocks) => blocks.is_empty(),
        }
    }
}

impl Serialize for ResultContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Blocks(blocks) => blocks.serialize(serializer),
        }
    }
}

impl From<CacheHint> for CacheControl {
    fn from(hint: CacheHint) -> Self {
        let ttl = match hint {
            CacheHint::Short => None,
            CacheHint::Long => Some("1h"),
        };
        Self { r#type: "ephemeral", ttl }
    }
}

/// Puts a mark behind the last field of a block and leaves every byte before it as it is.
fn marked(native: &RawValue, mark: CacheControl) -> Option<Box<RawValue>> {
    let fields = native.get().trim_end().strip_suffix('}')?;
    if fields.contains("\"cache_control\"") {
        return None;
    }
    let comma = if fields.trim_end().ends_with('{') { "" } else { "," };
    let mark = serde_json::to_string(&mark).ok()?;
    RawValue::from_string(format!("{fields}{comma}\"cache_control\":{mark}}}")).ok()
}

/// Which of the wished marks are sent: the last ones, since each covers all that stands before it.
struct Marks {
    /// How many of the wishes are passed over first.
    to_skip: usize,
}

impl Marks {
    fn of(request: &ChatRequest, report: &mut TranslationReport) -> Self {
        let wishes = (request.messages.iter().flat_map(|message| &message.parts))
            .filter(|part| Self::wish(part).is_some())
            .count();
        let to_skip = wishes.saturating_sub(MAX_CACHE_MARKS);
        if to_skip > 0 {
            report.note(Action::Dropped, format!("cache hints: the first {to_skip}, as only 4 are taken"));
        }
        Self { to_skip }
    }

    /// Thinking takes no mark.
    fn wish(part: &Part) -> Option<CacheHint> {
        part.cache_hint.filter(|_| !matches!(part.kind, PartKind::Reasoning(_)))
    }

    fn take(&mut self, part: &Part) -> Option<CacheHint> {
        let wish = Self::wish(part)?;
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return None;
        }
        Some(wish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_changes_no_byte_of_the_native_json() {
        let native = RawValue::from_string(r#"{ "type":"text", "text":"a", "n":1.0 }"#.to_owned()).unwrap();
        let mark = CacheControl::from(CacheHint::Long);
        assert_eq!(
            marked(&native, mark).unwrap().get(),
            r#"{ "type":"text", "text":"a", "n":1.0 ,"cache_control":{"type":"ephemeral","ttl":"1h"}}"#
        );
    }
}
