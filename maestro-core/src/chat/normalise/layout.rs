//! Step 4: results, instructions and neighbours get their places, and the ends are mended.

use super::{
    Action, Fate, FirstTurn, LastTurn, MidSystem, Neighbours, Placed, ResultPlace, TargetRules,
    TranslationReport, Turn,
    calls::{At, Pairs},
    seals,
};
use crate::chat::{Finish, Message, Part, PartKind, Role, ToolResult};

/// What a call is answered with that nobody answered.
const NOT_RUN: &str = "This call was not run.";
/// What stands before a conversation that the model began.
const CONTINUED: &str = "(continued)";
/// What is asked of a model that spoke last.
const CONTINUE: &str = "Continue.";

/// Puts every message and result in its place.
pub(super) fn arrange(
    mut turns: Vec<Turn>,
    pairs: &Pairs,
    rules: &TargetRules,
    report: &mut TranslationReport,
) -> Vec<Placed> {
    let mut out = Out {
        placed: Vec::with_capacity(turns.len()),
        has_begun: false,
        waiting: Vec::new(),
        hoisted: Vec::new(),
        rules,
        report,
    };
    for number in 0..turns.len() {
        match turns.get(number).map(|turn| turn.head.role) {
            Some(Role::System) => out.system(&mut turns, number),
            Some(Role::User) => out.user(&mut turns, number, pairs),
            Some(Role::Assistant) => out.assistant(&mut turns, number, pairs),
            Some(Role::Tool) => out.tool(&mut turns, number, pairs),
            None => {}
        }
    }
    out.flush();
    let Out { mut placed, hoisted, .. } = out;
    let leading = placed.iter().take_while(|placed| placed.message.role == Role::System).count();
    placed.splice(leading..leading, hoisted);
    if rules.neighbours == Neighbours::Merged { merge(placed, rules, report) } else { placed }
}

struct Out<'a> {
    placed: Vec<Placed>,
    /// Whether anything but instructions has been placed.
    has_begun: bool,
    /// Parts for the next message of the user.
    waiting: Vec<Part>,
    /// Instructions that move to the front.
    hoisted: Vec<Placed>,
    rules: &'a TargetRules,
    report: &'a mut TranslationReport,
}

impl Out<'_> {
    fn system(&mut self, turns: &mut [Turn], number: usize) {
        let Some((source, mut message)) = self.rest_of(turns, number) else { return };
        match self.rules.mid_system {
            _ if !self.has_begun && self.waiting.is_empty() => self.push(source, message),
            MidSystem::Kept => self.push(source, message),
            MidSystem::Hoisted => {
                self.report.note_turn(source, Action::Moved, "instructions: moved before the conversation");
                self.hoisted.push(Placed { source: Some(source), message });
            }
            MidSystem::AsUserText => {
                self.report.note_turn(
                    source,
                    Action::Downgraded,
                    "instructions: sent as tagged text of the user",
                );
                let text = format!("<system>\n{}\n</system>", message.text());
                message = Message::new(Role::User, std::mem::take(&mut self.waiting));
                message.parts.push(Part::text(text));
                self.push(source, message);
            }
        }
    }

    fn user(&mut self, turns: &mut [Turn], number: usize, pairs: &Pairs) {
        if let Some(results) = self.results_within(turns, number, pairs) {
            self.push(results.0, results.1);
        }
        if let Some((source, mut message)) = self.rest_of(turns, number) {
            if !self.waiting.is_empty() {
                let mut parts = std::mem::take(&mut self.waiting);
                parts.append(&mut message.parts);
                message.parts = parts;
            }
            self.push(source, message);
        }
    }

    fn assistant(&mut self, turns: &mut [Turn], number: usize, pairs: &Pairs) {
        self.flush();
        let results = self.results_within(turns, number, pairs);
        let calls: Vec<At> = turns.get(number).map_or_else(Vec::new, |turn| {
            let calls = turn.slots.iter().enumerate().filter(|(_, slot)| {
                slot.fate == Fate::Kept && matches!(slot.part.kind, PartKind::ToolCall(_))
            });
            calls.map(|(index, _)| (number, index)).collect()
        });
        let answers = self.answers(turns, &calls, pairs);
        let beside = turns.get_mut(number).map(|turn| std::mem::take(&mut turn.beside)).unwrap_or_default();
        if let Some((source, message)) = self.rest_of(turns, number) {
            self.push(source, message);
        }
        if let Some(answers) = answers {
            self.place(answers);
        }
        if let Some(results) = results {
            self.push(results.0, results.1);
        }
        self.waiting.extend(beside);
    }

    fn tool(&mut self, turns: &mut [Turn], number: usize, pairs: &Pairs) {
        if self.rules.results == ResultPlace::AfterCall {
            let Some(turn) = turns.get_mut(number) else { return };
            let mut parts = Vec::new();
            for (index, slot) in turn.slots.iter_mut().enumerate() {
                if slot.fate == Fate::Kept && pairs.answering.contains(&(number, index)) {
                    slot.fate = Fate::Empty;
                    parts.push(slot.part.clone());
                    self.waiting.append(&mut slot.beside);
                }
            }
            if !parts.is_empty() {
                let (source, message) = (turn.source, Message { parts, ..turn.head.clone() });
                self.push(source, message);
            }
        }
        // What is no answer to a call is said by the user.
        let was_natural = turns.get(number).is_some_and(|turn| {
            !turn.slots.is_empty() && turn.slots.iter().all(|slot| slot.fate == Fate::Empty)
        });
        if was_natural {
            return;
        }
        if let Some((source, message)) = self.rest_of(turns, number) {
            self.report.note_turn(source, Action::Moved, "what is no result: said by the user");
            self.waiting.extend(message.parts);
        }
    }

    /// Answers to calls that come right behind them: under [`ResultPlace::NextTurn`] all of them, otherwise only those
    /// that must be made up. Results that are taken from elsewhere leave an empty slot there.
    fn answers(&mut self, turns: &mut [Turn], calls: &[At], pairs: &Pairs) -> Option<Placed> {
        let (number, _) = *calls.first()?;
        let natural = number + 1;
        let natural_head =
            turns.get(natural).filter(|turn| turn.head.role == Role::Tool).map(|turn| turn.head.clone());
        let mut parts = Vec::with_capacity(calls.len());
        let mut source = None;
        let mut newest = None;
        let mut beside = Vec::new();
        for call in calls {
            match pairs.result_of.get(call).copied().flatten() {
                Some(_) if self.rules.results == ResultPlace::AfterCall => {}
                Some(at) => {
                    let in_place =
                        natural_head.is_some() && at.0 == natural && newest.is_none_or(|last| last < at.1);
                    let Some(turn) = turns.get_mut(at.0) else { continue };
                    if in_place {
                        (source, newest) = (Some(turn.source), Some(at.1));
                    } else {
                        self.report.note_part(
                            turn.source,
                            at.1,
                            Action::Moved,
                            "result: placed behind its call",
                        );
                    }
                    if let Some(slot) = turn.slots.get_mut(at.1) {
                        slot.fate = Fate::Empty;
                        parts.push(slot.part.clone());
                        beside.append(&mut slot.beside);
                    }
                }
                None => parts.extend(self.made_up(turns, *call)),
            }
        }
        self.waiting.extend(beside);
        if parts.is_empty() {
            return None;
        }
        let head =
            natural_head.filter(|_| source.is_some()).unwrap_or_else(|| Message::new(Role::Tool, Vec::new()));
        Some(Placed { source, message: Message { parts, ..head } })
    }

    fn made_up(&mut self, turns: &[Turn], (number, index): At) -> Option<Part> {
        let turn = turns.get(number)?;
        let PartKind::ToolCall(call) = &turn.slots.get(index)?.part.kind else { return None };
        let reason = format!("result of the call of {}, which was not run", call.name);
        self.report.note_part(turn.source, index, Action::Synthesised, reason);
        Some(Part::new(PartKind::ToolResult(ToolResult::error(call, NOT_RUN))))
    }

    /// Under [`ResultPlace::AfterCall`], the answering results within a message that is not of the role for them.
    fn results_within(
        &mut self,
        turns: &mut [Turn],
        number: usize,
        pairs: &Pairs,
    ) -> Option<(usize, Message)> {
        if self.rules.results != ResultPlace::AfterCall {
            return None;
        }
        let turn = turns.get_mut(number)?;
        let mut parts = Vec::new();
        for (index, slot) in turn.slots.iter_mut().enumerate() {
            if slot.fate == Fate::Kept && pairs.answering.contains(&(number, index)) {
                slot.fate = Fate::Empty;
                parts.push(slot.part.clone());
                self.waiting.append(&mut slot.beside);
                self.report.note_part(turn.source, index, Action::Moved, "result: in a message of its own");
            }
        }
        (!parts.is_empty()).then(|| (turn.source, Message::new(Role::Tool, parts)))
    }

    /// The message of what is left in a turn, once the results that answer a call have been taken. Other results become
    /// text of the user.
    fn rest_of(&mut self, turns: &mut [Turn], number: usize) -> Option<(usize, Message)> {
        let turn = turns.get_mut(number)?;
        let source = turn.source;
        let mut parts = Vec::with_capacity(turn.slots.len());
        for (index, slot) in turn.slots.iter_mut().enumerate() {
            if slot.fate != Fate::Kept {
                continue;
            }
            let part = std::mem::replace(&mut slot.part, Part::text(""));
            match part.kind {
                PartKind::ToolResult(result) => {
                    self.report.note_part(
                        source,
                        index,
                        Action::Downgraded,
                        "result without a call: sent as text",
                    );
                    let text =
                        format!("Result of an earlier tool call ({}): {}", result.name, result.joined_text());
                    let told = std::iter::once(Part::text(text)).chain(slot.beside.drain(..));
                    if turn.head.role == Role::Assistant {
                        self.waiting.extend(told);
                    } else {
                        parts.extend(told);
                    }
                }
                _ => parts.push(part),
            }
        }
        if parts.is_empty() {
            self.report.note_turn(source, Action::Dropped, "nothing is left of this message");
            return None;
        }
        Some((source, Message { parts, ..turn.head.clone() }))
    }

    fn push(&mut self, source: usize, message: Message) {
        self.place(Placed { source: Some(source), message });
    }

    fn place(&mut self, placed: Placed) {
        self.has_begun |= placed.message.role != Role::System;
        self.placed.push(placed);
    }

    /// Lets the user say what waits.
    fn flush(&mut self) {
        if !self.waiting.is_empty() {
            let parts = std::mem::take(&mut self.waiting);
            self.place(Placed { source: None, message: Message::new(Role::User, parts) });
        }
    }
}

/// Makes neighbours of one role one message. Instructions stay apart: they are not turns.
fn merge(placed: Vec<Placed>, rules: &TargetRules, report: &mut TranslationReport) -> Vec<Placed> {
    let mut merged: Vec<Placed> = Vec::with_capacity(placed.len());
    for mut next in placed {
        match merged.last_mut() {
            Some(last) if last.message.role == next.message.role && next.message.role != Role::System => {
                match next.source {
                    Some(turn) => report.note_turn(turn, Action::Moved, "joined to the message before it"),
                    None => report.note(Action::Moved, "a made-up message joined to the one before it"),
                }
                last.message.parts.append(&mut next.message.parts);
                join_heads(&mut last.message, next.message, rules);
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// Joins all but the parts. Of two origins the one stays by which seals are accepted, so that what was accepted once
/// is accepted again.
fn join_heads(into: &mut Message, from: Message, rules: &TargetRules) {
    into.usage = match (into.usage, from.usage) {
        (Some(a), Some(b)) => Some(a.plus(b)),
        (a, b) => a.or(b),
    };
    if into.origin == from.origin {
        into.finish = from.finish;
        return;
    }
    into.finish = None;
    let mut origins = [into.origin.take(), from.origin].into_iter().flatten();
    into.origin = origins.find(|origin| seals::is_of(origin, rules));
}

/// Sees to it that those speak first and last who must.
pub(super) fn mend_ends(placed: &mut Vec<Placed>, rules: &TargetRules, report: &mut TranslationReport) {
    let leading = placed.iter().take_while(|placed| placed.message.role == Role::System).count();
    if let Some(first) = placed.get(leading)
        && rules.first_turn == FirstTurn::User
        && first.message.role != Role::User
    {
        report.note(Action::Synthesised, "a first message of the user");
        placed.insert(leading, Placed { source: None, message: Message::user(CONTINUED) });
    }
    if let Some(last) = placed.last()
        && rules.last_turn == LastTurn::NotAssistant
        && last.message.role == Role::Assistant
        && !is_paused(&last.message, rules)
    {
        report.note(Action::Synthesised, "a last message of the user, as the model spoke last");
        placed.push(Placed { source: None, message: Message::user(CONTINUE) });
    }
}

/// An own answer that its provider paused goes back as it is, and goes on.
fn is_paused(message: &Message, rules: &TargetRules) -> bool {
    message.finish == Some(Finish::Paused)
        && message.origin.as_ref().is_some_and(|origin| origin.api == rules.api)
}
