//! Faults on demand, in every dialect.

use std::time::Duration;

use maestro_testkit::sandbox::{Outcome, Scenario, StreamScript};
use serde_json::json;

use crate::client::{CHAT, Client, MESSAGES, RESPONSES, STREAM, asks, text_of};

async fn broken_by(script: StreamScript) -> Client {
    Client::with(vec![Scenario::deltas(["one ", "two ", "three"]).delivered(script)]).await
}

fn scenario(json: &str) -> Scenario {
    Scenario::parse(json).unwrap().remove(0)
}

/// Waits until the last request has ended, which a broken connection shows a moment after its client.
async fn outcome(client: &Client) -> Outcome {
    loop {
        match client.sandbox.requests().last().unwrap().outcome {
            Outcome::Open => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}

#[tokio::test]
async fn a_scripted_reply_is_said_delta_by_delta() {
    let client = broken_by(StreamScript::default()).await;
    for (path, body) in asks("x") {
        assert_eq!(text_of(&client.post(path, &body).await), "one two three", "{path}");
        assert_eq!(outcome(&client).await, Outcome::Complete);
    }
}

#[tokio::test]
async fn a_cut_breaks_the_connection_after_the_events() {
    let client = broken_by(StreamScript { cut_after_events: Some(3), ..Default::default() }).await;
    for (path, body) in asks("x") {
        let answer = client.post(path, &body).await;
        assert!(answer.broken, "{path}");
        assert_eq!(answer.events().len(), 3, "{path}: {}", answer.text);
        assert_eq!(outcome(&client).await, Outcome::Cut);
    }
}

#[tokio::test]
async fn an_end_without_terminal_is_clean() {
    let client = broken_by(StreamScript { end_after_events: Some(3), ..Default::default() }).await;
    for (path, body) in asks("x") {
        let answer = client.post(path, &body).await;
        assert!(!answer.broken && answer.events().len() == 3, "{path}: {}", answer.text);
        assert_eq!(outcome(&client).await, Outcome::Ended);
    }
}

#[tokio::test]
async fn a_stall_lasts_until_the_client_goes_away() {
    let client = broken_by(StreamScript { stall_after_events: Some(2), ..Default::default() }).await;
    for (path, body) in asks("x") {
        let mut response = client.request("POST", path).body(body.to_string()).send().await.unwrap();
        let mut text = String::new();
        while text.replace("\r\n", "\n").matches("\n\n").count() < 2 {
            text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
        }
        let more = tokio::time::timeout(Duration::from_millis(50), response.chunk()).await;
        assert!(more.is_err(), "{path}");
        assert_eq!(client.sandbox.requests().last().unwrap().outcome, Outcome::Open);
        drop(response);
        assert_eq!(outcome(&client).await, Outcome::ClientGone);
    }
}

#[tokio::test]
async fn a_stall_with_a_length_goes_on() {
    let script = StreamScript { stall_after_events: Some(2), stall_ms: Some(20), ..Default::default() };
    let client = broken_by(script).await;
    for (path, body) in asks("x") {
        assert_eq!(text_of(&client.post(path, &body).await), "one two three", "{path}");
    }
}

#[tokio::test]
async fn a_malformed_event_stands_among_good_ones() {
    let client = broken_by(StreamScript { malformed_after_events: Some(2), ..Default::default() }).await;
    for (path, body) in asks("x") {
        let events = client.post(path, &body).await.events();
        assert!(events[2].is_string() && events[1].is_object() && events[3].is_object(), "{path}");
    }
}

#[tokio::test]
async fn an_error_in_the_stream_has_the_providers_form() {
    let error = r#"{"reply":{"deltas":["one ","two"]},"stream":{"error_after_events":{"events":2,
        "message":"boom"}}}"#;
    let client = Client::with(vec![scenario(error)]).await;
    let [responses, chat, messages, gemini] = asks("x");

    let events = client.post(responses.0, &responses.1).await.events();
    assert_eq!(events[2]["type"], "error");
    assert_eq!(events[2]["error"]["message"], "boom");
    assert_eq!(events[3]["type"], "response.failed");
    assert_eq!(events[3]["response"]["error"]["message"], "boom");
    assert_eq!(events[3]["sequence_number"], 3);

    let events = client.post(chat.0, &chat.1).await.events();
    assert_eq!((events.len(), &events[2]["error"]["message"]), (3, &json!("boom")));

    let answer = client.post(messages.0, &messages.1).await;
    let events = answer.events();
    assert!(answer.text.contains("event: error\n") && !answer.text.contains("message_stop"));
    assert_eq!(events[2]["error"], json!({"type":"overloaded_error","message":"boom"}));

    let answer = client.post(gemini.0, &gemini.1).await;
    assert_eq!(answer.events().len(), 2);
    let raw = answer.text.rsplit("\r\n\r\n").find(|block| !block.is_empty()).unwrap();
    let error: serde_json::Value = serde_json::from_str(raw).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["message"]), (&json!(503), &json!("boom")));
}

#[tokio::test]
async fn a_status_has_its_headers_and_the_providers_body() {
    for code in [400, 401, 403, 404, 429, 500, 503, 529] {
        let client = Client::with(vec![Scenario::status(code).header("retry-after", "1")]).await;
        for (path, body) in asks("x") {
            let answer = client.post(path, &body).await;
            assert_eq!(answer.status, code, "{path}");
            assert_eq!(answer.headers["retry-after"], "1");
            assert!(answer.json()["error"]["message"].is_string(), "{path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_scenario_with_times_is_used_up() {
    let client = Client::with(vec![Scenario::status(503).times(2)]).await;
    let body = &asks("x")[2].1;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(client.post(MESSAGES, body).await.status);
    }
    assert_eq!(seen, [503, 503, 200]);
}

#[tokio::test]
async fn a_scenario_is_for_what_it_matches() {
    let json = r#"{"match":{"dialect":"openai-chat","model":"sandbox-small","contains":"bad"},
        "status":{"code":500,"body":{"mine":true}}}"#;
    let client = Client::with(vec![scenario(json)]).await;
    assert_eq!(client.post(CHAT, &asks("a bad word")[1].1).await.json(), json!({"mine": true}));
    assert_eq!(client.post(CHAT, &asks("good")[1].1).await.status, 200);
    assert_eq!(client.post(RESPONSES, &asks("a bad word")[0].1).await.status, 200);
}

#[tokio::test]
async fn raw_bytes_are_sent_as_they_stand() {
    let client = Client::with(vec![
        Scenario::raw("text/html", "<html>proxy</html>").times(1),
        Scenario::raw("", "data: x\n\n"),
    ])
    .await;
    let body = &asks("x")[1].1;
    let html = client.post(CHAT, body).await;
    assert_eq!((html.status, html.text.as_str()), (200, "<html>proxy</html>"));
    assert_eq!(html.headers["content-type"], "text/html");
    assert!(!client.post(CHAT, body).await.headers.contains_key("content-type"));
}

#[tokio::test]
async fn any_chunk_size_gives_the_same_bytes() {
    let whole = broken_by(StreamScript::default()).await;
    for size in [1, 7, 4096] {
        let cut = broken_by(StreamScript { chunk_bytes: Some(size), ..Default::default() }).await;
        for (path, body) in asks("x") {
            let (a, b) = (whole.post(path, &body).await.text, cut.post(path, &body).await.text);
            assert_eq!(a.len(), b.len(), "{path} in chunks of {size}");
        }
    }
}

#[tokio::test]
async fn decorations_are_on_the_wire() {
    let json = r#"{"reply":{"text":"hi"},"stream":{"line_ending":"crlf","bom":true,"comments":true,
        "omit_final_newline":true}}"#;
    let client = Client::with(vec![scenario(json)]).await;
    let text = client.post(CHAT, &asks("x")[1].1).await.text;
    assert!(text.starts_with("\u{feff}: keep-alive\r\n\r\ndata: {"));
    assert!(text.ends_with("data: [DONE]"));
}

#[tokio::test]
async fn delays_hold_back_the_headers_and_the_first_byte() {
    let client = Client::with(vec![scenario(r#"{"delay_ms":40,"first_byte_ms":40}"#)]).await;
    let started = std::time::Instant::now();
    let mut response = client.request("POST", STREAM).body(asks("x")[3].1.to_string()).send().await.unwrap();
    let headers = started.elapsed();
    response.chunk().await.unwrap();
    assert!(headers >= Duration::from_millis(40));
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_refusal_has_the_providers_form() {
    let said = scenario(r#"{"reply":{"text":"I will not","finish":"refusal"}}"#);
    let client = Client::with(vec![said]).await;
    let [responses, chat, messages, gemini] = asks("x");
    let text = client.post(responses.0, &responses.1).await.text;
    assert!(text.contains("response.refusal.delta") && text.contains("response.completed"));
    let text = client.post(chat.0, &chat.1).await.text;
    assert!(text.contains(r#""refusal":"I"#) && text.contains(r#""finish_reason":"stop""#));
    let text = client.post(messages.0, &messages.1).await.text;
    assert!(text.contains(r#""stop_reason":"refusal""#) && text.contains("stop_details"));
    assert!(client.post(gemini.0, &gemini.1).await.text.contains(r#""finishReason":"SAFETY""#));

    client.sandbox.set_scenarios(vec![scenario(r#"{"reply":{"finish":"refusal"}}"#)]);
    let events = client.post(gemini.0, &gemini.1).await.events();
    assert_eq!(events[0]["promptFeedback"]["blockReason"], "SAFETY");
    assert!(events.len() == 1 && events[0].get("candidates").is_none());
}

#[tokio::test]
async fn a_length_cuts_the_arguments_of_the_last_call() {
    let json =
        r#"{"reply":{"tool_calls":[{"name":"f","arguments":{"city":"Paris","days":3}}],"finish":"length"}}"#;
    let client = Client::with(vec![scenario(json)]).await;
    let [responses, chat, _, _] = asks("x");
    let events = client.post(responses.0, &responses.1).await.events();
    let last = &events[events.len() - 1];
    assert_eq!(last["type"], "response.incomplete");
    let item = &last["response"]["output"][0];
    assert_eq!(item["status"], "incomplete");
    assert!(serde_json::from_str::<serde_json::Value>(item["arguments"].as_str().unwrap()).is_err());
    assert!(client.post(chat.0, &chat.1).await.text.contains(r#""finish_reason":"length""#));
}

#[tokio::test]
async fn a_load_repeats_the_deltas() {
    let client = Client::with(vec![scenario(r#"{"reply":{"deltas":["ab","cd"],"repeat":500}}"#)]).await;
    for (path, body) in asks("x") {
        assert_eq!(text_of(&client.post(path, &body).await), "abcd".repeat(500), "{path}");
    }
}

#[tokio::test]
async fn a_whole_answer_is_cut_in_half() {
    let client = broken_by(StreamScript { cut_after_events: Some(1), ..Default::default() }).await;
    let mut body = asks("x")[1].1.clone();
    body["stream"] = false.into();
    let answer = client.post(CHAT, &body).await;
    assert!(answer.broken && answer.text.starts_with('{') && !answer.text.ends_with('}'));
}
