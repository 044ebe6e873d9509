//! What becomes of an answer.

use std::{sync::Arc, time::Duration};

use maestro::{
    ErrorKind, RefreshWhen, Refreshed, Save,
    core::auth::{AuthChange, AuthName, Credentials, Vault, VaultKey},
};

use crate::{
    server::Fault,
    world::{GRACE, World, tokens},
};

#[tokio::test]
async fn a_refresh_that_failed_for_now_leaves_the_credential_and_may_be_repeated() {
    for fault in [Fault::Busy, Fault::Unreachable] {
        let world = World::new().await;
        let before = world.stored().await.1;
        world.server.next(fault);
        let (first, second) = (world.program(), world.program());
        assert!(world.refresh(&first).await.is_err());
        assert_eq!(world.stored().await.1, before, "{fault:?}");
        assert_eq!(world.refresh(&second).await.unwrap(), Refreshed::Refreshed, "{fault:?}");
        assert_eq!(world.server.reuses(), 0);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_within_the_grace() {
    let world = World::new().await;
    world.server.next(Fault::AnswerLost);
    let program = world.program();
    assert_eq!(world.refresh(&program).await.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-0");
    world.clock.advance(GRACE - Duration::from_secs(1));
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Refreshed);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 2));
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-1");
}

#[tokio::test]
async fn a_lost_answer_is_never_asked_for_again_after_the_grace() {
    let world = World::new().await;
    world.server.next(Fault::AnswerLost);
    let (first, second) = (world.program(), world.program());
    assert!(world.refresh(&first).await.is_err());
    world.clock.advance(GRACE);
    for program in [&second, &first] {
        let error = world.refresh(program).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains("sign in again"), "{error}");
    }
    assert_eq!((world.server.asked(), world.server.reuses()), (1, 0));
}

#[tokio::test]
async fn the_grace_counts_from_the_first_time_that_a_token_was_sent() {
    let world = World::new().await;
    let program = world.program();
    for _ in 0..2 {
        world.server.next(Fault::AnswerLost);
        assert!(world.refresh(&program).await.is_err());
        world.clock.advance(GRACE * 2 / 3);
    }
    assert_eq!(world.refresh(&program).await.unwrap_err().code(), Some("refresh_answer_lost"));
    assert_eq!(world.server.asked(), 2);
}

#[tokio::test]
async fn who_finds_the_mark_of_a_dead_program_waits_until_its_answer_cannot_come_any_more() {
    let world = World::new().await;
    world.server.next(Fault::Held);
    let dead = world.program();
    let id = world.id;
    let asking = tokio::spawn(async move { dead.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    asking.abort();
    let living = world.program();
    let waiting = tokio::spawn(async move { living.refresh_tokens(id, RefreshWhen::Due).await });
    // Long enough for an answer to be lost, short enough for the server to take the token again.
    world.clock.advance(Duration::from_secs(25));
    assert_eq!(waiting.await.unwrap().unwrap().0, Refreshed::Refreshed);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 2));
}

#[tokio::test]
async fn who_gives_up_early_for_the_sake_of_the_grace_asks_again() {
    let world = World::new().await.with_grace(Duration::from_secs(4));
    world.server.next(Fault::Held);
    let program = world.program();
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Refreshed);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 2));
}

#[tokio::test]
async fn with_a_short_grace_others_notice_within_it() {
    let world = World::new().await.with_grace(Duration::from_secs(10));
    world.server.next(Fault::Held);
    let (dead, living, id) = (world.program(), world.program(), world.id);
    let asking = tokio::spawn(async move { dead.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    asking.abort();
    world.clock.advance(Duration::from_millis(4_999));
    let waiting = tokio::spawn(async move { living.refresh_tokens(id, RefreshWhen::Due).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!((waiting.is_finished(), world.server.asked()), (false, 1));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(waiting.await.unwrap().unwrap().0, Refreshed::Refreshed);
    assert_eq!((world.server.exchanges(), world.server.asked()), (1, 2));
}

#[tokio::test]
async fn a_caller_that_goes_away_loses_no_answer() {
    let world = World::new().await;
    world.server.next(Fault::Held);
    let program = world.program();
    let (going, id) = (program.clone(), world.id);
    let caller = tokio::spawn(async move { going.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    world.server.release.add_permits(1);
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Fresh);
    assert_eq!((world.server.asked(), world.stored().await.1.access_token.reveal()), (1, "access-1"));
}

#[tokio::test]
async fn new_tokens_are_kept_when_the_row_is_renamed_and_its_key_rotated_meanwhile() {
    let world = World::new().await;
    world.server.next(Fault::Held);
    let program = world.program();
    let (asker, id) = (program.clone(), world.id);
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let name = AuthName::new("other").unwrap();
    let row = world.store.auth_get(id).await.unwrap();
    let renamed = AuthChange { name: Some(name.clone()), ..AuthChange::default() };
    let row = world.store.auth_update(id, row.revision, renamed, program.now()).await.unwrap();
    let opened = world.vault().open(id, &row.credentials).unwrap();
    let sealed =
        AuthChange { credentials: Some(world.vault().seal(id, &opened).unwrap()), ..AuthChange::default() };
    world.store.auth_update(id, row.revision, sealed, program.now()).await.unwrap();
    world.server.release.add_permits(1);
    let (outcome, row) = asking.await.unwrap().unwrap();
    assert_eq!((outcome, row.name), (Refreshed::Refreshed, name));
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-1");
}

#[tokio::test]
async fn credentials_that_were_replaced_meanwhile_stay() {
    let world = World::new().await;
    world.server.next(Fault::Held);
    let program = world.program();
    let (asker, id) = (program.clone(), world.id);
    let asking = tokio::spawn(async move { asker.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let reference = world.store.auth_get(id).await.unwrap().reference();
    let anew = Credentials::OAuth { tokens: Box::new(tokens(7, program.now())), base_url: None };
    program.save_credentials(&reference, &anew, Save::Replace).await.unwrap();
    world.server.release.add_permits(1);
    asking.await.unwrap().unwrap();
    assert_eq!(world.stored().await.1.access_token.reveal(), "access-7");
}

#[tokio::test]
async fn tokens_that_are_no_secret_of_this_vault_are_not_asked_with() {
    let world = World::new().await;
    let stranger = maestro::Maestro::builder()
        .shared_store(Arc::clone(&world.store))
        .vault(Vault::new(VaultKey::generate()))
        .build()
        .unwrap();
    let error = stranger.refresh_tokens(world.id, RefreshWhen::Due).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(world.server.asked(), 0);
}
