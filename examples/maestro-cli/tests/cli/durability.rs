//! What is kept when a program is stopped or killed, and when several run at once.

use crate::home::{Home, Ran, Running, Sandbox, text_of};

/// An answer that stalls after some text.
const STALLS: &str =
    r#"{"reply": {"deltas": ["one ", "two ", "three ", "four"]}, "stream": {"stall_after_events": 5}}"#;

/// Asks for an answer that stalls, and reads it up to its first text.
fn stalled(home: &Home, sandbox: &Sandbox) -> (Running, String) {
    home.save_key("anthropic", "test", sandbox.url("anthropic"), "sandbox-key");
    let mut chat =
        Running::start(&mut home.command(&["--json", "chat", "--once", "hi", "--session", "work"]));
    let text = chat.until("text")["text"].as_str().unwrap().to_owned();
    (chat, text)
}

#[test]
fn a_killed_programs_answer_is_found_as_interrupted_with_all_that_was_shown() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, STALLS);
    let (mut chat, text) = stalled(&home, &sandbox);
    chat.child.kill().unwrap();
    chat.child.wait().unwrap();
    let shown = home.json(&["session", "show", "work"]);
    let entry = shown.last().unwrap();
    assert_eq!((&entry["actor"], &entry["state"]), (&"assistant".into(), &"interrupted".into()));
    assert!(entry["parts"][0]["text"].as_str().unwrap().starts_with(&text), "{entry}");
}

#[test]
fn an_answer_that_streams_is_shown_with_what_has_come() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, STALLS);
    let (_chat, text) = stalled(&home, &sandbox);
    let entry = home.json(&["session", "show", "work"]).pop().unwrap();
    assert_eq!(entry["state"], "streaming");
    assert!(entry["parts"][0]["text"].as_str().unwrap().starts_with(&text), "{entry}");
    let ran = home.run(&["--json", "chat", "--once", "me too", "--session", "work"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (7, &"in_use".into()), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_keep_what_came() {
    for signal in ["-INT", "-TERM"] {
        let home = Home::new();
        let sandbox = Sandbox::start(&home, STALLS);
        let (mut chat, mut text) = stalled(&home, &sandbox);
        chat.signal(signal);
        let rest = chat.rest();
        text.push_str(&text_of(&rest, "text"));
        let last = rest.last().unwrap();
        assert_eq!((&last["type"], &last["state"]), (&"entry".into(), &"cancelled".into()));
        assert_eq!(chat.code(), 130);
        let entry = home.json(&["session", "show", "work"]).pop().unwrap();
        assert_eq!(entry["state"], "cancelled");
        assert!(entry["parts"][0]["text"].as_str().unwrap().starts_with(&text), "{entry}");
    }
}

#[cfg(unix)]
#[test]
fn the_sandbox_serves_until_it_is_stopped_and_ends_well() {
    for signal in ["-INT", "-TERM"] {
        let home = Home::new();
        let mut sandbox = Sandbox::start(&home, "{}");
        sandbox.running().signal(signal);
        assert_eq!(sandbox.running().code(), 0);
    }
}

#[test]
fn programs_that_run_at_once_on_one_store_all_work() {
    let home = Home::new();
    let running: Vec<_> = (0..4)
        .map(|number| {
            let name = format!("session {number}");
            home.command(&["--json", "chat", "--once", "hi", "--session", &name]).spawn().unwrap()
        })
        .collect();
    for child in running {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, &ran.last()["state"]), (0, &"complete".into()), "{ran:?}");
    }
    assert_eq!(home.json(&["session", "list"]).len(), 4);
}

#[test]
fn programs_that_make_the_vault_key_at_once_agree_on_it() {
    let home = Home::new();
    let running: Vec<_> = (0..4)
        .map(|number| {
            let name = format!("key_{number}");
            let mut command = home.command(&["auth", "add", "anthropic", &name, "--key-env", "KEY"]);
            command.env("KEY", "sandbox-key").spawn().unwrap()
        })
        .collect();
    for child in running {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    // Showing one opens it, which takes the key that sealed it.
    for number in 0..4 {
        assert_eq!(home.json(&["auth", "show", &format!("key_{number}")]).len(), 1);
    }
}
