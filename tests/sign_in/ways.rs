//! By loopback, by paste, by device.

use std::time::Duration;

use maestro::{
    ErrorKind, LoopbackListener,
    core::provider::{CodePaste, OAuthFlow as _},
};
use maestro_testkit::sandbox::Flavour;

use crate::world::{World, secret, visit};

#[tokio::test]
async fn a_browser_brings_the_code_to_the_listener() {
    let world = World::new().await;
    let listener = LoopbackListener::bind(&world.oauth.client().profile.redirects[0]).await.unwrap();
    let pending = world.oauth.authorize(listener.redirect_uri()).unwrap();
    let back = world.authorization().approve(pending.url.as_str()).unwrap();
    let (code, page) = tokio::join!(listener.wait(&pending), visit(back.url()));
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(!page.contains(&back.code().unwrap()), "{page}");
    let (http, now) = (world.maestro.http(), world.maestro.now());
    let tokens = world.oauth.exchange(http, &pending, &code.unwrap(), now).await.unwrap();
    assert_eq!(tokens.plan.as_deref(), Some("plus"));
    assert_eq!(world.authorization().counters().codes_used, 1);
}

#[tokio::test]
async fn a_user_who_says_no_ends_the_waiting() {
    let world = World::new().await;
    let listener = LoopbackListener::bind(&world.oauth.client().profile.redirects[0]).await.unwrap();
    let pending = world.oauth.authorize(listener.redirect_uri()).unwrap();
    let back = world.authorization().deny(pending.url.as_str()).unwrap();
    let (refused, page) = tokio::join!(listener.wait(&pending), visit(back.url()));
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("access_denied")));
    assert!(page.contains("Not signed in"), "{page}");
}

#[tokio::test]
async fn a_code_of_another_sign_in_is_refused_without_asking() {
    let world = World::new().await;
    let pending = world.oauth.authorize(&"http://localhost:9/auth/callback".parse().unwrap()).unwrap();
    let code = world.authorization().approve(pending.url.as_str()).unwrap().code().unwrap();
    let pasted = CodePaste { code: secret(&code), state: Some(secret("another")) };
    let (http, now) = (world.maestro.http(), world.maestro.now());
    let error = world.oauth.exchange(http, &pending, &pasted, now).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(world.authorization().counters().codes_used, 0);
    assert!(world.sandbox.requests().is_empty());
}

#[tokio::test]
async fn a_device_waits_until_the_user_is_done_or_says_no() {
    let world = World::new().await;
    world.authorization().configure(Flavour::Openai, |settings| settings.device_interval_seconds = 1);
    let (maestro, oauth) = (&world.maestro, &world.oauth);
    let pending = oauth.device_begin(maestro.http(), maestro.now()).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_secs(60), maestro.device_tokens(oauth, &pending));
    let (tokens, ()) = tokio::join!(waiting, async {
        world.authorization().approve_device(&pending.user_code).unwrap();
    });
    assert!(tokens.unwrap().unwrap().refresh_token.is_some());

    let pending = oauth.device_begin(maestro.http(), maestro.now()).await.unwrap();
    world.authorization().deny_device(&pending.user_code).unwrap();
    let waiting = tokio::time::timeout(Duration::from_secs(60), maestro.device_tokens(oauth, &pending));
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
}

#[tokio::test]
async fn a_question_that_the_server_fails_to_answer_is_asked_again() {
    let world = World::new().await;
    world.authorization().configure(Flavour::Openai, |settings| settings.device_interval_seconds = 1);
    let (maestro, oauth) = (&world.maestro, &world.oauth);
    let pending = oauth.device_begin(maestro.http(), maestro.now()).await.unwrap();
    world.authorization().approve_device(&pending.user_code).unwrap();
    let down = r#"{"match": {"dialect": "authorization", "grant": "device_code"}, "times": 1, "status": {"code": 503}}"#;
    world.sandbox.add_scenario(serde_json::from_str(down).unwrap());
    let waiting = tokio::time::timeout(Duration::from_secs(60), maestro.device_tokens(oauth, &pending));
    assert!(waiting.await.unwrap().unwrap().refresh_token.is_some());
    assert!(world.sandbox.requests().iter().any(|request| request.status == 503));
}
