//! Key files: for their owner alone, and never seen half-written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use maestro::{
    Error, ErrorKind,
    core::auth::{KeyRing, VaultKey},
};
use zeroize::Zeroizing;

use super::{VARIABLE, not_a_key};
use crate::exit::Result;

/// The longest key file that is read: more than a thousand keys.
const LONGEST: usize = 1 << 16;

/// The keys in a file; absent when there is no file. One that others can read is refused.
pub(super) fn read(path: &Path) -> Result<Option<KeyRing>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error).into()),
    };
    refuse_if_others_can_read(path, &file)?;
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    (&file).take(LONGEST as u64).read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
    text.parse().map(Some).map_err(|_| not_a_key(&format!("in {}", path.display())).into())
}

/// Makes a key file. It is written whole under another name and then linked, so that it is never seen half-written,
/// and two programs that make one at once agree on the one that was first.
pub(super) fn make(path: &Path) -> Result<KeyRing> {
    let ring = KeyRing::new(VaultKey::generate());
    let draft = path.with_file_name(format!(".key-{}", maestro::Id::<VaultKey>::new()));
    let written = write_private(&draft, &ring.to_text())
        .and_then(|_| fs::hard_link(&draft, path))
        .and_then(|()| sync_directory(path));
    let _ = fs::remove_file(&draft);
    match written {
        Ok(()) => Ok(ring),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| not_written("make the vault key", path, &error).into())
        }
        Err(error) => Err(not_written("make the vault key", path, &error).into()),
    }
}

/// Puts keys in the place of those in a file. Who reads meanwhile, and whatever happens, finds the ones or the others;
/// when this returns, the new ones are safe on the disk. The file's [lock](lock) must be held.
pub(super) fn replace(path: &Path, text: &str) -> Result<()> {
    let replace = || {
        // A link goes on leading to where the keys are.
        let path = fs::canonicalize(path)?;
        let draft = beside(&path, ".new");
        // One who was killed may have left it.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let replaced = write_private(&draft, text)
            .and_then(|file| keep_owner(&path, &file))
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| sync_directory(&path));
        if replaced.is_err() {
            let _ = fs::remove_file(&draft);
        }
        replaced
    };
    replace().map_err(|error| not_written("keep the vault keys", path, &error).into())
}

/// Removes a key file.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = fs::remove_file(path).and_then(|()| sync_directory(path));
    removed.map_err(|error| not_written("remove the vault keys", path, &error).into())
}

/// Keeps other programs from changing the keys of a file until it is dropped. The lock is a file beside it, which stays.
pub(super) fn lock(path: &Path) -> Result<File> {
    let lock = beside(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), ".lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let locked = options.open(&lock).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| not_written("lock the vault keys", &lock, &error).into())
}

#[cfg(unix)]
fn refuse_if_others_can_read(path: &Path, file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_err(|error| unreadable(path, &error))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Forbidden, "read the vault key")
        .on(path.display())
        .because(format!("others than its owner may read it (mode {mode:04o})"))
        .advise(format!("chmod 600 {}", path.display()))
        .into())
}

#[cfg(not(unix))]
fn refuse_if_others_can_read(_path: &Path, _file: &File) -> Result<()> {
    Ok(())
}

/// Writes a new file for its owner alone, down to the disk.
fn write_private(path: &Path, text: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(file)
}

/// Gives a new file to the owner of the old one, where root changes the keys of somebody else.
#[cfg(unix)]
fn keep_owner(old: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (old, now) = (fs::metadata(old)?, new.metadata()?);
    if (old.uid(), old.gid()) == (now.uid(), now.gid()) {
        return Ok(());
    }
    fchown(new, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_old: &Path, _new: &File) -> io::Result<()> {
    Ok(())
}

/// Sees that a name which was given or taken in a directory is safe on the disk.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// The file of the same name with an end to it, in the same directory.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

fn not_written(operation: &'static str, path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .on(path.display())
        .because(error.to_string())
        .advise(format!("name another file with --key-file, or give the key in {VARIABLE}"))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "read the vault key").on(path.display()).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert!(read(&path).unwrap().is_none());
        let first = make(&path).unwrap().active();
        assert_eq!(read(&path).unwrap().unwrap().active(), first);
        assert_eq!(make(&path).unwrap().active(), first, "the one that is there stays");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(read(&path).is_err());
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn all_who_make_a_key_at_once_agree_on_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let makers: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || make(&path).unwrap().active())
            })
            .collect();
        let mut keys: Vec<_> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn replaced_keys_stay_for_their_owner_alone_and_behind_their_link() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("key"), directory.path().join("link"));
        let mut ring = make(&path).unwrap();
        symlink(&path, &link).unwrap();
        ring.turn();
        // What one who was killed has left.
        fs::write(directory.path().join("key.new"), "half a k").unwrap();
        replace(&link, &ring.to_text()).unwrap();
        let kept = read(&path).unwrap().unwrap();
        assert_eq!(kept.to_text(), ring.to_text());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no draft is left");
    }

    #[test]
    fn keys_that_cannot_be_replaced_stay_as_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let mut ring = make(&path).unwrap();
        let before = ring.to_text();
        // A directory stands where the draft would.
        fs::create_dir(directory.path().join("key.new")).unwrap();
        ring.turn();
        assert!(replace(&path, &ring.to_text()).is_err());
        assert_eq!(read(&path).unwrap().unwrap().to_text(), before);
    }

    #[test]
    fn readers_see_the_old_keys_or_the_new_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let mut ring = make(&path).unwrap();
        let first = ring.active();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut most = 0;
                while most < 50 {
                    let read = read(&path).unwrap().unwrap();
                    assert!(read.holds(first), "no key is ever missing");
                    let older = read.older().count();
                    assert!(older >= most, "no step goes back");
                    most = older;
                }
            });
            for _ in 0..50 {
                ring.turn();
                replace(&path, &ring.to_text()).unwrap();
            }
            reader.join().unwrap();
        });
    }
}
