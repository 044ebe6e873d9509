//! Parts: the pieces of which a message is made.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::{ApiId, RawJson, Seal};
use crate::tool::Intent;

/// One piece of a message. Its place in the message's list of parts is its index.
///
/// As JSON it is one object: `type` first, then the fields of its kind, then what every kind can have. It is read in any
/// order, and fields that are not known are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    #[serde(flatten)]
    pub kind: PartKind,
    /// The provider's own JSON of it. Absent where the neutral fields say everything, so that a plain text is not
    /// kept twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
    /// A wish that the provider caches everything up to and including this part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_hint: Option<CacheHint>,
    /// Why a tool is called (requirement M-I1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
}

impl Part {
    /// A part of this kind, with nothing else known of it.
    pub const fn new(kind: PartKind) -> Self {
        Self { kind, native: None, cache_hint: None, intent: None }
    }

    /// A part of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(PartKind::Text(Text { text: text.into(), citations: Vec::new(), seal: None }))
    }

    /// The text, if it is a part of text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            PartKind::Text(text) => Some(&text.text),
            _ => None,
        }
    }

    /// The seal it carries, if its kind can have one and it has.
    pub fn seal(&self) -> Option<&Seal> {
        match &self.kind {
            PartKind::Text(text) => text.seal.as_ref(),
            PartKind::Reasoning(reasoning) => reasoning.seal.as_ref(),
            PartKind::ToolCall(call) => call.seal.as_ref(),
            PartKind::Image(image) => image.seal.as_ref(),
            _ => None,
        }
    }
}

/// What a [`Part`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartKind {
    /// Text to be read.
    Text(Text),
    /// A picture.
    Image(Image),
    /// A document such as a PDF.
    Document(Document),
    /// Sound.
    Audio(Audio),
    /// What the model thought.
    Reasoning(Reasoning),
    /// The model calls a tool.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// The model declined.
    Refusal(Refusal),
    /// Something that only its own API understands: server tools, compactions, things not known yet.
    Opaque(Opaque),
}

impl PartKind {
    /// The name of the kind in `snake_case`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Image(_) => "image",
            Self::Document(_) => "document",
            Self::Audio(_) => "audio",
            Self::Reasoning(_) => "reasoning",
            Self::ToolCall(_) => "tool_call",
            Self::ToolResult(_) => "tool_result",
            Self::Refusal(_) => "refusal",
            Self::Opaque(_) => "opaque",
        }
    }
}

/// Text to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Text {
    /// The text, Markdown as a rule.
    pub text: String,
    /// Where the text comes from, as far as the provider says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// A seal on the text itself (Gemini signs any part; such a text may be empty and must still be kept).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}

/// A source that a text names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// The address of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The title of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The words of the source that are cited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The provider's own JSON of the citation.
    pub native: Native,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The picture, or where it is.
    pub media: Media,
    /// How finely the model should look, in the provider's word (`low`, `high`, `auto`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<CompactString>,
    /// A seal on a picture that a model made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}

/// A document such as a PDF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The document, or where it is.
    pub media: Media,
    /// Its title or file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// The sound, or where it is.
    pub media: Media,
}

/// Content that is not text: the bytes themselves, or a reference to them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Media {
    /// The bytes, kept with the conversation (as standard base64 in storage).
    Bytes {
        /// The media type, such as `image/png`.
        media_type: CompactString,
        /// The content.
        #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
        data: Bytes,
    },
    /// An address from which the provider fetches it.
    Url {
        /// The address.
        url: Url,
        /// The media type, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<CompactString>,
    },
    /// A file that was uploaded to one API and means nothing to others.
    FileRef {
        /// The API that knows the file.
        api: ApiId,
        /// Its id or address there.
        id: String,
        /// The media type, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<CompactString>,
    },
}

impl Media {
    /// The media type, where it is known.
    pub fn media_type(&self) -> Option<&str> {
        match self {
            Self::Bytes { media_type, .. } => Some(media_type),
            Self::Url { media_type, .. } | Self::FileRef { media_type, .. } => media_type.as_deref(),
        }
    }

    /// The content as standard base64, if the bytes are here.
    pub fn base64(&self) -> Option<String> {
        match self {
            Self::Bytes { data, .. } => Some(STANDARD.encode(data)),
            _ => None,
        }
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { media_type, data } => write!(f, "Bytes({media_type}, {} bytes)", data.len()),
            Self::Url { url, .. } => write!(f, "Url({url})"),
            Self::FileRef { api, id, .. } => write!(f, "FileRef({api}, {id})"),
        }
    }
}

/// What the model thought before, or while, it answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reasoning {
    /// The thought as far as the provider shows it; empty when it is sealed as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What proves or hides the thought. Without it a provider does not take its own thought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}

/// The model calls a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that the result must name: the provider's own, or one that was made for a provider that has none.
    pub call_id: CompactString,
    /// The name of the tool.
    pub name: CompactString,
    /// The arguments, as the model wrote them. Empty only while it is still writing.
    pub args_raw: String,
    /// Whether the arguments can be used.
    pub state: ArgsState,
    /// A seal on the call (Gemini).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}

impl ToolCall {
    /// A call whose arguments are read and judged: nothing at all counts as `{}`, and what is not valid JSON is
    /// [`ArgsState::Invalid`], or [`ArgsState::Incomplete`] if the answer was `cut`.
    pub fn new(
        call_id: impl Into<CompactString>,
        name: impl Into<CompactString>,
        args_raw: impl Into<String>,
        end: ArgsEnd,
    ) -> Self {
        let mut args_raw = args_raw.into();
        if args_raw.trim().is_empty() && end == ArgsEnd::Complete {
            "{}".clone_into(&mut args_raw);
        }
        let state = match (serde_json::from_str::<de::IgnoredAny>(&args_raw).is_ok(), end) {
            (true, ArgsEnd::Complete) => ArgsState::Complete,
            (false, ArgsEnd::Complete) => ArgsState::Invalid,
            (_, ArgsEnd::Cut) => ArgsState::Incomplete,
        };
        Self { call_id: call_id.into(), name: name.into(), args_raw, state, seal: None }
    }

    /// The arguments as a JSON value, with numbers as far as 64 bits hold them; absent unless they are complete.
    pub fn args(&self) -> Option<serde_json::Value> {
        match self.state {
            ArgsState::Complete => serde_json::from_str(&self.args_raw).ok(),
            ArgsState::Incomplete | ArgsState::Invalid => None,
        }
    }
}

/// How the arguments of a call came to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgsEnd {
    /// The provider said that they are whole.
    Complete,
    /// The answer broke off, or met its length limit, in the middle.
    Cut,
}

/// Whether the arguments of a [`ToolCall`] can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgsState {
    /// Whole and valid JSON. Only such a call may be run.
    Complete,
    /// The answer broke off in the middle: never run it.
    Incomplete,
    /// Whole, and not JSON: answer it with an error.
    Invalid,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The id of the call that is answered.
    pub call_id: CompactString,
    /// The name of the tool; some providers match by it.
    pub name: CompactString,
    /// The answer, in order.
    pub content: Vec<ToolResultContent>,
    /// Whether the tool failed; the content then says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

impl ToolResult {
    /// An answer of one text.
    pub fn text(call: &ToolCall, text: impl Into<String>) -> Self {
        Self {
            call_id: call.call_id.clone(),
            name: call.name.clone(),
            content: vec![ToolResultContent::Text { text: text.into() }],
            is_error: false,
        }
    }

    /// A failure, with the reason.
    pub fn error(call: &ToolCall, reason: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(call, reason) }
    }

    /// The texts of the answer, joined by line feeds.
    pub fn joined_text(&self) -> String {
        let texts = self.content.iter().filter_map(|content| match content {
            ToolResultContent::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// A piece of a [`ToolResult`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolResultContent {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image(Image),
    /// A document.
    Document(Document),
}

/// The model declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What it said.
    pub text: String,
    /// The provider's category of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CompactString>,
}

/// Something that only its own API understands; it is stored, shown by its type, and replayed to that API alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// The API and its JSON.
    #[serde(flatten)]
    pub native: Native,
}

/// The JSON of a thing in the words of one API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Native {
    /// The API whose words these are.
    pub api: ApiId,
    /// The JSON, byte for byte.
    pub json: RawJson,
}

/// How long a provider should cache what leads up to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheHint {
    /// Some minutes: the provider's usual time.
    Short,
    /// About an hour, where the provider has it.
    Long,
}

fn as_base64<S: Serializer>(data: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(data))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(de::Error::custom)
}
