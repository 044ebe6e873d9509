//! Signing in once more, in the place of a sign-in that is there; keys that are bought; Cloud projects.

use std::{fs, process::Stdio};

use maestro_testkit::sandbox::{Flavour, Sandbox};

use crate::{
    home::{Home, Running},
    sign_in::World,
};

const REPLACE: [&str; 6] = ["auth", "login", "openai_compatible", "--name", "work", "--replace"];

/// Begins to sign in again, by paste.
fn again(world: &World, more: &[&str]) -> Running {
    let args = [&REPLACE[..], &["--flow", "paste"], more].concat();
    let mut command = world.home.command(&world.args(&args));
    Running::start(command.stdin(Stdio::piped()))
}

#[test]
fn what_the_error_of_a_dead_sign_in_says_to_do_just_works() {
    let world = World::new();
    world.signed_in();
    world.sandbox.authorization().end_sessions(Flavour::Standard);
    let ran = world.run(&["auth", "refresh", "work", "--now"]);
    assert!(ran.code == 5 && ran.stdout.contains(&format!("maestro {}", REPLACE.join(" "))), "{ran:?}");
    // The file that named the client is gone.
    fs::remove_file(&world.profile).unwrap();
    let mut running = again(&world, &[]);
    let policy = running.until("policy");
    assert!(policy["accepted_at"].is_string(), "it is shown, and not asked about: {policy}");
    world.pastes(running);
    let status = world.run(&["auth", "status", "work"]).last();
    assert_eq!(
        (&status["client_id"], &status["refused"]),
        (&"sandbox-client".into(), &serde_json::Value::Null)
    );
    assert_eq!(status["policy"]["at"], policy["accepted_at"], "what was accepted stays");
    assert_eq!(world.run(&["auth", "refresh", "work", "--now"]).last()["outcome"], "refreshed");
}

#[test]
fn terms_that_have_changed_are_asked_about_again() {
    let world = World::with("[policy]\ntext = \"For us.\"\nsource = \"the handbook\"\naccess = \"open\"\n");
    world.signed_in();
    let changed = fs::read_to_string(&world.profile).unwrap();
    for (from, to) in [("For us.", "For all."), ("the handbook", "the new handbook"), ("open", "restricted")]
    {
        let text = format!("turn_on_restricted = true\n{}", changed.replace(from, to));
        fs::write(&world.profile, text).unwrap();
        let ran = world.run(&[&REPLACE[..], &["--profile", &world.profile]].concat());
        assert_eq!((ran.code, &ran.last()["kind"]), (2, &"invalid".into()), "{ran:?}");
        assert!(ran.stdout.contains("--accept-policy"), "{ran:?}");
        assert!(ran.lines()[0]["accepted_at"].is_null(), "{ran:?}");
    }
    // The same terms at a server that is named anew are those that were accepted.
    fs::write(&world.profile, &changed).unwrap();
    world.pastes(again(&world, &["--profile", &world.profile]));
}

#[test]
fn a_name_that_is_not_taken_has_no_client_to_go_on_with() {
    let world = World::new();
    let ran = world.run(&REPLACE);
    assert_eq!((ran.code, &ran.last()["kind"]), (2, &"invalid".into()), "{ran:?}");
    assert!(ran.stdout.contains("--profile"), "{ran:?}");
}

#[test]
fn a_key_is_bought_again_when_it_is_refused_and_with_the_next_sign_in() {
    let world = World::with("[token_exchange]\nplans_with_tokens = [\"free\"]\n");
    let authorization = world.sandbox.authorization();
    authorization.configure(Flavour::Standard, |settings| settings.exchanged_token_seconds = Some(3600));
    let openai = world.sandbox.openai_url();
    world.pastes(world.login(&["--flow", "paste", "--mode", "api-key", "--base-url", &openai]));
    assert_eq!(authorization.counters().exchanges, 1);
    let chat = ["chat", "--once", "hi", "--auth", "work", "--model", "sandbox-small"];
    assert_eq!(world.run(&chat).code, 0);
    assert_eq!(authorization.counters().exchanges, 1);

    // At the server time goes faster than here: what looks good here is refused there.
    authorization.advance(std::time::Duration::from_secs(3600));
    let ran = world.run(&chat);
    assert_eq!(ran.code, 0, "{ran:?}");
    let counters = authorization.counters();
    assert_eq!((counters.refreshes, counters.exchanges), (1, 2));

    // Once is enough: where the new one is refused, too, the user is told.
    authorization.configure(Flavour::Standard, |settings| settings.exchanged_token_seconds = Some(0));
    authorization.advance(std::time::Duration::from_secs(3600));
    let ran = world.run(&chat);
    assert_eq!((ran.code, &ran.last()["kind"]), (5, &"unauthenticated".into()), "{ran:?}");
    assert_eq!(authorization.counters().exchanges, 3);

    // The next sign-in has a key and the same server, without being told.
    authorization.configure(Flavour::Standard, |settings| settings.exchanged_token_seconds = Some(3600));
    world.pastes(again(&world, &[]));
    assert_eq!(world.run(&["auth", "status", "work"]).last()["mode"], "api-key");
    assert_eq!(world.run(&chat).code, 0);
}

#[test]
fn a_key_is_refused_before_sign_in_where_none_is_sold() {
    let world = World::new();
    let args = ["auth", "login", "openai_compatible", "--profile", &world.profile, "--mode", "api-key"];
    let ran = world.run(&args);
    assert_eq!((ran.code, ran.lines().len(), &ran.last()["kind"]), (2, 1, &"invalid".into()), "{ran:?}");
    assert!(ran.stdout.contains("[token_exchange]"), "{ran:?}");
}

/// Google's server, and Gemini behind it, which books every request on a project.
fn google() -> (Home, tokio::runtime::Runtime, Sandbox, String) {
    let (home, runtime) = (Home::new(), tokio::runtime::Runtime::new().unwrap());
    let sandbox = runtime.block_on(Sandbox::start()).unwrap();
    let endpoints = sandbox.authorization().endpoints(Flavour::Google);
    let text = format!(
        "provider = \"gemini\"\nclient_id = \"sandbox-client\"\nclient_secret = \"sandbox-secret\"\n\
         authorization_endpoint = \"{}\"\ntoken_endpoint = \"{}\"\n",
        endpoints.authorize, endpoints.token
    );
    let file = home.file("google.toml", text).display().to_string();
    (home, runtime, sandbox, file)
}

#[test]
fn requests_of_a_google_sign_in_are_booked_on_the_project_that_was_named() {
    let (home, _runtime, sandbox, file) = google();
    let sign_in = |more: &[&str]| {
        let login =
            ["--json", "auth", "login", "gemini", "--name", "work", "--accept-policy", "--flow", "paste"];
        let gemini = sandbox.gemini_url();
        let args = [&login[..], &["--base-url", &gemini], more].concat();
        let mut running = Running::start(home.command(&args).stdin(Stdio::piped()));
        let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
        let back = sandbox.authorization().approve(&url).unwrap();
        std::io::Write::write_all(&mut running.child.stdin.take().unwrap(), back.url().as_bytes()).unwrap();
        running.until("auth");
        assert_eq!(running.code(), 0);
    };
    let project = || {
        let request = sandbox.requests().pop().unwrap();
        request.headers.get("x-goog-user-project").cloned()
    };
    let chat = ["--json", "chat", "--once", "hi", "--auth", "work", "--model", "sandbox-small"];
    sign_in(&["--profile", &file]);
    let ran = home.run(&chat);
    assert_ne!(ran.code, 0, "Google refuses who names no project: {ran:?}");

    sign_in(&["--profile", &file, "--replace", "--quota-project", "my-project-1"]);
    let ran = home.run(&chat);
    assert_eq!((ran.code, project().as_deref()), (0, Some("my-project-1")), "{ran:?}");
    assert_eq!(home.run(&["auth", "refresh", "work", "--now"]).code, 0);
    assert_eq!((home.run(&chat).code, project().as_deref()), (0, Some("my-project-1")));
    sign_in(&["--replace"]);
    assert_eq!((home.run(&chat).code, project().as_deref()), (0, Some("my-project-1")));

    let text = format!("quota_project = \"from-the-file\"\n{}", fs::read_to_string(&file).unwrap());
    fs::write(&file, text).unwrap();
    sign_in(&["--profile", &file, "--replace"]);
    assert_eq!((home.run(&chat).code, project().as_deref()), (0, Some("from-the-file")));
}

#[test]
fn a_project_that_cannot_be_is_refused_before_sign_in() {
    let (home, _runtime, _sandbox, file) = google();
    let world = World::new();
    for (provider, file, project, problem) in [
        ("gemini", &file, "my project", "must be the id of a Cloud project"),
        ("openai_compatible", &world.profile, "my-project-1", "gemini alone"),
    ] {
        let login = ["--json", "auth", "login", provider, "--profile", file, "--quota-project", project];
        let ran = home.run(&login);
        assert_eq!((ran.code, ran.lines().len(), &ran.last()["kind"]), (2, 1, &"invalid".into()), "{ran:?}");
        assert!(ran.stdout.contains(problem), "{ran:?}");
    }
}
