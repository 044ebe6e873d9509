//! Programs that rotate, refresh and read on one store.

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

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A store, and the keys of programs before, during and after a rotation.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ring: KeyRing,
}

impl World {
    pub(crate) fn new(store: impl Store + 'static) -> Self {
        Self { store: Arc::new(store), ring: KeyRing::new(VaultKey::generate()) }
    }

    /// A program that has the keys of the present.
    pub(crate) fn program(&self) -> Maestro {
        Maestro::builder().shared_store(self.store.clone()).vault(self.ring.vault()).build().unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<SavedAuthentication> {
        self.store.auth_list_all(&AuthQuery::default()).await.unwrap()
    }
}

/// Tokens number `n` of a sign-in.
pub(crate) fn tokens(n: i64) -> Credentials {
    let tokens = OAuthTokens {
        refresh_token: Some(Secret::new(format!("sandbox-refresh-{n}")).unwrap()),
        expires_at: Some(Timestamp::from_micros(n)),
        ..OAuthTokens::new(Secret::new(format!("sandbox-access-{n}")).unwrap())
    };
    Credentials::OAuth { tokens: Box::new(tokens), base_url: None }
}

pub(crate) async fn add(program: &Maestro, name: &str) -> SavedAuthentication {
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

pub(crate) async fn add_many(program: &Maestro, count: usize) -> Vec<SavedAuthentication> {
    let mut rows = Vec::new();
    for n in 0..count {
        rows.push(add(program, &format!("row_{n:03}")).await);
    }
    rows
}

/// Takes the lease, as who refreshes does. None if somebody else has it.
pub(crate) async fn lease(
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
pub(crate) async fn write(
    program: &Maestro,
    row: &SavedAuthentication,
    n: i64,
) -> Result<SavedAuthentication> {
    let change = AuthChange {
        name: None,
        credentials: Some(program.vault().seal(row.id, &tokens(n)).unwrap()),
        expires_at: Some(tokens(n).expires_at()),
    };
    program.store().auth_update(row.id, row.revision, change, program.now()).await
}

/// The vault's key is changed while others refresh: every read opens, and every token that was given is kept.
pub(crate) async fn nothing_is_lost(mut world: World) {
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

/// Of two rotations at once, each seals what the other has not.
pub(crate) async fn every_row_is_sealed_once(mut world: World) {
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

/// A rotation that was stopped is taken up again.
pub(crate) async fn what_was_stopped_is_taken_up(mut world: World) {
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
