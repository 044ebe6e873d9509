//! Stores.

use maestro::{
    MemoryStore, SqliteStore,
    archive::{CopyOptions, copy},
    core::time::Timestamp,
    prelude::*,
};
use serde_json::Value;

use crate::home::{Home, Ran, Running, run_with, types};

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

/// The URL of a SQLite store in the home.
fn url(home: &Home, name: &str) -> String {
    format!("sqlite:{}", home.path().join(name).display())
}

/// A store with a saved key, a persona and a session, and its URL.
fn filled(home: &Home) -> String {
    let store = url(home, "from.sqlite");
    let run = |args: &[&str], input: &str| {
        let ran = home.run_with(&[&["--store", &store], args].concat(), input);
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    run(&["auth", "add", "anthropic", "work", "--key-stdin"], "sandbox-canary");
    run(&["context", "add", "persona", "teacher", "--text", "You are patient."], "");
    let chat = ["chat", "--provider", "sandbox", "--persona", "teacher", "--session", "work", "--once"];
    run(&[&chat[..], &["one"]].concat(), "");
    run(&[&chat[..], &["two"]].concat(), "");
    store
}

/// The only line of this type.
fn line_of(ran: &Ran, of: &str) -> Value {
    let mut lines: Vec<_> = ran.lines().into_iter().filter(|line| line["type"] == of).collect();
    assert_eq!(lines.len(), 1, "{ran:?}");
    lines.remove(0)
}

#[test]
fn a_copied_store_holds_the_same_and_its_keys_still_open() {
    let home = Home::new();
    let (from, to) = (filled(&home), url(&home, "to.sqlite"));
    let ran = home.run(&["--json", "store", "copy", &from, &to]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(types(&ran.lines()), ["progress", "copied", "verified"]);
    let copied = line_of(&ran, "copied");
    assert_eq!((&copied["written"], &copied["present"]), (&3.into(), &0.into()));
    let verified = line_of(&ran, "verified");
    assert_eq!((&verified["equal"], &verified["differences"]), (&true.into(), &0.into()));
    for kind in verified["kinds"].as_array().unwrap() {
        assert_eq!((&kind["first_records"], &kind["second_records"]), (&1.into(), &1.into()), "{kind}");
        assert_eq!(kind["first_sha256"], kind["second_sha256"]);
    }
    let show = |store: &str| home.json(&["--store", store, "session", "show", "work"]);
    assert_eq!(show(&from), show(&to));
    let shown = home.json(&["--store", &to, "auth", "show", "work"]);
    assert_eq!(shown[0]["name"], "work");

    let people = home.run(&["store", "verify", &from, &to]);
    assert_eq!(people.code, 0, "{people:?}");
    assert!(people.stdout.contains("1 authentication, 1 item, 1 session"), "{people:?}");
}

#[test]
fn a_store_that_holds_something_is_merged_into_only_when_told_so() {
    let home = Home::new();
    let (from, to) = (filled(&home), url(&home, "to.sqlite"));
    home.json(&["store", "copy", &from, &to, "--no-verify"]);
    let refused = home.run(&["store", "copy", &from, &to]);
    assert_eq!(refused.code, 7, "{refused:?}");
    assert!(refused.stderr.contains("not empty") && refused.stderr.contains("merge"), "{refused:?}");
    let merged = home.run(&["--json", "store", "copy", &from, &to, "--merge"]);
    assert_eq!(merged.code, 0, "{merged:?}");
    let copied = line_of(&merged, "copied");
    assert_eq!((&copied["written"], &copied["present"]), (&0.into(), &3.into()));
}

#[test]
fn stores_that_differ_are_told_apart_by_name_and_exit_code() {
    let home = Home::new();
    let (from, to) = (filled(&home), url(&home, "to.sqlite"));
    home.json(&["store", "copy", &from, &to]);
    let id = home.json(&["--store", &from, "session", "list"])[0]["id"].clone();
    home.json(&["--store", &to, "session", "rename", "work", "play"]);
    home.json(&["--store", &to, "context", "add", "persona", "late", "--text", "x"]);

    let ran = home.run(&["--json", "store", "verify", &from, &to]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let differences: Vec<_> = ran.lines().into_iter().filter(|line| line["type"] == "difference").collect();
    assert_eq!((&differences[0]["kind"], &differences[0]["present_in"]), (&"item".into(), &"second".into()));
    assert_eq!((&differences[1]["id"], &differences[1]["present_in"]), (&id, &"both".into()));
    assert!(differences[1]["at"][0].as_str().unwrap().contains("name"), "{ran:?}");
    let verified = line_of(&ran, "verified");
    assert_eq!((&verified["equal"], &verified["differences"]), (&false.into(), &2.into()));

    let people = home.run(&["store", "verify", &from, &to]);
    assert_eq!(people.code, 1);
    assert!(people.stdout.contains(&format!("session {} differs", id.as_str().unwrap())), "{people:?}");
    // A merge adds what is missing and leaves what is there, so they still differ.
    let merged = home.run(&["store", "copy", &to, &from, "--merge"]);
    assert_eq!(merged.code, 1, "{merged:?}");
}

#[test]
fn a_store_is_not_copied_onto_itself_nor_to_nowhere() {
    let home = Home::new();
    let from = filled(&home);
    let path = home.path().join("from.sqlite");
    let indirect = format!("sqlite:{}", home.path().join(".").join("from.sqlite").display());
    let mut same = vec![from.clone(), indirect];
    #[cfg(unix)]
    {
        std::fs::hard_link(&path, home.path().join("hard.sqlite")).unwrap();
        std::os::unix::fs::symlink(&path, home.path().join("soft.sqlite")).unwrap();
        same.extend([url(&home, "hard.sqlite"), url(&home, "soft.sqlite")]);
    }
    let before = std::fs::read(&path).unwrap();
    for to in same.iter().map(String::as_str).chain(["memory:"]) {
        for merge in [&["--merge"][..], &[]] {
            let ran = home.run(&[&["store", "copy", &from, to], merge].concat());
            assert_eq!(ran.code, 2, "{to}: {ran:?}");
        }
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn looking_at_a_store_that_is_not_there_makes_none() {
    let home = Home::new();
    let (from, none) = (filled(&home), url(&home, "none.sqlite"));
    for args in [
        ["store", "copy", &none, &url(&home, "to.sqlite")].as_slice(),
        &["store", "verify", &none, &from],
        &["store", "verify", &from, &none],
        &["store", "check", &none],
        &["store", "stats", &none],
        &["store", "migrate", &none],
    ] {
        let ran = home.run(&[&["--json"], args].concat());
        assert_eq!((ran.code, &ran.last()["kind"]), (6, &"not_found".into()), "{args:?}: {ran:?}");
    }
    assert!(!home.path().join("none.sqlite").exists() && !home.path().join("to.sqlite").exists());
}

#[test]
fn a_stopped_copy_is_sound_and_goes_on_with_merge() {
    let home = Home::new();
    let (from, to) = (url(&home, "many.sqlite"), url(&home, "to.sqlite"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (memory, now) = (MemoryStore::new(), Timestamp::from_micros(0));
        for _ in 0..4_000 {
            memory.session_create(NewSession::new("talk".parse().unwrap(), now)).await.unwrap();
        }
        let file = SqliteStore::open(home.path().join("many.sqlite")).await.unwrap();
        copy(&memory, &file, &CopyOptions::default(), &mut |_| ()).await.unwrap();
    });
    let mut running = Running::start(&mut home.command(&["--json", "store", "copy", &from, &to]));
    // The first batches are there, and a thousand sessions and more are still to come.
    while running.until("progress")["done"].as_u64().unwrap() < 256 {}
    running.signal("-INT");
    let error = running.until("error");
    assert_eq!(error["kind"], "cancelled");
    let advice = error["advice"].as_str().unwrap();
    assert!(advice.ends_with(&format!("maestro store copy {from} {to} --merge")), "{advice}");
    assert_eq!(running.code(), 130);

    assert_eq!(home.json(&["store", "check", &to])[0]["violations"], 0);
    let ran = home.run(&["--json", "store", "copy", &from, &to, "--merge"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let copied = line_of(&ran, "copied");
    let (written, present) = (copied["written"].as_u64().unwrap(), copied["present"].as_u64().unwrap());
    assert!(present >= 256 && written > 0 && written + present == 4_000, "{copied}");
}

#[test]
fn a_sound_store_is_told_to_be_and_a_broken_one_is_not() {
    let home = Home::new();
    let store = filled(&home);
    let ran = home.run(&["store", "check", &store]);
    assert_eq!((ran.code, ran.stdout.contains("is sound")), (0, true), "{ran:?}");
    let by_option = home.json(&["--store", &store, "store", "check"]);
    assert_eq!((&by_option[0]["type"], &by_option[0]["violations"]), (&"checked".into(), &0.into()));

    // A text of the library is no text any more.
    let path = home.path().join("from.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    let text = b"You are patient.";
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    bytes[at] = 0xff;
    std::fs::write(&path, bytes).unwrap();
    let ran = home.run(&["--json", "store", "check", &store]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(types(&ran.lines()), ["violation", "checked"]);
    let people = home.run(&["store", "check", &store]);
    assert!(people.code == 1 && people.stdout.contains("cannot be read"), "{people:?}");
}

#[test]
fn a_store_is_taken_back_and_brought_up_to_date() {
    let home = Home::new();
    let store = filled(&home);
    let newest = u64::from(SqliteStore::SCHEMA_VERSION);
    let migrated = |args: &[&str]| {
        let line = home.json(&[&["store", "migrate", &store], args].concat()).remove(0);
        assert_eq!(line["type"], "migrated");
        (line["from"].as_u64().unwrap(), line["to"].as_u64().unwrap())
    };
    assert_eq!(migrated(&[]), (newest, newest));
    assert_eq!(migrated(&["--to", "1"]), (newest, 1));
    assert_eq!(migrated(&[]), (1, newest));
    assert_eq!(home.run(&["store", "migrate", &store, "--to", "999"]).code, 2);
    assert_eq!(home.run(&["store", "migrate", "memory:"]).code, 2);
    let people = home.run(&["store", "migrate", &store]);
    assert!(people.stdout.contains("already"), "{people:?}");
}

#[test]
fn rows_bytes_and_bytes_per_turn_are_told() {
    let home = Home::new();
    let store = filled(&home);
    let lines = home.json(&["store", "stats", &store]);
    assert_eq!(types(&lines), ["table", "stats"]);
    let rows = |name: &str| {
        let table = lines.iter().find(|line| line["name"] == name).unwrap();
        assert!(table["bytes"].as_u64().unwrap() >= 4_096, "{table}");
        table["rows"].as_u64().unwrap()
    };
    assert_eq!((rows("entries"), rows("authentications"), rows("item_words")), (4, 1, 1));
    let stats = lines.last().unwrap();
    assert_eq!((&stats["turns"], &stats["entries"], &stats["streaming"]), (&2.into(), &4.into(), &0.into()));
    let bytes = std::fs::metadata(home.path().join("from.sqlite")).unwrap().len();
    assert_eq!((&stats["bytes"], &stats["bytes_per_turn"]), (&bytes.into(), &(bytes / 2).into()));
    let people = home.run(&["store", "stats", &store]);
    assert!(people.stdout.contains("2 turns, 4 entries") && people.stdout.contains("KiB"), "{people:?}");
    assert_eq!(home.json(&["store", "stats", "memory:"]).last().unwrap()["bytes"], Value::Null);
}

#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let home = Home::new();
    let secret = "mysql://me:s3cret@host/db";
    for args in [["store", "check", secret].as_slice(), &["--store", secret, "session", "list"]] {
        for json in [&["--json"][..], &[]] {
            let ran = home.run(&[json, args].concat());
            assert_eq!(ran.code, 2, "{ran:?}");
            assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");
        }
    }
    let ran = run_with(home.command(&["session", "list"]).env("MAESTRO_STORE", secret), "");
    assert!(ran.code == 2 && !format!("{ran:?}").contains("s3cret"), "{ran:?}");
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
