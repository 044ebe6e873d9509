//! The vault's key is changed while others read and refresh.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use maestro::{
    core::{
        auth::{AuthChange, HolderId, KeyRing, NewAuthentication, OAuthTokens},
        time::{ManualClock, Timestamp},
    },
    prelude::*,
};
use tokio::sync::mpsc;

const HOUR: Duration = Duration::from_secs(3600);

/// A store, and the keys of programs before, during and after a rotation.
struct World {
    store: Arc<dyn Store>,
    ring: KeyRing,
}

impl World {
    fn new(store: impl Store + 'static) -> Self {
        Self { store: Arc::new(store), ring: KeyRing::new(VaultKey::generate()) }
    }

    /// A program that has the keys of the present.
    fn program(&self) -> Maestro {
        Maestro::builder().shared_store(self.store.clone()).vault(self.ring.vault()).build().unwrap()
    }

    async fn rows(&self) -> Vec<SavedAuthentication> {
        self.store.auth_list_all(&AuthQuery::default()).await.unwrap()
    }
}

/// Tokens number `n` of a sign-in.
fn tokens(n: i64) -> Credentials {
    let tokens = OAuthTokens {
        refresh_token: Some(Secret::new(format!("sandbox-refresh-{n}")).unwrap()),
        expires_at: Some(Timestamp::from_micros(n)),
        ..OAuthTokens::new(Secret::new(format!("sandbox-access-{n}")).unwrap())
    };
    Credentials::OAuth { tokens: Box::new(tokens), base_url: None }
}

async fn add(program: &Maestro, name: &str) -> SavedAuthentication {
    let id = Id::new();
    let new = NewAuthentication {
        id,
        reference: AuthRef::new("anthropic".parse().unwrap(), AuthType::OAuth, name.parse().unwrap()),
        credentials: program.vault().seal(id, &tokens(0)).unwrap(),
        expires_at: tokens(0).expires_at(),
        now: program.now(),
    };
    program.store().auth_create(new).await.unwrap()
}

async fn add_many(program: &Maestro, count: usize) -> Vec<SavedAuthentication> {
    let mut rows = Vec::new();
    for n in 0..count {
        rows.push(add(program, &format!("row_{n:03}")).await);
    }
    rows
}

/// Takes the lease, as who refreshes does. None if somebody else has it.
async fn lease(
    program: &Maestro,
    row: &SavedAuthentication,
    holder: HolderId,
) -> Option<SavedAuthentication> {
    let (now, store) = (program.now(), program.store());
    match store.auth_lease(row.id, row.revision, holder, now.saturating_add(HOUR), now).await {
        Ok(row) => Some(row),
        Err(error) if matches!(error.kind(), ErrorKind::InUse | ErrorKind::Stale) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Writes tokens number `n` into a row that is leased.
async fn write(program: &Maestro, row: &SavedAuthentication, n: i64) -> Result<SavedAuthentication> {
    let change = AuthChange {
        name: None,
        credentials: Some(program.vault().seal(row.id, &tokens(n)).unwrap()),
        expires_at: Some(tokens(n).expires_at()),
    };
    program.store().auth_update(row.id, row.revision, change, program.now()).await
}

async fn nothing_is_lost(mut world: World) {
    let before = world.program();
    let rows = add_many(&before, 60).await;
    world.ring.prepare(VaultKey::generate());
    let prepared = world.program();
    world.ring.turn();
    let turned = world.program();
    // The last tokens that a provider gave for a row: there are no others.
    let latest: Arc<Mutex<HashMap<Id<SavedAuthentication>, i64>>> = Arc::default();
    let mut tasks = Vec::new();
    for (n, program) in [&prepared, &turned, &prepared, &turned].into_iter().cloned().enumerate() {
        let (latest, ids) = (latest.clone(), rows.iter().map(|row| row.id).collect::<Vec<_>>());
        tasks.push(tokio::spawn(async move {
            let holder = HolderId::new();
            for round in 0..400_usize {
                let id = ids[(round * (2 * n + 1)) % ids.len()];
                let read = program.store().auth_get(id).await.unwrap();
                program.vault().open(id, &read.credentials).expect("every read opens");
                let Some(leased) = lease(&program, &read, holder).await else { continue };
                tokio::task::yield_now().await;
                let fresh = i64::try_from(round * 10 + n + 1).unwrap();
                write(&program, &leased, fresh).await.expect("nobody writes behind a lease");
                latest.lock().unwrap().insert(id, fresh);
            }
        }));
    }
    let rotating = turned.clone();
    let rotation = tokio::spawn(async move { rotating.rotate_key(HOUR, |_| {}).await });
    for task in tasks {
        task.await.unwrap();
    }
    assert!(rotation.await.unwrap().unwrap().is_complete());
    // Those that did not seal with the new key have stopped only now.
    assert!(turned.rotate_key(HOUR, |_| {}).await.unwrap().is_complete());

    world.ring.retain_older(|_| false);
    let after = world.program();
    let latest = latest.lock().unwrap().clone();
    assert!(latest.len() > 30, "the refreshers worked");
    for row in world.rows().await {
        let opened = after.vault().open(row.id, &row.credentials).unwrap();
        assert_eq!(opened, tokens(latest.get(&row.id).copied().unwrap_or(0)));
        assert_eq!((row.expires_at, row.lease), (opened.expires_at(), None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_others_refresh_in_memory() {
    Box::pin(nothing_is_lost(World::new(MemoryStore::new()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_others_refresh_in_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("store")).await.unwrap();
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
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("store")).await.unwrap();
    let mut world = World::new(store);
    add_many(&world.program(), 100).await;
    world.ring.turn();
    let (enough, mut had_enough) = mpsc::unbounded_channel();
    let program = world.program();
    let stopped = tokio::select! {
        biased;
        _ = had_enough.recv() => true,
        _ = program.rotate_key(HOUR, |progress| {
            if progress.resealed == 40 {
                let _ = enough.send(());
            }
        }) => false,
    };
    let sealed = program.keys_in_use().await.unwrap()[&world.ring.active()];
    assert!(stopped && (40..100).contains(&sealed), "{sealed}");

    // What it held when it was stopped is free a little later.
    let later = ManualClock::new(program.now().saturating_add(HOUR));
    let builder = Maestro::builder().shared_store(world.store.clone()).vault(world.ring.vault());
    let rotation = builder.clock(later).build().unwrap().rotate_key(HOUR, |_| {}).await.unwrap();
    assert!(rotation.is_complete());
    assert_eq!(rotation.sealed_with_active, 100);
    assert!((99 - sealed..=100 - sealed).contains(&rotation.resealed), "{sealed} {rotation:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rotations_at_once_seal_every_row_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("store")).await.unwrap();
    let mut world = World::new(store);
    add_many(&world.program(), 100).await;
    world.ring.turn();
    let tasks = [world.program(), world.program()]
        .map(|program| tokio::spawn(async move { program.rotate_key(HOUR, |_| {}).await.unwrap() }));
    let mut resealed = 0;
    for task in tasks {
        let rotation = task.await.unwrap();
        assert!(rotation.is_complete());
        resealed += rotation.resealed;
    }
    assert_eq!(resealed, 100);
    assert!(world.rows().await.iter().all(|row| row.revision.get() == 2));
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
