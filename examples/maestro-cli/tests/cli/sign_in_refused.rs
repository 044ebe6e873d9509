//! A refresh token that the server refuses for good: why is told, remembered, and nobody asks again.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use maestro_testkit::sandbox::Flavour;
use url::Url;

use crate::sign_in::World;

/// How a refresh token comes to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    Expired,
    Reused,
    Revoked,
}

/// A sign-in whose refresh token has ended at the server.
fn ended(flavour: Flavour, end: End) -> World {
    let world = World::of(flavour);
    let authorization = world.sandbox.authorization();
    authorization.configure(flavour, |settings| {
        settings.access_token_seconds = 0;
        settings.refresh_token_seconds = Some(3600);
    });
    world.signed_in();
    match end {
        End::Expired => authorization.advance(Duration::from_secs(3600)),
        End::Reused => use_it(&world, flavour),
        End::Revoked => authorization.end_sessions(flavour),
    }
    world
}

/// Somebody else takes the refresh token to the server.
fn use_it(world: &World, flavour: Flavour) {
    let secrets = world.secrets();
    let token = secrets.iter().find(|secret| secret.starts_with("rt_")).unwrap();
    let url: Url = world.sandbox.authorization().endpoints(flavour).token.parse().unwrap();
    let form = format!("grant_type=refresh_token&client_id=sandbox-client&refresh_token={token}");
    let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
    write!(
        stream,
        "POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{form}",
        url.path(),
        form.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// How often the server was asked to refresh.
fn asked(world: &World) -> usize {
    let requests = world.sandbox.requests();
    requests.iter().filter(|request| request.body["grant_type"] == "refresh_token").count()
}

#[test]
fn a_refusal_is_told_by_its_code_and_no_program_asks_again() {
    for (flavour, end, code) in [
        (Flavour::Openai, End::Expired, "refresh_token_expired"),
        (Flavour::Openai, End::Reused, "refresh_token_reused"),
        (Flavour::Openai, End::Revoked, "refresh_token_revoked"),
        (Flavour::Standard, End::Expired, "invalid_grant"),
        (Flavour::Standard, End::Reused, "invalid_grant"),
        (Flavour::Standard, End::Revoked, "invalid_grant"),
    ] {
        let world = ended(flavour, end);
        let before = asked(&world);
        let openai = world.sandbox.openai_url();
        let chat = ["chat", "--once", "hi", "--auth", "work", "--model", "m", "--base-url", &openai];
        for args in [["auth", "refresh", "work"].as_slice(), &["auth", "refresh", "work", "--now"], &chat] {
            let ran = world.run(args);
            let error = ran.last();
            assert_eq!((ran.code, &error["code"]), (5, &code.into()), "{flavour:?} {end:?}: {ran:?}");
            assert_eq!(error["kind"], "unauthenticated");
            let told = format!("{} {}", error["message"], error["advice"]);
            assert!(told.contains("maestro auth login openai_compatible --name work --replace"), "{told}");
            assert_eq!(asked(&world), before + 1, "{flavour:?} {end:?}");
        }
        let status = world.run(&["auth", "status", "work"]).last();
        assert_eq!(status["renewable"], false, "{status}");
    }
}

#[test]
fn a_new_sign_in_ends_a_refusal() {
    let world = ended(Flavour::Openai, End::Revoked);
    assert_eq!(world.run(&["auth", "refresh", "work"]).code, 5);
    world.signed_in_with(&["--replace"]);
    let ran = world.run(&["auth", "refresh", "work", "--now"]);
    assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"refreshed".into()), "{ran:?}");
}
