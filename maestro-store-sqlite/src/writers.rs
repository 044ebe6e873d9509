//! Who is streaming an answer, and whether they live.
//!
//! A lease tells that a writer is gone only when it is over, which after a crash is a long time to wait. A program on
//! the same machine can tell at once: each holder keeps a file `<database>-writers/<holder>.lock` locked as long as it
//! lives, and the operating system unlocks it when the program ends, however it ends.
//!
//! Three traps are avoided:
//!
//! - A lock taken on a file that another handle of *this* program holds can succeed on systems where locks belong to
//!   processes (and letting go of it would then unlock the first). So the holders of this program are written down in
//!   one list for the whole program, which is asked first.
//! - Between making a file and locking it, another program could take it for a dead one's. So a file is locked under a
//!   passing name, and then gets its own: nobody ever sees it unlocked while its holder lives.
//! - A holder that closes one of two handles must not take the file from the other: both share one lock.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use maestro_core::{Error, ErrorKind, Result, auth::HolderId};
use uuid::Uuid;

/// The holders that write through one store.
pub(crate) struct Writers {
    directory: PathBuf,
    held: Mutex<BTreeMap<HolderId, Arc<Lock>>>,
}

/// Every lock that this program holds, by the path of its file.
static LOCKS: Mutex<BTreeMap<PathBuf, Weak<Lock>>> = Mutex::new(BTreeMap::new());

/// A lock that is held until it is dropped; then its file goes.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Writers {
    /// The writers of the database at `path`.
    pub(crate) fn beside(path: &Path) -> Self {
        let mut directory = OsString::from(path);
        directory.push("-writers");
        Self { directory: directory.into(), held: Mutex::default() }
    }

    /// Shows from now on that `holder` lives. [`ErrorKind::Unavailable`] when the lock cannot be kept.
    pub(crate) fn announce(&self, holder: HolderId) -> Result<()> {
        let mut held = guard(&self.held);
        if held.contains_key(&holder) {
            return Ok(());
        }
        let lock = Lock::acquire(self.lock_of(holder)).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "begin an entry")
                .because(format!("no lock could be kept in {}", self.directory.display()))
                .advise("check that this program may write beside the database")
                .caused_by(error)
        })?;
        held.insert(holder, lock);
        Ok(())
    }

    /// Whether `holder` is known to have ended. What cannot be found out counts as living: then its lease decides.
    pub(crate) fn is_dead(&self, holder: HolderId) -> bool {
        is_dead(&self.lock_of(holder))
    }

    /// Removes the files that dead holders left behind.
    pub(crate) fn sweep(&self) {
        let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        for path in files.map(|file| file.path()) {
            if path.extension().is_some_and(|extension| extension == "lock") && is_dead(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn lock_of(&self, holder: HolderId) -> PathBuf {
        self.directory.join(format!("{holder}.lock"))
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        guard(&self.held).clear();
        // Gone only if it is empty, which is what is wanted.
        let _ = fs::remove_dir(&self.directory);
    }
}

impl Lock {
    /// The lock at `path`, shared with whoever holds it in this program already.
    fn acquire(path: PathBuf) -> io::Result<Arc<Self>> {
        let mut locks = guard(&LOCKS);
        if let Some(lock) = locks.get(&path).and_then(Weak::upgrade) {
            return Ok(lock);
        }
        let file = locked_file(&path)?;
        let lock = Arc::new(Self { path: path.clone(), _file: file });
        locks.insert(path, Arc::downgrade(&lock));
        Ok(lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut locks = guard(&LOCKS);
        // Another may have been made since the last handle of this one went.
        if locks.get(&self.path).is_some_and(|lock| lock.strong_count() == 0) {
            locks.remove(&self.path);
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a file that is locked before it is called `path`.
fn locked_file(path: &Path) -> io::Result<File> {
    let passing = path.with_extension(format!("{}.new", Uuid::now_v7().simple()));
    let mut tries = 0;
    let file = loop {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        match File::create_new(&passing) {
            Ok(file) => break file,
            // The last one to leave has just taken the directory along.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 10 => tries += 1,
            Err(error) => return Err(error),
        }
    };
    file.try_lock().map_err(io::Error::from)?;
    fs::rename(&passing, path)?;
    Ok(file)
}

fn is_dead(path: &Path) -> bool {
    let locks = guard(&LOCKS);
    if locks.get(path).is_some_and(|lock| lock.strong_count() > 0) {
        return false;
    }
    match File::open(path) {
        Ok(file) => match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use maestro_core::Id;

    use super::*;

    #[test]
    fn a_holder_lives_as_long_as_one_of_its_stores_is_open() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        let (first, second) = (Writers::beside(&path), Writers::beside(&path));
        let holder = Id::new();
        first.announce(holder).unwrap();
        second.announce(holder).unwrap();
        assert!(!first.is_dead(holder) && !second.is_dead(holder));
        drop(first);
        second.sweep();
        assert!(!second.is_dead(holder), "the other store still holds it");
        drop(second);
        assert!(Writers::beside(&path).is_dead(holder));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_file_that_nobody_holds_is_dead_and_is_swept_away() {
        let directory = tempfile::tempdir().unwrap();
        let writers = Writers::beside(&directory.path().join("m.db"));
        let holder = Id::new();
        fs::create_dir_all(&writers.directory).unwrap();
        fs::write(writers.lock_of(holder), "").unwrap();
        assert!(writers.is_dead(holder));
        writers.sweep();
        assert!(!writers.lock_of(holder).exists());
    }
}
