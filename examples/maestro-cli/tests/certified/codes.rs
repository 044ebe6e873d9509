//! Codes: how they come back, and which the server does not take.

use maestro::{
    ErrorKind,
    core::{
        Secret,
        provider::{CodePaste, OAuthFlow as _, PendingAuthorization},
        time::{Clock as _, SystemClock},
    },
    providers::oauth::read_paste,
};
use url::Url;

use crate::{
    browser::{self, User, visit},
    world::World,
};

const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// Goes through a sign-in up to the code.
fn code(world: &World) -> (PendingAuthorization, CodePaste) {
    let pending = world.oauth().authorize(&REDIRECT.parse().unwrap()).unwrap();
    let back = visit(pending.url.as_str(), User::Approves).unwrap();
    (pending, read_paste(back.as_str()).unwrap())
}

fn exchange(
    world: &World,
    pending: &PendingAuthorization,
    pasted: &CodePaste,
) -> maestro::Result<maestro::core::auth::OAuthTokens> {
    world.runtime.block_on(world.oauth().exchange(&world.http, pending, pasted, SystemClock.now()))
}

needs_certified_servers! {
    #[test]
    fn a_server_of_which_only_the_issuer_is_known_brings_the_code_to_the_listener() {
        let world = World::new("public");
        world.signed_in(&[]);
        let status = world.run(&["auth", "status", "work"]).last();
        assert_eq!((&status["mode"], &status["renewable"]), (&"tokens".into(), &true.into()), "{status}");
        assert!(status["expires_at"].is_string(), "{status}");
        assert_eq!(world.tokens().account_id.as_deref(), Some("alice"));
        assert_eq!(world.server.count("authorization_code ok"), 1);
    }

    #[test]
    fn a_code_is_pasted_with_the_address_that_nobody_listens_at() {
        let world = World::new("public");
        let mut running = world.login(&["--flow", "paste"]);
        let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
        let back = visit(&url, User::Approves).unwrap();
        World::paste(&mut running, back.as_str());
        assert_eq!(running.until("auth")["name"], "work");
        assert_eq!(running.code(), 0);
    }

    #[test]
    fn a_code_with_another_state_is_not_sent() {
        let world = World::new("public");
        let mut running = world.login(&["--flow", "paste"]);
        let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
        let mut back: Url = visit(&url, User::Approves).unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        back.set_query(Some(&format!("code={code}&state=of-somebody-else")));
        World::paste(&mut running, back.as_str());
        let error = running.until("error");
        assert_eq!(error["kind"], "unauthenticated");
        assert!(!error.to_string().contains(&code), "{error}");
        assert_eq!(running.code(), 5);
        assert_eq!(world.server.count("authorization_code ok"), 0);
        assert_eq!(world.server.count("authorization_code invalid_grant"), 0);
    }

    #[test]
    fn a_user_who_says_no_is_told_as_such() {
        let world = World::new("public");
        let mut running = world.login(&[]);
        let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
        let back = visit(&url, User::Denies).unwrap();
        assert_eq!(browser::get(back.as_str()).status, 200);
        assert_eq!(running.until("error")["kind"], "forbidden");
        assert_eq!(running.code(), 5);
    }

    #[test]
    fn a_verifier_of_another_sign_in_is_refused_by_the_server() {
        let world = World::new("public");
        let (mut pending, pasted) = code(&world);
        pending.verifier = Secret::new("x".repeat(64)).unwrap();
        let error = exchange(&world, &pending, &pasted).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("invalid_grant")), "{error}");
        assert_eq!(world.server.count("authorization_code invalid_grant"), 1);
    }

    #[test]
    fn a_code_that_comes_twice_is_refused_and_ends_what_the_first_gave() {
        let world = World::new("public");
        let (pending, pasted) = code(&world);
        let tokens = exchange(&world, &pending, &pasted).unwrap();
        let error = exchange(&world, &pending, &pasted).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("invalid_grant")), "{error}");
        assert!(!error.to_string().contains(pasted.code.reveal()), "{error}");
        let oauth = world.oauth();
        let refused =
            world.runtime.block_on(oauth.refresh(&world.http, &tokens, SystemClock.now())).unwrap_err();
        assert!(oauth.refusal(&refused).is_some(), "{refused}");
    }

    #[test]
    fn clients_prove_themselves_in_the_header_or_in_the_body() {
        for (client, secret) in [("basic", "b:a/s+i&c%20"), ("post", "p:o/s+t&1%20")] {
            let more = format!(
                "client_secret = \"{secret}\"\ntoken_endpoint_auth_method = \"client_secret_{client}\"\n"
            );
            let world = World::with(client, &more);
            world.signed_in(&[]);
            let ran = world.run(&["auth", "refresh", "work", "--now"]);
            assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"refreshed".into()), "{client}: {ran:?}");
            assert_eq!(world.run(&["auth", "logout", "work", "--yes"]).last()["outcome"], "at_server");

            let wrong = World::with(client, &more.replace("%20", "%21"));
            let mut running = wrong.login(&["--flow", "paste"]);
            let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
            World::paste(&mut running, visit(&url, User::Approves).unwrap().as_str());
            let error = running.until("error");
            assert_eq!((&error["kind"], &error["code"]), (&"unauthenticated".into(), &"invalid_client".into()));
            assert!(error.to_string().contains("client secret"), "{error}");
        }
    }
}
