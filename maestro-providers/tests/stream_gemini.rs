//! The rules of the generateContent stream.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::time::Duration;

use maestro_core::{
    ErrorKind, Retry,
    chat::{ArgsState, Finish, PartKind, SealKind},
};
use support::{Api, Outcome, every_way, sse};

fn chunk(parts: &str, more: &str) -> String {
    format!(
        r#"{{"candidates": [{{"content": {{"parts": [{parts}],"role": "model"}}{more},"index": 0}}],"usageMetadata": {{"promptTokenCount": 3,"candidatesTokenCount": 2}},"modelVersion": "gemini-x","responseId": "r1"}}"#
    )
}

const STOP: &str = r#","finishReason": "STOP""#;

fn run(chunks: &[String]) -> Outcome {
    every_way(Api::Gemini, chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect::<String>())
}

#[test]
fn text_is_joined_until_something_else_comes() {
    let outcome = run(&[
        chunk(r#"{"text":"hm","thought":true}"#, ""),
        chunk(r#"{"text":"Hé"},{"text":"l"}"#, ""),
        chunk(r#"{"text":"lo\n"}"#, ""),
        chunk(r#"{"text":""}"#, STOP),
    ]);
    assert_eq!(
        (outcome.kinds(), outcome.reasoning().as_str(), outcome.text().as_str()),
        (vec!["reasoning", "text"], "hm", "Héllo\n")
    );
    assert_eq!((outcome.finish(), outcome.answer.model.as_deref()), (&Finish::Stop, Some("gemini-x")));
}

#[test]
fn a_signed_part_stays_by_itself() {
    let outcome = run(&[
        chunk(r#"{"text":"a"}"#, ""),
        chunk(r#"{"text":"b","thoughtSignature":"S1=="}"#, ""),
        chunk(r#"{"text":"c"}"#, ""),
        chunk(r#"{"text":"","thoughtSignature":"S2"}"#, STOP),
    ]);
    let parts: Vec<_> = outcome
        .parts()
        .iter()
        .map(|part| (part.as_text().unwrap(), part.seal().map(|seal| seal.bytes.as_str())))
        .collect();
    assert_eq!(parts, [("a", None), ("b", Some("S1==")), ("c", None), ("", Some("S2"))]);
    assert_eq!(outcome.parts()[1].seal().unwrap().kind, SealKind::ThoughtSignature);
}

#[test]
fn calls_are_whole_and_get_an_id_if_they_have_none() {
    let outcome = run(&[
        chunk(
            r#"{"functionCall":{"name":"f","args":{"x": 5.0}},"thoughtSignature":"S"},{"functionCall":{"name":"f"}}"#,
            "",
        ),
        chunk(r#"{"functionCall":{"id":"96c1su3s","name":"g","args":null}}"#, STOP),
    ]);
    let calls = outcome.calls();
    assert_eq!(
        calls.iter().map(|call| (call.1, call.2, call.3)).collect::<Vec<_>>(),
        [
            ("f", r#"{"x": 5.0}"#, ArgsState::Complete),
            ("f", "{}", ArgsState::Complete),
            ("g", "{}", ArgsState::Complete)
        ]
    );
    assert!(calls[0].0.starts_with("call_") && calls[0].0 != calls[1].0 && calls[2].0 == "96c1su3s");
    assert_eq!(
        (outcome.parts()[0].seal().unwrap().bytes.as_str(), outcome.finish()),
        ("S", &Finish::ToolUse)
    );
}

#[test]
fn media_and_unknown_parts_are_kept() {
    let code = r#"{"executableCode": {"language":"PYTHON","code":"1.0"}}"#;
    let outcome = run(&[
        chunk(
            &format!(
                r#"{{"text":"a"}},{code},{{"inlineData":{{"mimeType":"image/png","data":"AQID"}},"thoughtSignature":"S"}}"#
            ),
            "",
        ),
        chunk(
            r#"{"inlineData":{"mimeType":"audio/wav","data":"AQID"}},{"fileData":{"mimeType":"application/pdf","fileUri":"https://f"}}"#,
            STOP,
        ),
    ]);
    assert_eq!(outcome.kinds(), ["text", "opaque", "image", "audio", "document"]);
    let PartKind::Opaque(opaque) = &outcome.parts()[1].kind else { panic!("opaque") };
    assert_eq!(opaque.native.json.get(), code);
    assert!(outcome.parts()[2].seal().is_some());
}

#[test]
fn usage_adds_thoughts_to_the_output_and_the_last_one_counts() {
    let usage =
        |usage: &str| format!(r#"{{"candidates":[{{"finishReason":"STOP"}}],"usageMetadata":{usage}}}"#);
    let outcome = run(&[
        usage(r#"{"promptTokenCount":55}"#),
        usage(
            r#"{"promptTokenCount":257,"toolUsePromptTokenCount":3,"cachedContentTokenCount":50,"candidatesTokenCount":7,"thoughtsTokenCount":10}"#,
        ),
    ]);
    let usage = outcome.usage();
    assert_eq!(
        (usage.input_total, usage.input_cached, usage.output_total, usage.output_reasoning),
        (260, 50, 17, 10)
    );
}

#[test]
fn the_body_is_read_to_its_end_and_the_last_finish_reason_counts() {
    let outcome = run(&[
        chunk(r#"{"text":"a"}"#, STOP),
        chunk(r#"{"text":"b"}"#, STOP),
        chunk("", r#","finishReason":"MAX_TOKENS""#),
    ]);
    assert_eq!((outcome.text().as_str(), outcome.finish()), ("ab", &Finish::Length));
    assert!(run(&[chunk(r#"{"text":"a"}"#, "")]).is_truncated());
    assert!(run(&[]).is_truncated());
    let torn =
        format!("{}data: {}", sse([chunk(r#"{"text":"a"}"#, STOP)]), r#"{"candidates": [{"content": {"#);
    assert!(every_way(Api::Gemini, torn).is_truncated());
    assert_eq!(every_way(Api::Gemini, sse([chunk(r#"{"text":"a"}"#, STOP)]).trim_end()).text(), "a");
}

#[test]
fn every_finish_reason_has_its_meaning() {
    let reasons = [
        ("SAFETY", Finish::Filtered),
        ("RECITATION", Finish::Filtered),
        ("MALFORMED_FUNCTION_CALL", Finish::ModelFault),
        ("OTHER", Finish::Other("OTHER".into())),
        ("LATER", Finish::Other("LATER".into())),
    ];
    for (reason, finish) in reasons {
        let outcome = run(&[chunk(r#"{"text":"a"}"#, &format!(r#","finishReason":"{reason}""#))]);
        assert_eq!((outcome.finish(), outcome.text().as_str()), (&finish, "a"));
    }
}

#[test]
fn a_blocked_prompt_is_a_failure() {
    let outcome = run(&[r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":3},"responseId":"r"}"#.into()]);
    let error = outcome.failure();
    assert_eq!(
        (error.kind(), error.retry(), error.code()),
        (ErrorKind::Filtered, Retry::Never, Some("PROHIBITED_CONTENT"))
    );
}

#[test]
fn an_error_is_found_in_a_field_and_outside_of_any_alone_and_in_a_list() {
    let error = r#"{"error":{"code":429,"message":"slow: {down}","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3s"}]}}"#;
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(error).unwrap()).unwrap();
    let bodies = [
        sse([error]),
        sse([format!("[{error}]")]),
        error.to_owned(),
        pretty.clone(),
        format!("[{pretty}]\n"),
        pretty.replace('\n', "\r\n"),
    ];
    for body in bodies {
        let outcome = every_way(Api::Gemini, format!("{}{body}", sse([chunk(r#"{"text":"so far"}"#, STOP)])));
        let error = outcome.failure();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::RateLimited, Retry::After(Duration::from_secs(3))),
            "{body}"
        );
        assert_eq!(outcome.text(), "so far");
    }
}

#[test]
fn the_wrapping_of_code_assist_is_undone() {
    let wrapped = |chunk: String| format!(r#"{{"response":{chunk},"traceId":"t1"}}"#);
    let outcome = run(&[
        wrapped(chunk(r#"{"text":"a"}"#, "")),
        r#"{"traceId":"t1","remainingCredits":[]}"#.into(),
        wrapped(chunk(r#"{"text":"b"}"#, STOP)),
    ]);
    assert_eq!((outcome.text().as_str(), outcome.answer.response_id.as_deref()), ("ab", Some("t1")));
}

#[test]
fn sources_are_cited_once() {
    let grounding = r#","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"web":{"uri":"https://b"}}]}"#;
    let outcome =
        run(&[chunk(r#"{"text":"a"}"#, grounding), chunk(r#"{"text":"b"}"#, &format!("{grounding}{STOP}"))]);
    let PartKind::Text(text) = &outcome.parts()[0].kind else { panic!("a text") };
    assert_eq!(
        text.citations.iter().map(|citation| citation.url.as_deref().unwrap()).collect::<Vec<_>>(),
        ["https://a", "https://b"]
    );
}

#[test]
fn json_that_is_broken_is_a_typed_error_without_its_content() {
    let error =
        run(&[chunk(r#"{"text":"a"}"#, STOP), r#"{"candidates":"secret"#.into()]).failure().to_string();
    assert!(error.contains("not a JSON object") && !error.contains("secret"), "{error}");
}

#[test]
fn a_list_of_chunks_is_the_same_as_a_stream() {
    let chunks = [
        chunk(r#"{"text":"a"}"#, ""),
        chunk(r#"{"text":"b"}"#, ""),
        chunk(r#"{"functionCall":{"name":"f","args":{}}}"#, STOP),
    ];
    let streamed = run(&chunks);
    let listed = every_way(Api::Gemini, format!("[{}\n]", chunks.join("\n,\r\n")));
    assert_eq!(listed.parts(), streamed.parts());
    assert_eq!((listed.usage(), listed.finish()), (streamed.usage(), streamed.finish()));
}
