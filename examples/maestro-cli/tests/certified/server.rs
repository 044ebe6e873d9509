//! The servers, as programs of their own.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::browser::{self, Answer};

/// A certified server on a port of its own. It ends with its standard input, however this program ends.
pub(crate) struct Server {
    child: Child,
    pub(crate) issuer: String,
}

impl Server {
    /// `oidc-provider`.
    pub(crate) fn node() -> Self {
        let folder = installed("node");
        // The packages are looked for where it stands, and its text is not there.
        let source = include_str!("node/server.mjs");
        let mut command = Command::new("node");
        Self::start(command.args(["--input-type=module", "--eval", source]).current_dir(folder))
    }

    /// `idpyoidc`.
    pub(crate) fn python() -> Self {
        let folder = installed("python");
        let mut command = Command::new(folder.join("bin/python"));
        Self::start(command.args(["-c", include_str!("python/server.py")]).current_dir(folder))
    }

    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the server starts: run tests/certified/install");
        let mut issuer = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut issuer).unwrap();
        // What it says besides must go somewhere: a closed pipe would end it.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let issuer = issuer.trim().to_owned();
        assert!(issuer.starts_with("http://127.0.0.1:"), "the server tells its address, not {issuer:?}");
        Self { child, issuer }
    }

    /// How often it has answered like this: `refresh_token ok`, `authorization_code invalid_grant`.
    pub(crate) fn count(&self, what: &str) -> u64 {
        let counts: Value = serde_json::from_str(&browser::get(&self.at("/tests/counts")).body).unwrap();
        counts[what].as_u64().unwrap_or_default()
    }

    /// Asks it directly, as a client that is not ours.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        browser::post(&self.at(path), form)
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn installed(server: &str) -> PathBuf {
    let folder = Path::new(env!("MAESTRO_CERTIFIED_SERVERS")).join(server);
    assert!(folder.join("installed").is_file(), "run examples/maestro-cli/tests/certified/install");
    folder
}
