//! A sign-in of a client that the registry's provider has, used behind ChatGPT.

use maestro::{
    NewSignIn,
    core::{
        auth::{AuthRef, AuthType},
        provider::{OAuthClient, OAuthFlow as _},
        time::{Clock as _, SystemClock},
    },
    prelude::*,
    providers::{
        http::ReqwestClient,
        oauth::{OAuth, read_paste},
        openai::{OpenAi, oauth_profile},
    },
};
use maestro_testkit::sandbox::{Flavour, Sandbox};

use crate::world::{World, reference};

#[tokio::test]
async fn a_saved_sign_in_answers_behind_chatgpt() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = format!("{}/openai", sandbox.authorization_url()).parse().unwrap();
    let client = OAuthClient {
        profile: oauth_profile().rebased(&base),
        client_id: "sandbox-client".into(),
        client_secret: None,
    };
    let oauth = OAuth::turned_on(client).unwrap();
    let http = ReqwestClient::default();
    let pending = oauth.authorize(&"http://127.0.0.1:9/callback".parse().unwrap()).unwrap();
    let callback = sandbox.authorization().approve(pending.url.as_str()).unwrap();
    let pasted = read_paste(callback.url()).unwrap();
    let tokens = oauth.exchange(&http, &pending, &pasted, SystemClock.now()).await.unwrap();

    let maestro = Maestro::builder()
        .store(MemoryStore::new())
        .vault(Vault::new(VaultKey::generate()))
        .registry(Registry::new().with(OpenAi::default().with_oauth(oauth)))
        .http(http)
        .build()
        .unwrap();
    let credentials = Credentials::OAuth { tokens: Box::new(tokens), base_url: None }
        .at(Some(sandbox.chatgpt_url().parse().unwrap()));
    let reference = AuthRef {
        provider: "openai".parse().unwrap(),
        auth_type: AuthType::OAuth,
        name: AuthName::new("personal_gpt").unwrap(),
    };
    let saved = maestro.save_credentials(&reference, &credentials, Save::Create).await.unwrap();
    let session = maestro
        .store()
        .session_create(NewSession::new(SessionName::new("all").unwrap(), maestro.now()))
        .await
        .unwrap();
    let turn = maestro
        .turn(session.id)
        .user("hello")
        .target(maestro.target(&saved).unwrap())
        .model(ModelId::new("sandbox-small").unwrap());
    // The backend sends no content type, and the answer is read all the same.
    let entry = turn.start().await.unwrap().finish().await.unwrap().entry;
    assert!(matches!(entry.state, EntryState::Complete), "{:?}", entry.state);
}

#[tokio::test]
async fn a_turn_needs_no_client_but_the_one_that_is_kept_with_the_tokens() {
    let world = World::new().await;
    // They have ended already, so the turn refreshes them first.
    world.authorization().configure(Flavour::Openai, |settings| settings.access_token_seconds = 0);
    let new = NewSignIn {
        base_url: Some(world.sandbox.chatgpt_url().parse().unwrap()),
        ..NewSignIn::new(world.tokens().await)
    };
    world.authorization().configure(Flavour::Openai, |settings| settings.access_token_seconds = 3600);
    let saved = world.maestro.save_sign_in(&reference("work"), &world.oauth, new).await.unwrap();
    let name = SessionName::new("all").unwrap();
    let session =
        world.maestro.store().session_create(NewSession::new(name, world.maestro.now())).await.unwrap();
    let turn = world
        .maestro
        .turn(session.id)
        .user("hello")
        .target(world.maestro.target(&saved.row).unwrap())
        .model(ModelId::new("sandbox-small").unwrap());
    let entry = turn.start().await.unwrap().finish().await.unwrap().entry;
    assert!(matches!(entry.state, EntryState::Complete), "{:?}", entry.state);
    assert_eq!(world.authorization().counters().refreshes, 1);
}
