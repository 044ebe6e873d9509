//! The tool calls of one answer, told apart although servers number them in many ways.

use compact_str::CompactString;
use maestro_core::{
    chat::{PartEnd, PartStart, StreamEvent},
    stream::{Events, JsonDepth},
};

use super::wire::Call;
use crate::decoding::made_up;

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Open>);

/// A call that has begun; calls end with the answer.
#[derive(Debug)]
struct Open {
    index: Option<u32>,
    id: Option<CompactString>,
    /// The part, once the name is known.
    part: Option<u32>,
    name: CompactString,
    /// Arguments that came before the name.
    held: String,
    depth: JsonDepth,
    /// The arguments form a whole object, so that more of them would be another call's.
    whole: bool,
}

/// What the ids of calls without one are made of.
pub(super) struct Naming<'a> {
    pub(super) seed: &'a str,
    pub(super) response_id: Option<&'a str>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a piece of a call.
    pub(super) fn delta(
        &mut self,
        call: &mut Call<'_>,
        naming: &Naming<'_>,
        next: &mut u32,
        out: &mut Events,
    ) {
        let function = &mut call.function;
        let arguments = function.arguments.0.take();
        let (id, name) = (call.id.filled(), function.name.filled());
        let at = match self.find(call.index.0, id, name) {
            Some(at) => at,
            None if id.is_none() && name.is_none() && arguments.is_none() => return,
            None => {
                self.0.push(Open::new(call.index.0, id));
                self.0.len() - 1
            }
        };
        let ordinal = u32::try_from(at).unwrap_or(u32::MAX);
        let open = &mut self.0[at];
        open.id = open.id.take().or_else(|| id.map(Into::into));
        if let Some(name) = name
            && open.part.is_none()
        {
            open.name = name.into();
            open.begin(ordinal, naming, next, out);
        }
        if let Some(json) = arguments {
            open.arguments(json, out);
        }
    }

    /// Ends all calls. After a cut the last one is not whole, whatever it looks like; those before it are.
    pub(super) fn end(&mut self, cut: bool, naming: &Naming<'_>, next: &mut u32, out: &mut Events) {
        let last = self.0.len().saturating_sub(1);
        for (at, open) in self.0.iter_mut().enumerate() {
            // A call that was never named cannot be run, and must not vanish either.
            open.begin(u32::try_from(at).unwrap_or(u32::MAX), naming, next, out);
            if let Some(index) = open.part {
                let end = if cut && at == last { PartEnd::Cut } else { PartEnd::Whole };
                out.push(StreamEvent::PartEnd { index, end });
            }
        }
    }

    /// The call that a piece belongs to. An id that differs begins another call though the index is the same (Ollama
    /// numbers every call 0), and so does a name after whole arguments. Without an index the id decides, else the piece
    /// belongs to the last call.
    fn find(&self, index: Option<u32>, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        let at = match (index, id) {
            (Some(index), _) => self.0.iter().rposition(|open| open.index == Some(index)),
            (None, Some(id)) => self.0.iter().rposition(|open| open.id.as_deref() == Some(id)),
            (None, None) => self.0.len().checked_sub(1),
        }?;
        let open = &self.0[at];
        let other = match (id, open.id.as_deref()) {
            (Some(id), Some(known)) if id != known => true,
            (Some(_), Some(_)) => false,
            _ => name.is_some() && open.whole,
        };
        (!other).then_some(at)
    }
}

impl Open {
    fn new(index: Option<u32>, id: Option<&str>) -> Self {
        Self {
            index,
            id: id.map(Into::into),
            part: None,
            name: CompactString::default(),
            held: String::new(),
            depth: JsonDepth::default(),
            whole: false,
        }
    }

    fn begin(&mut self, ordinal: u32, naming: &Naming<'_>, next: &mut u32, out: &mut Events) {
        if self.part.is_some() {
            return;
        }
        let index = *next;
        *next += 1;
        self.part = Some(index);
        let call_id = self.id.clone().unwrap_or_else(|| made_up(naming.seed, naming.response_id, ordinal));
        out.push(StreamEvent::PartStart {
            index,
            part: PartStart::ToolCall { call_id, name: self.name.clone() },
        });
        if !self.held.is_empty() {
            out.push(StreamEvent::ArgsDelta { index, json: std::mem::take(&mut self.held).into() });
        }
    }

    fn arguments(&mut self, json: CompactString, out: &mut Events) {
        self.whole |= self.depth.feed(json.as_bytes()).is_some();
        match self.part {
            Some(index) => out.push(StreamEvent::ArgsDelta { index, json }),
            None => self.held.push_str(&json),
        }
    }
}
