//! Other programs on the same store: this test binary, started again to play one of the parts.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What the part that a program plays is told by: its name, the store and its arguments, one line each.
const PART: &str = "MAESTRO_TEST_PART";

/// What every line begins with that is not the test harness's own.
const MARK: &str = "> ";

/// A program that plays a part. It is killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts this binary again, to run its test `play` and in it `part` on the store at `locator`.
    pub fn start(play: &str, part: &str, locator: &str, arguments: &[String]) -> Self {
        Self::run(Command::new(env::current_exe().unwrap()), play, part, locator, arguments)
    }

    /// The same with a command of the caller's, such as one that runs as another user.
    pub fn run(mut command: Command, play: &str, part: &str, locator: &str, arguments: &[String]) -> Self {
        let told: Vec<_> = [part, locator].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let mut child = command
            .args(["--ignored", "--exact", play, "--nocapture"])
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
    pub fn next_line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness leaves its own line open, so a mark can stand in the middle. What was cut off by a kill has
            // no end, and was not said.
            let said = line.strip_suffix('\n')?;
            if let Some((_, said)) = said.split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    /// All that it still says, until it ends.
    pub fn remaining_lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next_line()).collect()
    }

    /// Lets it go on from where it waits.
    pub fn go(&mut self) {
        self.input.take().unwrap().write_all(b"go\n").unwrap();
    }

    /// Ends it on the spot, as the operating system does when memory runs out.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// All that it still says.
    ///
    /// # Panics
    ///
    /// When it did not end well.
    pub fn finish(mut self) -> Vec<String> {
        let lines = self.remaining_lines();
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

/// In a program: the part to play, the store, and the arguments.
pub(super) fn told() -> Option<(String, String, Vec<String>)> {
    let told = env::var(PART).ok()?;
    let mut lines = told.lines().map(str::to_owned);
    Some((lines.next()?, lines.next()?, lines.collect()))
}

/// In a program: says something to the one that started it. A line is written whole or not at all.
pub(super) fn say(line: impl std::fmt::Display) {
    std::io::stdout().write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
}

/// In a program: waits for [`Program::go`].
pub(super) fn wait() {
    let _ = std::io::stdin().read_line(&mut String::new());
}
