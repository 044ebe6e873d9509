//! Several workers on one sign-in whose tokens live for seconds: each is refreshed once, whoever does it, and the server sees
//! no token twice.
//!
//! There are a few rotations; `MAESTRO_ROTATIONS=200` makes it 200, with tokens that live 5 seconds.

use std::{
    fs::File,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use maestro_testkit::{
    needs_postgres, needs_private_postgres,
    postgres::Postgres,
    sandbox::{Flavour, OauthCounters, Scenario},
};
use serde_json::Value;

use crate::{
    home::{Ran, Running},
    world::{Place, World},
};

const WORKERS: usize = 3;
/// How many seconds tokens live in a run of a few rotations.
const LIFETIME: u64 = 2;
/// For how long one rotation may take; a machine with other work is slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn rotations() -> (u64, u64) {
    match std::env::var("MAESTRO_ROTATIONS") {
        Ok(text) => (text.parse().unwrap(), 5),
        Err(_) => (4, LIFETIME),
    }
}

/// Workers, and the files that they write to: nobody reads a pipe meanwhile.
struct Crew<'a> {
    world: &'a World,
    workers: Vec<Child>,
    started: usize,
}

impl<'a> Crew<'a> {
    fn start(world: &'a World) -> Self {
        let mut crew = Self { world, workers: Vec::new(), started: 0 };
        for _ in 0..WORKERS {
            crew.add();
        }
        crew
    }

    fn add(&mut self) {
        let output = self.world.home.path().join(format!("worker-{}.jsonl", self.started));
        self.started += 1;
        let mut command = self.world.command(&["worker", "--look-every", "1"]);
        command.stdout(File::create(output).unwrap()).stderr(Stdio::null());
        self.workers.push(command.spawn().unwrap());
    }

    /// What each has said so far, as far as its lines are whole.
    fn said(&self) -> Vec<Vec<Value>> {
        let read = |number: usize| {
            let file = self.world.home.path().join(format!("worker-{number}.jsonl"));
            let text = std::fs::read_to_string(file).unwrap();
            let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            whole.map(|line| serde_json::from_str(line).expect(line)).collect()
        };
        (0..self.started).map(read).collect()
    }

    /// Has all stop, which they must do well, and returns what each said.
    fn stop(mut self) -> Vec<Vec<Value>> {
        for worker in &self.workers {
            signal(worker, "-TERM");
        }
        for worker in &mut self.workers {
            assert_eq!(worker.wait().unwrap().code(), Some(0));
        }
        self.said()
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}

fn counters(world: &World) -> OauthCounters {
    world.sandbox.authorization().counters()
}

/// Waits until the server has given tokens so often.
fn until_refreshed(world: &World, times: u64) {
    until(|| counters(world).refreshes >= times, &format!("not refreshed {times} times"));
}

fn until(holds: impl Fn() -> bool, otherwise: &str) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{otherwise}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn lifetime(world: &World, seconds: u64) {
    world
        .sandbox
        .authorization()
        .configure(Flavour::Standard, |settings| settings.access_token_seconds = seconds);
}

fn of_type<'a>(lines: &'a [Vec<Value>], name: &str) -> Vec<&'a Value> {
    lines.iter().flatten().filter(|line| line["type"] == name).collect()
}

fn status(world: &World) -> Vec<Value> {
    let ran = Ran::of(world.command(&["worker", "status", "--limit", "1000"]).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.lines()
}

fn each_rotation_is_one_exchange(place: Place) {
    let world = World::new(place, 0);
    let (rotations, seconds) = rotations();
    lifetime(&world, seconds);
    let begun = Instant::now();
    let crew = Crew::start(&world);
    for rotation in 1..=rotations {
        until_refreshed(&world, rotation);
    }
    let said = crew.stop();
    let seen = counters(&world);
    println!("{} rotations by {WORKERS} workers took {:?}", seen.refreshes, begun.elapsed());
    assert_eq!((seen.reuses_detected, seen.reuses_within_grace, seen.refused), (0, 0, 0));
    assert!(!world.sandbox.authorization().families()[0].revoked);
    assert_eq!(of_type(&said, "failed"), Vec::<&Value>::new());
    let refreshed = of_type(&said, "refreshed");
    let own = refreshed.iter().filter(|line| line["outcome"] == "refreshed").count();
    assert_eq!(own as u64, seen.refreshes, "each exchange was one worker's");
    let told = status(&world);
    let counts = told.last().unwrap();
    assert_eq!((&counts["type"], counts["failed"].as_u64()), (&"worker_status".into(), Some(0)), "{counts}");
    assert!(counts["done"].as_u64().unwrap() >= rotations, "{counts}");
    // The next refresh, and one that stands by where a worker was seen in the middle of its own.
    let next = counts["waiting"].as_u64().unwrap() + counts["due"].as_u64().unwrap();
    assert!((1..=2).contains(&next), "{counts}");
}

fn a_killed_worker_costs_nothing(place: Place) {
    const GRACE: u64 = 20;
    let world = World::new(place, GRACE);
    lifetime(&world, LIFETIME);
    world.delay_next_answer(60_000);
    let mut crew = Crew::start(&world);
    world.wait_for_request(false);
    // One of them waits for an answer that does not come. All are killed, so that it is among them.
    for worker in &mut crew.workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    crew.workers.clear();
    crew.add();
    until_refreshed(&world, 3);
    crew.stop();
    let seen = counters(&world);
    assert_eq!((seen.reuses_detected, seen.reuses_within_grace), (0, 1), "the lost one is asked once more");
    assert!(!world.sandbox.authorization().families()[0].revoked);
}

#[test]
fn each_rotation_by_three_workers_on_a_file_is_one_exchange() {
    each_rotation_is_one_exchange(Place::File);
}

#[test]
fn killed_workers_on_a_file_cost_nothing() {
    a_killed_worker_costs_nothing(Place::File);
}

#[test]
fn the_jobs_of_a_sign_in_that_is_ended_are_taken_back_at_once() {
    let world = World::new(Place::File, 0);
    let none = status(&world);
    assert_eq!((none.len(), none[0]["workers_alive"].as_u64()), (1, Some(0)));
    let once = |name: &str| {
        let ran = Ran::of(world.command(&["worker", "--once"]).output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.lines().iter().any(|line| line["type"] == name)
    };
    assert!(once("refreshed"));
    assert!(!once("refreshed"), "nothing is due");
    let told = status(&world);
    let waiting = told.iter().find(|line| line["state"] == "waiting").unwrap();
    assert_eq!((&waiting["name"], &waiting["attempt"]), (&"work".into(), &1.into()));
    let ran = Ran::of(world.command(&["auth", "logout", "work", "--yes"]).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = status(&world);
    assert!(told.iter().all(|line| line["state"] != "waiting"), "{told:?}");
    let cancelled = told.iter().find(|line| line["state"] == "cancelled").unwrap();
    assert_eq!(cancelled["result"], "the sign-in was deleted");
}

#[test]
fn an_answer_whose_program_was_killed_is_ended() {
    let world = World::new(Place::File, 0);
    let stalls = r#"{"reply": {"deltas": ["one ", "two ", "three "]}, "stream": {"stall_after_events": 6}}"#;
    world.sandbox.add_scenario(Scenario::parse(stalls).unwrap().remove(0));
    let chat = ["chat", "--once", "hi", "--auth", "work", "--model", "sandbox-small", "--session", "killed"];
    let mut running = Running::start(&mut world.command(&chat));
    running.until("text");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let ran = Ran::of(world.command(&["worker", "--once"]).output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    let recovered = ran.lines().into_iter().find(|line| line["type"] == "recovered").unwrap();
    assert_eq!(recovered["entries"].as_array().unwrap().len(), 1, "{recovered}");
    let ran = Ran::of(world.command(&["worker", "--once"]).output().unwrap());
    assert!(ran.lines().iter().all(|line| line["type"] != "recovered"), "it is ended once");
    let ran = Ran::of(world.command(&["session", "show", "killed"]).output().unwrap());
    let entry = ran.lines().into_iter().rfind(|line| line["type"] == "entry").unwrap();
    assert_eq!(entry["state"], "interrupted");
    assert!(entry["parts"].to_string().contains("one"), "{entry}");
}

#[test]
fn a_refusal_is_told_by_the_status_and_not_tried_again() {
    let world = World::new(Place::File, 0);
    world.sandbox.authorization().end_sessions(Flavour::Standard);
    for _ in 0..2 {
        let ran = Ran::of(world.command(&["worker", "--once"]).output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    assert_eq!(counters(&world).refused, 1);
    let told = status(&world);
    let failed = told.iter().find(|line| line["state"] == "failed").unwrap();
    assert!(failed["result"].as_str().unwrap().contains("sign in again"), "{failed}");
    let ran = Ran::of(world.command(&["worker", "status"]).output().unwrap());
    assert!(ran.lines().last().unwrap()["failed"] == 1);
}

needs_postgres! {

#[test]
fn each_rotation_by_three_workers_on_a_database_is_one_exchange() {
    each_rotation_is_one_exchange(Place::Database(Postgres::for_tests().unwrap()));
}

#[test]
fn killed_workers_on_a_database_cost_nothing() {
    a_killed_worker_costs_nothing(Place::Database(Postgres::for_tests().unwrap()));
}

}

needs_private_postgres! {

#[test]
fn workers_go_on_after_the_database_was_away() {
    let world = World::new(Place::Server(Postgres::private().unwrap()), 0);
    let Place::Server(server) = &world.place else { unreachable!("it is a server of its own") };
    lifetime(&world, LIFETIME);
    let crew = Crew::start(&world);
    until_refreshed(&world, 1);
    server.stop().unwrap();
    until(|| !of_type(&crew.said(), "trouble").is_empty(), "nobody sees that it is away");
    server.start().unwrap();
    let before = counters(&world).refreshes;
    until_refreshed(&world, before + 2);
    crew.stop();
    let seen = counters(&world);
    assert_eq!((seen.reuses_detected, seen.reuses_within_grace, seen.refused), (0, 0, 0));
}

}
