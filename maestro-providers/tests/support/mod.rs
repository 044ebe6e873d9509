//! Runs bytes through a decoder in every way, and checks what holds for every stream.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;

use maestro_core::{
    Error,
    chat::{ArgsState, Finish, Part, PartKind, StreamEvent, Usage},
    stream::{Collected, Collector, Ending, Parser, StreamDecoder},
};
use maestro_providers::{anthropic, gemini, openai, openai_compatible};

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Anthropic,
    Responses,
    Chat,
    Gemini,
}

impl Api {
    pub(crate) const ALL: [Self; 4] = [Self::Anthropic, Self::Responses, Self::Chat, Self::Gemini];

    pub(crate) fn decoder(self) -> Box<dyn StreamDecoder> {
        match self {
            Self::Anthropic => Box::new(anthropic::Decoder::new()),
            Self::Responses => Box::new(openai::Decoder::new()),
            Self::Chat => Box::new(openai_compatible::Decoder::new()),
            Self::Gemini => Box::new(gemini::Decoder::new()),
        }
    }
}

/// What came of a stream.
pub(crate) struct Outcome {
    pub(crate) events: Vec<StreamEvent>,
    pub(crate) answer: Collected,
}

impl Outcome {
    /// Why it finished; fails if it did not.
    pub(crate) fn finish(&self) -> &Finish {
        match &self.answer.ending {
            Some(Ending::Finished(finish)) => finish,
            other => panic!("not finished: {other:?}"),
        }
    }

    /// The error that the provider reported; fails if there was none.
    pub(crate) fn failure(&self) -> &Error {
        match &self.answer.ending {
            Some(Ending::Failed(error)) => error,
            other => panic!("not failed: {other:?}"),
        }
    }

    pub(crate) fn is_truncated(&self) -> bool {
        matches!(self.answer.ending, Some(Ending::Truncated(_)))
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.answer.parts
    }

    pub(crate) fn usage(&self) -> Usage {
        self.answer.usage.unwrap()
    }

    /// All text that is meant to be read.
    pub(crate) fn text(&self) -> String {
        self.parts().iter().filter_map(Part::as_text).collect()
    }

    /// All visible reasoning.
    pub(crate) fn reasoning(&self) -> String {
        let thoughts = self.parts().iter().filter_map(|part| match &part.kind {
            PartKind::Reasoning(reasoning) => Some(reasoning.text.as_str()),
            _ => None,
        });
        thoughts.collect()
    }

    /// The calls: id, name, arguments, state.
    pub(crate) fn calls(&self) -> Vec<(&str, &str, &str, ArgsState)> {
        let calls = self.parts().iter().filter_map(|part| match &part.kind {
            PartKind::ToolCall(call) => {
                Some((call.call_id.as_str(), call.name.as_str(), call.args_raw.as_str(), call.state))
            }
            _ => None,
        });
        calls.collect()
    }

    /// The parts by the names of their kinds.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.parts().iter().map(|part| part.kind.name()).collect()
    }

    pub(crate) fn notices(&self) -> Vec<&str> {
        let names = self.events.iter().filter_map(|event| match event {
            StreamEvent::Notice(notice) => Some(notice.name.as_str()),
            _ => None,
        });
        names.collect()
    }
}

/// The events of a body in these chunks, with the laws checked that hold for every stream.
pub(crate) fn events<'a>(api: Api, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<StreamEvent> {
    let mut parser = Parser::new(api.decoder());
    let mut events = Vec::new();
    for chunk in chunks {
        parser.push(chunk);
        events.extend(std::iter::from_fn(|| parser.next_event()));
    }
    parser.finish();
    events.extend(std::iter::from_fn(|| parser.next_event()));
    check(&events);
    events
}

/// What came of a body in one piece.
pub(crate) fn outcome(api: Api, body: &[u8]) -> Outcome {
    collected(events(api, [body]))
}

/// What came of a body: the same whether whole, cut in two at every place, or byte by byte.
pub(crate) fn every_way(api: Api, body: impl AsRef<[u8]>) -> Outcome {
    let body = body.as_ref();
    let whole = events(api, [body]);
    let told = format!("{whole:?}");
    for cut in 0..body.len() {
        let (head, tail) = body.split_at(cut);
        assert_eq!(format!("{:?}", events(api, [head, tail])), told, "cut at {cut}");
    }
    for size in [1, 17] {
        assert_eq!(format!("{:?}", events(api, body.chunks(size))), told, "in chunks of {size}");
    }
    collected(whole)
}

/// Events with this data, one after another.
pub(crate) fn sse<T: AsRef<str>>(data: impl IntoIterator<Item = T>) -> String {
    data.into_iter().map(|data| format!("data: {}\n\n", data.as_ref())).collect()
}

fn collected(events: Vec<StreamEvent>) -> Outcome {
    let mut collector = Collector::new();
    events.iter().for_each(|event| collector.push(event));
    Outcome { events, answer: collector.finish() }
}

/// One end, and last; parts begin in order, are filled while open, and are closed when the answer is finished.
fn check(events: &[StreamEvent]) {
    let (mut next, mut open) = (0, BTreeMap::new());
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event.is_end(), at + 1 == events.len(), "the end is last: {events:?}");
        match event {
            StreamEvent::Started { .. } => {
                let before = events[..at]
                    .iter()
                    .rev()
                    .take_while(|event| !matches!(event, StreamEvent::Restarted { .. }));
                assert!(
                    before.into_iter().all(|event| matches!(event, StreamEvent::Notice(_))),
                    "{events:?}"
                );
            }
            StreamEvent::Restarted { .. } => (next, open) = (0, BTreeMap::new()),
            StreamEvent::PartStart { index, .. } => {
                assert_eq!(*index, next, "{events:?}");
                next += 1;
                open.insert(*index, ());
            }
            StreamEvent::TextDelta { index, text }
            | StreamEvent::ReasoningDelta { index, text }
            | StreamEvent::RefusalDelta { index, text }
            | StreamEvent::ArgsDelta { index, json: text } => {
                assert!(open.contains_key(index) && !text.is_empty(), "{events:?}");
            }
            StreamEvent::SealSet { index, .. } | StreamEvent::CitationAdded { index, .. } => {
                assert!(open.contains_key(index), "{events:?}");
            }
            StreamEvent::PartEnd { index, .. } => assert!(open.remove(index).is_some(), "{events:?}"),
            StreamEvent::Finished { .. } => assert!(open.is_empty(), "{events:?}"),
            StreamEvent::Failed(error) => {
                assert!(!error.to_string().is_empty());
            }
            _ => {}
        }
    }
    assert!(!events.is_empty());
}
