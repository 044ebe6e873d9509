//! The whole pipeline, tried by one command: on the sandbox inside it, and at a server that stands for the real one.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use maestro_testkit::sandbox::{Sandbox, Scenario};
use serde_json::Value;

use crate::home::{Home, Ran, Running, run_with, types};

const RUNS: [&str; 10] = [
    "anthropic/oauth",
    "anthropic/api-key",
    "openai/chatgpt",
    "openai/bought-key",
    "openai/refused-key",
    "openai/api-key",
    "gemini/oauth",
    "gemini/api-key",
    "openai_compatible/device",
    "openai_compatible/api-key",
];

const STEPS: [&str; 9] = [
    "sign_in",
    "mode",
    "exchange",
    "refresh",
    "models",
    "cut_answer",
    "ask_again",
    "split_check",
    "sign_out",
];

/// A home with a directory of its own for what is temporary.
struct World {
    home: Home,
    temporary: PathBuf,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let temporary = home.path().join("temporary");
        std::fs::create_dir(&temporary).unwrap();
        Self { home, temporary }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        command.env("TMPDIR", &self.temporary);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        run_with(&mut self.command(args), "")
    }

    /// Nothing temporary is left, and the user has neither a store nor a key.
    fn assert_untouched(&self) {
        self.assert_tidy();
        for made in ["data", "vault-key"] {
            assert!(!self.home.path().join(made).exists(), "{made} was made");
        }
    }

    fn assert_tidy(&self) {
        let left: Vec<_> = std::fs::read_dir(&self.temporary).unwrap().map(|it| it.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A server that stands for the real service, with a saved key for it.
struct Service {
    world: World,
    sandbox: Sandbox,
    _runtime: tokio::runtime::Runtime,
}

impl Service {
    fn new(scenarios: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sandbox = runtime.block_on(Sandbox::start()).unwrap();
        sandbox.set_scenarios(Scenario::parse(scenarios).unwrap());
        let world = World::new();
        world.home.save_key("anthropic", "work", &sandbox.anthropic_url(), "sandbox-canary-0123456789");
        Self { world, sandbox, _runtime: runtime }
    }

    fn run(&self) -> Ran {
        self.world.run(&["--json", "e2e", "--auth", "work"])
    }

    /// What is saved, and whether anything was said.
    fn kept(&self) -> Vec<Value> {
        let mut kept = self.world.home.json(&["auth", "list"]);
        kept.extend(self.world.home.json(&["session", "list"]));
        kept
    }
}

/// The steps of each outcome.
fn steps_that<'a>(lines: &'a [Value], outcome: &str) -> Vec<&'a str> {
    let steps = lines.iter().filter(|line| line["outcome"] == outcome);
    steps.map(|line| line["step"].as_str().unwrap()).collect()
}

/// The runs, in their order.
fn runs(lines: &[Value]) -> Vec<&str> {
    let mut runs: Vec<_> = lines.iter().filter_map(|line| line["run"].as_str()).collect();
    runs.dedup();
    runs
}

#[test]
fn everything_passes_with_no_key_and_no_trace_is_left() {
    let world = World::new();
    let ran = world.run(&["--json", "e2e"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.lines();
    assert_eq!(types(&lines), ["step", "e2e"]);
    assert_eq!(runs(&lines), RUNS);
    for run in RUNS {
        let steps: Vec<_> = lines.iter().filter(|line| line["run"] == run).collect();
        let names: Vec<_> = steps.iter().map(|line| line["step"].as_str().unwrap()).collect();
        assert_eq!(names, STEPS, "{run}");
        for step in steps {
            assert_eq!(Some(step["provider"].as_str().unwrap()), run.split('/').next(), "{step}");
            assert!(step["ms"].is_u64() && step["detail"].is_string() && step["error"].is_null(), "{step}");
        }
    }
    // Only a key is not bought and not refreshed.
    let skipped: Vec<_> = lines.iter().filter(|line| line["outcome"] == "skipped").collect();
    assert!(skipped.iter().all(|line| line["run"].as_str().unwrap().ends_with("/api-key")), "{skipped:?}");
    assert_eq!(steps_that(&lines, "skipped"), ["exchange", "refresh"].repeat(4));
    let end = ran.last();
    assert_eq!((&end["passed"], &end["failed"], &end["skipped"]), (&82.into(), &0.into(), &8.into()));
    assert_eq!(end["ok"], true);
    world.assert_untouched();
}

#[test]
fn what_was_checked_is_told() {
    let world = World::new();
    let lines = world.run(&["--json", "e2e", "--provider", "openai"]).lines();
    assert_eq!(runs(&lines), RUNS[2..6]);
    let detail = |run: &str, step: &str| {
        let line = lines.iter().find(|line| line["run"] == run && line["step"] == step).unwrap();
        line["detail"].as_str().unwrap().to_owned()
    };
    for (run, step, word) in [
        ("openai/chatgpt", "sign_in", "http://localhost:"),
        ("openai/chatgpt", "mode", "plan plus: the tokens"),
        ("openai/chatgpt", "refresh", "one request; then fresh"),
        ("openai/chatgpt", "cut_answer", "truncated"),
        ("openai/chatgpt", "sign_out", "at the server and here"),
        ("openai/bought-key", "mode", "plan business: an API key"),
        ("openai/bought-key", "exchange", "a key was bought"),
        ("openai/refused-key", "exchange", "missing organization_id"),
        ("openai/api-key", "ask_again", "tokens in"),
        ("openai/api-key", "split_check", "pieces of 1, 3, 61 and 4093"),
    ] {
        let detail = detail(run, step);
        assert!(detail.contains(word), "{run} {step}: {detail}");
    }
}

#[test]
fn people_read_a_line_a_step_by_run() {
    let world = World::new();
    let ran = world.run(&["e2e", "--provider", "gemini"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("gemini/oauth · "), "{ran:?}");
    assert!(lines[1].starts_with("  ✓ sign in") && lines[1].contains(" ms  "), "{ran:?}");
    assert!(lines[10].starts_with("gemini/api-key · "), "{ran:?}");
    assert!(lines[13].starts_with("  – exchange "), "{ran:?}");
    assert_eq!(lines.last().unwrap(), &"16 of 16 steps passed, 2 skipped");
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_provider_that_is_not_known_is_told_with_those_that_are() {
    let world = World::new();
    let ran = world.run(&["--json", "e2e", "--provider", "nobody"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (6, &"not_found".into()), "{ran:?}");
    for known in ["anthropic", "gemini", "openai", "openai_compatible"] {
        assert!(ran.last()["message"].as_str().unwrap().contains(known), "{ran:?}");
    }
    for args in [["e2e", "--live"].as_slice(), &["e2e", "--model", "gpt-5.2"]] {
        assert_eq!(world.run(args).code, 2, "{args:?}");
    }
    let ran = world.run(&["--json", "e2e", "--auth", "nobody"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (6, &"not_found".into()), "{ran:?}");
}

#[test]
fn no_token_and_no_key_is_seen_however_much_is_logged() {
    let world = World::new();
    let mut command = world.command(&["-vvv", "--json", "e2e"]);
    let ran = run_with(command.env("MAESTRO_LOG", "trace"), "");
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = format!("{}{}", ran.stdout, ran.stderr);
    assert!(seen.contains("TRACE"), "the log is on");
    // What the sandbox's tokens of all kinds begin with, its key, and the secret of its client.
    let words = seen.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '.' | '/'));
    for word in words {
        let is_secret = [
            "eyJ",
            "sk-ant-",
            "ya29.",
            "1//0",
            "sandbox-key",
            "sandbox-code",
            "sandbox-device",
            "sandbox-secret",
        ]
        .iter()
        .any(|beginning| word.starts_with(beginning));
        let is_refresh_token = word.starts_with("rt_") && word.len() > 20;
        assert!(!is_secret && !is_refresh_token, "{word}");
    }
}

#[test]
fn nobody_else_is_contacted_whatever_is_set() {
    // Whoever leaves this machine would come by here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let trap = format!("http://{}", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    thread::spawn({
        let came = came.clone();
        move || {
            for _ in listener.incoming() {
                came.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let world = World::new();
    let run = |args: &[&str]| {
        let mut command = world.command(args);
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env(proxy, &trap);
        }
        for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENAI_COMPATIBLE_API_KEY"] {
            command.env(key, "junk-0123456789");
        }
        command.env("OPENAI_BASE_URL", &trap).env("MAESTRO_MODEL", "junk").env("MAESTRO_KEY", "junk");
        run_with(&mut command, "")
    };
    let ran = run(&["--json", "e2e"]);
    assert_eq!((ran.code, &ran.last()["passed"]), (0, &82.into()), "{ran:?}");
    assert_eq!(came.load(Ordering::SeqCst), 0);
    world.assert_untouched();
    // That the trap is one: a command that means to leave this machine falls into it.
    assert_ne!(run(&["models", "--provider", "openai"]).code, 0);
    assert!(came.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_saved_key_is_tried_and_nothing_stays_of_it() {
    let service = Service::new("[]");
    let before = service.kept();
    let ran = service.run();
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.lines();
    assert_eq!(runs(&lines), ["live/work"]);
    assert_eq!(steps_that(&lines, "ok"), ["mode", "models", "cut_answer", "ask_again", "split_check"]);
    assert_eq!(steps_that(&lines, "skipped"), ["sign_in", "exchange", "refresh", "sign_out"]);
    let asked: Vec<_> = service.sandbox.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(
        asked,
        ["/anthropic/v1/models", "/anthropic/v1/messages", "/anthropic/v1/messages"],
        "two answers, and no more"
    );
    assert_eq!(service.kept(), before, "the session is removed, and the key is as it was");
    service.world.assert_tidy();
    assert!(!format!("{ran:?}").contains("canary"), "{ran:?}");
}

#[test]
fn a_key_of_the_environment_is_tried_in_a_store_of_its_own() {
    let service = Service::new("[]");
    let world = World::new();
    let args = ["--json", "e2e", "--live", "--provider", "openai_compatible", "--model", "sandbox-small"];
    let without = world.run(&args);
    assert_eq!((without.code, &without.last()["kind"]), (2, &"invalid".into()), "{without:?}");
    let mut command = world.command(&args);
    command
        .env("OPENAI_BASE_URL", service.sandbox.openai_url())
        .env("OPENAI_COMPATIBLE_API_KEY", "sandbox-me");
    let ran = run_with(&mut command, "");
    assert_eq!((ran.code, runs(&ran.lines())), (0, vec!["live/environment"]), "{ran:?}");
    world.assert_untouched();
    let ran = world.run(&["--json", "e2e", "--live", "--provider", "anthropic"]);
    assert_eq!((ran.code, &ran.last()["kind"]), (5, &"unauthenticated".into()), "{ran:?}");
    assert!(ran.last()["advice"].as_str().unwrap().contains("ANTHROPIC_API_KEY"), "{ran:?}");
}

#[test]
fn what_a_service_does_wrong_fails_the_step_that_sees_it() {
    let whole = "Verify every webhook before anything is done with it, over the raw body of the request.";
    for (scenario, failed, problem) in [
        (
            format!(
                r#"{{"reply": {{"text": "{whole}", "usage": {{"input_tokens": 0, "output_tokens": 0}}}}}}"#
            ),
            vec!["ask_again"],
            "usage",
        ),
        (
            format!(r#"{{"reply": {{"text": "{whole}"}}, "stream": {{"end_after_events": 8}}}}"#),
            vec!["ask_again"],
            "end",
        ),
        (format!(r#"{{"reply": {{"text": "{whole}", "finish": "length"}}}}"#), vec!["ask_again"], "length"),
        (
            format!(
                r#"{{"reply": {{"text": "{whole}"}}, "stream": {{"error_after_events": {{"events": 8}}}}}}"#
            ),
            vec!["ask_again"],
            "overloaded",
        ),
        (
            r#"{"reply": {"text": "I would rather talk about the weather."}}"#.to_owned(),
            vec!["ask_again"],
            "webhook",
        ),
        (r#"{"reply": {"text": "webhook"}}"#.to_owned(), vec!["cut_answer"], "was whole"),
        (r#"{"status": {"code": 400}}"#.to_owned(), vec!["cut_answer", "ask_again"], "HTTP 400"),
        (r#"{"match": {"path": "/models"}, "status": {"code": 500}}"#.to_owned(), vec!["models"], "HTTP 500"),
    ] {
        let service = Service::new(&scenario);
        let before = service.kept();
        let ran = service.run();
        assert_eq!(ran.code, 1, "{scenario}: {ran:?}");
        let lines = ran.lines();
        assert_eq!(steps_that(&lines, "failed"), failed, "{scenario}: {ran:?}");
        let line = lines.iter().find(|line| line["outcome"] == "failed").unwrap();
        assert!(line["detail"].as_str().unwrap().contains(problem), "{scenario}: {line}");
        assert!(line["error"]["kind"].is_string(), "{line}");
        let asked_again = !failed.contains(&"ask_again");
        assert_eq!(steps_that(&lines, "ok").contains(&"split_check"), asked_again, "{scenario}: {ran:?}");
        assert_eq!((&ran.last()["ok"], &ran.last()["failed"]), (&false.into(), &failed.len().into()));
        assert_eq!(service.kept(), before, "{scenario}: the session is removed all the same");
    }
}

#[test]
fn a_failed_step_is_marked_for_people() {
    let service = Service::new(r#"{"status": {"code": 400}}"#);
    let ran = service.world.run(&["e2e", "--auth", "work"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("\n  ✗ cut answer "), "{ran:?}");
    assert!(ran.stdout.ends_with("2 of 4 steps passed, 5 skipped\n"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn who_stops_it_in_the_middle_of_an_answer_finds_everything_as_it_was() {
    let service = Service::new(r#"{"stream": {"stall_after_events": 3}}"#);
    let before = service.kept();
    let mut running = Running::start(&mut service.world.command(&["--json", "e2e", "--auth", "work"]));
    while running.until("step")["step"] != "models" {}
    let is_answering = || service.sandbox.requests().iter().any(|it| it.path.ends_with("/messages"));
    while !is_answering() {
        assert!(running.child.try_wait().unwrap().is_none(), "it ended before it asked");
        thread::yield_now();
    }
    running.signal("-INT");
    let rest = running.rest();
    assert_eq!((types(&rest), &rest[0]["kind"]), (vec!["error"], &"cancelled".into()));
    assert_eq!(running.code(), 130);
    assert_eq!(service.kept(), before);
    service.world.assert_tidy();

    // The same where everything is in this process.
    let world = World::new();
    let mut running = Running::start(&mut world.command(&["--json", "e2e"]));
    running.until("step");
    running.signal("-TERM");
    assert!(types(&running.rest()).ends_with(&["error"]));
    assert_eq!(running.code(), 130);
    world.assert_untouched();
}
