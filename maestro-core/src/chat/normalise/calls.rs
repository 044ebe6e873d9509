//! Step 2: calls and results are paired, named and numbered.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt::Write as _,
};

use compact_str::CompactString;
use sha2::{Digest as _, Sha256};

use super::{Action, Fate, TargetRules, ToolNameRule, TranslationReport, Turn};
use crate::chat::{ArgsState, PartKind, Role, ToolCall};

/// Where a part is: the index of its turn, and its index within.
pub(super) type At = (usize, usize);

/// Which result answers which call.
#[derive(Default)]
pub(super) struct Pairs {
    /// The result of each call that stays, if it has one.
    pub(super) result_of: HashMap<At, Option<At>>,
    /// The results that answer a call.
    pub(super) answering: HashSet<At>,
}

/// Pairs calls with results, and gives both the ids and names that the target takes. A result answers the newest message
/// that has an open call of its id; of several such calls in one message, the first.
pub(super) fn pair(turns: &mut [Turn], rules: &TargetRules, report: &mut TranslationReport) -> Pairs {
    let (calls, results) = matching(turns);
    let mut ids = Ids::default();
    let mut pairs = Pairs::default();
    for at in calls {
        let result = results.get(&at).copied();
        let Some((turn, slot)) = turns.get_mut(at.0).map(|turn| (turn.source, turn.slots.get_mut(at.1)))
        else {
            continue;
        };
        let Some(slot) = slot else { continue };
        let PartKind::ToolCall(call) = &mut slot.part.kind else { continue };
        if call.state != ArgsState::Complete {
            let state = if call.state == ArgsState::Incomplete { "was cut off" } else { "is not JSON" };
            if result.is_none() {
                slot.fate = Fate::Gone;
                report.note_part(turn, at.1, Action::Dropped, format!("call of {} that {state}", call.name));
                continue;
            }
            "{}".clone_into(&mut call.args_raw);
            call.state = ArgsState::Complete;
            slot.part.native = None;
            report.note_part(
                turn,
                at.1,
                Action::Downgraded,
                format!("call of {} that {state}: {{}}", call.name),
            );
        }
        if let Some(id) = ids.other_than(call, rules) {
            call.call_id = id;
            slot.part.native = None;
            report.note_part(
                turn,
                at.1,
                Action::Synthesised,
                format!("another id for the call of {}", call.name),
            );
        }
        // A name in native JSON of its own is one that the target gave itself.
        let is_own = slot.part.native.as_ref().is_some_and(|native| native.api == rules.api);
        if !is_own && !rules.tool_names.allows(&call.name) {
            call.name = legal_name(&call.name, &rules.tool_names);
            report.note_part(
                turn,
                at.1,
                Action::Downgraded,
                format!("name of a tool, sent as {}", call.name),
            );
        }
        let (id, name) = (call.call_id.clone(), call.name.clone());
        pairs.result_of.insert(at, result);
        if let Some(result) = result {
            pairs.answering.insert(result);
            rename_result(turns, result, id, name, report);
        }
    }
    pairs
}

/// All calls in order, and the result of each that has one.
fn matching(turns: &[Turn]) -> (Vec<At>, HashMap<At, At>) {
    let mut calls = Vec::new();
    let mut results = HashMap::new();
    let mut open: HashMap<&str, VecDeque<At>> = HashMap::new();
    for (number, turn) in turns.iter().enumerate() {
        for (index, slot) in turn.slots.iter().enumerate().filter(|(_, slot)| slot.fate == Fate::Kept) {
            match &slot.part.kind {
                PartKind::ToolCall(call) if turn.head.role == Role::Assistant => {
                    calls.push((number, index));
                    let same = open.entry(&call.call_id).or_default();
                    if same.front().is_some_and(|(earlier, _)| *earlier != number) {
                        same.clear();
                    }
                    same.push_back((number, index));
                }
                PartKind::ToolResult(result) => {
                    if let Some(call) = open.get_mut(&*result.call_id).and_then(VecDeque::pop_front) {
                        results.insert(call, (number, index));
                    }
                }
                _ => {}
            }
        }
    }
    (calls, results)
}

/// Makes a result name its call. The call's own line in the report covers its id.
fn rename_result(
    turns: &mut [Turn],
    at: At,
    id: CompactString,
    name: CompactString,
    report: &mut TranslationReport,
) {
    let Some(turn) = turns.get_mut(at.0) else { return };
    let source = turn.source;
    let Some(PartKind::ToolResult(result)) = turn.slots.get_mut(at.1).map(|slot| &mut slot.part.kind) else {
        return;
    };
    result.call_id = id;
    if result.name != name {
        report.note_part(source, at.1, Action::Downgraded, format!("result: named after its call of {name}"));
        result.name = name;
    }
}

/// The ids that are in use, and how often each was asked for anew.
#[derive(Default)]
struct Ids {
    used: HashSet<CompactString>,
    again: HashMap<CompactString, u32>,
}

impl Ids {
    /// Another id, where the call's own is not legal or not unique. It depends on the conversation up to here alone, so
    /// that it is the same in every request and prompt caches hold.
    fn other_than(&mut self, call: &ToolCall, rules: &TargetRules) -> Option<CompactString> {
        if rules.call_ids.allows(&call.call_id) && self.used.insert(call.call_id.clone()) {
            return None;
        }
        let again = self.again.entry(call.call_id.clone()).or_default();
        loop {
            let id = derived(&call.call_id, *again);
            *again += 1;
            if self.used.insert(id.clone()) {
                return Some(id);
            }
        }
    }
}

/// `call_` and the first 24 hex digits of the SHA-256 of the id, with a number behind it from the second time on.
fn derived(id: &str, again: u32) -> CompactString {
    let mut hash = Sha256::new();
    hash.update(id);
    if again > 0 {
        hash.update([0]);
        hash.update(again.to_be_bytes());
    }
    let mut text = CompactString::const_new("call_");
    for byte in hash.finalize().iter().take(12) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn legal_name(name: &str, rule: &ToolNameRule) -> CompactString {
    let mut legal: CompactString = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .take(rule.max_len)
        .collect();
    if !rule.allows(&legal) {
        legal = std::iter::once('_').chain(legal.chars()).take(rule.max_len).collect();
    }
    legal
}
