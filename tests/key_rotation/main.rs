//! The vault's key is changed while others read and refresh.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

mod world;

use std::time::Duration;

use maestro::{
    core::auth::{AuthChange, HolderId, KeyRing},
    prelude::*,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

use world::{
    HOUR, World, add, add_many, every_row_is_sealed_once, lease, nothing_is_lost,
    what_was_stopped_is_taken_up, write,
};

/// A SQLite store in a directory that is gone with it.
async fn sqlite() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("store")).await.unwrap();
    (store, directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_others_refresh_in_memory() {
    Box::pin(nothing_is_lost(World::new(MemoryStore::new()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_others_refresh_in_sqlite() {
    let (store, _directory) = sqlite().await;
    Box::pin(nothing_is_lost(World::new(store))).await;
}

#[tokio::test]
async fn a_row_keeps_everything_but_its_seal() {
    let mut world = World::new(MemoryStore::new());
    let rows = add_many(&world.program(), 120).await;
    world.ring.turn();
    let program = world.program();
    let mut told = Vec::new();
    let rotation = program.rotate_key(HOUR, |progress| told.push(progress)).await.unwrap();
    assert!(rotation.is_complete());
    assert_eq!((rotation.resealed, rotation.sealed_with_active), (120, 120));
    assert_eq!((told[0].seen, told[0].total, told[0].resealed), (1, 120, 1));
    assert_eq!(told.iter().map(|progress| progress.resealed).max(), Some(120));
    for (old, new) in rows.into_iter().zip(world.rows().await) {
        assert_eq!(new.credentials.key_id(), world.ring.active());
        let expected = SavedAuthentication {
            credentials: new.credentials.clone(),
            revision: old.revision.next(),
            updated_at: new.updated_at,
            ..old
        };
        assert_eq!(new, expected);
    }
    let again = program.rotate_key(HOUR, |_| {}).await.unwrap();
    assert_eq!((again.resealed, again.sealed_with_active), (0, 120));
}

#[tokio::test]
async fn a_row_that_is_being_refreshed_is_left_alone() {
    let mut world = World::new(MemoryStore::new());
    let rows = add_many(&world.program(), 3).await;
    world.ring.turn();
    let program = world.program();
    let leased = lease(&program, &rows[1], HolderId::new()).await.unwrap();
    let rotation = program.rotate_key(Duration::ZERO, |_| {}).await.unwrap();
    assert_eq!(rotation.busy, [rows[1].reference()]);
    assert_eq!((rotation.resealed, rotation.is_complete()), (2, false));
    assert_eq!(program.store().auth_get(leased.id).await.unwrap(), leased);
    assert_eq!(program.keys_in_use().await.unwrap().into_values().sum::<u64>(), 3);
    write(&program, &leased, 1).await.expect("the refresh goes through");
}

#[tokio::test]
async fn a_row_that_was_being_refreshed_is_sealed_in_the_end() {
    let mut world = World::new(MemoryStore::new());
    let before = world.program();
    let rows = add_many(&before, 3).await;
    world.ring.turn();
    let program = world.program();
    let holder = HolderId::new();
    lease(&program, &rows[1], holder).await.unwrap();
    let (seen, mut was_seen) = mpsc::unbounded_channel();
    let refresher = program.clone();
    let id = rows[1].id;
    tokio::spawn(async move {
        was_seen.recv().await;
        refresher.store().auth_release(id, holder).await.unwrap();
    });
    let rotation = program
        .rotate_key(HOUR, |progress| {
            if progress.seen == 3 {
                let _ = seen.send(());
            }
        })
        .await
        .unwrap();
    assert!(rotation.is_complete());
    assert_eq!(rotation.resealed, 3);
}

#[tokio::test]
async fn rows_that_cannot_be_opened_are_told_and_left_as_they_are() {
    let mut world = World::new(MemoryStore::new());
    add_many(&world.program(), 2).await;
    let stranger = World { store: world.store.clone(), ring: KeyRing::new(VaultKey::generate()) };
    let foreign = add(&stranger.program(), "foreign").await;
    // Sealed for another row, as somebody would copy it who can write to the database.
    let copied = add(&world.program(), "copied").await;
    let change =
        AuthChange { credentials: Some(world.rows().await[2].credentials.clone()), ..AuthChange::default() };
    let copied =
        world.store.auth_update(copied.id, copied.revision, change, world.program().now()).await.unwrap();
    world.ring.turn();
    let rotation = world.program().rotate_key(HOUR, |_| {}).await.unwrap();
    assert_eq!(rotation.resealed, 2);
    assert_eq!(
        rotation.missing_keys.into_iter().collect::<Vec<_>>(),
        [(stranger.ring.active(), vec![foreign.reference()])]
    );
    let [(reference, error)] = &rotation.unreadable[..] else { panic!("{:?}", rotation.unreadable) };
    assert_eq!((reference, error.kind()), (&copied.reference(), ErrorKind::Internal));
    assert_eq!(world.store.auth_get(foreign.id).await.unwrap(), foreign);
    assert_eq!(world.store.auth_get(copied.id).await.unwrap(), copied, "the lease was given back");
}

#[tokio::test]
async fn a_rotation_that_was_stopped_is_taken_up_again() {
    let (store, _directory) = sqlite().await;
    what_was_stopped_is_taken_up(World::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rotations_at_once_seal_every_row_once() {
    let (store, _directory) = sqlite().await;
    every_row_is_sealed_once(World::new(store)).await;
}

#[tokio::test]
async fn a_program_with_the_old_key_alone_is_told_which_one_it_lacks() {
    let mut world = World::new(MemoryStore::new());
    let old = world.program();
    add(&old, "work").await;
    world.ring.turn();
    world.program().rotate_key(HOUR, |_| {}).await.unwrap();
    let row = &world.rows().await[0];
    let error = old.target(row).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains(&world.ring.active().to_string()), "{error}");
    let rotation = old.rotate_key(HOUR, |_| {}).await.unwrap();
    assert_eq!(rotation.missing_keys.keys().copied().collect::<Vec<_>>(), [world.ring.active()]);
}
