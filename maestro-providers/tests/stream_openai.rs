//! The rules of the Responses stream.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use maestro_core::{
    ErrorKind, Retry,
    chat::{ArgsState, Finish, PartKind, StreamEvent},
};
use support::{Api, Outcome, every_way, sse};

const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"gpt-x","status":"in_progress","output":[]}}"#;
const USAGE: &str = r#"{"input_tokens":20,"input_tokens_details":{"cached_tokens":8,"cache_write_tokens":2},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":5}}"#;

fn completed() -> String {
    format!(
        r#"{{"type":"response.completed","response":{{"id":"resp_1","status":"completed","output":[],"usage":{USAGE}}}}}"#
    )
}

fn incomplete(reason: &str) -> String {
    format!(
        r#"{{"type":"response.incomplete","response":{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}}}}}}"#
    )
}

fn added(index: u32, item: &str) -> String {
    format!(r#"{{"type":"response.output_item.added","output_index":{index},"item":{item}}}"#)
}

fn done(index: u32, item: &str) -> String {
    format!(r#"{{"type":"response.output_item.done","output_index":{index},"item":{item}}}"#)
}

fn delta(kind: &str, index: u32, text: &str) -> String {
    format!(
        r#"{{"type":"response.{kind}.delta","item_id":"i{index}","output_index":{index},"content_index":0,"summary_index":0,"delta":{text},"obfuscation":"x"}}"#
    )
}

fn run(events: &[String]) -> Outcome {
    every_way(Api::Responses, sse(std::iter::once(CREATED.to_owned()).chain(events.iter().cloned())))
}

fn message(text: &str) -> Vec<String> {
    vec![
        added(0, r#"{"type":"message","id":"i0","content":[]}"#),
        delta("output_text", 0, &format!("\"{text}\"")),
        done(
            0,
            &format!(
                r#"{{"type":"message","id":"i0","status":"completed","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}"#
            ),
        ),
    ]
}

#[test]
fn reasoning_text_and_calls_come_as_they_were_sent() {
    let reasoning = r#"{"type":"reasoning","id":"i0","summary":[{"type":"summary_text","text":"Hm"},{"type":"summary_text","text":"so"}],"encrypted_content":"E2=="}"#;
    let outcome = run(&[
        added(0, r#"{"type":"reasoning","id":"i0","summary":[],"encrypted_content":"E1"}"#),
        delta("reasoning_summary_text", 0, "\"Hm\""),
        r#"{"type":"response.reasoning_summary_text.delta","item_id":"i0","output_index":0,"summary_index":1,"delta":"so"}"#.to_owned(),
        done(0, reasoning),
        added(1, r#"{"type":"message","id":"i1","content":[]}"#),
        delta("output_text", 1, r#""Hel""#),
        delta("output_text", 1, r#""lo\n""#),
        r#"{"type":"response.output_text.annotation.added","item_id":"i1","output_index":1,"content_index":0,"annotation":{"type":"url_citation","url":"https://a.b","title":"T"}}"#.to_owned(),
        done(1, r#"{"type":"message","id":"i1","content":[{"type":"output_text","text":"Hello\n","annotations":[{"type":"url_citation","url":"https://a.b","title":"T"},{"type":"url_citation","url":"https://c.d"}]}]}"#),
        added(2, r#"{"type":"function_call","id":"i2","call_id":"call_1","name":"f","arguments":""}"#),
        added(3, r#"{"type":"function_call","id":"i3","call_id":"call_2","name":"g","arguments":""}"#),
        delta("function_call_arguments", 2, r#""{\"x\"""#),
        delta("function_call_arguments", 3, r#""{}""#),
        delta("function_call_arguments", 2, r#"":1}""#),
        done(2, r#"{"type":"function_call","id":"i2","call_id":"call_1","name":"f","arguments":"{\"x\":1}","status":"completed"}"#),
        done(3, r#"{"type":"function_call","id":"i3","call_id":"call_2","name":"g","arguments":"{}","status":"completed"}"#),
        completed(),
    ]);
    assert_eq!(outcome.finish(), &Finish::ToolUse);
    assert_eq!((outcome.reasoning().as_str(), outcome.text().as_str()), ("Hm\n\nso", "Hello\n"));
    assert_eq!(
        outcome.calls(),
        [("call_1", "f", r#"{"x":1}"#, ArgsState::Complete), ("call_2", "g", "{}", ArgsState::Complete)]
    );
    assert_eq!(outcome.parts()[0].native.as_ref().unwrap().json.get(), reasoning);
    assert_eq!(outcome.parts()[0].seal().unwrap().bytes, "E2==");
    let PartKind::Text(text) = &outcome.parts()[1].kind else { panic!("a text") };
    assert_eq!(text.citations.len(), 2);
    let usage = outcome.usage();
    assert_eq!(
        (
            usage.input_total,
            usage.input_cached,
            usage.input_cache_write,
            usage.output_total,
            usage.output_reasoning
        ),
        (20, 8, 2, 7, 5)
    );
}

#[test]
fn a_phase_is_kept_in_the_items_own_json() {
    let item =
        r#"{"type":"message","id":"i0","phase":"commentary","content":[{"type":"output_text","text":"a"}]}"#;
    let outcome = run(&[done(0, item), completed()]);
    assert_eq!(outcome.text(), "a");
    assert_eq!(outcome.parts()[0].native.as_ref().unwrap().json.get(), item);
    let two = run(&[
        done(
            0,
            r#"{"type":"message","id":"i0","phase":"commentary","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"b"}]}"#,
        ),
        completed(),
    ]);
    let natives: Vec<_> =
        two.parts().iter().map(|part| part.native.as_ref().unwrap().json.to_value()).collect();
    assert_eq!(natives[1]["content"], serde_json::json!([{"type":"output_text","text":"b"}]));
    assert!(natives[0].get("id").is_none());
}

#[test]
fn what_the_deltas_lost_is_taken_from_the_finished_item() {
    let call = r#"{"type":"function_call","id":"i1","call_id":"c","name":"f","arguments":{"x":1}}"#;
    let outcome = run(&[
        added(0, r#"{"type":"message","id":"i0","content":[]}"#),
        done(0, r#"{"type":"message","id":"i0","content":[{"type":"output_text","text":"a"}]}"#),
        done(1, call),
        completed(),
    ]);
    assert_eq!(
        (outcome.text().as_str(), outcome.calls()),
        ("a", vec![("c", "f", r#"{"x":1}"#, ArgsState::Complete)])
    );
}

#[test]
fn a_delta_without_its_announcement_still_counts() {
    let outcome = run(&[delta("output_text", 0, "\"a\""), delta("output_text", 0, "\"b\""), completed()]);
    assert_eq!(outcome.text(), "ab");
}

#[test]
fn ids_that_change_with_every_event_are_no_obstacle() {
    let outcome = run(&[
        added(0, r#"{"type":"message","id":"r0","content":[]}"#),
        r#"{"type":"response.output_text.delta","item_id":"r1","output_index":0,"content_index":0,"delta":"a"}"#.to_owned(),
        r#"{"type":"response.output_text.delta","item_id":"r2","output_index":0,"content_index":0,"delta":"b"}"#.to_owned(),
        done(0, r#"{"type":"message","id":"r3","content":[{"type":"output_text","text":"ab"}]}"#),
        completed(),
    ]);
    assert_eq!((outcome.text().as_str(), outcome.parts().len()), ("ab", 1));
}

#[test]
fn items_are_told_by_their_id_where_the_index_is_missing() {
    let outcome = run(&[
        r#"{"type":"response.output_item.added","item":{"type":"function_call","id":"a","call_id":"1","name":"f"}}"#.to_owned(),
        r#"{"type":"response.output_item.added","item":{"type":"function_call","id":"b","call_id":"2","name":"f"}}"#.to_owned(),
        r#"{"type":"response.function_call_arguments.delta","item_id":"a","delta":"{\"a\":1}"}"#.to_owned(),
        r#"{"type":"response.function_call_arguments.delta","item_id":"b","delta":"{}"}"#.to_owned(),
        completed(),
    ]);
    assert_eq!(outcome.calls().iter().map(|call| call.2).collect::<Vec<_>>(), [r#"{"a":1}"#, "{}"]);
}

#[test]
fn an_incomplete_answer_never_yields_a_whole_call() {
    let begun = added(0, r#"{"type":"function_call","id":"i0","call_id":"c","name":"f"}"#);
    let piece = delta("function_call_arguments", 0, r#""{\"x\":""#);
    let cut = done(
        0,
        r#"{"type":"function_call","id":"i0","call_id":"c","name":"f","arguments":"{\"x\":","status":"incomplete"}"#,
    );
    for events in [vec![begun.clone(), piece.clone(), cut], vec![begun, piece]] {
        let outcome = run(&[events, vec![incomplete("max_output_tokens")]].concat());
        assert_eq!((outcome.finish(), outcome.calls()[0].3), (&Finish::Length, ArgsState::Incomplete));
    }
    assert_eq!(run(&[incomplete("content_filter")]).finish(), &Finish::Filtered);
}

#[test]
fn a_refusal_is_a_part_of_its_own() {
    let outcome = run(&[
        added(0, r#"{"type":"message","id":"i0","content":[]}"#),
        delta("refusal", 0, "\"No\""),
        delta("refusal", 0, "\".\""),
        done(0, r#"{"type":"message","id":"i0","content":[{"type":"refusal","refusal":"No."}]}"#),
        completed(),
    ]);
    assert_eq!((outcome.finish(), outcome.kinds()), (&Finish::Filtered, vec!["refusal"]));
}

#[test]
fn unknown_items_are_kept_and_unknown_events_are_notices() {
    let search = r#"{"type":"web_search_call","id":"ws","status":"completed","action":{"q":1.0}}"#;
    let outcome = run(&[
        added(0, r#"{"type":"web_search_call","id":"ws"}"#),
        r#"{"type":"response.web_search_call.searching","item_id":"ws","output_index":0}"#.to_owned(),
        done(0, search),
        r#"{"type":"codex.rate_limits","delta":{"a":[1]},"output_index":"x"}"#.to_owned(),
        r#"{"type":"keepalive"}"#.to_owned(),
        completed(),
    ]);
    let PartKind::Opaque(opaque) = &outcome.parts()[0].kind else { panic!("opaque") };
    assert_eq!(opaque.native.json.get(), search);
    assert_eq!(outcome.notices(), ["response.web_search_call.searching", "codex.rate_limits"]);
}

#[test]
fn a_picture_is_a_picture() {
    let outcome = run(&[
        done(0, r#"{"type":"image_generation_call","id":"ig","result":"AQID","output_format":"webp"}"#),
        completed(),
    ]);
    let PartKind::Image(image) = &outcome.parts()[0].kind else { panic!("a picture") };
    assert_eq!(
        (image.media.media_type(), image.media.base64().as_deref()),
        (Some("image/webp"), Some("AQID"))
    );
}

#[test]
fn an_error_is_read_flat_and_nested_and_told_once() {
    let failed =
        r#"{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"m"}}}"#;
    let errors = [
        (
            r#"{"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"m","param":null}}"#,
            ErrorKind::QuotaExhausted,
        ),
        (
            r#"{"type":"error","code":"server_error","message":"m","param":null,"sequence_number":2}"#,
            ErrorKind::Unavailable,
        ),
        (
            r#"{"type":"error","error":{"type":"server_error","code":null,"message":"m"}}"#,
            ErrorKind::Unavailable,
        ),
        (r#"{"error":{"code":"rate_limit_exceeded","message":"try again in 2s"}}"#, ErrorKind::RateLimited),
        (failed, ErrorKind::QuotaExhausted),
    ];
    for (error, kind) in errors {
        let outcome = run(&[error.to_owned(), failed.to_owned()]);
        assert_eq!(outcome.failure().kind(), kind, "{error}");
        assert_eq!(outcome.failure().retry() == Retry::Never, kind == ErrorKind::QuotaExhausted);
        assert_eq!(outcome.events.iter().filter(|event| matches!(event, StreamEvent::Failed(_))).count(), 1);
    }
}

#[test]
fn an_error_outside_of_any_field_is_one_too() {
    let body = format!("{}{{\n \"detail\": \"Unauthorized\"\n}}\n", sse([CREATED]));
    assert!(every_way(Api::Responses, body).failure().to_string().contains("Unauthorized"));
}

#[test]
fn words_that_are_no_event_are_skipped() {
    let body = format!(
        "{}data: <html>\n\ndata: [1]\n\ndata:\n\n{}data: [DONE]\n\n",
        sse([CREATED]),
        sse(message("a").into_iter().chain([completed()]))
    );
    let outcome = every_way(Api::Responses, body);
    assert_eq!((outcome.text().as_str(), outcome.notices().len()), ("a", 2));
}

#[test]
fn an_event_that_is_broken_is_a_typed_error_without_its_content() {
    for broken in
        [r#"{"torn"#, "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"secret\0\"}"]
    {
        let body = sse([CREATED.to_owned(), broken.to_owned(), completed()]);
        let error = every_way(Api::Responses, body).failure().to_string();
        assert!(error.contains("not a JSON object") && !error.contains("secret"), "{error}");
    }
}

#[test]
fn only_a_terminal_event_ends_an_answer() {
    assert!(run(&message("a")).is_truncated());
    assert!(every_way(Api::Responses, sse([CREATED, "[DONE]"])).is_truncated());
    let body = sse([CREATED.to_owned(), completed()]);
    assert_eq!(every_way(Api::Responses, body.trim_end()).finish(), &Finish::Stop);
}

#[test]
fn a_whole_answer_is_the_same_as_a_streamed_one() {
    let reasoning = r#"{"type":"reasoning","id":"i1","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"E"}"#;
    let call = r#"{"type":"function_call","id":"i2","call_id":"c","name":"f","arguments":"{}"}"#;
    let text = r#"{"type":"message","id":"i0","status":"completed","content":[{"type":"output_text","text":"a","annotations":[]}]}"#;
    let streamed = run(&[
        message("a"),
        vec![
            added(1, r#"{"type":"reasoning","id":"i1"}"#),
            delta("reasoning_summary_text", 1, "\"Hm\""),
            done(1, reasoning),
            done(2, call),
            completed(),
        ],
    ]
    .concat());
    let whole = every_way(
        Api::Responses,
        format!(
            r#"{{"id":"resp_1","object":"response","model":"gpt-x","status":"completed","error":null,"output":[{text},{reasoning},{call}],"usage":{USAGE}}}"#
        ),
    );
    let terminal = run(&[format!(
        r#"{{"type":"response.completed","response":{{"output":[{text},{reasoning},{call}],"usage":{USAGE}}}}}"#
    )]);
    for other in [whole, terminal] {
        assert_eq!(other.parts(), streamed.parts());
        assert_eq!(
            (other.usage(), other.finish(), &other.answer.model),
            (streamed.usage(), streamed.finish(), &streamed.answer.model)
        );
    }
}
