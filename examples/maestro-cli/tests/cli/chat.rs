//! Turns, when all goes well.

use crate::home::{Home, Ran, Sandbox, run_with, text_of, types};

#[test]
fn without_any_key_the_sandbox_answers_and_says_so() {
    let home = Home::new();
    let ran = home.run(&["chat", "--once", "hello there"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("hello there"), "{ran:?}");
    assert!(ran.stderr.contains("built-in sandbox, no model is asked"), "{ran:?}");
    assert!(ran.stderr.contains("maestro auth add"), "{ran:?}");
}

#[test]
fn the_events_of_a_turn_come_in_order_and_the_last_is_the_entry() {
    let home = Home::new();
    let lines = home.json(&["chat", "--once", "hello"]);
    assert_eq!(types(&lines), ["start", "text", "usage", "finish", "entry"]);

    let (start, entry) = (&lines[0], lines.last().unwrap());
    assert_eq!(start["provider"], "anthropic");
    assert_eq!(start["model"], "sandbox-small");
    for id in ["session_id", "thread_id", "entry_id"] {
        assert_eq!(start[id], entry[id]);
        assert_eq!(start[id].as_str().unwrap().len(), 36);
    }
    assert_eq!(entry["state"], "complete");
    assert_eq!(lines[lines.len() - 2]["reason"], "stop");
    assert!(lines[lines.len() - 3]["output_total"].as_u64().unwrap() > 0);
}

#[test]
fn what_is_shown_is_what_is_stored() {
    let home = Home::new();
    let turn = home.json(&["chat", "--once", "hello", "--session", "work"]);
    let shown = home.json(&["session", "show", "work"]);
    assert_eq!(types(&shown), ["session", "thread", "entry"]);
    let entries: Vec<_> = shown.iter().filter(|line| line["type"] == "entry").collect();
    assert_eq!(entries[0]["actor"], "user");
    assert_eq!(entries[0]["parts"][0]["text"], "hello");
    assert_eq!((&entries[1]["actor"], &entries[1]["turn_index"]), (&"assistant".into(), &2.into()));
    assert_eq!(entries[1]["parts"][0]["text"], text_of(&turn, "text"));
}

#[test]
fn reasoning_and_calls_have_lines_of_their_own() {
    let home = Home::new();
    let sandbox = Sandbox::start(
        &home,
        r#"{"reply": {"reasoning": "Hmm.", "text": "So:", "tool_calls": [{"name": "look", "arguments": {"at": "it"}}]}}"#,
    );
    home.save_key("anthropic", "test", sandbox.url("anthropic"), "sandbox-key");
    let lines = home.json(&["chat", "--once", "look", "--model", "claude-sandbox"]);
    assert_eq!(types(&lines), ["start", "reasoning", "text", "tool_call", "usage", "finish", "entry"]);
    assert_eq!(text_of(&lines, "reasoning"), "Hmm.");
    let call = lines.iter().find(|line| line["type"] == "tool_call").unwrap();
    assert_eq!(call["name"], "look");
    assert_eq!(call["args"]["at"], "it");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(call["arguments"].as_str().unwrap()).unwrap(),
        call["args"]
    );
    assert!(call["call_id"].as_str().is_some());
    assert_eq!(lines[lines.len() - 2]["reason"], "tool_use");
}

#[test]
fn a_message_may_come_from_standard_input() {
    let home = Home::new();
    for args in [["chat", "--once", "-"].as_slice(), &["chat", "-"]] {
        let ran = home.run_with(args, "one\ntwo\n");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("one\ntwo"), "{ran:?}");
    }
    let ran = home.run_with(&["chat", "-"], "\n");
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn every_line_of_standard_input_is_a_message_of_one_session() {
    let home = Home::new();
    let ran = home.run_with(
        &["--json", "chat", "--session", "lines"],
        "one\n\ntwo \\\nthree\n\"\"\"\nfour\nfive\n\"\"\"\n",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = home.json(&["session", "show", "lines"]);
    let said: Vec<_> = shown
        .iter()
        .filter(|line| line["actor"] == "user")
        .map(|line| line["parts"][0]["text"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["one", "two \nthree", "four\nfive"]);
}

#[test]
fn a_session_is_gone_on_with_by_name_by_id_and_as_the_latest() {
    let home = Home::new();
    let first = home.json(&["chat", "--once", "one", "--session", "work"]);
    let id = first[0]["session_id"].as_str().unwrap();
    for args in [["--session", "work"].as_slice(), &["--session", id], &["--continue"]] {
        let next = home.json(&[["chat", "--once", "more"].as_slice(), args].concat());
        assert_eq!(next[0]["session_id"], id);
    }
    assert_eq!(home.json(&["session", "list"]).len(), 1);
    // The sandbox heard what was said before: its count of input grows.
    let ran = home.run(&["chat", "--continue", "--once", "more"]);
    assert!(ran.stderr.contains("sandbox"), "{ran:?}");
}

#[test]
fn a_new_session_is_named_after_its_first_message() {
    let home = Home::new();
    let long = format!("  why\n{}", "x".repeat(100));
    home.json(&["chat", "--once", &long]);
    let name = home.json(&["session", "list"])[0]["name"].as_str().unwrap().to_owned();
    assert_eq!(name, format!("why {}", "x".repeat(46)));
}

#[test]
fn a_name_that_several_sessions_share_lists_them() {
    let home = Home::new();
    home.json(&["chat", "--once", "same"]);
    home.json(&["chat", "--once", "same"]);
    let ran = home.run(&["chat", "--session", "same", "--once", "more"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    for session in home.json(&["session", "list"]) {
        assert!(ran.stderr.contains(session["id"].as_str().unwrap()), "{ran:?}");
    }
}

#[test]
fn a_saved_key_is_used_and_noted_with_the_session() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    home.save_key("anthropic", "first", sandbox.url("anthropic"), "sandbox-key");
    home.save_key("anthropic", "second", sandbox.url("anthropic"), "sandbox-key");
    let turn =
        home.json(&["chat", "--once", "hi", "--auth", "second", "--model", "claude-x", "--session", "kept"]);
    assert_eq!(turn[0]["model"], "claude-x");
    let session = home.json(&["session", "show", "kept"]).remove(0);
    let auth = home.json(&["auth", "show", "second"]).remove(0);
    assert_eq!(session["auth_id"], auth["id"]);
    assert_eq!(session["model_id"], "claude-x");
    // Gone on with, it needs neither to be named again.
    let again = home.json(&["chat", "--once", "hi", "--session", "kept"]);
    assert_eq!(again[0]["model"], "claude-x");
    // With several saved and none named, nobody guesses.
    let ran = home.run(&["chat", "--once", "hi"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stderr.contains("first") && ran.stderr.contains("second"), "{ran:?}");
}

#[test]
fn a_key_of_the_environment_is_used_and_its_provider_found_again() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    let chat = |args: &[&str]| {
        let asked = ["--json", "chat", "--once", "hi", "--base-url", sandbox.url("anthropic")];
        let mut command = home.command(&[&asked, args].concat());
        run_with(command.env("ANTHROPIC_API_KEY", "sandbox-env").env("MAESTRO_MODEL", "claude-env"), "")
    };
    let ran = chat(&["--provider", "anthropic", "--session", "env"]);
    assert_eq!((ran.code, &ran.lines()[0]["model"]), (0, &"claude-env".into()), "{ran:?}");
    assert_eq!(home.json(&["session", "show", "env"])[0]["auth_id"], serde_json::Value::Null);
}

#[test]
fn every_provider_is_asked_with_its_own_variable() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    for (provider, dialect, variable) in [
        ("anthropic", "anthropic", "ANTHROPIC_API_KEY"),
        ("openai", "openai", "OPENAI_API_KEY"),
        ("gemini", "gemini", "GEMINI_API_KEY"),
        ("gemini", "gemini", "GOOGLE_API_KEY"),
        ("openai_compatible", "openai", "OPENAI_COMPATIBLE_API_KEY"),
    ] {
        let url = sandbox.url(dialect);
        let args = ["--json", "chat", "--once", "hi", "--provider", provider, "--base-url", url];
        let mut command = home.command(&[&args[..], &["--model", "sandbox-large"]].concat());
        let ran = run_with(command.env(variable, "sandbox-env"), "");
        assert_eq!((ran.code, &ran.last()["state"]), (0, &"complete".into()), "{provider}: {ran:?}");
        assert_eq!(ran.lines()[0]["provider"], provider);
        let refused = run_with(command.env(variable, "wrong-key"), "");
        assert_eq!(refused.code, 5, "{provider}: {refused:?}");
    }
}

#[test]
fn the_sandbox_says_where_each_of_its_servers_is() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    for server in ["openai", "chatgpt", "anthropic", "gemini", "authorization"] {
        let below = sandbox.url(server).strip_prefix(sandbox.url("base"));
        assert!(below.is_some_and(|path| path.len() > 1), "{server}");
    }
}

#[test]
fn a_server_with_several_models_lists_them_when_none_is_named() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    let args = ["chat", "--once", "hi", "--base-url", sandbox.url("openai")];
    let mut command = home.command(&args);
    let ran = run_with(command.env("OPENAI_COMPATIBLE_API_KEY", "sandbox-env"), "");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("sandbox-small"), "{ran:?}");
    let ran = run_with(command.env("MAESTRO_MODEL", "sandbox-small"), "");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_session_with_a_server_at_an_address_keeps_its_model() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    let args = ["--json", "chat", "--once", "hi", "--base-url", sandbox.url("openai")];
    for more in [["--model", "sandbox-large"].as_slice(), &["--continue"]] {
        let mut command = home.command(&[&args[..], more].concat());
        let ran = run_with(command.env("OPENAI_COMPATIBLE_API_KEY", "sandbox-env"), "");
        assert_eq!((ran.code, &ran.lines()[0]["model"]), (0, &"sandbox-large".into()), "{ran:?}");
    }
}

#[test]
fn a_provider_that_is_named_takes_the_sessions_key_before_the_environments() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    home.save_key("anthropic", "good", sandbox.url("anthropic"), "sandbox-key");
    home.json(&["chat", "--once", "hi", "--session", "work"]);
    let mut command = home.command(&["chat", "--once", "hi", "--session", "work", "--provider", "anthropic"]);
    let ran = run_with(command.env("ANTHROPIC_API_KEY", "sk-ant-wrong-key"), "");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_conversation_goes_on_with_another_provider() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    home.save_key("anthropic", "first", sandbox.url("anthropic"), "sandbox-key");
    home.save_key("gemini", "second", sandbox.url("gemini"), "sandbox-key");
    let ask = |auth: &str| home.json(&["chat", "--once", "hi", "--session", "work", "--auth", auth]);
    assert_eq!(ask("first")[0]["model"], "claude-sonnet-4-5");
    let second = ask("second");
    assert_eq!((&second[0]["provider"], &second[0]["model"]), (&"gemini".into(), &"gemini-2.5-flash".into()));
    let session = home.json(&["session", "show", "work"]).remove(0);
    assert_eq!(session["model_id"], "gemini-2.5-flash", "what is named is noted");
}

#[test]
fn the_readers_end_ends_the_program_quietly() {
    let home = Home::new();
    // An answer that would never end by itself.
    let sandbox = Sandbox::start(&home, r#"{"stream": {"stall_after_events": 5}}"#);
    home.save_key("anthropic", "test", sandbox.url("anthropic"), "sandbox-key");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["--json", "chat", "--once", "hi", "--session", "piped"]);
    let ran = Ran::of(command.stdout(writer).spawn().unwrap().wait_with_output().unwrap());
    assert!(!ran.stderr.contains("panic") && !ran.stderr.contains("error"), "{ran:?}");
    assert_eq!(ran.code, 0, "{ran:?}");
    let states: Vec<_> =
        home.json(&["session", "show", "piped"]).into_iter().map(|line| line["state"].clone()).collect();
    assert_eq!(states.last().unwrap(), "cancelled");
}

#[test]
fn a_picture_is_sent_and_anything_else_refused() {
    let home = Home::new();
    let png = home.file("dot.png", PNG);
    let turn =
        home.json(&["chat", "--once", "what is it?", "--image", png.to_str().unwrap(), "--session", "seen"]);
    assert_eq!(turn.last().unwrap()["state"], "complete");
    let entry = home.json(&["session", "show", "seen"]).remove(2);
    assert_eq!(entry["parts"][0]["type"], "image");
    let text = home.file("note.png", "not a picture");
    let ran = home.run(&["chat", "--once", "what is it?", "--image", text.to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("PNG, JPEG, GIF or WebP"), "{ran:?}");
    let ran = home.run(&["chat", "--once", "what is it?", "--image", "nowhere.png"]);
    assert_eq!(ran.code, 6, "{ran:?}");
}

/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";
