//! Help, and what is wrong with a command line.

use crate::home::Home;

#[test]
fn alone_it_shows_what_it_can_do() {
    let home = Home::new();
    let ran = home.run(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for command in ["chat", "auth", "models", "session", "thread", "context", "decode", "sandbox"] {
        assert!(ran.stdout.contains(&format!("\n  {command} ")), "{command}");
    }
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 ", "130 "] {
        assert!(ran.stdout.contains(&format!("\n  {code} ")), "exit code {code}");
    }
}

#[test]
fn every_command_has_help_with_examples() {
    let home = Home::new();
    for command in
        ["chat", "auth", "models", "session", "thread", "context", "decode", "sandbox", "completions"]
    {
        let ran = home.run(&[command, "--help"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("Example"), "{command}");
    }
}

#[test]
fn a_wrong_command_line_is_bad_usage_for_people_and_scripts() {
    let home = Home::new();
    for args in [
        ["nonsense"].as_slice(),
        &["auth"],
        &["auth", "nonsense"],
        &["session", "show"],
        &["chat", "--max-tokens", "0"],
    ] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(!ran.stderr.is_empty());
    }
    let ran = home.run(&["chat", "--effort", "huge", "--json"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (2, &"invalid".into()), "{ran:?}");
    assert!(ran.last()["message"].as_str().unwrap().contains("--effort"), "{ran:?}");
}

#[test]
fn completions_are_written() {
    let home = Home::new();
    assert!(home.run(&["completions", "bash"]).stdout.contains("_maestro"));
}

#[test]
fn an_error_has_its_advice_on_a_line_of_its_own() {
    let home = Home::new();
    let ran = home.run(&["session", "show", "nothing"]);
    assert_eq!(ran.code, 6);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("error: find session \"nothing\""), "{ran:?}");
    assert!(lines[1].starts_with("help: "), "{ran:?}");
}
