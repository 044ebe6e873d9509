//! Other programs on the same file: this test binary, started again to play one of the [`parts`](crate::parts).

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What the part that a program plays is told by: its name and its arguments, one line each.
pub(crate) const PART: &str = "MAESTRO_TEST_PART";

/// What every line begins with that is not the test harness's own.
const MARK: &str = "> ";

/// A program that plays a part. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program on the store at `file`.
    pub(crate) fn start(part: &str, file: &Path, arguments: &[String]) -> Self {
        Self::run(Command::new(env::current_exe().unwrap()), part, file, arguments)
    }

    /// Starts a program as a user who may only do what everybody may: as nobody when the tests run as root, whom no
    /// permission binds, and as they run otherwise. `directory` must be open to everybody.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_as_nobody(directory: &Path, part: &str, file: &Path) -> Self {
        use std::os::unix::{fs::MetadataExt as _, process::CommandExt as _};

        // The binary may lie where nobody else can look.
        let binary = directory.join("program");
        if !binary.exists() {
            std::fs::copy(env::current_exe().unwrap(), &binary).unwrap();
        }
        let mut command = Command::new(&binary);
        command.current_dir(directory);
        // The copy belongs to whoever runs the tests.
        if binary.metadata().unwrap().uid() == 0 {
            command.uid(65_534).gid(65_534);
        }
        Self::run(command, part, file, &[])
    }

    fn run(mut command: Command, part: &str, file: &Path, arguments: &[String]) -> Self {
        let told: Vec<_> =
            [part, file.to_str().unwrap()].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let mut child = command
            .args(["--ignored", "--exact", "parts::play", "--nocapture"])
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

    /// All that it still says, until it ends.
    pub(crate) fn remaining_lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next_line()).collect()
    }

    /// Lets it go on from where it [waits](wait).
    pub(crate) fn go(&mut self) {
        self.input.take().unwrap().write_all(b"go\n").unwrap();
    }

    /// Ends it on the spot, as the operating system does when memory runs out.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// All that it still says; fails when it did not end well.
    pub(crate) fn finish(mut self) -> Vec<String> {
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

/// In a program: the part to play, the file, and the arguments.
pub(crate) fn told() -> Option<(String, PathBuf, Vec<String>)> {
    let told = env::var(PART).ok()?;
    let mut lines = told.lines().map(str::to_owned);
    Some((lines.next()?, lines.next()?.into(), lines.collect()))
}

/// In a program: says something to the one that started it. A line is written whole or not at all.
pub(crate) fn say(line: impl std::fmt::Display) {
    std::io::stdout().write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
}

/// In a program: waits for [`Program::go`].
pub(crate) fn wait() {
    let _ = std::io::stdin().read_line(&mut String::new());
}
