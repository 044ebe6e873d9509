//! Signing out ends the newest tokens.

use std::time::Duration;

use maestro::{ErrorKind, RefreshWhen, Refreshed, SignedOut};

use crate::{server::Fault, world::World};

#[tokio::test]
async fn the_answer_that_another_program_waits_for_is_what_is_ended() {
    let world = World::new().await;
    world.server.next(Fault::Held);
    let (refresher, leaver, id) = (world.program(), world.program(), world.id);
    let asking = tokio::spawn(async move { refresher.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    let leaving = tokio::spawn(async move { leaver.sign_out(id).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!((leaving.is_finished(), world.server.revoked()), (false, vec![]));
    world.server.release.add_permits(1);
    assert_eq!(asking.await.unwrap().unwrap().0, Refreshed::Refreshed);
    assert!(matches!(leaving.await.unwrap().unwrap(), SignedOut::AtServer));
    assert_eq!(world.server.revoked(), ["refresh-1"]);
    assert_eq!(world.store.auth_get(id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_as_long_as_it_may_come() {
    let world = World::new().await;
    world.server.next(Fault::Held);
    let (dead, leaver, id) = (world.program(), world.program(), world.id);
    let asking = tokio::spawn(async move { dead.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    asking.abort();
    let leaving = tokio::spawn(async move { leaver.sign_out(id).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!leaving.is_finished());
    world.clock.advance(Duration::from_secs(20));
    assert!(matches!(leaving.await.unwrap().unwrap(), SignedOut::AtServer));
    assert_eq!(world.server.revoked(), ["refresh-0"], "the newest that anybody has");
}

#[tokio::test]
async fn nobody_refreshes_what_is_being_ended() {
    let world = World::new().await;
    let (leaver, refresher, id) = (world.program(), world.program(), world.id);
    world.server.hold_revocations();
    let leaving = tokio::spawn(async move { leaver.sign_out(id).await });
    world.server.held.notified().await;
    let asking = tokio::spawn(async move { refresher.refresh_tokens(id, RefreshWhen::Due).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!asking.is_finished());
    world.server.release.add_permits(1);
    assert!(matches!(leaving.await.unwrap().unwrap(), SignedOut::AtServer));
    assert_eq!(asking.await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((world.server.asked(), world.server.revoked()), (0, vec!["refresh-0".to_owned()]));
}
