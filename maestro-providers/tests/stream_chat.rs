//! The rules of the Chat Completions stream, and what its servers do differently.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use maestro_core::{
    ErrorKind,
    chat::{ArgsState, Finish, PartKind, StreamEvent},
    stream::Parser,
};
use maestro_providers::openai_compatible::Decoder;
use support::{Api, Outcome, every_way, sse};

fn chunk(choice: &str) -> String {
    format!(r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[{choice}]}}"#)
}

fn delta(delta: &str) -> String {
    chunk(&format!(r#"{{"index":0,"delta":{delta},"finish_reason":null}}"#))
}

fn finish(reason: &str) -> String {
    chunk(&format!(r#"{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}"#))
}

fn run(deltas: &[&str], reason: &str) -> Outcome {
    let chunks = deltas.iter().map(|piece| delta(piece)).chain([finish(reason), "[DONE]".to_owned()]);
    every_way(Api::Chat, sse(chunks))
}

#[test]
fn text_comes_as_it_was_sent() {
    let outcome = run(
        &[
            r#"{"role":"assistant","content":"","refusal":null}"#,
            r#"{"content":"Hé"}"#,
            r#"{"content":"l\"lo\n"}"#,
            "null",
            r#"{"content":null,"tool_calls":null}"#,
        ],
        "stop",
    );
    assert_eq!(
        (outcome.text().as_str(), outcome.finish(), outcome.kinds()),
        ("Hél\"lo\n", &Finish::Stop, vec!["text"])
    );
    assert_eq!(
        (outcome.answer.response_id.as_deref(), outcome.answer.model.as_deref()),
        (Some("chatcmpl-1"), Some("m"))
    );
}

#[test]
fn calls_are_put_together_by_index() {
    let outcome = run(
        &[
            r#"{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":"{"}}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments":":1}"}},{"index":1,"function":{"arguments":"}"}}]}"#,
        ],
        "tool_calls",
    );
    assert_eq!(
        outcome.calls(),
        [("call_a", "f", r#"{"x":1}"#, ArgsState::Complete), ("call_b", "g", "{}", ArgsState::Complete)]
    );
    assert_eq!(outcome.finish(), &Finish::ToolUse);
}

#[test]
fn calls_that_are_all_numbered_nought_are_told_by_id() {
    let outcome = run(
        &[
            r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
        ],
        "stop",
    );
    assert_eq!(
        outcome.calls().iter().map(|call| (call.0, call.2)).collect::<Vec<_>>(),
        [("a", r#"{"x":1}"#), ("b", "{}")]
    );
    // `stop` with calls is a request for their results.
    assert_eq!(outcome.finish(), &Finish::ToolUse);
}

#[test]
fn calls_without_index_or_id_are_told_apart_and_named() {
    let outcome = run(
        &[
            r#"{"tool_calls":[{"function":{"name":"f","arguments":{"x":[1.0]}}}]}"#,
            r#"{"tool_calls":[{"function":{"name":"f","arguments":"{\"y\":"}}]}"#,
            r#"{"tool_calls":[{"function":{"arguments":"\"}\"}"}}]}"#,
        ],
        "stop",
    );
    let calls = outcome.calls();
    assert_eq!(calls.iter().map(|call| call.2).collect::<Vec<_>>(), [r#"{"x":[1.0]}"#, r#"{"y":"}"}"#]);
    assert!(
        calls.iter().all(|call| call.0.starts_with("call_") && call.0.len() == 29)
            && calls[0].0 != calls[1].0
    );
}

#[test]
fn calls_without_an_index_are_told_by_id() {
    let outcome = run(
        &[
            r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}},{"id":"b","function":{"name":"g","arguments":"{}"}}]}"#,
            r#"{"tool_calls":[{"id":"a","function":{"arguments":"}"}}]}"#,
        ],
        "tool_calls",
    );
    assert_eq!(outcome.calls().iter().map(|call| call.2).collect::<Vec<_>>(), ["{}", "{}"]);
}

#[test]
fn made_up_ids_depend_on_the_seed() {
    let ids = |seed: &str| {
        let mut parser = Parser::new(Box::new(Decoder::new().with_seed(seed)));
        parser
            .push(sse([r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}"#]).as_bytes());
        let events: Vec<_> = std::iter::from_fn(|| parser.next_event()).collect();
        format!("{events:?}")
    };
    assert_eq!(ids("a"), ids("a"));
    assert_ne!(ids("a"), ids("b"));
}

#[test]
fn a_name_that_comes_late_holds_the_call_back() {
    let outcome = run(
        &[
            r#"{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{"}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"}"}}]}"#,
        ],
        "tool_calls",
    );
    assert_eq!(outcome.calls(), [("a", "f", "{}", ArgsState::Complete)]);
}

#[test]
fn a_call_that_the_limit_cut_is_incomplete_and_the_one_before_it_whole() {
    let outcome = run(
        &[
            r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"b","function":{"name":"f","arguments":"{\"x"}}]}"#,
        ],
        "length",
    );
    assert_eq!(
        outcome.calls().iter().map(|call| call.3).collect::<Vec<_>>(),
        [ArgsState::Complete, ArgsState::Incomplete]
    );
    assert_eq!(outcome.finish(), &Finish::Length);
    let invalid = run(
        &[r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{x"}}]}"#],
        "tool_calls",
    );
    assert_eq!(invalid.calls()[0].3, ArgsState::Invalid);
}

#[test]
fn a_reason_that_is_not_known_is_kept_and_cuts_nothing() {
    let outcome =
        run(&[r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#], "eos");
    assert_eq!((outcome.finish(), outcome.calls()[0].3), (&Finish::Other("eos".into()), ArgsState::Complete));
}

#[test]
fn the_old_form_of_a_call_is_a_call() {
    let outcome = run(
        &[r#"{"function_call":{"name":"f","arguments":""}}"#, r#"{"function_call":{"arguments":"{}"}}"#],
        "function_call",
    );
    assert_eq!((outcome.calls()[0].1, outcome.calls()[0].2, outcome.calls().len()), ("f", "{}", 1));
}

#[test]
fn reasoning_is_taken_from_either_field_and_never_twice() {
    let outcome = run(
        &[
            r#"{"reasoning_content":"a","reasoning":"a"}"#,
            r#"{"reasoning":"b","reasoning_content":""}"#,
            r#"{"content":"c"}"#,
        ],
        "stop",
    );
    assert_eq!((outcome.reasoning().as_str(), outcome.text().as_str()), ("ab", "c"));
}

#[test]
fn content_may_be_a_list_of_parts() {
    let outcome = run(
        &[
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
            r#"{"content":[{"type":"text","text":"a"}]}"#,
            r#"{"content":"b"}"#,
        ],
        "stop",
    );
    assert_eq!((outcome.reasoning().as_str(), outcome.text().as_str()), ("hm", "ab"));
}

#[test]
fn a_refusal_is_a_part_and_filtered() {
    let outcome = run(&[r#"{"refusal":"No"}"#, r#"{"refusal":"."}"#], "stop");
    assert_eq!((outcome.kinds(), outcome.finish()), (vec!["refusal"], &Finish::Filtered));
    let PartKind::Refusal(refusal) = &outcome.parts()[0].kind else { panic!("a refusal") };
    assert_eq!(refusal.text, "No.");
}

#[test]
fn the_last_usage_counts_wherever_it_stands() {
    let usage = |prompt: u32| {
        format!(
            r#"{{"id":"1","choices":[],"usage":{{"prompt_tokens":{prompt},"completion_tokens":5.0,"prompt_tokens_details":{{"cached_tokens":2}},"completion_tokens_details":null}}}}"#
        )
    };
    let outcome = every_way(
        Api::Chat,
        sse([usage(1), delta(r#"{"content":"a"}"#), finish("stop"), usage(7), "[DONE]".into()]),
    );
    assert_eq!(
        (outcome.usage().input_total, outcome.usage().input_cached, outcome.usage().output_total),
        (7, 2, 5)
    );
    let deepseek = every_way(
        Api::Chat,
        sse([r#"{"id":"1","choices":[],"usage":{"prompt_tokens":9,"prompt_cache_hit_tokens":4}}"#, "[DONE]"]),
    );
    assert_eq!(deepseek.usage().input_cached, 4);
}

#[test]
fn an_answer_ends_with_done_or_with_the_body_after_a_finish_reason() {
    let text = delta(r#"{"content":"a"}"#);
    assert_eq!(every_way(Api::Chat, sse([&text, &finish("stop")])).finish(), &Finish::Stop);
    assert_eq!(every_way(Api::Chat, sse([text.as_str(), "[DONE]"])).finish(), &Finish::Stop);
    assert_eq!(
        every_way(Api::Chat, format!("{}data: [DO", sse([&text, &finish("stop")]))).finish(),
        &Finish::Stop
    );
    assert_eq!(every_way(Api::Chat, format!("{}data: [DONE]", sse([&text]))).finish(), &Finish::Stop);
    assert!(every_way(Api::Chat, sse([&text])).is_truncated());
    assert!(every_way(Api::Chat, format!("{}data: {{\"id\":", sse([&text, &finish("stop")]))).is_truncated());
}

#[test]
fn what_comes_after_done_is_not_read() {
    let outcome = every_way(
        Api::Chat,
        sse([
            delta(r#"{"content":"a"}"#),
            "[DONE]".into(),
            "[DONE]".into(),
            delta(r#"{"content":"b"}"#),
            "{".into(),
        ]),
    );
    assert_eq!(outcome.text(), "a");
}

#[test]
fn errors_are_found_in_every_form() {
    let context = r#"{"code":400,"message":"too long","type":"exceed_context_size_error","n_ctx":1}"#;
    let bodies = [
        (sse([r#"{"error":{"message":"m","type":"server_error","code":null}}"#]), ErrorKind::Unavailable),
        (sse([r#"{"error":"overloaded"}"#]), ErrorKind::Unavailable),
        (sse([format!(r#"{{"error":{context}}}"#)]), ErrorKind::ContextTooLong),
        (sse([context]), ErrorKind::ContextTooLong),
        (format!("error: {context}\n\ndata: [DONE]\n\n"), ErrorKind::ContextTooLong),
        (format!("event: error\ndata: {context}\n\n"), ErrorKind::ContextTooLong),
        (
            sse([chunk(
                r#"{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":429,"message":"m"}}"#,
            )]),
            ErrorKind::RateLimited,
        ),
        (
            r#"{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}"#
                .to_owned(),
            ErrorKind::Unauthenticated,
        ),
    ];
    for (error, kind) in bodies {
        let outcome = every_way(Api::Chat, format!("{}{error}", sse([delta(r#"{"content":"so far"}"#)])));
        assert_eq!((outcome.failure().kind(), outcome.text().as_str()), (kind, "so far"), "{error}");
    }
}

#[test]
fn json_that_is_broken_is_a_typed_error_without_its_content() {
    let outcome = every_way(
        Api::Chat,
        sse([delta(r#"{"content":"a"}"#), r#"{"choices":[{"delta":{"content":"secret"#.into()]),
    );
    let error = outcome.failure();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!error.to_string().contains("secret") && outcome.text() == "a", "{error}");
}

#[test]
fn what_means_nothing_is_passed_over() {
    let body = format!(
        ": OPENROUTER PROCESSING\n\ndata:\n\n{}",
        sse([
            r#"{"id":"","choices":[],"prompt_filter_results":[]}"#.into(),
            r#"{"id":"1","choices":null,"usage":null}"#.into(),
            chunk(
                r#"{"index":1,"delta":{"content":"other"},"finish_reason":null},{"index":0,"delta":{"content":"a"}}"#
            ),
            chunk(r#"{"index":0,"delta":"odd","finish_reason":7,"logprobs":{"content":[{"a":1}]}}"#),
            finish("stop"),
        ])
    );
    let outcome = every_way(Api::Chat, body);
    assert_eq!((outcome.text().as_str(), outcome.answer.response_id.as_deref()), ("a", Some("1")));
    assert_eq!(outcome.events.iter().filter(|event| matches!(event, StreamEvent::Started { .. })).count(), 1);
}

#[test]
fn a_whole_answer_is_the_same_as_a_streamed_one() {
    let streamed = run(
        &[
            r#"{"reasoning_content":"hm"}"#,
            r#"{"content":"a"}"#,
            r#"{"content":"b","annotations":[{"type":"url_citation","url_citation":{"url":"https://a.b","title":"T"}}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}"#,
        ],
        "tool_calls",
    );
    let whole = every_way(
        Api::Chat,
        r#"{"id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":
        {"role":"assistant","reasoning_content":"hm","content":"ab","annotations":[{"type":"url_citation","url_citation":{"url":"https://a.b","title":"T"}}],
        "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#,
    );
    assert_eq!(whole.parts(), streamed.parts());
    assert_eq!(whole.finish(), streamed.finish());
}
