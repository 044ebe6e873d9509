//! Code Assist, which an operator turns on by a variable.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use maestro_testkit::sandbox::Flavour;
use url::Url;

use crate::{
    home::{Ran, Running},
    sign_in::World,
};

/// A Gemini sign-in that asks the sandbox's Code Assist.
fn signed_in() -> World {
    let world = World::at(Flavour::Google, "client_secret = \"sandbox-secret\"\n");
    let url = world.sandbox.code_assist_url();
    let login = ["auth", "login", "gemini", "--name", "work", "--profile", &world.profile];
    let more = ["--flow", "paste", "--accept-policy", "--base-url", &url];
    let args = world.args(&[&login[..], &more].concat());
    let mut command = world.home.command(&args);
    world.pastes(Running::start(command.stdin(std::process::Stdio::piped())));
    world
}

/// Sets up the account of the tokens that are saved.
fn set_up(world: &World) {
    let url: Url = world.sandbox.code_assist_url().parse().unwrap();
    let token = world.secrets().remove(0);
    let send = |method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
        write!(
            stream,
            "{method} {}{path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            url.path(),
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    send("POST", "/v1internal:onboardUser", r#"{"tierId": "free-tier"}"#);
    send("GET", "/v1internal/operations/sandbox-onboarding", "");
}

fn chat(world: &World, project: Option<&str>) -> Ran {
    let args = ["chat", "--once", "hi", "--auth", "work", "--model", "sandbox-small"];
    let mut command = world.home.command(&[&["--store", world.store()], &args[..]].concat());
    if let Some(project) = project {
        command.env("MAESTRO_CODE_ASSIST", project);
    }
    Ran::of(command.output().unwrap())
}

fn paths(world: &World) -> Vec<String> {
    world.sandbox.requests().into_iter().map(|request| request.path).collect()
}

#[test]
fn code_assist_answers_where_an_operator_has_turned_it_on_and_its_terms_are_shown() {
    let world = signed_in();
    set_up(&world);
    let ran = chat(&world, Some("sandbox-project"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("hi"), "{ran:?}");
    assert!(ran.stderr.contains("accounts may be suspended"), "{ran:?}");
    assert!(
        paths(&world).last().unwrap().contains("v1internal:streamGenerateContent"),
        "{:?}",
        paths(&world)
    );
}

#[test]
fn code_assist_is_off_unless_it_is_turned_on() {
    let world = signed_in();
    for project in [None, Some(""), Some(" ")] {
        let ran = chat(&world, project);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(!ran.stderr.contains("suspended"), "{ran:?}");
    }
    assert!(paths(&world).iter().all(|path| !path.contains("v1internal:")), "{:?}", paths(&world));
}
