//! Step 3: seals and what hangs on them.

use super::{
    Action, CallSeals, Fate, Placed, ReasoningRule, SealScope, Slot, TargetRules, TranslationReport, Turn,
};
use crate::chat::{Origin, PartKind, Role, Seal, SealKind};

/// Whether the target takes a seal back that came with an answer of this origin.
///
/// Under [`SealScope::Model`] it must be of the model that is asked, as far as that is known: either the seal names it,
/// or the origin names it as asked or served. Where neither names a model, it is taken.
pub(super) fn accepts(seal: &Seal, origin: Option<&Origin>, rules: &TargetRules) -> bool {
    if seal.api != rules.api {
        return false;
    }
    if rules.seals == SealScope::Api {
        return true;
    }
    let origin = origin.filter(|origin| origin.api == rules.api);
    let is_asked = |model: &str| is_same_model(model, &rules.model);
    match (&seal.model, origin) {
        (None, None) => true,
        (model, origin) => model.as_deref().is_some_and(is_asked) || origin.is_some_and(|o| is_of(o, rules)),
    }
}

/// Whether an answer came from the API and the model that are asked.
pub(super) fn is_of(origin: &Origin, rules: &TargetRules) -> bool {
    let is_asked = |model: &str| is_same_model(model, &rules.model);
    origin.api == rules.api
        && (is_asked(&origin.model_asked) || origin.model_served.as_deref().is_some_and(is_asked))
}

/// Whether two names are of one model: equal but for a date or number of the snapshot at the end, such as
/// `-2025-08-07`, `-20250807` or `-001`.
fn is_same_model(a: &str, b: &str) -> bool {
    without_snapshot(a) == without_snapshot(b)
}

fn without_snapshot(name: &str) -> &str {
    let mut rest = name.strip_prefix("models/").unwrap_or(name);
    while let Some((head, tail)) = rest.rsplit_once('-') {
        // One digit alone is a version, as in `claude-opus-4`, and not a snapshot.
        if tail.len() < 2 || head.is_empty() || !tail.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        rest = head;
    }
    rest
}

/// Keeps reasoning and what it led to together, where the target demands it: reasoning whose follower is gone goes too,
/// and a follower whose reasoning is gone is no longer sent as the native item that names it.
pub(super) fn keep_followers(turns: &mut [Turn], rules: &TargetRules, report: &mut TranslationReport) {
    if rules.reasoning != ReasoningRule::SealedWithFollower {
        return;
    }
    for turn in turns.iter_mut().filter(|turn| turn.head.role == Role::Assistant) {
        let mut follower_stays = false;
        for (index, slot) in turn.slots.iter_mut().enumerate().rev() {
            if is_no_item(slot) {
                continue;
            }
            let is_reasoning = matches!(slot.part.kind, PartKind::Reasoning(_));
            if is_reasoning && slot.fate == Fate::Kept && !follower_stays {
                slot.fate = Fate::Gone;
                report.note_part(
                    turn.source,
                    index,
                    Action::Dropped,
                    "reasoning without the item that it led to",
                );
            }
            follower_stays = slot.fate == Fate::Kept;
        }
        let mut reasoning_lost = false;
        for (index, slot) in turn.slots.iter_mut().enumerate() {
            if is_no_item(slot) {
                continue;
            }
            match (&slot.part.kind, slot.fate) {
                (PartKind::Reasoning(_), fate) => reasoning_lost = fate == Fate::Gone,
                (_, Fate::Kept) if reasoning_lost => {
                    if slot.part.native.as_ref().is_some_and(|native| native.api == rules.api) {
                        slot.part.native = None;
                        let reason =
                            format!("{}: written anew, as its reasoning stays behind", slot.part.kind.name());
                        report.note_part(turn.source, index, Action::Downgraded, reason);
                    }
                    reasoning_lost = false;
                }
                _ => reasoning_lost = false,
            }
        }
    }
}

/// Whether a part never was an item of the answer: an empty text, or a result that will stand elsewhere.
fn is_no_item(slot: &Slot) -> bool {
    slot.fate == Fate::Empty || matches!(slot.part.kind, PartKind::ToolResult(_))
}

/// Puts the placeholder on calls of the current turn that need a seal and have none.
pub(super) fn seal_calls(placed: &mut [Placed], rules: &TargetRules, report: &mut TranslationReport) {
    let CallSeals::FirstOfAnswer { placeholder } = rules.call_seals else { return };
    let current =
        placed.iter().rposition(|placed| placed.message.role == Role::User).map_or(0, |last| last + 1);
    for Placed { source, message } in placed.iter_mut().skip(current) {
        let first = message.parts.iter_mut().find_map(|part| match &mut part.kind {
            PartKind::ToolCall(call) => Some((call, &mut part.native)),
            _ => None,
        });
        if let Some((call, native)) = first
            && call.seal.is_none()
        {
            call.seal = Some(Seal {
                api: rules.api.clone(),
                // Named, so that it counts as the model's own whatever the origin of the message.
                model: Some(rules.model.clone()),
                kind: SealKind::ThoughtSignature,
                bytes: placeholder.to_owned(),
            });
            if native.as_ref().is_some_and(|native| native.api == rules.api) {
                *native = None;
            }
            let reason = format!("placeholder for the seal of the call of {}", call.name);
            match source {
                Some(turn) => report.note_turn(*turn, Action::Synthesised, reason),
                None => report.note(Action::Synthesised, reason),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_the_same_model() {
        for (a, b, same) in [
            ("gpt-5", "gpt-5-2025-08-07", true),
            ("gpt-4o-2024-08-06", "gpt-4o", true),
            ("models/gemini-2.0-flash-001", "gemini-2.0-flash", true),
            ("claude-opus-4-20250514", "claude-opus-4", true),
            ("gpt-5", "gpt-5-mini", false),
            ("claude-opus-4", "claude-opus-5", false),
            ("gpt-5.1", "gpt-5.2", false),
        ] {
            assert_eq!(is_same_model(a, b), same, "{a} {b}");
        }
    }
}
