//! What the tests have in common.

use maestro_core::{
    ErrorKind, Id,
    chat::{Part, Role},
    conversations::{
        ChatEntry, Conversations as _, NewChatEntry, NewSession, SessionName, Thread, ThreadHead,
    },
    time::{Clock as _, SystemClock, Timestamp},
};
use maestro_store_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, postgres::PgRow};

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn said(text: &str) -> NewChatEntry {
    NewChatEntry::new(Role::User, vec![Part::text(text)], now())
}

/// A new session, with its first thread.
pub(crate) async fn new_thread(store: &PostgresStore) -> Id<Thread> {
    let new = NewSession::new(SessionName::new("a session").unwrap(), now());
    store.session_create(new).await.unwrap().root_thread_id
}

/// Appends so many entries to a thread.
pub(crate) async fn talk(store: &PostgresStore, thread: Id<Thread>, entries: usize) -> Vec<ChatEntry> {
    let mut head = store.thread_get(thread).await.unwrap().head();
    let mut said_so_far = Vec::with_capacity(entries);
    for number in 0..entries {
        let entry = store.entry_append(head, said(&number.to_string())).await.unwrap();
        head = ThreadHead { thread_id: thread, entry_id: Some(entry.id) };
        said_so_far.push(entry);
    }
    said_so_far
}

/// What a refusal is, beside its text.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(
    result: maestro_core::Result<T>,
    kind: ErrorKind,
) -> maestro_core::Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}

/// Statements that a test asks by itself.
pub(crate) async fn ask(url: &str, sql: impl Into<String>) -> Vec<PgRow> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.into())).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows
}

/// The first column of the rows, as texts.
pub(crate) async fn texts(url: &str, sql: impl Into<String>) -> Vec<Option<String>> {
    ask(url, sql).await.iter().map(|row| row.get(0)).collect()
}
