//! What is saved, refreshed and ended.

use maestro::{
    ErrorKind, NewSignIn, RefreshWhen, Refreshed, Save, SignedOut,
    core::auth::{AuthExt as _, PolicyAccepted},
    providers::oauth::{ModeChoice, SignInMode},
};
use maestro_testkit::sandbox::{Flavour, KeyExchange, Scenario};

use crate::world::{World, reference};

#[tokio::test]
async fn a_sign_in_is_saved_with_its_client_and_what_was_accepted() {
    let world = World::new().await;
    let accepted = PolicyAccepted { source: "the terms".into(), at: world.maestro.now() };
    let new = NewSignIn { policy: Some(accepted.clone()), ..NewSignIn::new(world.tokens().await) };
    let saved = world.maestro.save_sign_in(&reference("work"), &world.oauth, new).await.unwrap();
    assert_eq!((saved.mode, saved.warnings.len()), (SignInMode::Tokens, 0));
    let tokens = world.opened(&saved.row);
    assert_eq!(tokens.policy, Some(accepted));
    assert_eq!(tokens.client.unwrap().client_id, "sandbox-client");
    assert_eq!((saved.row.expires_at, tokens.api_key), (tokens.expires_at, None));
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_or_replaced() {
    let world = World::new().await;
    let first = world.signed_in().await.row;
    let again =
        NewSignIn { mode: ModeChoice::Always(SignInMode::Key), ..NewSignIn::new(world.tokens().await) };
    let error =
        world.maestro.save_sign_in(&reference("work"), &world.oauth, again.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.authorization().counters().exchanges, 0, "no key is bought for nothing");
    let again = NewSignIn { save: Save::Replace, ..again };
    let replaced = world.maestro.save_sign_in(&reference("work"), &world.oauth, again).await.unwrap();
    assert_eq!((replaced.row.id, replaced.mode), (first.id, SignInMode::Key));
    assert!(world.opened(&replaced.row).api_key.unwrap().reveal().starts_with("sandbox-key-"));
}

#[tokio::test]
async fn tokens_stay_when_no_key_can_be_bought() {
    let world = World::new().await;
    world.authorization().configure(Flavour::Openai, |settings| {
        settings.user.plan = Some("enterprise".into());
        settings.exchange = KeyExchange::MissingOrganization;
    });
    let saved = world.signed_in().await;
    assert_eq!((saved.mode, saved.warnings.len()), (SignInMode::Tokens, 1));
    assert!(saved.warnings[0].contains("no key could be bought"), "{:?}", saved.warnings);
    let tokens = world.opened(&saved.row);
    assert!(tokens.api_key.is_none() && tokens.refresh_token.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_programs_refresh_once_at_the_server_that_gave_the_tokens() {
    let world = World::new().await;
    // The registry's provider has no sign-in configured: the client that is kept with the tokens does it.
    world.authorization().configure(Flavour::Openai, |settings| settings.access_token_seconds = 0);
    let row = world.signed_in().await.row;
    assert!(world.maestro.registry().oauth(&row.provider).is_err());
    world.authorization().configure(Flavour::Openai, |settings| settings.access_token_seconds = 3600);
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let program = world.program().await;
        tasks.push(tokio::spawn(async move { program.refresh_tokens(row.id, RefreshWhen::Due).await }));
    }
    let mut refreshed = 0;
    for task in tasks {
        refreshed += usize::from(task.await.unwrap().unwrap().0 == Refreshed::Refreshed);
    }
    let counters = world.authorization().counters();
    assert_eq!((refreshed, counters.refreshes, counters.reuses_detected), (1, 1, 0));
    assert_eq!(counters.families_revoked, 0);
}

#[tokio::test]
async fn signing_out_ends_it_at_the_server_and_here() {
    let world = World::new().await;
    let row = world.signed_in().await.row;
    let signed_out = world.maestro.sign_out(row.id).await.unwrap();
    assert!(matches!(signed_out, SignedOut::AtServer), "{signed_out:?}");
    assert!(world.authorization().families()[0].revoked);
    assert!(world.maestro.store().auth_find_optional(&reference("work")).await.unwrap().is_none());
    assert_eq!(world.maestro.sign_out(row.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_server_that_is_down_keeps_nobody_from_signing_out() {
    let world = World::new().await;
    let row = world.signed_in().await.row;
    let down: Scenario =
        serde_json::from_str(r#"{"match": {"dialect": "authorization", "path": "/oauth/openai/oauth/revoke"}, "status": {"code": 503}}"#)
            .unwrap();
    world.sandbox.add_scenario(down);
    let signed_out = world.maestro.sign_out(row.id).await.unwrap();
    let SignedOut::Refused(error) = signed_out else { panic!("{signed_out:?}") };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(world.maestro.store().auth_find_optional(&reference("work")).await.unwrap().is_none());
}
