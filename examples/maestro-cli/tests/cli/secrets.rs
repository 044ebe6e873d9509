//! A canary: a key that is used everywhere, and seen nowhere.

use std::{fs, path::Path};

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
