//! An answer is written down although the store cannot be reached for a while.

use std::{path::Path, sync::Arc, time::Duration};

use maestro::{ErrorKind, RefreshWhen, Refreshed, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{server::Fault, world::World};

/// A world in a file, which another program may keep from being written.
struct There {
    world: World,
    directory: TempDir,
}

impl There {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = World::on(open(directory.path()).await).await;
        Self { world, directory }
    }

    async fn program(&self) -> maestro::Maestro {
        self.world.program_on(open(self.directory.path()).await)
    }

    /// Keeps everybody else from writing until it is dropped.
    fn lock(&self) -> Connection {
        let other = Connection::open(self.directory.path().join("m.db")).unwrap();
        other.execute_batch("begin immediate").unwrap();
        other
    }
}

async fn open(directory: &Path) -> Arc<SqliteStore> {
    let store = SqliteStore::builder(directory.join("m.db")).busy_timeout(Duration::from_millis(10));
    Arc::new(store.open().await.unwrap())
}

#[tokio::test]
async fn new_tokens_are_written_once_the_store_can_be_reached_again() {
    let there = There::new().await;
    let (world, program) = (&there.world, there.program().await);
    world.server.next(Fault::Held);
    let id = world.id;
    let asker = program.clone();
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let lock = there.lock();
    world.server.release.add_permits(1);
    // Long enough for writing to fail some times, short enough for it to be tried still.
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert!(!asking.is_finished());
    drop(lock);
    assert_eq!(asking.await.unwrap().unwrap().0, Refreshed::Refreshed);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 1));
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-1");
}

#[tokio::test]
async fn new_tokens_that_cannot_be_written_in_time_are_written_at_the_next_occasion() {
    let there = There::new().await;
    let (world, program) = (&there.world, there.program().await);
    world.server.next(Fault::Held);
    let id = world.id;
    let asker = program.clone();
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let lock = there.lock();
    world.server.release.add_permits(1);
    let error = asking.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("keeps them"), "{error}");
    // It stays away for longer than one call tries.
    assert_eq!(world.refresh(&program).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-0");
    drop(lock);
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Fresh);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 1), "nobody asked a second time");
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-1");
}

#[tokio::test]
async fn new_tokens_are_written_although_another_program_has_taken_them_for_lost() {
    let there = There::new().await;
    let (world, program, other) = (&there.world, there.program().await, there.program().await);
    world.server.next(Fault::Held);
    let id = world.id;
    let asker = program.clone();
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let lock = there.lock();
    world.server.release.add_permits(1);
    assert!(asking.await.unwrap().is_err());
    drop(lock);
    world.clock.advance(crate::world::GRACE);
    let error = world.refresh(&other).await.unwrap_err();
    assert_eq!(error.code(), Some("refresh_answer_lost"));
    assert!(world.stored().await.1.refused.is_some());

    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Fresh);
    let (_, tokens) = world.stored().await;
    assert_eq!((tokens.access_token.reveal(), tokens.refused), ("access-1", None));
    assert_eq!(world.refresh(&other).await.unwrap(), Refreshed::Fresh);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 1));
}

#[tokio::test]
async fn of_two_answers_to_one_token_the_later_one_stays() {
    let there = There::new().await;
    let (world, program, other) = (&there.world, there.program().await, there.program().await);
    world.server.next(Fault::Held);
    let id = world.id;
    let asker = program.clone();
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let lock = there.lock();
    world.server.release.add_permits(1);
    assert!(asking.await.unwrap().is_err());
    drop(lock);
    // Within the grace, but too late for the first to answer still.
    world.clock.advance(Duration::from_secs(25));
    world.server.next(Fault::Held);
    let repeating = tokio::spawn(async move { other.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let error = world.refresh(&program).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "the other's answer is waited for: {error}");
    world.server.release.add_permits(1);
    let (outcome, row) = repeating.await.unwrap().unwrap();
    assert_eq!(outcome, Refreshed::Refreshed);
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Fresh);
    assert_eq!(world.stored().await.0, row);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 2));
}

#[tokio::test]
async fn nothing_is_sent_while_the_store_cannot_be_written() {
    let there = There::new().await;
    let (world, program) = (&there.world, there.program().await);
    let lock = there.lock();
    assert_eq!(world.refresh(&program).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(world.server.asked(), 0);
    drop(lock);
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Refreshed);
}

#[tokio::test]
async fn a_program_that_ends_waits_for_what_it_has_sent() {
    let there = There::new().await;
    let (world, program) = (&there.world, there.program().await);
    world.server.next(Fault::Held);
    let id = world.id;
    let asker = program.clone();
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    asking.abort();
    let ending = program.clone();
    let settling = tokio::spawn(async move { ending.settle().await });
    tokio::task::yield_now().await;
    assert!(!settling.is_finished());
    world.server.release.add_permits(1);
    let settled = settling.await.unwrap();
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-1");

    let late = program.clone();
    let late = tokio::spawn(async move { late.refresh_tokens(id, RefreshWhen::Now).await });
    tokio::task::yield_now().await;
    assert_eq!(world.server.asked(), 1, "none begins");
    drop(settled);
    assert_eq!(late.await.unwrap().unwrap().0, Refreshed::Refreshed);
}

#[tokio::test]
async fn a_program_that_ends_writes_what_it_could_not_write_before() {
    let there = There::new().await;
    let (world, program) = (&there.world, there.program().await);
    world.server.next(Fault::Held);
    let (asker, id) = (program.clone(), world.id);
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let lock = there.lock();
    world.server.release.add_permits(1);
    assert!(asking.await.unwrap().is_err());
    drop(lock);
    drop(program.settle().await);
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-1");
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Fresh);
    assert_eq!(world.server.asked(), 1);
}
