//! The same at a second server, which has nothing in common with the first. Its clients are registered with one redirect
//! address, at which nobody listens: codes are pasted. It has no devices.

use maestro::{
    ErrorKind,
    core::{
        Secret,
        auth::OAuthTokens,
        provider::OAuthFlow as _,
        time::{Clock as _, SystemClock},
    },
    providers::oauth::read_paste,
};

use crate::{
    browser::{self, User, visit},
    server::Server,
    world::World,
};

fn world(client: &str, more: &str) -> World {
    let more = format!(
        "client_secret = \"the-secret-of-{client}\"\ntoken_endpoint_auth_method = \"client_secret_{client}\"\n\
         authorize_parameters = {{ prompt = \"consent\" }}\n{more}"
    );
    World::at(Server::python(), client, &more)
}

/// Signs in by paste.
fn sign_in(world: &World, more: &[&str]) {
    let mut running = world.login(&[&["--flow", "paste"], more].concat());
    let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
    let back = visit(&url, User::Approves).expect("the browser is sent back");
    World::paste(&mut running, back.as_str());
    assert_eq!(running.until("auth")["name"], "work");
    assert_eq!(running.code(), 0);
}

fn is_active(world: &World, token: &str) -> bool {
    browser::get(&world.server.at(&format!("/tests/active?token={token}"))).body.contains("true")
}

needs_certified_servers! {
    #[test]
    fn the_second_server_signs_in_refreshes_and_ends_it_with_either_proof() {
        for client in ["basic", "post"] {
            let world = world(client, "");
            sign_in(&world, &[]);
            let first = world.refresh_token();
            for _ in 0..2 {
                let ran = world.run(&["auth", "refresh", "work", "--now"]);
                assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"refreshed".into()), "{client}: {ran:?}");
            }
            assert_ne!(world.refresh_token(), first, "it is replaced");
            assert!(!is_active(&world, &first), "an old one is dead");
            // It has its own word for that, which may mean anything: nothing is thrown away because of it.
            let oauth = world.oauth();
            let old = OAuthTokens { refresh_token: Some(Secret::new(first).unwrap()), ..world.tokens() };
            let error = world.runtime.block_on(oauth.refresh(&world.http, &old, SystemClock.now())).unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, Some("invalid_request")), "{error}");
            assert_eq!(oauth.refusal(&error), None);
            assert!(error.to_string().contains("sign in again"), "{error}");
            assert_eq!(world.server.count("refresh_token ok"), 2);

            let (access, refresh) = (world.tokens().access_token, world.refresh_token());
            assert!(is_active(&world, access.reveal()) && is_active(&world, &refresh));
            let ran = world.run(&["auth", "logout", "work", "--yes"]);
            assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"at_server".into()), "{ran:?}");
            assert!(!is_active(&world, &refresh), "the server has ended it");
        }
    }

    #[test]
    fn the_second_server_refuses_a_wrong_verifier_a_used_code_and_a_wrong_secret() {
        let world = world("post", "");
        let oauth = world.oauth();
        let begin = || {
            let pending = oauth.authorize(&"http://127.0.0.1:14550/callback".parse().unwrap()).unwrap();
            let back = visit(pending.url.as_str(), User::Approves).unwrap();
            (pending, read_paste(back.as_str()).unwrap())
        };
        let exchange = |pending: &_, pasted: &_| {
            world.runtime.block_on(oauth.exchange(&world.http, pending, pasted, SystemClock.now()))
        };
        let (mut pending, pasted) = begin();
        pending.verifier = Secret::new("x".repeat(64)).unwrap();
        let error = exchange(&pending, &pasted).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("invalid_grant")), "{error}");

        let (pending, pasted) = begin();
        exchange(&pending, &pasted).unwrap();
        let error = exchange(&pending, &pasted).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("invalid_grant")), "{error}");
    }

    #[test]
    fn the_second_server_sees_one_exchange_of_eight_programs() {
        let world = world("post", "");
        sign_in(&world, &[]);
        world.ages();
        let programs: Vec<_> =
            (0..8).map(|_| world.command(&["auth", "refresh", "work"]).spawn().unwrap()).collect();
        let mut refreshed = 0;
        for program in programs {
            let ran = crate::home::Ran::of(program.wait_with_output().unwrap());
            assert_eq!(ran.code, 0, "{ran:?}");
            refreshed += usize::from(ran.last()["outcome"] == "refreshed");
        }
        assert_eq!((refreshed, world.server.count("refresh_token ok")), (1, 1));
        assert_eq!(world.server.count("refresh_token invalid_grant"), 0);
    }

    #[test]
    fn the_second_server_sells_a_key() {
        let world = world("post", "[token_exchange]\nsubject_token = \"access_token\"\n");
        sign_in(&world, &["--mode", "api-key"]);
        let status = world.run(&["auth", "status", "work"]).last();
        assert_eq!(status["mode"], "api-key", "{status}");
        assert!(status["key_expires_at"].is_string(), "{status}");
        assert_eq!(world.server.count("token-exchange ok"), 1);
        let first = world.tokens().api_key.unwrap();
        assert_eq!(world.run(&["auth", "refresh", "work", "--now"]).code, 0);
        assert_ne!(world.tokens().api_key.unwrap(), first);
    }
}
