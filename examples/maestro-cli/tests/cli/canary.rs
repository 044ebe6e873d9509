//! A canary in every secret of a sign-in: codes, those of devices, tokens, bought keys, and the client's own. It is used
//! everywhere, and seen nowhere.

use std::{
    fs::{self, File},
    io::{BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Stdio},
};

use maestro::{
    PostgresStore, SqliteStore, Store,
    core::auth::{AuthExt as _, AuthQuery, Credentials, Vault},
};
use maestro_testkit::{
    needs_postgres,
    sandbox::{Consent, Flavour, RegisteredClient, Sandbox, Scenario},
};

use crate::{
    between::{Between, Says},
    forms::Forms,
    home::{Home, Ran, run_with},
    postgres::There,
    sign_in::visit,
};

/// As it stands in a token, a header or a form.
const CANARY: &str = "canary-in-a-mine";

/// How the program is asked to speak: to programs and to people, and to tell all it can.
const VOICES: [&[&str]; 2] = [&["-vvv", "--json"], &["-vvv"]];

/// A mine: a home with a store, servers whose secrets have the canary in them, and what was seen.
struct Mine<'a> {
    home: &'a Home,
    store: String,
    /// What the user keeps for themselves: the files that name the client and its secret.
    files: tempfile::TempDir,
    sandbox: Sandbox,
    between: Between,
    runtime: tokio::runtime::Runtime,
    forms: Forms,
    voice: &'static [&'static str],
    seen: String,
}

impl<'a> Mine<'a> {
    fn new(home: &'a Home, store: String) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sandbox = runtime.block_on(Sandbox::start()).unwrap();
        for flavour in [Flavour::Standard, Flavour::Openai] {
            sandbox.authorization().configure(flavour, |settings| {
                settings.word = Some(CANARY.to_owned());
                settings.device_interval_seconds = 1;
                let secret = Some(format!("{CANARY}/of=the+client"));
                settings.clients = vec![RegisteredClient { id: "mine".to_owned(), secret }];
            });
        }
        let between = Between::start(&sandbox.base_url(), CANARY);
        let mine = Self {
            home,
            store,
            files: tempfile::tempdir().unwrap(),
            sandbox,
            between,
            runtime,
            forms: Forms::of(CANARY),
            voice: VOICES[0],
            seen: String::new(),
        };
        mine.describe("standard", Flavour::Standard, "client_secret_post");
        mine.describe("basic", Flavour::Standard, "client_secret_basic");
        mine.describe("openai", Flavour::Openai, "client_secret_post");
        mine
    }

    /// Writes a file that names the server behind the one between, and the client.
    fn describe(&self, name: &str, flavour: Flavour, method: &str) {
        let endpoints = self.sandbox.authorization().endpoints(flavour);
        let by = |url: String| url.replace(&self.sandbox.base_url(), &self.between.url);
        let (head, device) = match flavour {
            Flavour::Openai => ("provider = \"openai\"\nrevocation_body = \"json\"\n", None),
            _ => ("name = \"work\"\nscopes = [\"openid\", \"offline_access\"]\n", endpoints.device),
        };
        let device = device.map(|url| format!("device_authorization_endpoint = \"{}\"\n", by(url)));
        let text = format!(
            "{head}{}authorization_endpoint = \"{}\"\ntoken_endpoint = \"{}\"\nrevocation_endpoint = \"{}\"\n\
             client_id = \"mine\"\nclient_secret = \"{CANARY}/of=the+client\"\n\
             token_endpoint_auth_method = \"{method}\"\nredirect_uris = [\"http://127.0.0.1/callback\"]\n",
            device.unwrap_or_default(),
            endpoints.authorize,
            by(endpoints.token),
            by(endpoints.revoke.unwrap()),
        );
        fs::write(self.files.path().join(format!("{name}.toml")), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.home.command(&[self.voice, args].concat());
        command.env("MAESTRO_LOG", "trace").env("MAESTRO_STORE", &self.store);
        command
    }

    /// Runs the program to its end.
    fn run(&mut self, args: &[&str]) -> i32 {
        let ran = run_with(&mut self.command(args), "");
        self.note(&format!("{args:?}"), &ran);
        ran.code
    }

    fn note(&mut self, what: &str, ran: &Ran) {
        let Ran { code, stdout, stderr } = ran;
        let seen = format!("{what}: {code}\n{stdout}{stderr}\n");
        let found = self.forms.found_in(seen.as_bytes());
        assert_eq!(found, None, "{seen}");
        self.seen.push_str(&seen);
    }

    /// Signs in under a name, by a file and a flow. The server between says this meanwhile.
    fn login(&mut self, name: &str, file: &str, flow: &str, more: &[&str], says: Says) -> i32 {
        let file_path = self.files.path().join(format!("{file}.toml")).display().to_string();
        let provider = if file == "openai" { "openai" } else { "openai_compatible" };
        let login = ["auth", "login", provider, "--name", name, "--profile", &file_path, "--flow", flow];
        let args = [&login[..], &["--accept-policy"], more].concat();
        let log = self.files.path().join("log");
        let mut command = self.command(&args);
        command.stdin(Stdio::piped()).stderr(File::create(&log).unwrap());
        self.between.says(says);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut stdout = String::new();
        if flow != "device" {
            let url = address(&mut lines, &mut stdout);
            self.look_at(&child);
            let back = self.sandbox.authorization().approve(&url).unwrap();
            if flow == "loopback" {
                let page = visit(back.url());
                self.note("the page", &Ran { code: 0, stdout: page, stderr: String::new() });
            } else {
                writeln!(child.stdin.take().unwrap(), "{}", back.url()).unwrap();
            }
        }
        lines.read_to_string(&mut stdout).unwrap();
        let code = child.wait().unwrap().code().unwrap();
        let stderr = fs::read_to_string(&log).unwrap();
        self.note(&format!("{args:?}"), &Ran { code, stdout, stderr });
        self.between.says(Says::TheOthersAnswer);
        code
    }

    /// Looks at what the system tells everybody of a running program.
    fn look_at(&self, child: &Child) {
        for file in ["cmdline", "environ"] {
            let Ok(bytes) = fs::read(format!("/proc/{}/{file}", child.id())) else { continue };
            assert!(!bytes.is_empty());
            assert_eq!(self.forms.found_in(&bytes), None, "{file}");
        }
    }

    /// Looks into every file below a directory.
    fn look_into(&self, directory: &Path) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.look_into(&path);
            } else {
                let content = fs::read(&path).unwrap();
                assert_eq!(self.forms.found_in(&content), None, "{}", path.display());
            }
        }
    }

    /// How many secrets are saved, all of which must have the canary in them: otherwise nothing here would be found.
    fn secrets(&self, store: &dyn Store) -> usize {
        let key = fs::read_to_string(self.home.path().join("vault-key")).unwrap();
        let vault = Vault::new(key.trim().parse().unwrap());
        let rows = self.runtime.block_on(store.auth_list_all(&AuthQuery::default())).unwrap();
        let mut count = 0;
        for row in rows {
            let Credentials::OAuth { tokens, .. } = vault.open(row.id, &row.credentials).unwrap() else {
                unreachable!("only sign-ins are saved here");
            };
            let client = tokens.client.unwrap().client_secret;
            let saved =
                [Some(tokens.access_token), tokens.refresh_token, tokens.id_token, tokens.api_key, client];
            for secret in saved.iter().flatten() {
                assert!(self.forms.found_in(secret.reveal().as_bytes()).is_some(), "{}", row.name);
                count += 1;
            }
        }
        count
    }

    /// Everything that is done with sign-ins, in one voice.
    fn work(&mut self) {
        let openai = self.sandbox.openai_url();
        let base = ["--base-url", openai.as_str()];
        let between = format!("{}/openai/v1", self.between.url);
        let authorization = self.sandbox.authorization();
        let consent = |consent| {
            authorization.configure(Flavour::Standard, |settings| settings.consent = consent);
        };
        let all = Says::TheOthersAnswer;
        assert_eq!(self.login("listened", "standard", "loopback", &base, all), 0);
        assert_eq!(self.login("pasted", "basic", "paste", &base, all), 0);
        consent(Consent::Approve);
        assert_eq!(self.login("device", "standard", "device", &base, all), 0);
        assert_ne!(self.login("none", "standard", "device", &base, Says::WhatWasAsked(400)), 0);
        consent(Consent::Ask);
        assert_eq!(self.login("bought", "openai", "paste", &["--mode", "api-key", base[0], base[1]], all), 0);
        for status in [400, 401, 500] {
            for file in ["standard", "basic"] {
                let said = Says::WhatWasAsked(status);
                assert_ne!(self.login("none", file, "paste", &base, said), 0, "{file} {status}");
            }
        }
        assert_eq!(self.run(&["auth", "status"]), 0);
        assert_eq!(self.run(&["auth", "list"]), 0);
        let chat = ["chat", "--once", "hi", "--model", "sandbox-small", "--auth"];
        for name in ["listened", "pasted", "device", "bought"] {
            assert_eq!(self.run(&[&chat[..], &[name]].concat()), 0, "{name}");
        }
        // A turn whose token is refused refreshes it.
        self.sandbox.add_scenario(Scenario::status(401).times(1));
        let before = self.sandbox.authorization().counters().refreshes;
        assert_eq!(self.run(&[&chat[..], &["listened"]].concat()), 0);
        assert_eq!(self.sandbox.authorization().counters().refreshes, before + 1);
        for name in ["listened", "pasted"] {
            assert_eq!(self.run(&["auth", "refresh", name, "--now"]), 0, "{name}");
        }
        // Whoever is asked sends back what they were told.
        for (name, status) in
            [("listened", 400), ("listened", 500), ("bought", 400), ("bought", 401), ("bought", 403)]
        {
            self.between.says(Says::WhatWasAsked(status));
            assert_ne!(
                self.run(&[&chat[..], &[name, "--base-url", &between]].concat()),
                0,
                "{name} {status}"
            );
        }
        for status in [400, 403, 429, 401] {
            self.between.says(Says::WhatWasAsked(status));
            for name in ["listened", "pasted"] {
                assert_ne!(self.run(&["auth", "refresh", name, "--now"]), 0, "{name} {status}");
            }
        }
        assert_eq!(self.run(&["auth", "status"]), 0);
        assert_eq!(self.run(&["auth", "logout", "pasted", "--yes"]), 0, "the server sends it back");
        self.between.says(all);
        for name in ["listened", "device"] {
            assert_eq!(self.run(&["auth", "logout", name, "--yes"]), 0, "{name}");
        }
        assert_eq!(self.run(&["auth", "logout", "nobody", "--yes"]), 6);
    }
}

/// The address that is told, whichever voice tells it.
fn address(lines: &mut impl std::io::BufRead, stdout: &mut String) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "an address is told: {stdout}");
        stdout.push_str(&line);
        if let Ok(line) = serde_json::from_str::<serde_json::Value>(&line)
            && line["type"] == "authorize"
        {
            return line["url"].as_str().unwrap().to_owned();
        }
        if line.starts_with("http://") {
            return line.trim().to_owned();
        }
    }
}

/// What every way of signing in, and everything after it, leaves behind.
fn nothing_is_seen(home: &Home, store: String, look: impl Fn(&Mine<'_>)) {
    let mut mine = Mine::new(home, store);
    for voice in VOICES {
        mine.voice = voice;
        mine.work();
        look(&mine);
        mine.look_into(home.path());
        assert_eq!(mine.run(&["auth", "logout", "bought", "--yes"]), 0);
    }
    assert!(mine.seen.contains("TRACE"), "the log is on");
    assert!(mine.seen.contains("redacted"), "something was sent back");
    // The verifiers of the program itself, which its server has seen.
    let verifiers: Vec<_> = mine.between.asked().iter().filter_map(|asked| verifier(asked)).collect();
    assert!(verifiers.len() > 8, "{}", verifiers.len());
    assert!(verifiers.iter().all(|verifier| !mine.seen.contains(verifier)), "a verifier is seen");
}

fn verifier(asked: &str) -> Option<String> {
    let (_, behind) = asked.split_once("code_verifier=")?;
    behind.split('&').next().map(str::to_owned)
}

#[test]
fn no_secret_of_a_sign_in_is_in_any_output_log_argument_or_file() {
    let home = Home::new();
    let file = home.path().join("m.sqlite");
    nothing_is_seen(&home, format!("sqlite:{}", file.display()), |mine| {
        let store = mine.runtime.block_on(SqliteStore::open(&file)).unwrap();
        assert_eq!(mine.secrets(&store), 5, "what was bought with a key is left");
    });
}

needs_postgres! {

#[test]
fn no_secret_of_a_sign_in_is_in_any_output_log_argument_or_table() {
    let there = There::new();
    nothing_is_seen(&there.home, there.url.clone(), |mine| {
        let store = mine.runtime.block_on(PostgresStore::connect(&there.url)).unwrap();
        assert_eq!(mine.secrets(&store), 5, "what was bought with a key is left");
        mine.runtime.block_on(store.close());
        let dump = there.dump();
        assert!(dump.contains("bought"), "there are rows");
        assert_eq!(mine.forms.found_in(dump.as_bytes()), None);
    });
}

}
