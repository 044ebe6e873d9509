//! Stores.

use crate::home::{Home, run_with};

#[test]
fn a_store_in_memory_serves_and_leaves_nothing() {
    let home = Home::new();
    let ran = home.run(&["--store", "memory:", "--json", "chat", "--once", "hi"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!home.path().join("data").exists());
    assert!(home.json(&["--store", "memory:", "session", "list"]).is_empty());
}

#[test]
fn a_store_is_named_by_option_or_environment() {
    let home = Home::new();
    let url = format!("sqlite:{}", home.path().join("other.sqlite").display());
    home.json(&["--store", &url, "chat", "--once", "hi"]);
    assert!(home.json(&["session", "list"]).is_empty());
    let ran = run_with(home.command(&["--json", "session", "list"]).env("MAESTRO_STORE", &url), "");
    assert_eq!(ran.lines().len(), 1);
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.json(&["chat", "--once", "hi"]);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = home.path().join("data").join("maestro");
    if data.exists() {
        assert_eq!(mode(&data), 0o700);
        assert_eq!(mode(&data.join("maestro.sqlite")), 0o600);
    }
}

#[test]
fn a_store_that_cannot_be_opened_is_told() {
    let home = Home::new();
    let junk = home.file("junk.sqlite", "this is no database, and long enough to be looked at ".repeat(20));
    let directory = home.path().join("nowhere").join("x.sqlite");
    for path in [junk.as_path(), &directory, home.path()] {
        let ran = home.run(&["--json", "--store", &format!("sqlite:{}", path.display()), "session", "list"]);
        assert_eq!((ran.code, &ran.last()["type"]), (8, &"error".into()), "{ran:?}");
    }
    let before = std::fs::read(&junk).unwrap();
    assert!(before.starts_with(b"this is no database"), "it is left as it was");
    for url in ["mysql://x", "x.sqlite", "memory:x", "sqlite:"] {
        assert_eq!(home.run(&["--store", url, "session", "list"]).code, 2, "{url}");
    }
}

#[test]
fn a_database_that_does_not_answer_is_told_without_its_password() {
    let home = Home::new();
    for url in ["postgres://ann:s3cret@127.0.0.1:1/work", "postgres://ann:s3cret@127.0.0.1:none/work"] {
        let ran = home.run(&["--json", "-vvv", "--store", url, "session", "list"]);
        assert_ne!(ran.code, 0);
        assert_eq!(ran.last()["type"], "error", "{ran:?}");
        assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");
    }
}
