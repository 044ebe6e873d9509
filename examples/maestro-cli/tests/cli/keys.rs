//! The vault key.

use crate::home::{Home, run_with};

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn add(home: &Home, name: &str) -> crate::home::Ran {
    home.run_with(&["auth", "add", "anthropic", name, "--key-stdin"], "sandbox-key")
}

#[cfg(unix)]
#[test]
fn the_key_file_is_for_its_owner_alone_and_refused_otherwise() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let home = Home::new();
    assert_eq!(add(&home, "work").code, 0);
    let file = home.path().join("vault-key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = home.run(&["auth", "show", "work"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("chmod 600"), "{ran:?}");
}

#[test]
fn nothing_that_needs_no_key_makes_one() {
    let home = Home::new();
    home.json(&["chat", "--once", "hi"]);
    home.json(&["session", "list"]);
    home.json(&["auth", "list"]);
    assert!(!home.path().join("vault-key").exists());
}

#[test]
fn a_lost_key_is_told_with_what_to_do() {
    let home = Home::new();
    assert_eq!(add(&home, "work").code, 0);
    std::fs::remove_file(home.path().join("vault-key")).unwrap();
    let ran = home.run(&["chat", "--once", "hi", "--auth", "work"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("auth add anthropic work --replace"), "{ran:?}");
    assert_eq!(
        home.run_with(&["auth", "add", "anthropic", "work", "--key-stdin", "--replace"], "sandbox-key").code,
        0
    );
    assert_eq!(home.run(&["auth", "show", "work"]).code, 0);
}

#[test]
fn a_file_that_holds_no_key_is_told() {
    let home = Home::new();
    let file = home.file("vault-key", "not a key");
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let ran = add(&home, "work");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains(file.to_str().unwrap()) && !ran.stderr.contains("not a key\n"), "{ran:?}");
}

#[test]
fn the_key_of_the_environment_wins() {
    let home = Home::new();
    let args = ["auth", "add", "anthropic", "work", "--key-stdin"];
    let ran = run_with(home.command(&args).env("MAESTRO_KEY", KEY), "sandbox-key");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!home.path().join("vault-key").exists());
    assert_eq!(home.run(&["auth", "show", "work"]).code, 5, "another key does not open it");
    assert_eq!(run_with(home.command(&["auth", "show", "work"]).env("MAESTRO_KEY", KEY), "").code, 0);
    let ran = run_with(home.command(&["auth", "show", "work"]).env("MAESTRO_KEY", "short"), "");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("MAESTRO_KEY") && !ran.stderr.contains("short"), "{ran:?}");
}
