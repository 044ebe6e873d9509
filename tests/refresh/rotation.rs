//! The vault's key is changed while tokens are refreshed: neither takes anything from the other.

use std::{path::Path, sync::Arc, time::Duration};

use maestro::{
    Maestro, RefreshWhen, Refreshed, SqliteStore,
    core::auth::{Credentials, KeyRing, Vault, VaultKey},
};

use crate::{
    server::Fault,
    world::{LIFETIME, World},
};

const ROUNDS: u32 = 12;

async fn open(file: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(file).await.unwrap())
}

/// Programs with the old key first, which know the new one, and programs with the new key first.
async fn programs(world: &World, file: &Path, ring: &mut KeyRing) -> Vec<Maestro> {
    ring.prepare(VaultKey::generate());
    let prepared = [ring.vault(), ring.vault()];
    ring.turn();
    let mut programs = Vec::new();
    for vault in prepared.into_iter().chain([ring.vault(), ring.vault()]) {
        programs.push(world.program_with(open(file).await, vault));
    }
    programs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_round_makes_one_exchange_and_ends_with_the_new_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let world = World::on(open(&file).await).await;
    let mut ring = KeyRing::new(world.vault_key());
    for round in 1..=ROUNDS {
        let programs = programs(&world, &file, &mut ring).await;
        let is_held = round % 2 == 0;
        if is_held {
            world.server.next(Fault::Held);
        }
        let mut tasks = Vec::new();
        for program in programs.iter().chain(&programs) {
            let (program, id) = (program.clone(), world.id);
            tasks.push(tokio::spawn(async move { program.refresh_tokens(id, RefreshWhen::Due).await }));
        }
        if is_held {
            // The whole rotation falls between the mark and the answer.
            world.server.held.notified().await;
        }
        let rotation = programs[3].rotate_key(Duration::from_secs(60), |_| {}).await.unwrap();
        assert!(rotation.is_complete(), "{rotation:?}");
        if is_held {
            world.server.release.add_permits(1);
        }
        let mut refreshed = 0;
        for task in tasks {
            refreshed += u32::from(task.await.unwrap().unwrap().0 == Refreshed::Refreshed);
        }
        assert_eq!((refreshed, world.server.exchanges(), world.server.reuses()), (1, round, 0));
        // Those that seal with the old key have stopped only now.
        assert!(programs[2].rotate_key(Duration::ZERO, |_| {}).await.unwrap().is_complete());

        ring.retain_older(|_| false);
        let row = world.store.auth_get(world.id).await.unwrap();
        let vault: Vault = ring.vault();
        let Credentials::OAuth { tokens, .. } = vault.open(row.id, &row.credentials).unwrap() else {
            unreachable!("it is a sign-in")
        };
        assert_eq!((tokens.access_token.reveal(), tokens.asked), (format!("access-{round}").as_str(), None));
        world.clock.advance(LIFETIME);
    }
}
