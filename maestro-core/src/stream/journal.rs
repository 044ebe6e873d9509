//! The journal of a streamed answer: its events as lines that are appended, never rewritten.
//!
//! Each chunk holds whole lines, one JSON value each. Deltas that follow one another on the same part are merged
//! before they are written, so the journal is hardly longer than the text. Reading it back gives the parts that had
//! arrived, whatever happened to the writer.

use std::fmt::Write as _;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{Collected, Collector};
use crate::{
    chat::{Citation, Native, PartEnd, PartStart, Seal, StreamEvent, Usage},
    conversations::JournalChunk,
};

/// Gathers events until they are taken as the next chunk.
#[derive(Debug, Default)]
pub struct JournalWriter {
    lines: String,
    /// The delta that still grows.
    open: Option<Line>,
}

impl JournalWriter {
    /// A writer for one answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes an event. Notices and ends are not journalled.
    pub fn push(&mut self, event: &StreamEvent) {
        match (&mut self.open, event) {
            (Some(Line::Text(at, grown)), StreamEvent::TextDelta { index, text }) if at == index => {
                grown.push_str(text);
            }
            (Some(Line::Reasoning(at, grown)), StreamEvent::ReasoningDelta { index, text })
                if at == index =>
            {
                grown.push_str(text);
            }
            (Some(Line::Args(at, grown)), StreamEvent::ArgsDelta { index, json }) if at == index => {
                grown.push_str(json);
            }
            (Some(Line::Refusal(at, grown)), StreamEvent::RefusalDelta { index, text }) if at == index => {
                grown.push_str(text);
            }
            _ => {
                if let Some(line) = Line::of(event) {
                    self.close();
                    self.open = Some(line);
                }
            }
        }
    }

    /// How many bytes wait, about.
    pub fn len(&self) -> usize {
        self.lines.len() + self.open.as_ref().map_or(0, Line::text_len)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.open.is_none()
    }

    /// Takes what waits, as the data of the next chunk.
    pub fn take(&mut self) -> String {
        self.close();
        std::mem::take(&mut self.lines)
    }

    fn close(&mut self) {
        if let Some(line) = self.open.take() {
            // Lines hold strings and numbers only, which always serialise.
            if let Ok(json) = serde_json::to_string(&line) {
                let _ = writeln!(self.lines, "{json}");
            }
        }
    }
}

/// Puts the answer together from its journal. A line that cannot be read ends it there: what comes before is kept.
pub fn assemble<'a>(chunks: impl IntoIterator<Item = &'a JournalChunk>) -> Collected {
    let mut collector = Collector::new();
    let lines = chunks.into_iter().flat_map(|chunk| chunk.data.lines()).map(serde_json::from_str::<Line>);
    for line in lines.map_while(Result::ok) {
        collector.push(&line.into_event());
    }
    collector.finish()
}

/// One line. The names are short because they are written for every flush.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    #[serde(rename = "begin")]
    Begin(Option<CompactString>, Option<CompactString>),
    #[serde(rename = "part")]
    Part(u32, PartStart),
    #[serde(rename = "t")]
    Text(u32, String),
    #[serde(rename = "r")]
    Reasoning(u32, String),
    #[serde(rename = "a")]
    Args(u32, String),
    #[serde(rename = "f")]
    Refusal(u32, String),
    #[serde(rename = "seal")]
    Seal(u32, Box<Seal>),
    #[serde(rename = "cite")]
    Citation(u32, Box<Citation>),
    #[serde(rename = "end")]
    End(u32, LineEnd),
    #[serde(rename = "usage")]
    Usage(Usage),
    #[serde(rename = "again")]
    Again(CompactString),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LineEnd {
    Whole,
    Cut,
    Native(Box<Native>),
}

impl Line {
    fn of(event: &StreamEvent) -> Option<Self> {
        Some(match event {
            StreamEvent::Started { response_id, model } => Self::Begin(response_id.clone(), model.clone()),
            StreamEvent::PartStart { index, part } => Self::Part(*index, part.clone()),
            StreamEvent::TextDelta { index, text } => Self::Text(*index, text.as_str().to_owned()),
            StreamEvent::ReasoningDelta { index, text } => Self::Reasoning(*index, text.as_str().to_owned()),
            StreamEvent::ArgsDelta { index, json } => Self::Args(*index, json.as_str().to_owned()),
            StreamEvent::RefusalDelta { index, text } => Self::Refusal(*index, text.as_str().to_owned()),
            StreamEvent::SealSet { index, seal } => Self::Seal(*index, seal.clone()),
            StreamEvent::CitationAdded { index, citation } => Self::Citation(*index, citation.clone()),
            StreamEvent::PartEnd { index, end } => {
                let end = match end {
                    PartEnd::Whole => LineEnd::Whole,
                    PartEnd::Cut => LineEnd::Cut,
                    PartEnd::Native(native) => LineEnd::Native(native.clone()),
                };
                Self::End(*index, end)
            }
            StreamEvent::UsageSnapshot(usage) => Self::Usage(*usage),
            StreamEvent::Restarted { reason } => Self::Again(reason.clone()),
            StreamEvent::Notice(_)
            | StreamEvent::Finished { .. }
            | StreamEvent::Truncated(_)
            | StreamEvent::Failed(_) => return None,
        })
    }

    fn into_event(self) -> StreamEvent {
        match self {
            Self::Begin(response_id, model) => StreamEvent::Started { response_id, model },
            Self::Part(index, part) => StreamEvent::PartStart { index, part },
            Self::Text(index, text) => StreamEvent::TextDelta { index, text: text.into() },
            Self::Reasoning(index, text) => StreamEvent::ReasoningDelta { index, text: text.into() },
            Self::Args(index, json) => StreamEvent::ArgsDelta { index, json: json.into() },
            Self::Refusal(index, text) => StreamEvent::RefusalDelta { index, text: text.into() },
            Self::Seal(index, seal) => StreamEvent::SealSet { index, seal },
            Self::Citation(index, citation) => StreamEvent::CitationAdded { index, citation },
            Self::End(index, LineEnd::Whole) => StreamEvent::PartEnd { index, end: PartEnd::Whole },
            Self::End(index, LineEnd::Cut) => StreamEvent::PartEnd { index, end: PartEnd::Cut },
            Self::End(index, LineEnd::Native(native)) => {
                StreamEvent::PartEnd { index, end: PartEnd::Native(native) }
            }
            Self::Usage(usage) => StreamEvent::UsageSnapshot(usage),
            Self::Again(reason) => StreamEvent::Restarted { reason },
        }
    }

    fn text_len(&self) -> usize {
        match self {
            Self::Text(_, text) | Self::Reasoning(_, text) | Self::Args(_, text) | Self::Refusal(_, text) => {
                text.len()
            }
            _ => 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        chat::{ApiId, Image, Media, Opaque, PartKind, RawJson, SealKind},
        conversations::JournalSeq,
    };

    fn text(index: u32, text: &str) -> StreamEvent {
        StreamEvent::TextDelta { index, text: text.into() }
    }

    #[test]
    fn deltas_are_merged_and_the_parts_come_back_wherever_it_was_flushed() {
        let events = [
            StreamEvent::Started { response_id: Some("r1".into()), model: None },
            StreamEvent::PartStart { index: 0, part: PartStart::Text },
            text(0, "Hel"),
            text(0, "lo\nthere"),
            StreamEvent::PartEnd { index: 0, end: PartEnd::Whole },
            StreamEvent::PartStart {
                index: 1,
                part: PartStart::ToolCall { call_id: "c".into(), name: "f".into() },
            },
            StreamEvent::ArgsDelta { index: 1, json: "{\"a\"".into() },
        ];
        for flush_every in 1..=events.len() {
            let mut writer = JournalWriter::new();
            let mut chunks = Vec::new();
            for part in events.chunks(flush_every) {
                part.iter().for_each(|event| writer.push(event));
                chunks.push(JournalChunk { seq: JournalSeq::FIRST, data: writer.take() });
            }
            let collected = assemble(&chunks);
            assert_eq!(collected.parts[0].as_text(), Some("Hello\nthere"));
            let PartKind::ToolCall(call) = &collected.parts[1].kind else { panic!("a call") };
            assert_eq!((call.args_raw.as_str(), call.args()), ("{\"a\"", None));
        }
    }

    #[test]
    fn parts_of_every_kind_come_back() {
        let native = Native {
            api: ApiId::from_static("a"),
            json: RawJson::parse("{\"n\":12345678901234567890123}").unwrap(),
        };
        let seal =
            Seal { api: native.api.clone(), model: None, kind: SealKind::Signature, bytes: "=".into() };
        let media = Media::Bytes { media_type: "image/png".into(), data: Bytes::from_static(b"png") };
        let image = PartKind::Image(Image { media, detail: None, seal: None });
        let opaque = PartKind::Opaque(Opaque { native: native.clone() });
        let citation = Citation { url: Some("u".into()), title: None, quote: None, native: native.clone() };
        let starts = [
            PartStart::Text,
            PartStart::Reasoning,
            PartStart::Refusal,
            PartStart::ToolCall { call_id: "c".into(), name: "f".into() },
            PartStart::Whole(Box::new(image)),
            PartStart::Whole(Box::new(opaque)),
        ];
        let mut events = Vec::new();
        for (start, index) in starts.into_iter().zip(0..) {
            events.push(StreamEvent::PartStart { index, part: start });
            events.push(StreamEvent::TextDelta { index, text: "t".into() });
            events.push(StreamEvent::ReasoningDelta { index, text: "r".into() });
            events.push(StreamEvent::RefusalDelta { index, text: "f".into() });
            events.push(StreamEvent::ArgsDelta { index, json: "{}".into() });
            events.push(StreamEvent::SealSet { index, seal: Box::new(seal.clone()) });
            events.push(StreamEvent::CitationAdded { index, citation: Box::new(citation.clone()) });
            events.push(StreamEvent::PartEnd { index, end: PartEnd::Native(Box::new(native.clone())) });
        }
        events.push(StreamEvent::UsageSnapshot(Usage { output_total: 3, ..Usage::default() }));

        let (mut collector, mut writer) = (Collector::new(), JournalWriter::new());
        for event in &events {
            collector.push(event);
            writer.push(event);
        }
        let (shown, kept) =
            (collector.finish(), assemble(&[JournalChunk { seq: JournalSeq::FIRST, data: writer.take() }]));
        assert_eq!(kept.parts, shown.parts);
        assert_eq!(kept.usage, shown.usage);
    }

    #[test]
    fn a_torn_line_loses_only_itself() {
        let mut writer = JournalWriter::new();
        writer.push(&StreamEvent::PartStart { index: 0, part: PartStart::Text });
        writer.push(&text(0, "kept"));
        let data = writer.take() + "{\"t\":[0,\"lo";
        let collected = assemble(&[JournalChunk { seq: JournalSeq::FIRST, data }]);
        assert_eq!(collected.parts[0].as_text(), Some("kept"));
    }
}
