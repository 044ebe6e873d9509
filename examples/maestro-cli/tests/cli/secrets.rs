//! A canary: a key that is used everywhere, and seen nowhere.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
};

use crate::home::{Home, Sandbox, run_with};

const CANARY: &str = "sandbox-canary-0123456789abcdef";

#[test]
fn a_key_is_seen_in_no_output_no_log_and_no_file() {
    let home = Home::new();
    let scenario = r#"[{"match": {"contains": "refuse"}, "status": {"code": 401}}]"#;
    let sandbox = Sandbox::start(&home, scenario);
    let mut seen = String::new();
    let mut run = |args: &[&str], input: &str| {
        let mut command = home.command(&[&["-vvv"], args].concat());
        command.env("MAESTRO_LOG", "trace").env("CANARY", CANARY).env("ANTHROPIC_API_KEY", CANARY);
        let ran = run_with(&mut command, input);
        seen.push_str(&format!("{args:?}: {}\n{}{}", ran.code, ran.stdout, ran.stderr));
        ran.code
    };
    let anthropic = sandbox.url("anthropic").to_owned();
    let add = ["auth", "add", "anthropic"];
    assert_eq!(
        run(&[&add[..], &["one", "--base-url", &anthropic, "--key-stdin", "--test"]].concat(), CANARY),
        0
    );
    assert_eq!(run(&[&add[..], &["two", "--base-url", &anthropic, "--key-env", "CANARY"]].concat(), ""), 0);
    assert_eq!(run(&[&add[..], &["two", "--key-env", "CANARY"]].concat(), ""), 7);
    assert_eq!(
        run(&[&add[..], &["two", "--key-env", "CANARY", "--replace", "--base-url", &anthropic]].concat(), ""),
        0
    );
    let export = home.path().join("work.jsonl").display().to_string();
    let other = format!("sqlite:{}", home.path().join("other.sqlite").display());
    for args in [
        ["auth", "list"].as_slice(),
        &["auth", "show", "one"],
        &["--json", "auth", "show", "one"],
        &["auth", "test", "one"],
        &["auth", "clone", "one", "three"],
        &["auth", "rename", "three", "four"],
        &["models", "--auth", "one"],
        &["chat", "--once", "hi", "--auth", "one", "--session", "work"],
        &["--json", "chat", "--once", "hi", "--session", "work"],
        &["chat", "--once", "hi", "--provider", "anthropic", "--base-url", &anthropic],
        &["session", "show", "work"],
        &["--json", "session", "show", "work"],
        &["session", "export", "work"],
        &["session", "export", "work", "--output", &export],
        &["--json", "--store", &other, "session", "import", &export],
        &["--json", "session", "import", &export, "--as-copy"],
        &["--json", "store", "stats"],
        &["--json", "store", "check"],
    ] {
        assert_eq!(run(args, ""), 0, "{args:?}");
    }
    for args in [
        ["chat", "--once", "refuse", "--auth", "one"].as_slice(),
        &["--json", "chat", "--once", "refuse", "--auth", "one"],
    ] {
        assert_eq!(run(args, ""), 5, "{args:?}");
    }
    assert!(seen.contains("TRACE"), "the log is on");
    assert!(!seen.contains("canary"), "{seen}");
    scan(home.path());
}

#[test]
fn a_key_that_a_server_sends_back_is_seen_nowhere() {
    let home = Home::new();
    let url = echoing();
    for way in ["refusal", "fault", "text", "whole"] {
        for flags in [["-vvv", "--json"].as_slice(), &["-vvv"]] {
            let url = format!("{url}/{way}");
            let chat = [
                "chat",
                "--once",
                "hi",
                "--provider",
                "openai_compatible",
                "--model",
                "m",
                "--base-url",
                &url,
            ];
            let mut command = home.command(&[flags, &chat].concat());
            // A key whose look nobody knows.
            command.env("MAESTRO_LOG", "trace").env("OPENAI_COMPATIBLE_API_KEY", "canary.of.a.bird/0123");
            let ran = run_with(&mut command, "");
            let seen = format!("{}{}", ran.stdout, ran.stderr);
            assert!(seen.contains("[redacted]"), "{way} was sent back: {seen}");
            assert!(!seen.contains("canary"), "{way}: {seen}");
        }
    }
    assert!(!home.json(&["session", "list"]).is_empty(), "some answers were kept");
    scan(home.path());
}

/// A server that answers with what it was asked, headers included: as a refusal, as an error in a stream, as the text of
/// an answer, as an answer in one piece.
fn echoing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(echo(stream))));
    url
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push(line.trim().to_owned());
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let asked = head.join(" ");
    let key = head.iter().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap_or_default();
    let delta = |text: &str| {
        let choice = serde_json::json!({"index": 0, "delta": {"content": text}, "finish_reason": "stop"});
        format!("data: {}\n\n", serde_json::json!({"id": key, "model": key, "choices": [choice]}))
    };
    let error = serde_json::json!({"error": {"message": asked, "code": key, "type": key}});
    let (status, kind, body) = match asked.split('/').nth(1) {
        Some("refusal") => ("401 Unauthorized", "application/json", error.to_string()),
        Some("fault") => ("200 OK", "text/event-stream", format!("{}data: {error}\n\n", delta("a"))),
        Some("text") => ("200 OK", "text/event-stream", format!("{}data: [DONE]\n\n", delta(&asked))),
        _ => {
            let message = serde_json::json!({"role": "assistant", "content": asked});
            let choice = serde_json::json!({"index": 0, "message": message, "finish_reason": "stop"});
            ("200 OK", "application/json", serde_json::json!({"id": key, "choices": [choice]}).to_string())
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nx-request-id: {key}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Looks into every file below a directory.
fn scan(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scan(&path);
        } else {
            let content = fs::read(&path).unwrap();
            let found = content.windows(b"canary".len()).any(|window| window == b"canary");
            assert!(!found, "{}", path.display());
        }
    }
}
