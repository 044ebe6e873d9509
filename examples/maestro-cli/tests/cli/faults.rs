//! Turns, when something goes wrong at the other side: a line that says what, an exit code, nothing half-written.

use serde_json::Value;

use crate::home::{Home, Ran, Sandbox, text_of, types};

/// Asks the sandbox with these scenarios once.
fn ask(scenarios: &str) -> (Home, Ran) {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, scenarios);
    home.save_key("anthropic", "test", sandbox.url("anthropic"), "sandbox-key");
    let ran = home.run(&["--json", "chat", "--once", "hi", "--model", "claude-x"]);
    (home, ran)
}

/// Nothing was written, and the one line is this error.
fn refused(scenarios: &str, code: i32, kind: &str) -> Value {
    let (home, ran) = ask(scenarios);
    assert_eq!(ran.code, code, "{ran:?}");
    let lines = ran.lines();
    assert_eq!(types(&lines), ["error"], "{ran:?}");
    assert_eq!(lines[0]["kind"], kind, "{ran:?}");
    assert!(lines[0]["message"].as_str().is_some_and(|message| !message.is_empty()));
    assert!(home.json(&["session", "list"]).is_empty(), "the session of a first turn that failed is removed");
    lines.into_iter().next().unwrap()
}

#[test]
fn a_refused_key_is_told_as_such() {
    refused(r#"{"status": {"code": 401}}"#, 5, "unauthenticated");
}

#[test]
fn an_unknown_model_is_told_as_such() {
    let home = Home::new();
    let ran =
        home.run(&["--json", "chat", "--once", "hi", "--model", "sandbox-unknown", "--provider", "sandbox"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (6, &"not_found".into()), "{ran:?}");
}

#[test]
fn a_page_of_html_is_not_an_answer() {
    refused(r#"{"raw": {"content_type": "text/html", "body": "<html>hello</html>"}}"#, 4, "protocol");
}

#[test]
fn a_server_error_is_the_providers() {
    let error = refused(r#"{"status": {"code": 500}}"#, 4, "unavailable");
    assert_eq!(error["status"], 500);
    assert_eq!(error["retry"], "backoff");
}

#[test]
fn a_limit_that_passes_is_waited_for() {
    let (_, ran) = ask(r#"{"status": {"code": 429, "headers": {"retry-after": "0"}}, "times": 1}"#);
    assert_eq!((ran.code, &ran.last()["state"]), (0, &"complete".into()), "{ran:?}");
}

#[test]
fn a_limit_that_stays_is_told_with_its_delay() {
    let error =
        refused(r#"{"status": {"code": 429, "headers": {"retry-after": "3600"}}}"#, 4, "rate_limited");
    assert_eq!((&error["retry"], &error["retry_after_ms"]), (&"after".into(), &3_600_000.into()));
}

#[test]
fn nobody_who_listens_is_unavailable() {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    home.save_key("anthropic", "test", &url, "sandbox-key");
    let ran = home.run(&["--json", "chat", "--once", "hi"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (8, &"unavailable".into()), "{ran:?}");
}

#[test]
fn a_cut_answer_is_kept_as_interrupted() {
    let (home, ran) =
        ask(r#"{"reply": {"deltas": ["one ", "two ", "three"]}, "stream": {"cut_after_events": 4}}"#);
    assert_eq!(ran.code, 3, "{ran:?}");
    let lines = ran.lines();
    assert_eq!(types(&lines).last_chunk(), Some(&["error", "entry"]), "{ran:?}");
    assert_eq!(lines[lines.len() - 2]["kind"], "truncated");
    assert_eq!(ran.last()["state"], "interrupted");
    let session = ran.last()["session_id"].as_str().unwrap().to_owned();
    let entry = home.json(&["session", "show", &session]).pop().unwrap();
    assert_eq!(entry["state"], "interrupted");
    assert_eq!(entry["parts"][0]["text"], text_of(&lines, "text"));
}

#[test]
fn an_error_in_the_middle_is_the_providers_and_what_came_is_kept() {
    let (home, ran) =
        ask(r#"{"reply": {"deltas": ["one ", "two"]}, "stream": {"error_after_events": {"events": 4}}}"#);
    assert_eq!((ran.code, &ran.last()["state"]), (4, &"failed".into()), "{ran:?}");
    let session = ran.last()["session_id"].as_str().unwrap().to_owned();
    let entry = home.json(&["session", "show", &session]).pop().unwrap();
    assert_eq!(
        (&entry["state"], &entry["problem"]["kind"]),
        (&"failed".into(), &ran.lines()[ran.lines().len() - 2]["kind"])
    );
}

#[test]
fn a_later_turn_that_is_refused_leaves_the_session_as_it_was() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, r#"[{"match": {"contains": "no"}, "status": {"code": 401}}]"#);
    home.save_key("anthropic", "test", sandbox.url("anthropic"), "sandbox-key");
    home.json(&["chat", "--once", "yes", "--session", "work"]);
    let before = home.json(&["session", "show", "work"]);
    let ran = home.run(&["chat", "--once", "no", "--session", "work", "--model", "claude-other"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    let after = home.json(&["session", "show", "work"]);
    assert_eq!(after[0]["model_id"], before[0]["model_id"]);
    assert_eq!(after[1..], before[1..]);
}

#[test]
fn a_base_url_and_a_provider_that_cannot_be_are_refused_before_anything() {
    let home = Home::new();
    let ran = home.run(&["chat", "--once", "hi", "--base-url", "localhost"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let ran = home.run(&["chat", "--once", "hi", "--provider", "nobody"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("anthropic"), "the known are listed: {ran:?}");
    let ran = home.run(&["chat", "--once", "hi", "--provider", "anthropic"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("ANTHROPIC_API_KEY"), "{ran:?}");
    assert!(home.json(&["session", "list"]).is_empty());
}
