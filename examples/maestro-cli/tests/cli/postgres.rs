//! The program on a Postgres database.

use std::{process::Command, time::Duration};

use maestro::{
    PostgresStore,
    core::{
        page::PageLimit,
        time::{Clock as _, SystemClock},
    },
    prelude::*,
};
use maestro_testkit::{needs_postgres, postgres::Postgres};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::home::{Home, Ran, Running, Sandbox, types};

/// The password of the URL, which the server does not ask for.
const PASSWORD: &str = "pw-canary-0123456789";
const KEY: &str = "sandbox-canary-0123456789";

/// An answer that stalls after some text.
const STALLS: &str =
    r#"{"reply": {"deltas": ["one ", "two ", "three ", "four"]}, "stream": {"stall_after_events": 5}}"#;

/// A home whose store is a database of its own, which goes with it.
pub(crate) struct There {
    pub(crate) home: Home,
    name: String,
    pub(crate) url: String,
}

impl There {
    pub(crate) fn new() -> Self {
        let server = Postgres::for_tests().unwrap();
        let name = server.fresh_schema();
        ask(server.url(), &format!("create database {name}"));
        let (before, query) = server.url().split_once('?').unwrap_or((server.url(), ""));
        let (server, _) = before.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}?{query}&password={PASSWORD}");
        Self { home: Home::new(), name, url }
    }

    /// Every row of every table as text, bytes in hexadecimal.
    pub(crate) fn dump(&self) -> String {
        runtime().block_on(async {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let tables = "select format('%I.%I', schemaname, tablename) from pg_tables \
                where schemaname not in ('pg_catalog', 'information_schema')";
            let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
            let mut dump = String::new();
            for table in tables {
                let rows = AssertSqlSafe(format!("select t::text from {table} t"));
                for row in sqlx::query_scalar::<_, String>(rows).fetch_all(&mut connection).await.unwrap() {
                    dump.push_str(&format!("{table} {row}\n"));
                }
            }
            connection.close().await.unwrap();
            dump
        })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        command.env("MAESTRO_STORE", &self.url);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.lines()
    }

    fn save_key(&self, url: &str) {
        let args = ["auth", "add", "anthropic", "test", "--base-url", url, "--key-env", "KEY"];
        let ran = Ran::of(self.command(&args).env("KEY", KEY).output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    /// Does what a program would do this long from now: ends the answers that were left behind.
    fn recover_in(&self, later: Duration) -> usize {
        let then = SystemClock.now().saturating_add(later);
        runtime().block_on(async {
            let store = PostgresStore::connect(&self.url).await.unwrap();
            let recovered = store.entry_recover(None, then, PageLimit::default()).await.unwrap();
            store.close().await;
            recovered.len()
        })
    }
}

impl Drop for There {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", self.name);
        ask(Postgres::for_tests().unwrap().url(), &drop);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn ask(url: &str, statement: &str) {
    runtime().block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// The only line of this type.
fn line_of(lines: &[Value], of: &str) -> Value {
    let mut lines: Vec<_> = lines.iter().filter(|line| line["type"] == of).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0).clone()
}

fn entries(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["type"] == "entry").collect()
}

needs_postgres! {

#[test]
fn a_conversation_goes_on_and_is_shown() {
    let there = There::new();
    assert_eq!(there.json(&["chat", "--once", "hi", "--session", "work"]).last().unwrap()["state"], "complete");
    there.json(&["chat", "--once", "and again", "--session", "work"]);
    let shown = there.json(&["session", "show", "work"]);
    let actors: Vec<_> = entries(&shown).iter().map(|entry| entry["actor"].as_str().unwrap()).collect();
    assert_eq!(actors, ["user", "assistant", "user", "assistant"]);
    assert_eq!(entries(&shown)[2]["parts"][0]["text"], "and again");
    assert!(!there.home.path().join("data").join("maestro").join("maestro.sqlite").exists());
}

/// Another machine cannot see that a program has died, so only the end of its lease says so.
#[test]
fn a_killed_programs_answer_streams_until_its_lease_has_ended_and_is_interrupted_then() {
    let there = There::new();
    let sandbox = Sandbox::start(&there.home, STALLS);
    there.save_key(sandbox.url("anthropic"));
    let mut chat = Running::start(&mut there.command(&["--json", "chat", "--once", "hi", "--session", "work"]));
    let text = chat.until("text")["text"].as_str().unwrap().to_owned();
    chat.child.kill().unwrap();
    chat.child.wait().unwrap();

    let last = || there.json(&["session", "show", "work"]).pop().unwrap();
    let shows = |entry: &Value| entry["parts"][0]["text"].as_str().unwrap().starts_with(&text);
    let streaming = last();
    assert_eq!((&streaming["state"], shows(&streaming)), (&"streaming".into(), true), "{streaming}");
    let refused = there.run(&["--json", "chat", "--once", "me too", "--session", "work"]);
    assert_eq!((refused.code, &refused.last()["kind"]), (7, &"in_use".into()), "{refused:?}");

    assert_eq!(there.recover_in(Duration::from_secs(30)), 0, "its lease goes on");
    assert_eq!(there.recover_in(Duration::from_secs(61)), 1);
    let interrupted = last();
    assert_eq!((&interrupted["actor"], &interrupted["state"]), (&"assistant".into(), &"interrupted".into()));
    assert!(shows(&interrupted), "{interrupted}");
    assert_eq!(interrupted["parts"], streaming["parts"], "all of what was there");
}

#[test]
fn programs_that_run_at_once_on_a_new_database_all_work() {
    let there = There::new();
    let chat = |session: &str| there.command(&["--json", "chat", "--once", "hi", "--session", session]).spawn().unwrap();
    let running: Vec<_> = ["one", "two", "three"].map(chat).into();
    for child in running {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, &ran.last()["state"]), (0, &"complete".into()), "{ran:?}");
    }
    assert_eq!(there.json(&["session", "list"]).len(), 3);
}

#[test]
fn a_store_is_copied_into_a_database_and_back() {
    let there = There::new();
    let file = |name: &str| format!("sqlite:{}", there.home.path().join(name).display());
    let (from, back) = (file("from.sqlite"), file("back.sqlite"));
    let run = |args: &[&str]| {
        let ran = there.home.run(&[&["--json", "--store", &from], args].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    run(&["context", "add", "persona", "teacher", "--text", "You are patient."]);
    let chat = ["chat", "--provider", "sandbox", "--persona", "teacher", "--session", "work", "--once"];
    run(&[&chat[..], &["one"]].concat());
    run(&[&chat[..], &["two"]].concat());

    for (from, to) in [(&from, &there.url), (&there.url, &back)] {
        let lines = there.json(&["store", "copy", from, to]);
        assert_eq!(types(&lines), ["progress", "copied", "verified"]);
        assert_eq!(line_of(&lines, "copied")["written"], 2);
        assert_eq!(line_of(&lines, "verified")["equal"], true);
    }
    let verified = line_of(&there.json(&["store", "verify", &from, &back]), "verified");
    for kind in verified["kinds"].as_array().unwrap() {
        assert_eq!(kind["first_sha256"], kind["second_sha256"]);
    }
    let show = |store: &str| there.json(&["--store", store, "session", "show", "work"]);
    assert_eq!(show(&from), show(&there.url));

    let again = there.run(&["store", "copy", &from, &there.url]);
    assert_eq!(again.code, 7, "{again:?}");
    let onto_itself = there.run(&["store", "copy", &there.url, &there.url, "--merge"]);
    assert_eq!(onto_itself.code, 2, "{onto_itself:?}");
}

#[test]
fn a_database_is_checked_measured_and_migrated() {
    let there = There::new();
    let none = there.run(&["--json", "store", "check", &there.url]);
    assert_eq!((none.code, &none.last()["kind"]), (6, &"not_found".into()), "{none:?}");
    there.json(&["chat", "--once", "hi", "--session", "work"]);

    let checked = there.json(&["store", "check"]);
    assert_eq!((&checked[0]["type"], &checked[0]["violations"]), (&"checked".into(), &0.into()));
    let lines = there.json(&["store", "stats"]);
    assert_eq!(types(&lines), ["table", "stats"]);
    let stats = lines.last().unwrap();
    assert_eq!((&stats["turns"], &stats["entries"], &stats["streaming"]), (&1.into(), &2.into(), &0.into()));
    assert!(stats["bytes"].as_u64().unwrap() > 8_192, "{stats}");

    let newest = u64::from(PostgresStore::SCHEMA_VERSION);
    let migrated = |args: &[&str]| {
        let line = there.json(&[&["store", "migrate", &there.url], args].concat()).remove(0);
        assert_eq!(line["type"], "migrated");
        (line["from"].as_u64().unwrap(), line["to"].as_u64().unwrap())
    };
    assert_eq!(migrated(&[]), (newest, newest));
    assert_eq!(migrated(&["--to", "1"]), (newest, 1));
    assert_eq!(migrated(&[]), (1, newest));
    assert_eq!(there.run(&["store", "migrate", &there.url, "--to", "999"]).code, 2);
    assert_eq!(entries(&there.json(&["session", "show", "work"])).len(), 2);
}

#[test]
fn neither_a_key_nor_the_password_of_the_database_is_seen_anywhere() {
    let there = There::new();
    let sandbox = Sandbox::start(&there.home, r#"[{"match": {"contains": "refuse"}, "status": {"code": 401}}]"#);
    there.save_key(sandbox.url("anthropic"));
    let file = format!("sqlite:{}", there.home.path().join("copy.sqlite").display());
    let nowhere = there.url.replace(&there.name, "test_nowhere");
    let mut seen = String::new();
    for (code, args) in [
        (0, ["chat", "--once", "hi", "--auth", "test", "--session", "work"].as_slice()),
        (0, &["--json", "chat", "--once", "hi", "--session", "work"]),
        (5, &["chat", "--once", "refuse", "--auth", "test", "--session", "work"]),
        (0, &["auth", "show", "test"]),
        (0, &["--json", "auth", "list"]),
        (0, &["session", "show", "work"]),
        (0, &["store", "stats"]),
        (0, &["store", "check", &there.url]),
        (0, &["store", "copy", &there.url, &file]),
        (7, &["store", "copy", &file, &there.url]),
        (0, &["--json", "store", "verify", &there.url, &file]),
        (0, &["store", "migrate", &there.url]),
        (8, &["--store", &nowhere, "session", "list"]),
        (8, &["--json", "store", "check", &nowhere]),
    ] {
        let args = [&["-vvv"], args].concat();
        let ran = Ran::of(there.command(&args).env("MAESTRO_LOG", "trace").output().unwrap());
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        seen.push_str(&ran.stdout);
        seen.push_str(&ran.stderr);
    }
    assert!(seen.contains("TRACE"), "the log is on");
    for line in seen.lines() {
        assert!(!line.contains("canary"), "{line}");
    }
}

}
