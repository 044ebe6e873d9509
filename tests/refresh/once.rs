//! One exchange for any number of tasks and programs.

use maestro::{ErrorKind, RefreshWhen, Refreshed, SqliteStore};

use crate::{server::Fault, world::World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_of_many_programs_make_one_exchange() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let world = World::on(std::sync::Arc::new(SqliteStore::open(&file).await.unwrap())).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let program = world.program_on(std::sync::Arc::new(SqliteStore::open(&file).await.unwrap()));
        for _ in 0..8 {
            let (program, id) = (program.clone(), world.id);
            tasks.push(tokio::spawn(async move { program.refresh_tokens(id, RefreshWhen::Due).await }));
        }
    }
    let mut refreshed = 0;
    for task in tasks {
        let (outcome, row) = task.await.unwrap().unwrap();
        refreshed += usize::from(outcome == Refreshed::Refreshed);
        let program = world.program();
        let secret = program.target(&row).unwrap().endpoint.credentials.unwrap();
        assert_eq!(secret.secret().unwrap().reveal(), "access-1");
    }
    assert_eq!((refreshed, world.server.exchanges(), world.server.reuses()), (1, 1, 0));
}

#[tokio::test]
async fn fresh_tokens_are_left_alone() {
    let world = World::new().await;
    let program = world.program();
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Refreshed);
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Fresh);
    assert_eq!(world.server.asked(), 1);
    let (row, tokens) = world.stored().await;
    assert_eq!((tokens.asked, row.expires_at), (None, tokens.expires_at));
}

#[tokio::test]
async fn tokens_can_be_refreshed_before_they_are_due() {
    let world = World::new().await;
    let program = world.program();
    for _ in 0..3 {
        let (outcome, _) = program.refresh_tokens(world.id, RefreshWhen::Now).await.unwrap();
        assert_eq!(outcome, Refreshed::Refreshed);
    }
    assert_eq!((world.server.exchanges(), world.server.reuses()), (3, 0));
}

#[tokio::test]
async fn a_token_that_was_refused_and_is_no_longer_in_use_is_adopted_without_asking() {
    let world = World::new().await;
    let refused = world.stored().await.1.access_token;
    let (first, second) = (world.program(), world.program());
    let when = RefreshWhen::Refused { token: refused };
    assert_eq!(first.refresh_tokens(world.id, when.clone()).await.unwrap().0, Refreshed::Refreshed);
    assert_eq!(second.refresh_tokens(world.id, when).await.unwrap().0, Refreshed::Fresh);
    assert_eq!(world.server.asked(), 1);
}

#[tokio::test]
async fn who_comes_while_another_asks_waits_and_adopts() {
    let world = World::new().await;
    world.server.next(Fault::Held);
    let (first, second) = (world.program(), world.program());
    let id = world.id;
    let asking = tokio::spawn(async move { first.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let waiting = tokio::spawn(async move { second.refresh_tokens(id, RefreshWhen::Due).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    world.server.release.add_permits(1);
    assert_eq!(asking.await.unwrap().unwrap().0, Refreshed::Refreshed);
    assert_eq!(waiting.await.unwrap().unwrap().0, Refreshed::Adopted);
    assert_eq!(world.server.asked(), 1);
}

#[tokio::test]
async fn a_token_that_was_refused_for_good_is_not_tried_again() {
    let world = World::new().await;
    world.server.next(Fault::Revoked);
    let (first, second) = (world.program(), world.program());
    for program in [&first, &first, &second] {
        let error = world.refresh(program).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert_eq!(error.code(), Some("refresh_token_revoked"));
        assert!(error.to_string().contains("maestro auth login counting --name work"), "{error}");
    }
    assert_eq!(world.server.asked(), 1);
    let (_, tokens) = world.stored().await;
    assert_eq!(tokens.access_token.reveal(), "access-0", "the credential stays as it was");
}
