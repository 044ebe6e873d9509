//! A temporary directory of its own, whose users know nothing of the servers elsewhere.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use tempfile::TempDir;

use crate::parts::PART;

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    directory: TempDir,
}

/// A process that uses the shared server of a place.
pub(crate) struct User {
    child: Child,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Not under a TMPDIR whose name is too long for a socket; open to the account of the server, as /tmp is.
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        Self { directory }
    }

    /// Starts a user, which asks for the shared server. It is in a process group of its own, as a shell puts it.
    pub(crate) fn user(&self) -> User {
        self.user_with(&[])
    }

    /// Starts a user that has this in its environment besides.
    pub(crate) fn user_with(&self, variables: &[(&str, &Path)]) -> User {
        self.start("parts::use_the_shared_server", variables)
    }

    /// Starts a user with a server of its own.
    pub(crate) fn private_user(&self) -> User {
        self.start("parts::use_a_private_server", &[])
    }

    fn start(&self, part: &str, variables: &[(&str, &Path)]) -> User {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", part, "--nocapture"])
            .env_remove("DATABASE_URL")
            .env(PART, "user")
            .env("TMPDIR", self.directory.path())
            .env("MAESTRO_POSTGRES_LINGER", "2")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        User { child }
    }

    /// The one server that runs here.
    pub(crate) fn server(&self) -> Pid {
        self.number_in("data/postmaster.pid")
    }

    /// Its keeper.
    pub(crate) fn keeper(&self) -> Pid {
        self.number_in("keeper")
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What stands in the temporary directory.
    pub(crate) fn contents(&self) -> Vec<PathBuf> {
        self.directory.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    pub(crate) fn wait_until_empty(&self) {
        wait_until("the directory is empty", || self.contents().is_empty());
    }

    fn number_in(&self, file: &str) -> Pid {
        let contents = self.contents();
        let [directory] = &contents[..] else { panic!("not one server: {contents:?}") };
        let text = fs::read_to_string(directory.join(file)).unwrap();
        Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
    }
}

impl User {
    /// What it was given: a URL, or why there is none.
    pub(crate) fn answer(&mut self) -> String {
        let lines = BufReader::new(self.child.stdout.as_mut().unwrap()).lines();
        let answer = lines.map(Result::unwrap).find_map(|line| Some(line.strip_prefix("> ")?.to_owned()));
        answer.unwrap()
    }

    /// Lets it end as a test ends.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// Kills it, and nothing else.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What Ctrl-C does in a terminal: a signal to the process group.
    pub(crate) fn interrupt(mut self) {
        kill_process_group(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert!(!self.child.wait().unwrap().success());
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn kill(process: Pid) {
    kill_process(process, Signal::KILL).unwrap();
    wait_until("the process is gone", || is_gone(process));
}

pub(crate) fn is_gone(process: Pid) -> bool {
    test_kill_process(process).is_err() || is_zombie(process)
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// In a container whose first process reaps nobody, the dead stay listed.
fn is_zombie(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('Z'))
}
