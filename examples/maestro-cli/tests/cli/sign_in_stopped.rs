//! Ctrl-C while the server is answering: what has begun there is finished here.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use maestro_testkit::sandbox::{Consent, Flavour, Scenario};
use serde_json::Value;

use crate::{
    home::Running,
    sign_in::{World, visit},
};

/// The answer to this grant comes a second and a half later; it is given at once.
fn delay(world: &World, grant: &str) {
    let scenario = format!(
        r#"{{"match": {{"dialect": "authorization", "grant": "{grant}"}}, "times": 1, "delay_ms": 1500}}"#
    );
    world.sandbox.add_scenario(Scenario::parse(&scenario).unwrap().remove(0));
}

/// Waits until the server has been asked for tokens with such a grant, which begins so.
fn wait_for(world: &World, grant: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    let asked = |body: &Value| body["grant_type"].as_str().is_some_and(|asked| asked.ends_with(grant));
    while !world.sandbox.requests().iter().any(|request| asked(&request.body)) {
        assert!(Instant::now() < end, "nobody asks");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// It was stopped, but not half-way: the sign-in is saved, good, and known.
fn expect_saved(world: &World, mut running: Running) {
    assert_eq!(running.until("auth")["name"], "work");
    let error = running.until("error");
    assert_eq!(error["kind"], "cancelled");
    assert!(
        error.to_string().contains("is saved") && error.to_string().contains("auth logout work"),
        "{error}"
    );
    assert_eq!(running.code(), 130);
    assert_eq!(world.run(&["auth", "status", "work"]).last()["renewable"], true);
    let ran = world.run(&["auth", "refresh", "work", "--now"]);
    assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"refreshed".into()), "{ran:?}");
    assert_eq!(world.sandbox.authorization().families().len(), 1);
}

#[test]
fn a_code_that_is_being_traded_is_traded_and_saved() {
    let world = World::new();
    delay(&world, "authorization_code");
    let mut running = world.login(&["--flow", "paste"]);
    let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
    let back = world.sandbox.authorization().approve(&url).unwrap();
    writeln!(running.child.stdin.take().unwrap(), "{}", back.url()).unwrap();
    wait_for(&world, "authorization_code");
    running.signal("-INT");
    expect_saved(&world, running);
}

#[test]
fn a_code_that_the_browser_brought_is_traded_and_saved_when_the_program_is_terminated() {
    let world = World::new();
    delay(&world, "authorization_code");
    let mut running = world.login(&[]);
    let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
    visit(world.sandbox.authorization().approve(&url).unwrap().url());
    wait_for(&world, "authorization_code");
    running.signal("-TERM");
    running.signal("-INT");
    expect_saved(&world, running);
}

#[test]
fn a_device_that_is_just_being_told_yes_is_saved() {
    let world = World::new();
    world.sandbox.authorization().configure(Flavour::Standard, |settings| {
        (settings.consent, settings.device_interval_seconds) = (Consent::Approve, 1);
    });
    delay(&world, "device_code");
    let mut running = world.login(&["--flow", "device"]);
    running.until("device");
    wait_for(&world, "device_code");
    running.signal("-INT");
    expect_saved(&world, running);
}

#[test]
fn a_device_that_nobody_approves_can_be_left() {
    let world = World::new();
    let mut running = world.login(&["--flow", "device"]);
    running.until("device");
    running.signal("-INT");
    assert_eq!(running.until("error")["kind"], "cancelled");
    assert_eq!(running.code(), 130);
    assert!(world.run(&["auth", "status"]).lines().is_empty());
}

#[test]
fn new_tokens_on_their_way_are_written_down() {
    let world = World::new();
    world.signed_in();
    delay(&world, "refresh_token");
    let mut running =
        Running::start(&mut world.home.command(&world.args(&["auth", "refresh", "work", "--now"])));
    wait_for(&world, "refresh_token");
    running.signal("-INT");
    assert_eq!(running.until("error")["kind"], "cancelled");
    assert_eq!(running.code(), 130);
    let status = world.run(&["auth", "status", "work"]).last();
    assert_eq!(status["asked"], Value::Null, "{status}");
    let counters = world.sandbox.authorization().counters();
    let ran = world.run(&["auth", "refresh", "work", "--now"]);
    assert_eq!((ran.code, counters.refreshes), (0, 1), "{ran:?}");
    assert_eq!(world.sandbox.authorization().counters().reuses_detected, 0);
}

#[test]
fn a_turn_that_is_stopped_before_its_answer_keeps_the_new_tokens() {
    let world = World::new();
    let lives = |seconds| {
        world.sandbox.authorization().configure(Flavour::Standard, |it| it.access_token_seconds = seconds);
    };
    lives(0);
    world.signed_in();
    lives(3600);
    delay(&world, "refresh_token");
    let openai = world.sandbox.openai_url();
    let chat = ["chat", "--once", "hi", "--auth", "work", "--model", "sandbox-small", "--base-url", &openai];
    let mut running = Running::start(&mut world.home.command(&world.args(&chat)));
    wait_for(&world, "refresh_token");
    running.signal("-INT");
    assert_eq!(running.code(), 130);
    let ran = world.run(&["auth", "refresh", "work"]);
    assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"fresh".into()), "{ran:?}");
    let counters = world.sandbox.authorization().counters();
    assert_eq!((counters.refreshes, counters.reuses_detected), (1, 0));
}

#[test]
fn a_sign_in_that_cannot_be_saved_is_ended_at_the_server() {
    let world = World::new();
    world.signed_in();
    assert_eq!(world.run(&["auth", "rename", "work", "before"]).code, 0);
    delay(&world, "authorization_code");
    let mut running = world.login(&["--flow", "paste"]);
    let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
    let back = world.sandbox.authorization().approve(&url).unwrap();
    writeln!(running.child.stdin.take().unwrap(), "{}", back.url()).unwrap();
    wait_for(&world, "authorization_code");
    // Somebody else takes the name meanwhile.
    let ran = world.run(&["auth", "rename", "before", "work"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(running.until("error")["kind"], "conflict");
    assert_eq!(running.code(), 7);
    let families = world.sandbox.authorization().families();
    assert_eq!((families[0].revoked, families[1].revoked), (false, true));
}
