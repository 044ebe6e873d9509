//! The rules of the Messages stream.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use maestro_core::{
    ErrorKind, Retry,
    chat::{ArgsState, Finish, PartKind, SealKind, StreamEvent},
};
use support::{Api, Outcome, every_way, sse};

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":100,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"   }"#;

fn end(reason: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{{"output_tokens":9}}}}"#
    )
}

fn run(events: &[&str]) -> Outcome {
    every_way(Api::Anthropic, sse(events))
}

fn block(index: u32, start: &str, deltas: &[&str]) -> Vec<String> {
    let mut events =
        vec![format!(r#"{{"type":"content_block_start","index":{index},"content_block":{start}}}"#)];
    events.extend(
        deltas
            .iter()
            .map(|delta| format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)),
    );
    events.push(format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    events
}

fn answer(blocks: &[Vec<String>], reason: &str) -> Outcome {
    let mut events = vec![START.to_owned(), r#"{"type": "ping"}"#.to_owned()];
    events.extend(blocks.iter().flatten().cloned());
    events.extend([end(reason), STOP.to_owned()]);
    every_way(Api::Anthropic, sse(events))
}

#[test]
fn text_thinking_and_a_call_come_as_they_were_sent() {
    let outcome = answer(
        &[
            block(
                0,
                r#"{"type":"thinking","thinking":"","signature":""}"#,
                &[
                    r#"{"type":"thinking_delta","thinking":"Hm"}"#,
                    r#"{"type":"thinking_delta","thinking":"."}"#,
                    r#"{"type":"signature_delta","signature":"S1"}"#,
                    r#"{"type":"signature_delta","signature":"S2=="}"#,
                ],
            ),
            block(1, r#"{"type":"redacted_thinking","data":"D=="}"#, &[]),
            block(
                2,
                r#"{"type":"text","text":""}"#,
                &[
                    r#"{"type":"text_delta","text":"Hé\n"}"#,
                    r#"{"type":"text_delta","text":"llo \ud83d\ude00"}"#,
                    r#"{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://a.b","title":"T","cited_text":"c","encrypted_index":"E"}}"#,
                ],
            ),
            block(
                3,
                r#"{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}"#,
                &[
                    r#"{"type":"input_json_delta","partial_json":""}"#,
                    r#"{"type":"input_json_delta","partial_json":"{\"city\":\"Par"}"#,
                    r#"{"type":"input_json_delta","partial_json":"is\",\"n\":12345678901234567890}"}"#,
                ],
            ),
            block(4, r#"{"type":"tool_use","id":"toolu_2","name":"now","input":{}}"#, &[]),
        ],
        "tool_use",
    );
    assert_eq!(outcome.finish(), &Finish::ToolUse);
    assert_eq!(outcome.kinds(), ["reasoning", "reasoning", "text", "tool_call", "tool_call"]);
    assert_eq!((outcome.reasoning().as_str(), outcome.text().as_str()), ("Hm.", "Hé\nllo 😀"));
    let seals: Vec<_> = outcome.parts()[..2]
        .iter()
        .map(|part| part.seal().unwrap())
        .map(|seal| (seal.kind, seal.bytes.as_str(), seal.model.as_deref()))
        .collect();
    assert_eq!(
        seals,
        [(SealKind::Signature, "S2==", Some("claude-x")), (SealKind::Redacted, "D==", Some("claude-x"))]
    );
    assert_eq!(
        outcome.calls(),
        [
            ("toolu_1", "weather", r#"{"city":"Paris","n":12345678901234567890}"#, ArgsState::Complete),
            ("toolu_2", "now", "{}", ArgsState::Complete)
        ]
    );
    let PartKind::Text(text) = &outcome.parts()[2].kind else { panic!("a text") };
    assert_eq!(
        (text.citations[0].url.as_deref(), text.citations[0].quote.as_deref()),
        (Some("https://a.b"), Some("c"))
    );
    assert!(text.citations[0].native.json.get().contains("encrypted_index"));
}

#[test]
fn usage_is_replaced_and_the_cache_is_inside_the_input() {
    let usage = answer(&[], "end_turn").usage();
    assert_eq!(
        (usage.input_total, usage.input_cached, usage.input_cache_write, usage.output_total),
        (113, 100, 10, 9)
    );
}

#[test]
fn every_stop_reason_has_its_meaning() {
    let reasons = [
        ("end_turn", Finish::Stop),
        ("stop_sequence", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("pause_turn", Finish::Paused),
        ("refusal", Finish::Filtered),
        ("model_context_window_exceeded", Finish::ContextFull),
        ("compaction", Finish::Other("compaction".into())),
    ];
    for (reason, finish) in reasons {
        assert_eq!(answer(&[], reason).finish(), &finish, "{reason}");
    }
}

#[test]
fn a_call_that_the_limit_cut_is_incomplete_and_the_one_before_it_whole() {
    let whole = block(
        0,
        r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#,
        &[r#"{"type":"input_json_delta","partial_json":"{}"}"#],
    );
    let mut cut = block(
        1,
        r#"{"type":"tool_use","id":"b","name":"f","input":{}}"#,
        &[r#"{"type":"input_json_delta","partial_json":"{\"x\":"}"#],
    );
    cut.pop();
    let outcome = answer(&[whole, cut], "max_tokens");
    assert_eq!(outcome.finish(), &Finish::Length);
    assert_eq!(
        outcome.calls(),
        [("a", "f", "{}", ArgsState::Complete), ("b", "f", "{\"x\":", ArgsState::Incomplete)]
    );
}

#[test]
fn a_block_whose_stop_is_lost_ends_with_the_message() {
    let mut text = block(0, r#"{"type":"text","text":"a"}"#, &[]);
    text.pop();
    assert_eq!(answer(&[text], "end_turn").text(), "a");
}

#[test]
fn unknown_blocks_are_kept_with_what_their_deltas_brought() {
    let outcome = answer(
        &[
            block(
                0,
                r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{},"z":1}"#,
                &[
                    r#"{"type":"input_json_delta","partial_json":"{\"query\":"}"#,
                    r#"{"type":"input_json_delta","partial_json":"\"x\"}"}"#,
                ],
            ),
            block(1, r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[{"n":1.0}]}"#, &[]),
            block(
                2,
                r#"{"type":"compaction","content":""}"#,
                &[r#"{"type":"compaction_delta","content":"c","encrypted_content":"e"}"#],
            ),
            block(3, r#"{"type":"text","text":""}"#, &[r#"{"type":"later_delta","x":1}"#]),
        ],
        "pause_turn",
    );
    let natives: Vec<_> = outcome
        .parts()
        .iter()
        .filter_map(|part| match &part.kind {
            PartKind::Opaque(opaque) => Some(opaque.native.json.get()),
            _ => None,
        })
        .collect();
    assert_eq!(
        natives,
        [
            r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"x"},"z":1}"#,
            r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[{"n":1.0}]}"#,
            r#"{"type":"compaction","content":"c","encrypted_content":"e"}"#,
        ]
    );
    assert_eq!(outcome.notices(), ["content_block_delta"]);
}

#[test]
fn a_call_that_a_server_tool_made_keeps_its_own_json() {
    let outcome = answer(
        &[block(
            0,
            r#"{"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"code_execution_20250825","tool_id":"s"}}"#,
            &[r#"{"type":"input_json_delta","partial_json":"{\"x\":1}"}"#],
        )],
        "tool_use",
    );
    let native = outcome.parts()[0].native.as_ref().unwrap();
    assert_eq!(
        native.json.get(),
        r#"{"type":"tool_use","id":"a","name":"f","input":{"x":1},"caller":{"type":"code_execution_20250825","tool_id":"s"}}"#
    );
}

#[test]
fn a_refusal_says_why() {
    let outcome = run(&[
        START,
        r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"No."}}}"#,
        STOP,
    ]);
    assert_eq!(outcome.finish(), &Finish::Filtered);
    let PartKind::Refusal(refusal) = &outcome.parts()[0].kind else { panic!("a refusal") };
    assert_eq!((refusal.text.as_str(), refusal.category.as_deref()), ("No.", Some("cyber")));
}

#[test]
fn a_start_that_comes_twice_is_passed_over_and_a_second_attempt_begins_anew() {
    let text = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#;
    let again = START.replace("msg_1", "msg_2");
    let twice = run(&[START, START, text, &end("end_turn"), STOP]);
    assert_eq!(twice.text(), "a");
    let anew = run(&[START, text, &again, text, &end("end_turn"), STOP]);
    assert!(anew.events.iter().any(|event| matches!(event, StreamEvent::Restarted { .. })));
    assert_eq!((anew.text().as_str(), anew.answer.response_id.as_deref()), ("a", Some("msg_2")));
}

#[test]
fn only_message_stop_ends_an_answer() {
    for events in [&[START][..], &[START, &end("end_turn")], &[]] {
        assert!(run(events).is_truncated());
    }
    let body = sse([START, &end("end_turn"), STOP]);
    for unterminated in [body.trim_end(), &format!("{}\n", body.trim_end())] {
        assert_eq!(every_way(Api::Anthropic, unterminated).finish(), &Finish::Stop);
    }
    assert!(every_way(Api::Anthropic, &body[..body.len() - 5]).is_truncated());
}

#[test]
fn an_error_in_the_stream_is_the_providers_and_comes_with_what_was_said() {
    let outcome = run(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"so far"}}"#,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_7"}"#,
    ]);
    let error = outcome.failure();
    assert_eq!(
        (error.kind(), error.retry(), error.code(), error.request_id()),
        (ErrorKind::Unavailable, Retry::Backoff, Some("overloaded_error"), Some("req_7"))
    );
    assert_eq!(outcome.text(), "so far");
}

#[test]
fn json_that_is_broken_is_a_typed_error_without_its_content() {
    let error =
        run(&[START, r#"{"type":"content_block_delta","delta":{"text":"secret"#]).failure().to_string();
    assert!(error.contains("not a JSON object") && !error.contains("secret"), "{error}");
}

#[test]
fn events_are_told_by_their_sse_name_where_they_have_no_type() {
    let body = format!(
        "event: message_start\ndata: {}\n\nevent: message_stop\ndata: {{}}\n\n",
        START.replacen(r#""type":"message_start","#, "", 1)
    );
    assert_eq!(every_way(Api::Anthropic, body).finish(), &Finish::Stop);
}

#[test]
fn a_whole_answer_is_the_same_as_a_streamed_one() {
    let streamed = answer(
        &[
            block(
                0,
                r#"{"type":"thinking","thinking":"","signature":""}"#,
                &[
                    r#"{"type":"thinking_delta","thinking":"Hm"}"#,
                    r#"{"type":"signature_delta","signature":"S"}"#,
                ],
            ),
            block(
                1,
                r#"{"type":"text","text":""}"#,
                &[r#"{"type":"text_delta","text":"a"}"#, r#"{"type":"text_delta","text":"b"}"#],
            ),
            block(
                2,
                r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#,
                &[r#"{"type":"input_json_delta","partial_json":"{\"x\":1}"}"#],
            ),
        ],
        "tool_use",
    );
    let whole = every_way(
        Api::Anthropic,
        r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[
        {"type":"thinking","thinking":"Hm","signature":"S"},{"type":"text","text":"ab"},{"type":"tool_use","id":"t","name":"f","input":{"x":1}}],
        "stop_reason":"tool_use","usage":{"input_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":100,"output_tokens":9}}"#,
    );
    assert_eq!(whole.parts(), streamed.parts());
    assert_eq!((whole.usage(), whole.finish()), (streamed.usage(), streamed.finish()));
}
