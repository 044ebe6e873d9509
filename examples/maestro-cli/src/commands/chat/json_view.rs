//! An answer as lines of JSON.

use std::{collections::BTreeMap, io};

use maestro::{
    Id,
    core::{
        chat::{ArgsEnd, ArgsState, PartEnd, PartStart, ReportLine, StreamEvent, ToolCall, Usage},
        conversations::{ChatEntry, EntryState, Session, Thread},
    },
};
use serde::Serialize;
use serde_json::Value;

use super::view::{Beginning, View};
use crate::{event_lines::EventLine, output::Output};

/// Writes an answer as lines of JSON.
pub(super) struct JsonView {
    output: Output,
    /// The calls that are being written, by the index of their part.
    calls: BTreeMap<u32, OpenCall>,
    /// The latest snapshot; each replaces the one before, so only the last is worth a line.
    usage: Option<Usage>,
}

/// A call that is being written.
struct OpenCall {
    call_id: String,
    name: String,
    args: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Start {
        session_id: Id<Session>,
        thread_id: Id<Thread>,
        entry_id: Id<ChatEntry>,
        provider: &'a str,
        model: &'a str,
    },
    /// A part of the conversation that was dropped, changed or made up for this provider.
    Translation(&'a ReportLine),
    ToolCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
        args: Option<Value>,
        state: ArgsState,
    },
    Entry {
        session_id: Id<Session>,
        thread_id: Id<Thread>,
        entry_id: Id<ChatEntry>,
        state: EntryState,
    },
}

impl JsonView {
    /// A view of one answer.
    pub(super) const fn new(output: Output) -> Self {
        Self { output, calls: BTreeMap::new(), usage: None }
    }

    fn end_call(&mut self, index: u32, end: &PartEnd) -> io::Result<()> {
        let Some(OpenCall { call_id, name, args }) = self.calls.remove(&index) else { return Ok(()) };
        if *end == PartEnd::Cut {
            return Ok(());
        }
        let call = ToolCall::new(call_id, name, args, ArgsEnd::Complete);
        self.output.json(&Line::ToolCall {
            call_id: &call.call_id,
            name: &call.name,
            arguments: &call.args_raw,
            args: call.args(),
            state: call.state,
        })
    }

    fn tell_usage(&mut self) -> io::Result<()> {
        match self.usage.take() {
            Some(usage) => self.output.json(&EventLine::Usage(&usage)),
            None => Ok(()),
        }
    }
}

impl View for JsonView {
    fn begin(&mut self, beginning: &Beginning<'_>) -> io::Result<()> {
        self.output.json(&Line::Start {
            session_id: beginning.session,
            thread_id: beginning.thread,
            entry_id: beginning.entry,
            provider: beginning.provider.as_str(),
            model: beginning.model.as_str(),
        })?;
        beginning.losses().try_for_each(|line| self.output.json(&Line::Translation(line)))
    }

    fn event(&mut self, event: &StreamEvent) -> io::Result<()> {
        match event {
            StreamEvent::TextDelta { .. }
            | StreamEvent::ReasoningDelta { .. }
            | StreamEvent::RefusalDelta { .. } => self.output.json(&EventLine::of(event)),
            StreamEvent::PartStart { index, part: PartStart::ToolCall { call_id, name } } => {
                let call =
                    OpenCall { call_id: call_id.to_string(), name: name.to_string(), args: String::new() };
                self.calls.insert(*index, call);
                Ok(())
            }
            StreamEvent::ArgsDelta { index, json } => {
                if let Some(call) = self.calls.get_mut(index) {
                    call.args.push_str(json);
                }
                Ok(())
            }
            StreamEvent::PartEnd { index, end } => self.end_call(*index, end),
            StreamEvent::UsageSnapshot(usage) => {
                self.usage = Some(*usage);
                Ok(())
            }
            StreamEvent::Restarted { .. } => {
                self.calls.clear();
                self.output.json(&EventLine::of(event))
            }
            end if end.is_end() => {
                self.tell_usage()?;
                self.output.json(&EventLine::of(end))
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, entry: &ChatEntry) -> io::Result<()> {
        self.tell_usage()?;
        self.output.json(&Line::Entry {
            session_id: entry.session_id,
            thread_id: entry.thread_id,
            entry_id: entry.id,
            state: entry.state,
        })
    }
}
