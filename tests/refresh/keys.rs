//! Keys that tokens bought and that end: bought anew with each refresh.

use std::sync::Arc;

use maestro::{
    ErrorKind, MemoryStore, RefreshWhen, Refreshed, SqliteStore,
    core::{
        auth::{HolderId, KeyAsked, OAuthTokens},
        time::Clock as _,
    },
};

use crate::{
    server::Fault,
    world::{KEY_LIFETIME, World},
};

async fn in_memory() -> World {
    World::with_key(Arc::new(MemoryStore::new())).await
}

fn sent(tokens: &OAuthTokens) -> &str {
    tokens.api_key.as_ref().unwrap().reveal()
}

#[tokio::test]
async fn a_key_near_its_end_is_bought_anew_with_refreshed_tokens() {
    let world = in_memory().await;
    let program = world.program();
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Refreshed);
    let (row, tokens) = world.stored().await;
    assert_eq!((sent(&tokens), tokens.access_token.reveal()), ("key-of-access-1", "access-1"));
    assert_eq!((tokens.asked, tokens.buying), (None, None));
    // The row ends with what is sent.
    assert_eq!(row.expires_at, Some(world.clock.now().saturating_add(KEY_LIFETIME)));
    assert_eq!((tokens.api_key_expires_at, tokens.ends_at()), (row.expires_at, row.expires_at));
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Fresh);
    assert_eq!((world.server.exchanges(), world.server.sold_for()), (1, vec!["access-1".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_of_many_programs_refresh_once_and_buy_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let world = World::with_key(Arc::new(SqliteStore::open(&file).await.unwrap())).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let program = world.program_on(Arc::new(SqliteStore::open(&file).await.unwrap()));
        for _ in 0..4 {
            let (program, id) = (program.clone(), world.id);
            tasks.push(tokio::spawn(async move { program.refresh_tokens(id, RefreshWhen::Due).await }));
        }
    }
    let mut refreshed = 0;
    for task in tasks {
        let (outcome, row) = task.await.unwrap().unwrap();
        refreshed += usize::from(outcome == Refreshed::Refreshed);
        let secret = world.program().target(&row).unwrap().endpoint.credentials.unwrap();
        assert_eq!(secret.secret().unwrap().reveal(), "key-of-access-1");
    }
    assert_eq!((refreshed, world.server.exchanges(), world.server.reuses()), (1, 1, 0));
    assert_eq!(world.server.sold_for(), ["access-1"]);
}

#[tokio::test]
async fn who_comes_while_a_key_is_bought_waits_for_it() {
    let world = in_memory().await;
    world.server.next_key(Fault::Held);
    let (first, second, id) = (world.program(), world.program(), world.id);
    let buying = tokio::spawn(async move { first.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    // The tokens are kept before the key is there.
    let (_, tokens) = world.stored().await;
    assert_eq!((tokens.access_token.reveal(), sent(&tokens)), ("access-1", "key-of-access-0"));
    assert!(tokens.buying.is_some() && tokens.asked.is_none());
    let waiting = tokio::spawn(async move { second.refresh_tokens(id, RefreshWhen::Due).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    world.server.release.add_permits(1);
    assert_eq!(buying.await.unwrap().unwrap().0, Refreshed::Refreshed);
    assert_eq!(waiting.await.unwrap().unwrap().0, Refreshed::Adopted);
    assert_eq!((world.server.asked(), world.server.sold_for().len()), (1, 1));
}

#[tokio::test]
async fn a_key_that_cannot_be_bought_costs_no_tokens() {
    for (fault, kind) in [(Fault::Busy, ErrorKind::Unavailable), (Fault::Revoked, ErrorKind::Forbidden)] {
        let world = in_memory().await;
        world.server.next_key(fault);
        let program = world.program();
        assert_eq!(world.refresh(&program).await.unwrap_err().kind(), kind);
        let (_, tokens) = world.stored().await;
        assert_eq!((tokens.access_token.reveal(), sent(&tokens)), ("access-1", "key-of-access-0"));
        assert_eq!(tokens.refresh_token.as_ref().unwrap().reveal(), "refresh-1");
        assert!(tokens.asked.is_none() && tokens.buying.is_none() && tokens.refused.is_none());
        assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Refreshed);
        assert_eq!((sent(&world.stored().await.1), world.server.reuses()), ("key-of-access-2", 0));
    }
}

#[tokio::test]
async fn whoever_waited_for_a_key_that_was_not_sold_buys_one_without_another_refresh() {
    let world = in_memory().await;
    world.server.next(Fault::Held);
    world.server.next_key(Fault::Busy);
    let (first, second, id) = (world.program(), world.program(), world.id);
    let buying = tokio::spawn(async move { first.refresh_tokens(id, RefreshWhen::Due).await });
    world.server.held.notified().await;
    // It has seen the old tokens by then, and waits for the new ones.
    let waiting = tokio::spawn(async move { second.refresh_tokens(id, RefreshWhen::Due).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.server.release.add_permits(1);
    assert_eq!(buying.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(waiting.await.unwrap().unwrap().0, Refreshed::Refreshed);
    assert_eq!(
        (world.server.asked(), world.server.sold_for()),
        (1, vec!["access-1".into(), "access-1".into()])
    );
    assert_eq!(sent(&world.stored().await.1), "key-of-access-1");
}

#[tokio::test]
async fn a_mark_that_nobody_answers_any_more_holds_nobody_up() {
    let world = World::with(Arc::new(MemoryStore::new()), |tokens, now| {
        (tokens.api_key, tokens.api_key_expires_at) =
            (Some(crate::world::key("access-0", now).key), Some(now));
        tokens.buying = Some(KeyAsked { by: HolderId::new(), at: now });
    })
    .await;
    world.clock.advance(std::time::Duration::from_secs(21));
    assert_eq!(world.refresh(&world.program()).await.unwrap(), Refreshed::Refreshed);
    let (_, tokens) = world.stored().await;
    assert_eq!((tokens.buying, sent(&tokens)), (None, "key-of-access-1"));
}

#[tokio::test]
async fn a_sign_in_without_a_refresh_token_buys_with_what_it_has_while_that_is_good() {
    let world = World::with(Arc::new(MemoryStore::new()), |tokens, now| {
        tokens.refresh_token = None;
        (tokens.api_key, tokens.api_key_expires_at) = (Some(crate::world::key("old", now).key), Some(now));
    })
    .await;
    let program = world.program();
    assert_eq!(world.refresh(&program).await.unwrap(), Refreshed::Refreshed);
    assert_eq!((sent(&world.stored().await.1), world.server.asked()), ("key-of-access-0", 0));
    world.clock.advance(crate::world::LIFETIME);
    assert_eq!(world.refresh(&program).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(world.server.sold_for().len(), 1);
}

#[tokio::test]
async fn a_key_that_was_refused_is_bought_anew_once_and_by_one() {
    let world = in_memory().await;
    let token = world.stored().await.1.renewable().clone();
    let (first, second) = (world.program(), world.program());
    let when = RefreshWhen::Refused { token };
    assert_eq!(first.refresh_tokens(world.id, when.clone()).await.unwrap().0, Refreshed::Refreshed);
    assert_eq!(second.refresh_tokens(world.id, when).await.unwrap().0, Refreshed::Fresh);
    assert_eq!(world.server.sold_for(), ["access-1"]);
}

#[tokio::test]
async fn a_key_without_an_end_stays_when_its_tokens_are_refreshed() {
    let world = World::with(Arc::new(MemoryStore::new()), |tokens, now| {
        (tokens.api_key, tokens.expires_at) = (Some(crate::world::key("old", now).key), Some(now));
    })
    .await;
    assert_eq!(world.refresh(&world.program()).await.unwrap(), Refreshed::Refreshed);
    let (_, tokens) = world.stored().await;
    assert_eq!((sent(&tokens), tokens.api_key_expires_at), ("key-of-old", None));
    assert!(world.server.sold_for().is_empty());
}
