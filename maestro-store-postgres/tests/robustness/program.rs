//! Other programs on the same schema: this test binary, started again to play a part.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What the part that a program plays is told by: its name, the URL and the arguments, one line each.
const PART: &str = "MAESTRO_TEST_PART";

/// What every line begins with that is not the test harness's own.
const MARK: &str = "> ";

/// A program that plays a part. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program on the database at `url`.
    pub(crate) fn start(part: &str, url: &str, arguments: &[String]) -> Self {
        let told: Vec<_> = [part, url].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "several_programs::play", "--nocapture"])
            .env(PART, told.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// What it says next; nothing when it has ended.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness leaves its own line open, so a mark can stand in the middle.
            if let Some((_, said)) = line.trim_end().split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    /// Lets it go on from where it [waits](wait).
    pub(crate) fn go(&mut self) {
        self.input.take().unwrap().write_all(b"go\n").unwrap();
    }

    /// All that it still says; fails when it did not end well.
    pub(crate) fn finish(mut self) -> Vec<String> {
        let lines: Vec<_> = std::iter::from_fn(|| self.next_line()).collect();
        assert!(self.child.wait().unwrap().success(), "the program failed after {lines:?}");
        lines
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a program: the part to play, the URL, and the arguments.
pub(crate) fn told() -> Option<(String, String, Vec<String>)> {
    let told = env::var(PART).ok()?;
    let mut lines = told.lines().map(str::to_owned);
    Some((lines.next()?, lines.next()?, lines.collect()))
}

/// In a program: says something to the one that started it. A line is written whole or not at all.
pub(crate) fn say(line: impl std::fmt::Display) {
    std::io::stdout().write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
}

/// In a program: waits for [`Program::go`].
pub(crate) fn wait() {
    let _ = std::io::stdin().read_line(&mut String::new());
}
