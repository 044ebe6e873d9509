//! What a sign-in refuses: codes of others, addresses elsewhere, requests that are too long, ports that are taken.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use url::Url;

use crate::{
    home::Running,
    sign_in::{World, visit},
};

fn address(running: &mut Running) -> Url {
    running.until("authorize")["url"].as_str().unwrap().parse().unwrap()
}

fn paste(running: &mut Running, text: &str) -> serde_json::Value {
    writeln!(running.child.stdin.take().unwrap(), "{text}").unwrap();
    running.until("error")
}

#[test]
fn a_code_is_not_taken_with_the_state_of_another_sign_in() {
    let world = World::new();
    let mut first = world.login(&["--flow", "paste"]);
    let stolen = world.sandbox.authorization().approve(address(&mut first).as_str()).unwrap();
    let mut second = world.login(&["--flow", "paste"]);
    let own = world.sandbox.authorization().approve(address(&mut second).as_str()).unwrap();
    // Whole addresses, and `code#state`, both ways round.
    let mixed = format!("{}#{}", own.code().unwrap(), stolen.state().unwrap());
    let error = paste(&mut second, &mixed);
    assert_eq!(error["kind"], "unauthenticated", "{error}");
    assert!(error.to_string().contains("belongs to another sign-in"), "{error}");
    assert_eq!(second.code(), 5);
    let error = paste(&mut first, own.url());
    assert_eq!(error["kind"], "unauthenticated", "{error}");
    assert_eq!(world.sandbox.authorization().counters().codes_used, 0);
    assert_eq!(world.sandbox.authorization().counters().refused, 0, "the server was not asked");
}

#[test]
fn a_code_that_was_used_is_refused_by_the_server() {
    let world = World::new();
    let mut first = world.login(&["--flow", "paste"]);
    let back = world.sandbox.authorization().approve(address(&mut first).as_str()).unwrap();
    writeln!(first.child.stdin.take().unwrap(), "{}", back.url()).unwrap();
    first.until("auth");
    let mut second = world.login(&["--flow", "paste", "--replace"]);
    address(&mut second);
    // A code alone says not of which sign-in it is.
    let code = back.code().unwrap();
    let error = paste(&mut second, &code);
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&"unauthenticated".into(), &"invalid_grant".into()),
        "{error}"
    );
    assert!(error.to_string().contains("a code can be used once"), "{error}");
    assert!(!error.to_string().contains(&code), "{error}");
    assert_eq!(second.code(), 5);
}

#[test]
fn a_redirect_to_another_host_is_no_profile() {
    for redirect in ["http://evil.example/callback", "ftp://127.0.0.1/callback", "http://[::1]:9/callback"] {
        let world = World::with(&format!("redirect_uris = [\"{redirect}\"]\n"));
        let ran = world.run(&["auth", "login", "openai_compatible", "--profile", &world.profile]);
        assert_eq!((ran.code, &ran.last()["kind"]), (2, &"invalid".into()), "{ran:?}");
        assert!(ran.stdout.contains("redirect_uris must be a list of addresses"), "{ran:?}");
    }
    // A page elsewhere shows a code, and is never listened at.
    let world = World::with("redirect_uris = [\"https://elsewhere.example/code\"]\n");
    let login = ["auth", "login", "openai_compatible", "--profile", &world.profile, "--accept-policy"];
    let ran = world.run(&[&login[..], &["--flow", "loopback"]].concat());
    assert_eq!((ran.code, &ran.last()["kind"]), (2, &"invalid".into()), "{ran:?}");
    assert!(ran.stdout.contains("--flow paste or --flow device"), "{ran:?}");
}

#[test]
fn a_request_that_is_too_long_changes_nothing() {
    let world = World::new();
    let mut running = world.login(&[]);
    let line = running.until("authorize");
    let listener: Url = line["redirect_uri"].as_str().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", listener.port().unwrap())).unwrap();
    let long = format!("GET /callback?code={} HTTP/1.1\r\n", "x".repeat(64 << 10));
    // It stops reading in the middle, and may end the connection by then.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    let back = world.sandbox.authorization().approve(line["url"].as_str().unwrap()).unwrap();
    assert!(visit(back.url()).starts_with("HTTP/1.1 200"));
    assert_eq!(running.until("auth")["name"], "work");
    assert_eq!(running.code(), 0);
}

#[test]
fn ports_that_are_taken_are_named_with_the_way_out() {
    let taken: Vec<_> = (0..2).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    let ports: Vec<_> = taken.iter().map(|it| it.local_addr().unwrap().port()).collect();
    let uris =
        format!("\"http://127.0.0.1:{}/callback\", \"http://127.0.0.1:{}/callback\"", ports[0], ports[1]);
    let world = World::with(&format!("redirect_uris = [{uris}]\n"));
    let mut running = world.login(&[]);
    let error = running.until("error");
    assert_eq!(error["kind"], "in_use", "{error}");
    for word in [ports[0].to_string(), ports[1].to_string(), "by paste or by device".to_owned()] {
        assert!(error.to_string().contains(&word), "{word}: {error}");
    }
    assert_ne!(running.code(), 0);
}
