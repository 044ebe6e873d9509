//! Saved authentications.

use crate::home::{Home, Sandbox, run_with};

fn save(home: &Home, provider: &str, name: &str) {
    let ran = home.run_with(&["auth", "add", provider, name, "--key-stdin"], "sandbox-key\n");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_key_is_saved_listed_shown_renamed_cloned_and_removed() {
    let home = Home::new();
    save(&home, "anthropic", "work");
    let listed = home.json(&["auth", "list"]);
    assert_eq!((listed.len(), &listed[0]["name"], &listed[0]["type"]), (1, &"work".into(), &"auth".into()));

    let shown = home.json(&["auth", "show", "work"]).remove(0);
    assert_eq!((&shown["provider"], &shown["auth_type"]), (&"anthropic".into(), &"api_key".into()));
    assert_eq!(shown["revision"], 1);

    home.json(&["auth", "rename", "work", "home"]);
    home.json(&["auth", "clone", "home", "other"]);
    let names: Vec<_> = home.json(&["auth", "list"]).into_iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, ["home", "other"]);

    assert_eq!(home.json(&["auth", "remove", "home"])[0]["removed"], true);
    assert_eq!(home.json(&["auth", "remove", "home"])[0]["removed"], false, "removing again is no error");
    assert_eq!(home.run(&["auth", "show", "home"]).code, 6);
}

#[test]
fn a_taken_name_is_refused_unless_it_shall_be_replaced() {
    let home = Home::new();
    save(&home, "anthropic", "work");
    let ran = home.run_with(&["auth", "add", "anthropic", "work", "--key-stdin"], "sandbox-other");
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stderr.contains("--replace"), "{ran:?}");
    let ran =
        home.run_with(&["auth", "add", "anthropic", "work", "--key-stdin", "--replace"], "sandbox-other");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.json(&["auth", "show", "work"])[0]["revision"], 2);
    save(&home, "anthropic", "home");
    assert_eq!(home.run(&["auth", "rename", "home", "work"]).code, 7);
    assert_eq!(home.run(&["auth", "clone", "home", "work"]).code, 7);
}

#[test]
fn names_and_providers_that_cannot_be_are_refused() {
    let home = Home::new();
    for name in ["ab", "my key", "ключ", &"x".repeat(51)] {
        let ran = home.run_with(&["auth", "add", "anthropic", name, "--key-stdin"], "sandbox-key");
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    let ran = home.run_with(&["auth", "add", "nobody", "work", "--key-stdin"], "sandbox-key");
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("known are anthropic"), "{ran:?}");
    assert!(home.json(&["auth", "list"]).is_empty());
}

#[test]
fn a_key_is_never_taken_from_an_argument_and_never_repeated() {
    let home = Home::new();
    for args in [
        ["auth", "add", "anthropic", "work", "sk-canary"].as_slice(),
        &["auth", "add", "anthropic", "work", "--key", "sk-canary"],
        &["auth", "add", "anthropic", "work", "--api-key=sk-canary"],
    ] {
        let ran = home.run(args);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("--key-stdin"), "{ran:?}");
        assert!(!format!("{ran:?}").contains("canary"), "{ran:?}");
    }
    // Nor where it is given in a wrong way.
    for args in [
        ["auth", "add", "anthropic", "work", "--key-env", "sk-canary"].as_slice(),
        &["auth", "add", "anthropic", "work", "--key-stdin=sk-canary"],
        &["auth", "add", "anthropic", "work", "--ky=sk-canary"],
        &["auth", "add", "anthropic", "work", "--base-url", "http://me:sk-canary@host/"],
    ] {
        for all in [args.to_vec(), [&["--json"], args].concat()] {
            let ran = home.run(&all);
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(!format!("{ran:?}").contains("canary"), "{ran:?}");
        }
    }
}

#[test]
fn a_missing_key_is_told_where_there_is_nobody_to_ask() {
    let home = Home::new();
    let ran = home.run(&["auth", "add", "anthropic", "work"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let ran = home.run(&["auth", "add", "anthropic", "work", "--key-env", "NOT_SET"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("NOT_SET"), "{ran:?}");
}

#[test]
fn a_test_tells_whether_the_key_is_accepted() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    home.save_key("anthropic", "good", sandbox.url("anthropic"), "sandbox-key");
    assert_eq!(home.json(&["auth", "test", "good"])[0]["type"], "tested");
    home.save_key("anthropic", "bad", sandbox.url("anthropic"), "sk-ant-wrong-key");
    let ran = home.run(&["--json", "auth", "test", "bad"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (5, &"unauthenticated".into()), "{ran:?}");

    let args = [
        "auth",
        "add",
        "anthropic",
        "never",
        "--base-url",
        sandbox.url("anthropic"),
        "--key-stdin",
        "--test",
    ];
    assert_eq!(home.run_with(&args, "sk-ant-wrong-key").code, 5);
    assert_eq!(home.run(&["auth", "show", "never"]).code, 6, "what fails its test is not saved");
}

#[test]
fn a_name_of_two_providers_is_told_apart_by_the_provider() {
    let home = Home::new();
    save(&home, "anthropic", "work");
    let ran = run_with(
        home.command(&["auth", "add", "openai", "work", "--key-env", "KEY"]).env("KEY", "sandbox-key"),
        "",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = home.run(&["auth", "show", "work"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stderr.contains("anthropic") && ran.stderr.contains("openai"), "{ran:?}");
    assert_eq!(home.json(&["auth", "show", "work", "--provider", "openai"])[0]["provider"], "openai");
    assert_eq!(home.json(&["auth", "list", "--provider", "openai"]).len(), 1);
}

#[test]
fn a_session_goes_on_without_its_key() {
    let home = Home::new();
    let sandbox = Sandbox::start(&home, "{}");
    home.save_key("anthropic", "gone", sandbox.url("anthropic"), "sandbox-key");
    home.json(&["chat", "--once", "hi", "--session", "work"]);
    home.json(&["auth", "remove", "gone"]);
    assert_eq!(home.json(&["session", "show", "work"])[0]["auth_id"], serde_json::Value::Null);
    let ran = home.run(&["chat", "--once", "hi", "--session", "work"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    home.save_key("anthropic", "again", sandbox.url("anthropic"), "sandbox-key");
    assert_eq!(home.run(&["chat", "--once", "hi", "--session", "work"]).code, 0);
}

#[test]
fn models_are_listed() {
    let home = Home::new();
    let models = home.json(&["models"]);
    assert!(models.iter().all(|line| line["type"] == "model"));
    assert!(models.iter().any(|line| line["id"] == "sandbox-small"));
    let ran = home.run(&["models"]);
    assert!(ran.stdout.starts_with("MODEL") && ran.stdout.contains("sandbox-small"), "{ran:?}");
}
