//! The prompt loop, at a terminal that is a program.

use std::process::Command;

use crate::{
    home::{Home, Sandbox},
    terminal::AtTerminal,
};

fn said(home: &Home, session: &str) -> Vec<String> {
    let lines = home.json(&["session", "show", session]);
    let users = lines.iter().filter(|line| line["actor"] == "user");
    users.map(|line| line["parts"][0]["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn messages_are_answered_until_the_user_leaves() {
    let home = Home::new();
    let mut chat = AtTerminal::start(&mut home.command(&["chat", "--session", "work"]));
    chat.sees("no model is asked");
    chat.says("hello there");
    let answer = chat.sees("tokens in");
    assert!(
        answer.contains("same answer") && !answer.ends_with("**same answer**"),
        "Markdown is shown: {answer}"
    );
    chat.says("one\\\rtwo");
    chat.sees("tokens in");
    chat.says("\"\"\"\rthree\r\rfour\r\"\"\"");
    chat.sees("tokens in");
    chat.leaves();
    assert_eq!(said(&home, "work"), ["hello there", "one\ntwo", "three\n\nfour"]);
}

#[test]
fn ctrl_c_stops_an_answer_and_the_conversation_goes_on() {
    let home = Home::new();
    let sandbox = Sandbox::start(
        &home,
        r#"{"times": 1, "reply": {"deltas": ["first ", "second"]}, "stream": {"stall_after_events": 4}}"#,
    );
    home.save_key("anthropic", "test", sandbox.url("anthropic"), "sandbox-key");
    let mut chat = AtTerminal::start(&mut home.command(&["chat", "--session", "work"]));
    chat.says("hello");
    chat.sees("first");
    let status = Command::new("kill").arg("-INT").arg(chat.child.id().to_string()).status().unwrap();
    assert!(status.success());
    chat.sees("what came is kept");
    chat.says("more");
    chat.sees("tokens in");
    // Ctrl-C where nothing is answered only tells how to leave.
    chat.sees("> ");
    chat.types("\x03");
    chat.sees("Ctrl-D leaves");
    chat.leaves();
    let states: Vec<_> = home
        .json(&["session", "show", "work"])
        .iter()
        .filter(|line| line["actor"] == "assistant")
        .map(|line| line["state"].clone())
        .collect();
    assert_eq!(states, ["cancelled", "complete"]);
}

#[test]
fn commands_change_what_comes_next() {
    let home = Home::new();
    let mut chat = AtTerminal::start(&mut home.command(&["chat", "--session", "work"]));
    chat.says("/model sandbox-large");
    chat.sees("From now on sandbox-large answers.");
    chat.says("hello");
    chat.sees("tokens in");
    chat.says("/exclude 2");
    chat.sees("no longer sent");
    chat.says("/fork other way");
    chat.sees("From now on in thread");
    chat.says("again");
    chat.sees("tokens in");
    chat.says("/nonsense");
    chat.sees("/help shows");
    chat.says("/quit");
    assert!(chat.child.wait().unwrap().success());
    let shown = home.json(&["session", "show", "work"]);
    assert_eq!(shown[0]["model_id"], "sandbox-large");
    assert_eq!(shown[2]["label"], "other way");
    assert_eq!(shown.last().unwrap()["thread_id"], shown[2]["id"]);
}

#[test]
fn a_key_is_asked_for_and_not_shown() {
    let home = Home::new();
    let mut add = AtTerminal::start(&mut home.command(&["auth", "add", "anthropic", "work"]));
    let mut shown = add.sees("Key for");
    add.types("sandbox-canary\r");
    shown.push_str(&add.sees("Saved"));
    assert!(!shown.contains("canary"), "{shown}");
    assert!(add.child.wait().unwrap().success());

    let mut remove = AtTerminal::start(&mut home.command(&["auth", "remove", "work"]));
    remove.sees("Remove");
    remove.types("n\r");
    remove.sees("Nothing was removed");
    assert!(remove.child.wait().unwrap().success());
    assert_eq!(home.json(&["auth", "list"]).len(), 1);
}
