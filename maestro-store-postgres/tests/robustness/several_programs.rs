//! Several programs that open a new schema at the same moment.

use maestro_core::{ErrorKind, Id, conversations::Conversations as _};
use maestro_store_postgres::PostgresStore;
use maestro_testkit::needs_postgres;

use crate::{
    fresh::Fresh,
    given::{refused, talk, texts},
    program::{Program, say, told, wait},
};

#[tokio::test]
#[ignore = "a part of the other tests, which start it as a program of its own"]
async fn play() {
    let Some((part, url, arguments)) = told() else { return };
    let builder =
        PostgresStore::builder(url).schema(maestro_store_postgres::SchemaName::new(&arguments[0]).unwrap());
    say("ready");
    wait();
    let store = builder.max_connections(2).open().await.unwrap();
    match part.as_str() {
        "open" => say("opened"),
        "append" => {
            let thread: Id<_> = arguments[1].parse().unwrap();
            for _ in 0..20 {
                append_once(&store, thread).await;
            }
            say("appended");
        }
        other => panic!("there is no part {other}"),
    }
    store.close().await;
}

/// Appends behind whatever head there is, until it has been done.
async fn append_once(store: &PostgresStore, thread: Id<maestro_core::conversations::Thread>) {
    loop {
        let head = store.thread_get(thread).await.unwrap().head();
        match store.entry_append(head, crate::given::said("x")).await {
            Ok(_) => return,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Stale, "{error}"),
        }
    }
}

/// Programs that wait for a word, and then play a part at the same moment.
fn together(count: usize, part: &str, url: &str, arguments: &[String]) -> Vec<Vec<String>> {
    let mut programs: Vec<_> = (0..count).map(|_| Program::start(part, url, arguments)).collect();
    for program in &mut programs {
        assert_eq!(program.next_line().as_deref(), Some("ready"));
    }
    for program in &mut programs {
        program.go();
    }
    programs.into_iter().map(Program::finish).collect()
}

needs_postgres! {

#[tokio::test]
async fn a_new_schema_is_made_once_by_the_programs_that_open_it_at_the_same_moment() {
    for _ in 0..3 {
        let fresh = Fresh::schema();
        let said = together(6, "open", &fresh.url, &[fresh.name.to_string()]);
        assert_eq!(said, [["opened"]; 6]);
        let steps = texts(&fresh.url, format!("select name from {}.maestro_migrations", fresh.name)).await;
        assert_eq!(steps.len(), PostgresStore::SCHEMA_VERSION as usize);
        let store = fresh.builder().open().await.unwrap();
        refused(store.thread_get(Id::new()).await, ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn programs_that_append_to_one_thread_lose_nothing() {
    let fresh = Fresh::schema();
    let store = fresh.builder().open().await.unwrap();
    let thread = crate::given::new_thread(&store).await;
    talk(&store, thread, 1).await;
    let said = together(4, "append", &fresh.url, &[fresh.name.to_string(), thread.to_string()]);
    assert_eq!(said, [["appended"]; 4]);
    assert_eq!(store.thread_get(thread).await.unwrap().head_turn.get(), 81);
}

}
