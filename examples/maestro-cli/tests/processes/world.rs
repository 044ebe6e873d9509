//! A sign-in in a store, the server that gave it, and programs.

use std::{
    io::Write as _,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use maestro_testkit::{
    postgres::Postgres,
    sandbox::{Flavour, Outcome, Rotation, Sandbox, Scenario},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::home::{Home, Ran, Running};

/// For how long anything here may take; a machine with other work is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the tokens are used at.
const REFRESH: &str =
    r#"{"match": {"dialect": "authorization", "grant": "refresh_token"}, "times": 1, "delay_ms": DELAY}"#;

/// How many programs there are.
pub(crate) fn count() -> usize {
    std::env::var("MAESTRO_PROCESSES").ok().map_or(16, |text| text.parse().unwrap())
}

/// Where the sign-in is kept.
pub(crate) enum Place {
    File,
    /// In a database of this server.
    Database(&'static Postgres),
    /// In the only database of this server.
    Server(Postgres),
}

/// A sign-in whose access token has ended, in a store, and the server that gave it.
pub(crate) struct World {
    pub(crate) home: Home,
    pub(crate) sandbox: Sandbox,
    pub(crate) place: Place,
    store: String,
    database: Option<String>,
}

impl World {
    /// The server takes a used refresh token once more for so many seconds.
    pub(crate) fn new(place: Place, grace_seconds: u64) -> Self {
        let sandbox = runtime().block_on(Sandbox::start()).unwrap();
        let home = Home::new();
        let (store, database) = match &place {
            Place::File => (format!("sqlite:{}", home.path().join("m.sqlite").display()), None),
            Place::Database(server) => {
                let name = server.fresh_schema();
                ask(server.url(), &format!("create database {name}"));
                (of_database(server.url(), &name), Some(name))
            }
            Place::Server(server) => (server.url().to_owned(), None),
        };
        let world = Self { home, sandbox, place, store, database };
        world.sign_in(grace_seconds);
        world
    }

    fn sign_in(&self, grace_seconds: u64) {
        let authorization = self.sandbox.authorization();
        authorization.configure(Flavour::Standard, |settings| {
            settings.access_token_seconds = 0;
            settings.rotation = Rotation::Rotate { grace_seconds };
        });
        let issuer = authorization.endpoints(Flavour::Standard).issuer;
        let profile = format!(
            "name = \"work\"\nissuer = \"{issuer}\"\nclient_id = \"sandbox-client\"\n\
             scopes = [\"openid\", \"offline_access\"]\nrefresh_grace_seconds = {grace_seconds}\n"
        );
        let profile = self.home.file("work.toml", profile).display().to_string();
        let url = self.sandbox.openai_url();
        let login = ["auth", "login", "openai_compatible", "--name", "work", "--flow", "paste"];
        let more = ["--accept-policy", "--profile", &profile, "--base-url", &url];
        let mut command = self.command(&[&login[..], &more].concat());
        let mut running = Running::start(command.stdin(std::process::Stdio::piped()));
        let asked = running.until("authorize")["url"].as_str().unwrap().to_owned();
        let back = authorization.approve(&asked).unwrap();
        writeln!(running.child.stdin.take().unwrap(), "{}", back.url()).unwrap();
        running.until("auth");
        assert_eq!(running.code(), 0);
        authorization.configure(Flavour::Standard, |settings| settings.access_token_seconds = 3600);
    }

    /// The next answer with new tokens comes so much later; they are given at once.
    pub(crate) fn delay_next_answer(&self, millis: u64) {
        let scenario = REFRESH.replace("DELAY", &millis.to_string());
        self.sandbox.add_scenario(Scenario::parse(&scenario).unwrap().remove(0));
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.home.command(&[&["--json", "--store", &self.store], args].concat())
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    pub(crate) fn refresh(&self) -> Child {
        self.start(&["auth", "refresh", "work"])
    }

    pub(crate) fn chat(&self) -> Child {
        self.start(&["chat", "--once", "hi", "--auth", "work", "--model", "sandbox-small"])
    }

    /// Waits until the server has been asked for new tokens, and has answered if `answered`.
    pub(crate) fn wait_for_request(&self, answered: bool) {
        let end = Instant::now() + PATIENCE;
        let asked = || {
            self.sandbox.requests().into_iter().any(|request| {
                request.body["grant_type"] == "refresh_token"
                    && (!answered || request.outcome == Outcome::Complete)
            })
        };
        while !asked() {
            assert!(Instant::now() < end, "nobody asks");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let (Place::Database(server), Some(name)) = (&self.place, &self.database) {
            ask(server.url(), &format!("drop database if exists {name} with (force)"));
        }
    }
}

/// What refreshes came to, by their word for it. All must end well.
pub(crate) fn outcomes(children: Vec<Child>) -> Vec<String> {
    let outcome = |child: Child| {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.last()["outcome"].as_str().unwrap().to_owned()
    };
    children.into_iter().map(outcome).collect()
}

/// How many of them refreshed themselves; the others must have adopted what those got, or found it there.
pub(crate) fn refreshed(outcomes: &[String]) -> usize {
    let known = ["refreshed", "adopted", "fresh"];
    assert!(outcomes.iter().all(|outcome| known.contains(&outcome.as_str())), "{outcomes:?}");
    outcomes.iter().filter(|outcome| *outcome == "refreshed").count()
}

/// Waits for chats, all of which must have got an answer.
pub(crate) fn all_are_answered(children: Vec<Child>) {
    for child in children {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, &ran.last()["state"]), (0, &"complete".into()), "{ran:?}");
    }
}

fn of_database(server: &str, name: &str) -> String {
    let (before, query) = server.split_once('?').unwrap_or((server, ""));
    let (server, _) = before.rsplit_once('/').unwrap();
    format!("{server}/{name}?{query}")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn ask(url: &str, statement: &str) {
    runtime().block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}
