//! Signing in, at a sandbox that a profile file names.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use maestro::{
    Secret, SqliteStore,
    core::auth::{AuthExt as _, AuthQuery, Credentials, Vault},
};
use maestro_testkit::sandbox::{Consent, Flavour, Sandbox};
use url::Url;

use crate::home::{Home, Ran, Running, run_with};

/// A home, a server where somebody can sign in, and a file that names it.
pub(crate) struct World {
    pub(crate) home: Home,
    pub(crate) sandbox: Sandbox,
    runtime: tokio::runtime::Runtime,
    pub(crate) profile: String,
    store: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at(Flavour::Standard, "")
    }

    pub(crate) fn of(flavour: Flavour) -> Self {
        Self::at(flavour, "")
    }

    /// With more in the profile file.
    pub(crate) fn with(more: &str) -> Self {
        Self::at(Flavour::Standard, more)
    }

    pub(crate) fn at(flavour: Flavour, more: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sandbox = runtime.block_on(Sandbox::start()).unwrap();
        let home = Home::new();
        let issuer = sandbox.authorization().endpoints(flavour).issuer;
        let text = format!(
            "name = \"work\"\nissuer = \"{issuer}\"\nclient_id = \"sandbox-client\"\nscopes = [\"openid\", \"offline_access\"]\n{more}"
        );
        let profile = home.file("work.toml", text).display().to_string();
        let store = format!("sqlite:{}", home.path().join("m.sqlite").display());
        Self { home, sandbox, runtime, profile, store }
    }

    pub(crate) fn store(&self) -> &str {
        &self.store
    }

    pub(crate) fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [&["-vvv", "--json", "--store", &self.store], args].concat()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.home.command(&self.args(args));
        run_with(command.env("MAESTRO_LOG", "trace"), "")
    }

    pub(crate) fn login<'a>(&'a self, more: &[&'a str]) -> Running {
        let login = ["auth", "login", "openai_compatible", "--name", "work", "--profile", &self.profile];
        let args = self.args(&[&login[..], &["--accept-policy"], more].concat());
        let mut command = self.home.command(&args);
        Running::start(command.stdin(std::process::Stdio::piped()))
    }

    /// Signs in by paste.
    pub(crate) fn signed_in(&self) {
        self.signed_in_with(&[]);
    }

    /// The same with more options.
    pub(crate) fn signed_in_with(&self, more: &[&str]) {
        self.pastes(self.login(&[&["--flow", "paste"], more].concat()));
    }

    /// Goes on with a sign-in that waits for a paste, to its end.
    pub(crate) fn pastes(&self, mut running: Running) {
        let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
        let back = self.sandbox.authorization().approve(&url).unwrap();
        writeln!(running.child.stdin.take().unwrap(), "{}", back.url()).unwrap();
        assert_eq!(running.until("auth")["name"], "work");
        assert_eq!(running.code(), 0);
    }

    /// Every secret that is saved.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let key = std::fs::read_to_string(self.home.path().join("vault-key")).unwrap();
        let vault = Vault::new(key.trim().parse().unwrap());
        let rows = self.runtime.block_on(async {
            let store = SqliteStore::open(self.home.path().join("m.sqlite")).await.unwrap();
            store.auth_list_all(&AuthQuery::default()).await.unwrap()
        });
        let mut found = Vec::new();
        for row in rows {
            if let Credentials::OAuth { tokens, .. } = vault.open(row.id, &row.credentials).unwrap() {
                let tokens =
                    [Some(tokens.access_token), tokens.refresh_token, tokens.id_token, tokens.api_key];
                found.extend(tokens.iter().flatten().map(|token: &Secret| token.reveal().to_owned()));
            }
        }
        found
    }
}

/// Goes to an address, as a browser does.
pub(crate) fn visit(url: &str) -> String {
    let url: Url = url.parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
    write!(stream, "GET {}?{} HTTP/1.1\r\n\r\n", url.path(), url.query().unwrap()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn assert_nowhere_in(directory: &Path, secrets: &[String]) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere_in(&path, secrets);
            continue;
        }
        let content = std::fs::read(&path).unwrap();
        for secret in secrets {
            let is_there = content.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
            assert!(!is_there, "a token is in {}", path.display());
        }
    }
}

#[test]
fn a_browser_on_this_machine_brings_the_code() {
    let world = World::new();
    let mut running = world.login(&[]);
    let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
    let back = world.sandbox.authorization().approve(&url).unwrap();
    assert!(visit(back.url()).starts_with("HTTP/1.1 200"));
    let saved = running.until("auth");
    assert_eq!((&saved["auth_type"], &saved["name"]), (&"oauth".into(), &"work".into()));
    assert_eq!(running.code(), 0);
}

#[test]
fn a_code_is_pasted_and_a_taken_name_is_told_before_anybody_signs_in() {
    let world = World::new();
    world.signed_in();
    let login = [
        "auth",
        "login",
        "openai_compatible",
        "--name",
        "work",
        "--profile",
        &world.profile,
        "--accept-policy",
    ];
    let ran = world.run(&login);
    assert_eq!((ran.code, &ran.last()["kind"]), (7, &"conflict".into()), "{ran:?}");
    assert_eq!(world.sandbox.authorization().families().len(), 1);
}

#[test]
fn a_code_of_another_sign_in_is_refused_and_a_prompt_can_be_left() {
    let world = World::new();
    let mut running = world.login(&["--flow", "paste"]);
    running.until("authorize");
    writeln!(running.child.stdin.take().unwrap(), "canary-code#canary-state").unwrap();
    let error = running.until("error");
    assert_eq!(error["kind"], "unauthenticated");
    assert!(!error.to_string().contains("canary"), "{error}");
    assert_eq!(running.code(), 5);

    // Nobody pastes anything.
    let mut running = world.login(&["--flow", "paste"]);
    running.until("authorize");
    running.signal("-INT");
    assert_eq!(running.until("error")["kind"], "cancelled");
    assert_eq!(running.code(), 130);
    assert_eq!(world.sandbox.authorization().counters().refused, 0, "the server was not asked");
    assert!(world.run(&["auth", "status"]).lines().is_empty());
}

#[test]
fn a_device_is_signed_in_from_elsewhere() {
    let world = World::new();
    world
        .sandbox
        .authorization()
        .configure(Flavour::Standard, |settings| settings.device_interval_seconds = 1);
    let mut running = world.login(&["--flow", "device"]);
    let code = running.until("device")["user_code"].as_str().unwrap().to_owned();
    world.sandbox.authorization().approve_device(&code).unwrap();
    assert_eq!(running.until("auth")["name"], "work");
    assert_eq!(running.code(), 0);
}

#[test]
fn a_user_who_says_no_and_one_who_stops_save_nothing() {
    let world = World::new();
    let mut running = world.login(&[]);
    let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
    let back = world.sandbox.authorization().deny(&url).unwrap();
    visit(back.url());
    assert_eq!(running.until("error")["kind"], "forbidden");
    assert_eq!(running.code(), 5);

    let mut running = world.login(&[]);
    running.until("authorize");
    running.signal("-INT");
    assert_eq!(running.until("error")["kind"], "cancelled");
    assert_eq!(running.code(), 130);
    assert!(world.run(&["auth", "status"]).lines().is_empty());
}

#[test]
fn tokens_are_refreshed_once_and_the_sign_in_is_ended_at_the_server() {
    let world = World::new();
    let lives = |seconds| {
        world.sandbox.authorization().configure(Flavour::Standard, |it| it.access_token_seconds = seconds);
    };
    lives(0);
    world.signed_in();
    lives(3600);
    for outcome in ["refreshed", "fresh"] {
        let ran = world.run(&["auth", "refresh", "work"]);
        assert_eq!((ran.code, &ran.last()["outcome"]), (0, &outcome.into()), "{ran:?}");
        assert!(ran.last()["expires_at"].is_string(), "{ran:?}");
    }
    assert_eq!(world.sandbox.authorization().counters().refreshes, 1);
    let status = world.run(&["auth", "status", "work"]).last();
    assert_eq!((&status["type"], &status["mode"]), (&"sign_in".into(), &"tokens".into()), "{status}");
    assert_eq!((&status["renewable"], &status["server"]), (&true.into(), &"work".into()), "{status}");
    assert!(status["policy"]["source"].is_string(), "{status}");

    let ran = world.run(&["auth", "logout", "work", "--yes"]);
    assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"at_server".into()), "{ran:?}");
    assert!(world.sandbox.authorization().families()[0].revoked);
    assert_eq!(world.run(&["auth", "refresh", "work"]).code, 6);
}

#[test]
fn terms_are_accepted_and_restricted_sign_ins_are_off_until_turned_on() {
    let world = World::new();
    let login = ["auth", "login", "openai_compatible", "--profile", &world.profile];
    let ran = world.run(&login);
    assert_eq!((ran.code, &ran.last()["kind"]), (2, &"invalid".into()), "{ran:?}");
    assert!(ran.stdout.contains("--accept-policy"), "{ran:?}");
    assert_eq!(ran.lines()[0]["type"], "policy", "{ran:?}");

    let ran = world.run(&["auth", "login", "openai"]);
    assert!(ran.code == 2 && ran.stdout.contains("--client-id"), "{ran:?}");
    let ran = world.run(&["auth", "login", "openai", "--client-id", "mine"]);
    assert!(ran.code == 5 && ran.stdout.contains("--turn-on-restricted"), "{ran:?}");
    let file = world.home.file("openai.toml", "provider = \"openai\"\nclient_id = \"mine\"\n");
    let file = file.display().to_string();
    let ran = world.run(&["auth", "login", "openai", "--profile", &file]);
    assert!(ran.code == 5 && ran.stdout.contains("turn_on_restricted = true"), "{ran:?}");
    let ran = world.run(&["auth", "login", "gemini", "--profile", &file]);
    assert!(ran.code == 2 && ran.stdout.contains("openai"), "{ran:?}");
    assert!(world.run(&["auth", "status"]).lines().is_empty());
}

#[test]
fn no_token_is_in_any_output_log_or_file() {
    let world = World::new();
    world.signed_in();
    world.sandbox.authorization().configure(Flavour::Standard, |settings| {
        (settings.consent, settings.device_interval_seconds) = (Consent::Approve, 1);
    });
    let login = ["auth", "login", "openai_compatible", "--name", "other", "--profile", &world.profile];
    let ran = world.run(&[&login[..], &["--flow", "device", "--accept-policy"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut seen = format!("{ran:?}");
    let openai = world.sandbox.openai_url();
    let mut secrets = world.secrets();
    assert!(secrets.len() >= 4);
    for args in [
        ["auth", "status"].as_slice(),
        &["auth", "show", "work"],
        &["auth", "refresh", "work", "--now"],
        &["auth", "list"],
        &["chat", "--once", "hi", "--auth", "work", "--model", "sandbox-small", "--base-url", &openai],
    ] {
        let ran = world.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        seen.push_str(&format!("{ran:?}"));
        let mut people = world.home.command(&[&["-vvv", "--store", &world.store], args].concat());
        seen.push_str(&format!("{:?}", run_with(people.env("MAESTRO_LOG", "trace"), "")));
    }
    secrets.extend(world.secrets());
    assert_nowhere_in(world.home.path(), &secrets);
    seen.push_str(&format!("{:?}", world.run(&["auth", "logout", "work", "--yes"])));
    assert!(seen.contains("TRACE"), "the log is on");
    assert!(secrets.iter().all(|secret| !seen.contains(secret.as_str())), "a token was shown");
}

#[test]
fn a_sign_in_is_tried_from_end_to_end_and_not_spent() {
    let world = World::new();
    world.signed_in_with(&["--base-url", &world.sandbox.openai_url()]);
    let saved = world.secrets();
    let ran = world.run(&["e2e", "--auth", "work", "--model", "sandbox-small"]);
    let end = ran.last();
    assert_eq!((ran.code, &end["passed"], &end["skipped"]), (0, &5.into(), &4.into()), "{ran:?}");
    let mode = ran.lines().into_iter().find(|line| line["step"] == "mode").unwrap();
    assert_eq!(mode["detail"], "tokens of a sign-in, plan not told");
    let counters = world.sandbox.authorization().counters();
    assert_eq!((counters.refreshes, counters.families_revoked, counters.refused), (0, 0, 0));
    assert_eq!(world.secrets(), saved);
    let seen = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!saved.is_empty() && saved.iter().all(|secret| !seen.contains(secret)), "a token is told");
}
