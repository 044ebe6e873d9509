//! The laws of the normaliser, for rules of every kind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod conversations;

use conversations::{APIS, any_conversation};
use maestro_core::chat::{
    Action, ApiId, ArgsEnd, CallIdRule, CallSeals, Carries, EmptyText, FilteredTurns, FirstTurn, LastTurn,
    MediaPlace, MediaRule, Message, MidSystem, Neighbours, Part, PartKind, ReasoningRule, RefusalRule,
    ResultPlace, Role, SealScope, TargetRules, ToolCall, ToolResult, normalise,
};
use proptest::{prelude::*, sample::select};

/// Rules of any combination, not only those of a provider that exists.
fn any_rules() -> impl Strategy<Value = TargetRules> {
    let media = || {
        select(vec![
            MediaRule::NONE,
            MediaRule { bytes: &["image/*"], urls: Carries::Yes, file_refs: Carries::No },
            MediaRule { bytes: &["image/png", "text/plain"], urls: Carries::No, file_refs: Carries::Yes },
        ])
    };
    let place = || select(vec![MediaPlace::Inside, MediaPlace::Beside]);
    let first = (
        select(&APIS[..]),
        select(vec![SealScope::Api, SealScope::Model]),
        select(vec![ReasoningRule::Dropped, ReasoningRule::Sealed, ReasoningRule::SealedWithFollower]),
        select(vec![CallSeals::Optional, CallSeals::FirstOfAnswer { placeholder: "skip" }]),
        select(vec![29, 40, usize::MAX]),
        select(vec![ResultPlace::AfterCall, ResultPlace::NextTurn]),
        (place(), place(), place()),
        (media(), media(), media()),
    );
    let second = (
        select(vec![RefusalRule::AsText, RefusalRule::Replayed]),
        select(vec![FilteredTurns::Kept, FilteredTurns::Dropped]),
        select(vec![EmptyText::OwnKept, EmptyText::SealedKept, EmptyText::AlwaysDropped]),
        select(vec![MidSystem::Kept, MidSystem::Hoisted, MidSystem::AsUserText]),
        select(vec![Neighbours::Allowed, Neighbours::Merged]),
        select(vec![FirstTurn::Any, FirstTurn::User]),
        select(vec![LastTurn::Any, LastTurn::NotAssistant]),
    );
    (first, second).prop_map(
        |(
            (api, seals, reasoning, call_seals, max_len, results, places, media),
            (refusals, filtered, empty_text, mid_system, neighbours, first_turn, last_turn),
        )| TargetRules {
            seals,
            reasoning,
            call_seals,
            call_ids: CallIdRule { max_len },
            results,
            result_images: places.0,
            result_documents: places.1,
            assistant_media: places.2,
            images: media.0,
            documents: media.1,
            audio: media.2,
            refusals,
            filtered,
            empty_text,
            mid_system,
            neighbours,
            first_turn,
            last_turn,
            ..TargetRules::strict(ApiId::from_static(api), "model-a")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn twice_is_once(messages in any_conversation(), rules in any_rules()) {
        let once = normalise(messages, &rules);
        let twice = normalise(once.messages.clone(), &rules);
        prop_assert_eq!(&once.messages, &twice.messages, "{:#?}", twice.report);
        prop_assert!(twice.report.is_empty(), "{:#?}", twice.report);
    }

    #[test]
    fn the_report_is_empty_exactly_when_nothing_changed(messages in any_conversation(), rules in any_rules()) {
        let normal = normalise(messages.clone(), &rules);
        prop_assert_eq!(normal.report.is_empty(), normal.messages == messages, "{:#?}", normal.report);
    }

    #[test]
    fn no_seal_crosses_to_another_api(messages in any_conversation(), rules in any_rules()) {
        let normal = normalise(messages, &rules);
        for seal in normal.messages.iter().flat_map(|message| &message.parts).filter_map(Part::seal) {
            prop_assert_eq!(&seal.api, &rules.api);
        }
    }

    #[test]
    fn every_call_is_answered_once_and_every_answer_has_a_call(
        messages in any_conversation(),
        rules in any_rules(),
    ) {
        let mut open = std::collections::HashSet::new();
        let mut seen = std::collections::HashSet::new();
        for part in normalise(messages, &rules).messages.iter().flat_map(|message| &message.parts) {
            match &part.kind {
                PartKind::ToolCall(call) => {
                    prop_assert!(rules.call_ids.allows(&call.call_id));
                    prop_assert!(seen.insert(call.call_id.clone()), "{} twice", call.call_id);
                    open.insert(call.call_id.clone());
                }
                PartKind::ToolResult(result) => prop_assert!(open.remove(&result.call_id), "{}", result.call_id),
                _ => {}
            }
        }
        prop_assert!(open.is_empty(), "{open:?}");
    }
}

fn strict() -> TargetRules {
    TargetRules::strict(ApiId::from_static("target"), "model-a")
}

fn call(id: &str) -> ToolCall {
    ToolCall::new(id, "weather", "{}", ArgsEnd::Complete)
}

fn said(messages: &[Message]) -> Vec<(Role, String)> {
    let tell = |part: &Part| match &part.kind {
        PartKind::Text(text) => text.text.clone(),
        PartKind::ToolCall(call) => format!("call {}", call.call_id),
        PartKind::ToolResult(result) => format!("result {} {}", result.call_id, result.joined_text()),
        other => other.name().to_owned(),
    };
    messages
        .iter()
        .map(|message| (message.role, message.parts.iter().map(tell).collect::<Vec<_>>().join("|")))
        .collect()
}

#[test]
fn results_stand_behind_their_calls_in_the_order_of_the_calls() {
    let (a, b) = (call("a"), call("b"));
    let messages = vec![
        Message::user("Weather?"),
        Message::new(
            Role::Assistant,
            vec![Part::new(PartKind::ToolCall(a.clone())), Part::new(PartKind::ToolCall(b.clone()))],
        ),
        Message::new(Role::Tool, vec![Part::new(PartKind::ToolResult(ToolResult::text(&b, "2")))]),
        Message::user("And?"),
        Message::new(Role::Tool, vec![Part::new(PartKind::ToolResult(ToolResult::text(&a, "1")))]),
    ];
    let normal = normalise(messages, &strict());
    assert_eq!(
        said(&normal.messages),
        [
            (Role::User, "Weather?".to_owned()),
            (Role::Assistant, "call a|call b".to_owned()),
            (Role::Tool, "result a 1|result b 2".to_owned()),
            (Role::User, "And?".to_owned()),
        ]
    );
}

#[test]
fn a_call_that_nobody_answered_gets_an_answer() {
    let messages = vec![
        Message::user("Weather?"),
        Message::new(Role::Assistant, vec![Part::new(PartKind::ToolCall(call("a")))]),
    ];
    let normal = normalise(messages, &strict());
    assert_eq!(said(&normal.messages)[2], (Role::Tool, "result a This call was not run.".to_owned()));
    assert_eq!(normal.report.0[0].action, Action::Synthesised);
}

#[test]
fn an_id_that_is_not_legal_is_mapped_the_same_way_every_time() {
    let bad = call("call:1/2");
    let messages = vec![
        Message::user("Weather?"),
        Message::new(Role::Assistant, vec![Part::new(PartKind::ToolCall(bad.clone()))]),
        Message::new(Role::Tool, vec![Part::new(PartKind::ToolResult(ToolResult::text(&bad, "1")))]),
    ];
    let normal = normalise(messages.clone(), &strict());
    // The first 24 hex digits of the SHA-256 of `call:1/2`.
    assert_eq!(said(&normal.messages)[1].1, "call call_5c78aec3c46db405bb54203c");
    assert_eq!(normal, normalise(messages, &strict()));
}

#[test]
fn a_call_that_was_cut_off_is_not_sent_unless_it_was_answered() {
    let mut cut = ToolCall::new("a", "weather", "{\"city\":\"Pa", ArgsEnd::Cut);
    let messages = |results| {
        let call = Message::new(
            Role::Assistant,
            vec![Part::text("Hm."), Part::new(PartKind::ToolCall(cut.clone()))],
        );
        let mut messages = vec![Message::user("Weather?"), call];
        messages.extend(results);
        messages
    };
    let dropped = normalise(messages(None), &strict());
    assert_eq!(said(&dropped.messages)[1].1, "Hm.");
    let answer =
        Message::new(Role::Tool, vec![Part::new(PartKind::ToolResult(ToolResult::error(&cut, "bad")))]);
    let kept = normalise(messages(Some(answer)), &strict());
    assert_eq!(said(&kept.messages)[1].1, "Hm.|call a");
    cut.args_raw.clear();
    let PartKind::ToolCall(sent) = &kept.messages[1].parts[1].kind else { panic!("no call") };
    assert_eq!(sent.args_raw, "{}");
}
