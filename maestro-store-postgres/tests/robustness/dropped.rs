//! Calls that are dropped before they come to their end.

use std::{future::poll_fn, pin::pin, task::Poll};

use maestro_core::{
    archive::{Archive as _, RecordKey},
    conversations::{Conversations as _, NewSession, Session, SessionChange, SessionName},
};
use maestro_store_postgres::{PostgresStore, Statements};
use maestro_testkit::needs_postgres;

use crate::{
    fresh::Fresh,
    given::{now, texts},
};

/// Polls a call so many times, and drops it when it would be polled once more.
async fn polled<T>(times: usize, call: impl Future<Output = T>) {
    let (mut call, mut left) = (pin!(call), times);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        call.as_mut().poll(context).map(drop)
    })
    .await;
}

async fn new_session(store: &PostgresStore) -> Session {
    store.session_create(NewSession::new(SessionName::new("kept").unwrap(), now())).await.unwrap()
}

/// Drops calls of several statements after each of their steps. What is written next, over the same connection, is
/// committed when the call returns.
async fn what_is_written_next_is_committed(statements: Statements) {
    let fresh = Fresh::schema();
    let store = fresh.builder().max_connections(1).statements(statements).open().await.unwrap();
    let session = new_session(&store).await;
    let mut written = 1;
    for times in (0..12).chain(0..12) {
        let change =
            SessionChange { name: Some(SessionName::new("dropped").unwrap()), ..SessionChange::default() };
        polled(times, store.session_update(session.id, session.revision, change, now())).await;
        let added = new_session(&store).await;
        polled(times, store.record_get(RecordKey::Session(session.id))).await;
        let later = new_session(&store).await;
        assert_eq!(
            store.record_get(RecordKey::Session(later.id)).await.unwrap().key().uuid(),
            later.id.uuid()
        );
        written += 2;
        let others = format!(
            "select count(*)::text from {0}.sessions union all select count(*)::text from {0}.sessions where id in ('{1}', '{2}')",
            fresh.name, added.id, later.id
        );
        assert_eq!(
            texts(&fresh.url, others).await,
            [Some(written.to_string()), Some("2".to_owned())],
            "seen by others, after {times} steps"
        );
    }
    store.close().await;
}

needs_postgres! {

#[tokio::test]
async fn what_is_written_after_a_dropped_call_is_committed() {
    what_is_written_next_is_committed(Statements::Prepared).await;
}

#[tokio::test]
async fn what_is_written_after_a_dropped_call_is_committed_behind_a_pooler() {
    what_is_written_next_is_committed(Statements::Unprepared).await;
}

}
