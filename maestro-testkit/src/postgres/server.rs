//! Servers of our own: the one that all tests share, and private ones.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use url::Url;

use super::account::{Account, command};
use super::directory::{Busy, KEEPER, Keeper, Locked, Use};
use super::{Unavailable, find};

/// How long a server may take to come up.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long the shared server waits for the next test. Between two test binaries there are others, and compilers.
const LINGER: Duration = Duration::from_secs(10);

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(10);

/// The longest path of a socket that every system takes, the closing zero included.
const SOCKET_LIMIT: usize = 104;

/// The settings of all servers. Nothing waits for the disk: what a power loss leaves of a test's data is of no interest.
const SETTINGS: &str = "\
listen_addresses = ''
port = 5432
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
shared_buffers = '32MB'
max_connections = 300
";

/// A server of our own that we use.
#[derive(Debug)]
pub(super) struct Server {
    data: PathBuf,
    programs: PathBuf,
    account: Option<Account>,
    sharing: Sharing,
    _use: Use,
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    InOrder,
    AtOnce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Shared,
    Private,
}

/// What is wanted of a server, and where.
struct Plan {
    directory: PathBuf,
    programs: PathBuf,
    account: Option<Account>,
    settings: String,
    sharing: Sharing,
    linger: Duration,
}

impl Server {
    /// The server that all tests of this user share, started if there is none.
    pub(super) fn shared() -> Result<Self, Unavailable> {
        let programs = find::programs().ok_or_else(Unavailable::not_found)?;
        // Whoever would make another server, or keep it in another way, has another one.
        let mut hasher = DefaultHasher::new();
        let linger = linger();
        (&programs, SETTINGS, KEEPER, linger).hash(&mut hasher);
        let name = format!("{:08x}", hasher.finish() >> 32);
        Plan::new(&name, programs, &[], Sharing::Shared, linger)?.server()
    }

    /// A server for one test.
    pub(super) fn private(settings: &[(&str, &str)]) -> Result<Self, Unavailable> {
        let programs = find::programs().ok_or_else(Unavailable::not_found)?;
        let name = format!("own-{:08x}", rand::random::<u32>());
        Plan::new(&name, programs, settings, Sharing::Private, Duration::ZERO)?.server()
    }

    pub(super) fn url(&self) -> String {
        // Nothing is left to the client's defaults, which it takes from the environment.
        let url = "postgres:///postgres?user=postgres&port=5432";
        match Url::parse(url) {
            Ok(mut url) => {
                url.query_pairs_mut().append_pair("host", &self.data.to_string_lossy());
                url.into()
            }
            Err(_) => format!("{url}&host={}", self.data.display()),
        }
    }

    pub(super) fn is_private(&self) -> bool {
        self.sharing == Sharing::Private
    }

    pub(super) fn start(&self) -> Result<(), Unavailable> {
        self.control("start", &["-l", "../log"])
    }

    pub(super) fn stop(&self, stop: Stop) -> Result<(), Unavailable> {
        let mode = match stop {
            Stop::InOrder => "fast",
            Stop::AtOnce => "immediate",
        };
        self.control("stop", &["-m", mode])
    }

    fn control(&self, what: &str, arguments: &[&str]) -> Result<(), Unavailable> {
        let output = command(self.programs.join("pg_ctl"), self.account)
            .current_dir(&self.data)
            .args(["-D", ".", "-w", "-t", "60"])
            .args(arguments)
            .arg(what)
            .output()
            .map_err(|error| Unavailable::new(format!("pg_ctl does not run: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(Unavailable::new(format!("pg_ctl {what} failed: {}", String::from_utf8_lossy(&said).trim())))
    }
}

impl Plan {
    fn new(
        name: &str,
        programs: PathBuf,
        settings: &[(&str, &str)],
        sharing: Sharing,
        linger: Duration,
    ) -> Result<Self, Unavailable> {
        let account = Account::for_server()?;
        let name = format!("{}{name}", prefix());
        let temporary = env::temp_dir();
        let serves = is_open_to(&temporary, account) && fits_a_socket(&temporary.join(&name));
        let directory = if serves { temporary } else { PathBuf::from("/tmp") }.join(&name);
        let mut lines = format!(
            "{SETTINGS}unix_socket_directories = {}\n",
            quoted(&format!("{}/data", directory.display()))
        );
        for (key, value) in settings {
            lines.push_str(&format!("{key} = {}\n", quoted(value)));
        }
        Ok(Self { directory, programs, account, settings: lines, sharing, linger })
    }

    /// Uses the server that is there, or starts one. It is ready when this returns.
    fn server(self) -> Result<Server, Unavailable> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Some(use_) = self.attach(deadline)? {
                return Ok(Server {
                    data: self.data(),
                    programs: self.programs,
                    account: self.account,
                    sharing: self.sharing,
                    _use: use_,
                });
            }
            thread::sleep(PAUSE);
        }
        Err(Unavailable::new(format!("no server in {} within a minute", self.directory.display())))
    }

    /// One try. `None` if something is just going on in the directory.
    fn attach(&self, deadline: Instant) -> Result<Option<Use>, Unavailable> {
        let Some(directory) = Locked::make(&self.directory, self.account)? else { return Ok(None) };
        let use_ = match directory.keeper()? {
            Keeper::Keeping(use_) => use_,
            Keeper::Leaving => return Ok(None),
            Keeper::Gone => {
                self.stop_orphan(&self.directory);
                directory.clear()?;
                self.sweep();
                let (use_, mut keeper) =
                    directory.start_keeper(&self.programs, &self.settings, self.linger, self.account)?;
                // So that it leaves no zombie behind when it ends before this process.
                thread::spawn(move || keeper.wait());
                use_
            }
        };
        // Others may look in meanwhile: the keeper knows us.
        let directory = directory.unlock();
        while Instant::now() < deadline {
            if directory.has("failed") {
                let log = directory.read("log");
                let end: Vec<&str> = log.trim_end().lines().rev().take(12).collect();
                let end: Vec<&str> = end.into_iter().rev().collect();
                return Err(Unavailable::new(format!("the server does not start:\n{}", end.join("\n"))));
            }
            if directory.has("ready") {
                if is_served(&self.data()) {
                    return Ok(Some(use_));
                }
                directory.dismiss_keeper();
                return Ok(None);
            }
            if !directory.is_kept() {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
        Ok(None)
    }

    /// Clears away what killed keepers of this user have left in other directories.
    fn sweep(&self) {
        let siblings = self.directory.parent().and_then(|parent| parent.read_dir().ok());
        for sibling in siblings.into_iter().flatten().flatten().map(|sibling| sibling.path()) {
            let ours = sibling.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix()));
            if !ours || sibling == self.directory {
                continue;
            }
            if let Ok(Some(directory)) = Locked::existing(&sibling, self.account, Busy::PassOver)
                && matches!(directory.keeper(), Ok(Keeper::Gone))
            {
                self.stop_orphan(&sibling);
                directory.remove();
            }
        }
    }

    /// Stops the server in a directory whose keeper is gone. A number in a file may long belong to another process, so
    /// only a server that answers is stopped; another sees within a minute that its files are gone, and ends.
    fn stop_orphan(&self, directory: &Path) {
        let data = directory.join("data");
        if is_served(&data) {
            let _ = command(self.programs.join("pg_ctl"), self.account)
                .arg("-D")
                .arg(&data)
                .args(["-m", "immediate", "-w", "-t", "30", "stop"])
                .output();
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }
}

/// How long the shared server waits for another user: `MAESTRO_POSTGRES_LINGER` in seconds, if it is set.
fn linger() -> Duration {
    let given = env::var("MAESTRO_POSTGRES_LINGER").ok().and_then(|seconds| seconds.parse().ok());
    given.map_or(LINGER, Duration::from_secs)
}

/// What the directories of this user's servers begin with.
fn prefix() -> String {
    format!("maestro-postgres-{}-", geteuid().as_raw())
}

/// Whether the server can make and remove directories there.
fn is_open_to(folder: &Path, account: Option<Account>) -> bool {
    account.is_none() || folder.metadata().is_ok_and(|metadata| metadata.mode() & 0o003 == 0o003)
}

fn fits_a_socket(directory: &Path) -> bool {
    directory.is_absolute() && socket(&directory.join("data")).as_os_str().len() < SOCKET_LIMIT
}

fn socket(data: &Path) -> PathBuf {
    data.join(".s.PGSQL.5432")
}

/// Whether a server listens there.
fn is_served(data: &Path) -> bool {
    UnixStream::connect(socket(data)).is_ok()
}

/// A value as `postgresql.conf` wants it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
