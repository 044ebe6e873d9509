//! The directory of a server, and who may do what in it.
//!
//! Only who holds the lock of a directory starts a keeper in it or clears it away. The lock is on the directory itself,
//! so that nothing is left over; and since a directory may be removed while somebody waits for its lock, it counts only
//! if the path still leads to what was locked. What is looked up in a locked directory goes through its handle, never
//! through the path.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::Unavailable;
use super::account::{Account, command};

/// What the keeper of a directory runs.
pub(super) const KEEPER: &str = include_str!("keeper.sh");

/// A directory, wherever its path leads to by now.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    handle: File,
}

/// A directory whose lock is held, and which is where its path leads to.
#[derive(Debug)]
pub(super) struct Locked(Directory);

/// What to do while somebody else holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    Wait,
    PassOver,
}

/// The open end of the pipe by which the keeper knows that somebody uses the server.
#[derive(Debug)]
pub(super) struct Use {
    _pipe: OwnedFd,
}

/// Who looks after a directory.
#[derive(Debug)]
pub(super) enum Keeper {
    /// A living keeper, which now counts us.
    Keeping(Use),
    /// A keeper that clears everything away.
    Leaving,
    /// Nobody: the directory is new, or what a killed keeper has left.
    Gone,
}

impl Locked {
    /// Locks the directory `path`, which is made if it is not there. `None` if it was removed meanwhile.
    ///
    /// # Errors
    /// If something else stands there, or a directory of another user.
    pub(super) fn make(path: &Path, account: Option<Account>) -> Result<Option<Self>, Unavailable> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Unavailable::io("make", path, &error)),
        }
        Self::existing(path, account, Busy::Wait)
    }

    /// Locks the directory `path`. `None` if there is none, or if it is busy and passed over.
    ///
    /// # Errors
    /// As for [`make`](Self::make).
    pub(super) fn existing(
        path: &Path,
        account: Option<Account>,
        busy: Busy,
    ) -> Result<Option<Self>, Unavailable> {
        let opened = File::open(path).and_then(|handle| match busy {
            Busy::Wait => handle.lock().map(|()| handle),
            Busy::PassOver => handle.try_lock().map(|()| handle).map_err(io::Error::from),
        });
        let handle = match opened {
            Ok(handle) => handle,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) => {
                return Ok(None);
            }
            Err(error) => return Err(Unavailable::io("lock", path, &error)),
        };
        let locked = handle.metadata().map_err(|error| Unavailable::io("look at", path, &error))?;
        let Ok(there) = fs::symlink_metadata(path) else { return Ok(None) };
        if (there.dev(), there.ino()) != (locked.dev(), locked.ino()) {
            // Either it was removed and made anew, or it is a link, which nobody of ours makes.
            let plain = there.is_dir();
            return if plain { Ok(None) } else { Err(Unavailable::foreign(path)) };
        }
        let user = geteuid().as_raw();
        if !locked.is_dir()
            || (locked.uid() != user && account.is_none_or(|account| account.user != locked.uid()))
        {
            return Err(Unavailable::foreign(path));
        }
        if let Some(account) = account {
            fchown(&handle, Some(account.user), Some(account.group))
                .map_err(|error| Unavailable::io("give away", path, &error))?;
        }
        Ok(Some(Self(Directory { path: path.to_owned(), handle })))
    }

    /// Who looks after it; a living keeper counts us from here on.
    pub(super) fn keeper(&self) -> Result<Keeper, Unavailable> {
        match self.0.pipe() {
            Ok(_) if self.0.has("stopping") => Ok(Keeper::Leaving),
            Ok(pipe) => Ok(Keeper::Keeping(Use { _pipe: pipe })),
            Err(Errno::NXIO) => Ok(Keeper::Gone),
            // The lock keeps out everybody but a keeper that leaves, and it moves the directory away first.
            Err(Errno::NOENT) if self.0.is_in_place() => Ok(Keeper::Gone),
            Err(Errno::NOENT) => Ok(Keeper::Leaving),
            Err(error) => Err(Unavailable::io("open the pipe of", &self.0.path, &error.into())),
        }
    }

    /// Removes what is in it. Nobody may look after it.
    pub(super) fn clear(&self) -> Result<(), Unavailable> {
        let failed = |error: io::Error| Unavailable::io("clear", &self.0.path, &error);
        for entry in fs::read_dir(&self.0.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let removed = if entry.file_type().map_err(failed)?.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed.map_err(failed)?;
        }
        Ok(())
    }

    /// Removes it with all that is in it, as far as that can be done. Nobody may look after it.
    pub(super) fn remove(&self) {
        let _ = self.clear().map(|()| fs::remove_dir(&self.0.path));
    }

    /// Starts a keeper, which makes and starts a server with these settings, and counts us as its first user.
    ///
    /// A keeper that is killed half-way leaves what [`Keeper::Gone`] tells. So does its starter: from the moment that
    /// the new process exists it holds the pipe.
    pub(super) fn start_keeper(
        &self,
        programs: &Path,
        settings: &str,
        linger: Duration,
        account: Option<Account>,
    ) -> Result<(Use, Child), Unavailable> {
        let failed = |error: io::Error| Unavailable::io("start a server in", &self.0.path, &error);
        fs::write(self.0.path.join("settings"), settings).map_err(failed)?;
        let pipe = self.0.path.join("users");
        let made = Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().map_err(failed)?;
        if !made.success() {
            return Err(Unavailable::io("make a pipe in", &self.0.path, &io::Error::other("mkfifo failed")));
        }
        // Opened for both at first, as each end alone would wait for the other.
        let both = File::options().read(true).write(true).open(&pipe).map_err(failed)?;
        let reading = File::open(&pipe).map_err(failed)?;
        let writing = File::options().write(true).open(&pipe).map_err(failed)?;
        drop(both);
        let child = command("/bin/sh", account)
            .args(["-c", KEEPER, "maestro-postgres-keeper"])
            .arg(&self.0.path)
            .arg(programs)
            .arg(linger.as_secs().to_string())
            .stdin(Stdio::from(reading))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok((Use { _pipe: writing.into() }, child))
    }

    /// Lets others in.
    pub(super) fn unlock(self) -> Directory {
        // What fails here is mended when the handle is closed.
        let _ = self.0.handle.unlock();
        self.0
    }
}

impl Directory {
    /// Whether a file of that name is in it.
    pub(super) fn has(&self, name: &str) -> bool {
        statat(&self.handle, name, AtFlags::empty()).is_ok()
    }

    /// The text of a file in it; empty if it cannot be read.
    pub(super) fn read(&self, name: &str) -> String {
        openat(&self.handle, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map(File::from)
            .and_then(|file| io::read_to_string(file).map_err(|_| Errno::IO))
            .unwrap_or_default()
    }

    /// Whether a keeper looks after it.
    pub(super) fn is_kept(&self) -> bool {
        self.pipe().is_ok()
    }

    /// Tells the keeper to clear everything away, whoever still uses it.
    pub(super) fn dismiss_keeper(&self) {
        let keeper = self.read("keeper").trim().parse().ok().and_then(Pid::from_raw);
        if let Some(keeper) = keeper {
            let _ = kill_process(keeper, Signal::TERM);
        }
    }

    fn pipe(&self) -> Result<OwnedFd, Errno> {
        openat(&self.handle, "users", OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
    }

    fn is_in_place(&self) -> bool {
        match (fs::symlink_metadata(&self.path), self.handle.metadata()) {
            (Ok(there), Ok(ours)) => (there.dev(), there.ino()) == (ours.dev(), ours.ino()),
            _ => false,
        }
    }
}

impl Unavailable {
    fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot {what} {}: {error}", path.display()))
    }

    fn foreign(path: &Path) -> Self {
        Self::new(format!("{} is not a directory of this user; remove it or set TMPDIR", path.display()))
    }
}
