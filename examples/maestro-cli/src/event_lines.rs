//! The events of an answer as lines of JSON: every one as it is, for `decode`.

use maestro::core::chat::{Citation, Finish, PartEnd, PartKind, PartStart, Seal, StreamEvent, Usage};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::output::ErrorLine;

/// A canonical event as a line of JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum EventLine<'a> {
    /// The provider began to answer.
    Start {
        #[serde(skip_serializing_if = "Option::is_none")]
        response_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<&'a str>,
    },
    /// A part begins; `part` is its kind.
    PartStart {
        index: u32,
        part: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        call_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<&'a PartKind>,
    },
    /// More of a text.
    Text { index: u32, text: &'a str },
    /// More of the visible reasoning.
    Reasoning { index: u32, text: &'a str },
    /// More of a call's arguments, cut anywhere.
    Args { index: u32, json: &'a str },
    /// More of a refusal.
    Refusal { index: u32, text: &'a str },
    /// The part carries this seal.
    Seal { index: u32, seal: &'a Seal },
    /// The text names a source.
    Citation { index: u32, citation: &'a Citation },
    /// A part ended: `whole`, `native` (with the provider's JSON of it) or `cut`.
    PartEnd {
        index: u32,
        end: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        native: Option<Box<RawValue>>,
    },
    /// What the answer has taken so far; replaces the one before.
    Usage(&'a Usage),
    /// Something of the provider's own.
    Notice { name: &'a str, json: Box<RawValue> },
    /// Everything since `start` is to be discarded.
    Restart { reason: &'a str },
    /// The provider ended the answer. Last line.
    Finish { reason: &'a str },
    /// An event that this program does not know yet.
    Unknown,
    /// The answer ended in an error. Last line.
    #[serde(untagged)]
    Error(ErrorLine<'a>),
}

impl<'a> EventLine<'a> {
    /// The line of an event.
    pub(crate) fn of(event: &'a StreamEvent) -> Self {
        match event {
            StreamEvent::Started { response_id, model } => {
                Self::Start { response_id: response_id.as_deref(), model: model.as_deref() }
            }
            StreamEvent::PartStart { index, part } => Self::part_start(*index, part),
            StreamEvent::TextDelta { index, text } => Self::Text { index: *index, text },
            StreamEvent::ReasoningDelta { index, text } => Self::Reasoning { index: *index, text },
            StreamEvent::ArgsDelta { index, json } => Self::Args { index: *index, json },
            StreamEvent::RefusalDelta { index, text } => Self::Refusal { index: *index, text },
            StreamEvent::SealSet { index, seal } => Self::Seal { index: *index, seal },
            StreamEvent::CitationAdded { index, citation } => Self::Citation { index: *index, citation },
            StreamEvent::PartEnd { index, end } => {
                let (end, native) = match end {
                    PartEnd::Whole => ("whole", None),
                    PartEnd::Native(native) => ("native", Some(native.json.to_raw_value())),
                    PartEnd::Cut => ("cut", None),
                };
                Self::PartEnd { index: *index, end, native }
            }
            StreamEvent::UsageSnapshot(usage) => Self::Usage(usage),
            StreamEvent::Notice(notice) => {
                Self::Notice { name: &notice.name, json: notice.json.to_raw_value() }
            }
            StreamEvent::Restarted { reason } => Self::Restart { reason },
            StreamEvent::Finished { finish } => Self::finish(finish),
            StreamEvent::Truncated(error) => Self::Error(ErrorLine::truncated(error)),
            StreamEvent::Failed(error) => Self::Error(ErrorLine::of(error)),
            _ => Self::Unknown,
        }
    }

    /// The line of an end.
    pub(crate) fn finish(finish: &'a Finish) -> Self {
        Self::Finish { reason: finish.as_str() }
    }

    fn part_start(index: u32, start: &'a PartStart) -> Self {
        let (part, call_id, name, content) = match start {
            PartStart::Text => ("text", None, None, None),
            PartStart::Reasoning => ("reasoning", None, None, None),
            PartStart::Refusal => ("refusal", None, None, None),
            PartStart::ToolCall { call_id, name } => {
                ("tool_call", Some(call_id.as_str()), Some(name.as_str()), None)
            }
            PartStart::Whole(kind) => (kind.name(), None, None, Some(&**kind)),
            _ => ("unknown", None, None, None),
        };
        Self::PartStart { index, part, call_id, name, content }
    }
}
