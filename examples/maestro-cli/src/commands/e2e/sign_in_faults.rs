//! What is wrong with a sign-in fails the step that sees it.

use maestro_testkit::sandbox::{Flavour, KeyExchange, Scenario};

use super::{
    plans::{PLANS, Plan},
    sandbox::World,
    sign_in::{Account, Key, SignIn},
};

/// A ChatGPT sign-in of a person, at a server with these faults.
async fn world(faults: &str) -> (World<'static>, SignIn) {
    static PLAN: Plan = {
        let [_, _, chatgpt, ..] = PLANS;
        chatgpt
    };
    let world = World::new(&PLAN).await.unwrap();
    world.sandbox.set_scenarios(Scenario::parse(faults).unwrap());
    (world, PLAN.sign_in.unwrap())
}

/// Signs in and saves it, which goes well.
async fn saved(account: &Account<'_>) -> maestro::core::auth::SavedAuthentication {
    let ((oauth, tokens), _) = account.sign_in().await.unwrap();
    account.mode(&oauth, &tokens).unwrap();
    account.save(&oauth, tokens).await.unwrap().0
}

#[tokio::test]
async fn a_code_that_is_refused_fails_the_sign_in() {
    let (world, sign_in) = world(
        r#"{"match": {"dialect": "authorization", "grant": "authorization_code"}, "oauth": {"error": "invalid_grant"}}"#,
    )
    .await;
    assert!(world.account(sign_in).unwrap().sign_in().await.is_err());
}

#[tokio::test]
async fn a_plan_that_is_another_fails_the_mode() {
    let (world, sign_in) = world("[]").await;
    let account = world.account(sign_in).unwrap();
    let ((oauth, tokens), _) = account.sign_in().await.unwrap();
    let business = world.account(SignIn { plan: Some("business"), ..sign_in }).unwrap();
    assert!(business.mode(&oauth, &tokens).unwrap_err().to_string().contains("plus"));
    let with_key = world.account(SignIn { key: Key::Bought, ..sign_in }).unwrap();
    assert!(with_key.mode(&oauth, &tokens).unwrap_err().to_string().contains("Tokens"));
}

#[tokio::test]
async fn a_key_that_is_not_sold_fails_the_exchange() {
    let (world, sign_in) = world("[]").await;
    let account = world.account(SignIn { plan: Some("business"), key: Key::Bought, ..sign_in }).unwrap();
    let ((oauth, tokens), _) = account.sign_in().await.unwrap();
    world
        .sandbox
        .authorization()
        .configure(Flavour::Openai, |settings| settings.exchange = KeyExchange::MissingOrganization);
    let error = account.save(&oauth, tokens).await.unwrap_err();
    assert!(error.to_string().contains("0 keys were bought"), "{error}");
}

#[tokio::test]
async fn a_refresh_that_is_refused_and_more_than_one_fail_the_refresh() {
    let (world, sign_in) = world(
        r#"{"match": {"dialect": "authorization", "grant": "refresh_token"}, "oauth": {"error": "invalid_grant"}}"#,
    )
    .await;
    let account = world.account(sign_in).unwrap();
    let row = saved(&account).await;
    assert!(account.refresh(&row).await.is_err());

    let (world, sign_in) = self::world("[]").await;
    let account = world.account(sign_in).unwrap();
    let row = saved(&account).await;
    let (row, _) = account.refresh(&row).await.unwrap();
    let error = account.refresh(&row).await.unwrap_err();
    assert!(error.to_string().contains("saw 2 refreshes"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_end_it_fails_the_sign_out() {
    let (world, sign_in) =
        world(r#"{"match": {"dialect": "authorization", "path": "/revoke"}, "status": {"code": 503}}"#).await;
    let account = world.account(sign_in).unwrap();
    let row = saved(&account).await;
    assert!(account.sign_out(&row).await.unwrap_err().to_string().contains("503"));
}
