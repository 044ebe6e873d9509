//! A home for one test, and the program in it.

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

/// A home directory that is gone after the test, with its own data and its own vault key.
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program, with an environment that says nothing but where home is.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maestro"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path())
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env("MAESTRO_KEY_FILE", self.path().join("vault-key"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs the program to its end, with this on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
        run_with(&mut self.command(args), input)
    }

    /// Runs the program, which must end well, and returns its lines of JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.lines()
    }

    /// Saves a key for the sandbox at `url` under a name.
    pub(crate) fn save_key(&self, provider: &str, name: &str, url: &str, key: &str) {
        let args = ["auth", "add", provider, name, "--base-url", url, "--key-stdin"];
        let ran = self.run_with(&args, key);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

/// Runs a command to its end, with this on its standard input.
pub(crate) fn run_with(command: &mut Command, input: impl AsRef<[u8]>) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A program that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    Ran::of(child.wait_with_output().unwrap())
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The lines of JSON on standard output.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The last line of JSON on standard output.
    pub(crate) fn last(&self) -> Value {
        self.lines().pop().expect("a line")
    }
}

/// The types of lines, those that follow each other with the same type once.
pub(crate) fn types(lines: &[Value]) -> Vec<&str> {
    let mut types: Vec<_> = lines.iter().map(|line| line["type"].as_str().expect("a type")).collect();
    types.dedup();
    types
}

/// The text of all lines of this type.
pub(crate) fn text_of(lines: &[Value], of: &str) -> String {
    lines.iter().filter(|line| line["type"] == of).filter_map(|line| line["text"].as_str()).collect()
}

/// A running program whose lines are read as they come. It is killed when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub(crate) fn next(&mut self) -> Option<Value> {
        self.lines.next().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    }

    /// Reads up to and including the first line of this type.
    pub(crate) fn until(&mut self, wanted: &str) -> Value {
        loop {
            let line = self.next().expect("the line comes");
            if line["type"] == wanted {
                return line;
            }
        }
    }

    /// Reads to the end.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.next()).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(name).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn code(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `maestro sandbox` in a process of its own.
pub(crate) struct Sandbox {
    running: Running,
    ready: Value,
}

impl Sandbox {
    /// With these scenarios, as JSON.
    pub(crate) fn start(home: &Home, scenarios: &str) -> Self {
        let file = home.file("scenarios.json", scenarios);
        let args = ["--json", "sandbox", "--scenario", file.to_str().unwrap()];
        let mut running = Running::start(&mut home.command(&args));
        let ready = running.until("ready");
        Self { running, ready }
    }

    pub(crate) fn url(&self, dialect: &str) -> &str {
        self.ready[dialect].as_str().unwrap()
    }

    pub(crate) fn running(&mut self) -> &mut Running {
        &mut self.running
    }
}
