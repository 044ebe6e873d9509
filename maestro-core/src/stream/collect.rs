//! From events to a message.

use compact_str::CompactString;

use crate::{
    chat::{
        ArgsEnd, Finish, Part, PartEnd, PartKind, PartStart, Reasoning, Refusal, StreamEvent, Text, ToolCall,
        Usage,
    },
    error::Error,
};

/// Puts the parts of an answer together from its events.
///
/// Streamed and collected, an answer is the same as when it was asked for whole.
#[derive(Debug, Default)]
pub struct Collector {
    response_id: Option<CompactString>,
    model: Option<CompactString>,
    parts: Vec<Slot>,
    usage: Option<Usage>,
    ending: Option<Ending>,
}

/// What an answer came to.
#[derive(Debug)]
pub struct Collected {
    /// The provider's id of the answer.
    pub response_id: Option<CompactString>,
    /// The model that answered.
    pub model: Option<CompactString>,
    /// What was said, in order; partial unless it ended with [`Ending::Finished`].
    pub parts: Vec<Part>,
    /// What it took, as far as was told.
    pub usage: Option<Usage>,
    /// How it ended; absent if the end has not come.
    pub ending: Option<Ending>,
}

/// How a stream ended.
#[derive(Debug)]
pub enum Ending {
    /// The provider ended it.
    Finished(Finish),
    /// It broke off.
    Truncated(Error),
    /// The provider reported an error.
    Failed(Error),
}

#[derive(Debug)]
struct Slot {
    index: u32,
    part: Part,
    /// The arguments of a call as they grow; moved into the part at its end.
    args: String,
    open: bool,
}

impl Collector {
    /// A collector for one answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event. Deltas of a part that was never opened are passed over.
    pub fn push(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Started { response_id, model } => {
                self.response_id.clone_from(response_id);
                self.model.clone_from(model);
            }
            StreamEvent::PartStart { index, part } => self.parts.push(Slot::new(*index, part)),
            StreamEvent::TextDelta { index, text } => self.with(*index, |slot| {
                if let PartKind::Text(part) = &mut slot.part.kind {
                    part.text.push_str(text);
                }
            }),
            StreamEvent::ReasoningDelta { index, text } => self.with(*index, |slot| {
                if let PartKind::Reasoning(part) = &mut slot.part.kind {
                    part.text.push_str(text);
                }
            }),
            StreamEvent::RefusalDelta { index, text } => self.with(*index, |slot| {
                if let PartKind::Refusal(part) = &mut slot.part.kind {
                    part.text.push_str(text);
                }
            }),
            StreamEvent::ArgsDelta { index, json } => self.with(*index, |slot| slot.args.push_str(json)),
            StreamEvent::SealSet { index, seal } => self.with(*index, |slot| slot.set_seal(seal)),
            StreamEvent::CitationAdded { index, citation } => self.with(*index, |slot| {
                if let PartKind::Text(part) = &mut slot.part.kind {
                    part.citations.push((**citation).clone());
                }
            }),
            StreamEvent::PartEnd { index, end } => self.with(*index, |slot| slot.close(end)),
            StreamEvent::UsageSnapshot(usage) => self.usage = Some(*usage),
            StreamEvent::Notice(_) => {}
            StreamEvent::Restarted { .. } => {
                self.parts.clear();
                self.usage = None;
            }
            StreamEvent::Finished { finish } => self.ending = Some(Ending::Finished(finish.clone())),
            StreamEvent::Truncated(error) => self.ending = Some(Ending::Truncated(error.without_source())),
            StreamEvent::Failed(error) => self.ending = Some(Ending::Failed(error.without_source())),
        }
    }

    /// What has come. Parts that are still open are cut: a call among them is incomplete.
    pub fn finish(mut self) -> Collected {
        for slot in &mut self.parts {
            slot.close(&PartEnd::Cut);
        }
        // Parts are opened in ascending order by all decoders; a stable sort keeps the promise for those from outside.
        self.parts.sort_by_key(|slot| slot.index);
        Collected {
            response_id: self.response_id,
            model: self.model,
            parts: self.parts.into_iter().map(|slot| slot.part).collect(),
            usage: self.usage,
            ending: self.ending,
        }
    }

    fn with(&mut self, index: u32, change: impl FnOnce(&mut Slot)) {
        // The part that grows is nearly always the last one.
        if let Some(slot) = self.parts.iter_mut().rev().find(|slot| slot.index == index && slot.open) {
            change(slot);
        }
    }
}

impl Slot {
    fn new(index: u32, start: &PartStart) -> Self {
        let kind = match start {
            PartStart::Text => PartKind::Text(Text::default()),
            PartStart::Reasoning => PartKind::Reasoning(Reasoning::default()),
            PartStart::Refusal => PartKind::Refusal(Refusal { text: String::new(), category: None }),
            PartStart::ToolCall { call_id, name } => {
                PartKind::ToolCall(ToolCall::new(call_id.clone(), name.clone(), String::new(), ArgsEnd::Cut))
            }
            PartStart::Whole(kind) => (**kind).clone(),
        };
        Self { index, part: Part::new(kind), args: String::new(), open: true }
    }

    fn set_seal(&mut self, seal: &crate::chat::Seal) {
        let place = match &mut self.part.kind {
            PartKind::Text(text) => &mut text.seal,
            PartKind::Reasoning(reasoning) => &mut reasoning.seal,
            PartKind::ToolCall(call) => &mut call.seal,
            PartKind::Image(image) => &mut image.seal,
            _ => return,
        };
        *place = Some(seal.clone());
    }

    fn close(&mut self, end: &PartEnd) {
        if !self.open {
            return;
        }
        self.open = false;
        if let PartKind::ToolCall(call) = &mut self.part.kind {
            let how = if *end == PartEnd::Cut { ArgsEnd::Cut } else { ArgsEnd::Complete };
            let seal = call.seal.take();
            *call = ToolCall {
                seal,
                ..ToolCall::new(call.call_id.clone(), call.name.clone(), std::mem::take(&mut self.args), how)
            };
        }
        if let PartEnd::Native(native) = end {
            self.part.native = Some((**native).clone());
        }
    }
}
