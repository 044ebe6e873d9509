//! The key of the vault: which one opens and seals credentials, and where it is kept.
//!
//! In this order: `MAESTRO_KEY` where it is set, since what is said outright beats what is found; a key file where one
//! is named (`--key-file`, `MAESTRO_KEY_FILE`), and nothing else then; the keyring of the system; a key file of mode
//! 0600 in the data directory. A key is made the first time that something is sealed, and never written anywhere but
//! in these places.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use maestro::{
    Error, ErrorKind,
    core::auth::{Vault, VaultKey},
};

use crate::{
    exit::{Result, invalid},
    store::{StoreUrl, data_directory},
};

/// The environment variable that holds the key itself.
const VARIABLE: &str = "MAESTRO_KEY";

/// Where the key is looked for.
#[derive(Debug, Clone)]
pub(crate) struct KeySource {
    /// A file that was named outright.
    pub(crate) file: Option<PathBuf>,
    /// What is stored in: a store in memory has a key in memory.
    pub(crate) store: StoreUrl,
}

impl KeySource {
    /// The vault, with a key that is made if there is none. May block, and may ask the user to unlock the keyring.
    pub(crate) fn open_or_make(&self) -> Result<Vault> {
        if let Some(key) = key_of_environment()? {
            return Ok(Vault::new(key));
        }
        if let Some(path) = &self.file {
            return Ok(Vault::new(match read_key_file(path)? {
                Some(key) => key,
                None => make_key_file(path)?,
            }));
        }
        if self.store == StoreUrl::Memory {
            return Ok(Vault::new(VaultKey::generate()));
        }
        let path = data_directory()?.join("key");
        // A file that is there was made when no keyring answered; it must go on opening what it sealed.
        let in_file = read_key_file(&path)?;
        match (keyring::read(), in_file) {
            (Keyring::Holds(key), None) => Ok(Vault::new(key)),
            (Keyring::Holds(key), Some(older)) => Ok(Vault::new(key).with_older(older)),
            (Keyring::Empty | Keyring::Absent, Some(key)) => Ok(Vault::new(key)),
            (Keyring::Empty, None) => match make_key_in_keyring(&path) {
                Some(key) => Ok(Vault::new(key)),
                None => make_key_file(&path).map(Vault::new),
            },
            (Keyring::Absent, None) => make_key_file(&path).map(Vault::new),
        }
    }
}

/// What the keyring of the system says.
enum Keyring {
    /// It has a key.
    #[cfg_attr(not(feature = "keyring"), expect(dead_code, reason = "there is no keyring to hold it"))]
    Holds(VaultKey),
    /// It works, and has none.
    #[cfg_attr(not(feature = "keyring"), expect(dead_code, reason = "there is no keyring to be empty"))]
    Empty,
    /// There is none, or it does not answer.
    Absent,
}

/// The keyring of the system.
#[cfg(feature = "keyring")]
mod keyring {
    use std::{sync::mpsc, thread, time::Duration};

    use keyring::v1::{Entry, Error, Result};

    use super::{Keyring, VaultKey};

    const SERVICE: &str = "maestro";
    const USER: &str = "vault-key";

    /// How long the keyring may take: long enough for somebody to type a password, and not for ever.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// What it says.
    pub(super) fn read() -> Keyring {
        match ask(|entry| entry.get_password()) {
            Ok(text) => match text.parse() {
                Ok(key) => Keyring::Holds(key),
                Err(_) => Keyring::Absent,
            },
            Err(Error::NoEntry) => Keyring::Empty,
            Err(error) => {
                tracing::debug!(%error, "no keyring answers");
                Keyring::Absent
            }
        }
    }

    /// Makes a key and keeps it. Absent when it cannot be kept.
    pub(super) fn make() -> Option<VaultKey> {
        let key = VaultKey::generate();
        let text = key.to_text();
        ask(move |entry| entry.set_password(&text)).ok()?;
        Some(key)
    }

    /// Asks the keyring, on a thread of its own that is left alone when no answer comes.
    fn ask<T: Send + 'static>(question: impl FnOnce(Entry) -> Result<T> + Send + 'static) -> Result<T> {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || tell.send(Entry::new(SERVICE, USER).and_then(question)));
        told.recv_timeout(PATIENCE).unwrap_or(Err(Error::NoDefaultStore))
    }
}

/// No keyring was built in.
#[cfg(not(feature = "keyring"))]
mod keyring {
    use super::{Keyring, VaultKey};

    pub(super) fn read() -> Keyring {
        Keyring::Absent
    }

    pub(super) fn make() -> Option<VaultKey> {
        None
    }
}

/// Makes a key in the keyring, unless another program has just done so: a keyring cannot say "only if there is none",
/// so those who make one wait for each other at a file beside the key file.
fn make_key_in_keyring(key_file: &Path) -> Option<VaultKey> {
    let lock =
        OpenOptions::new().create(true).truncate(false).write(true).open(key_file.with_extension("lock"));
    let _held = lock.and_then(|file| file.lock().map(|()| file)).ok()?;
    match keyring::read() {
        Keyring::Holds(key) => Some(key),
        Keyring::Empty => keyring::make(),
        Keyring::Absent => None,
    }
}

fn key_of_environment() -> Result<Option<VaultKey>> {
    match std::env::var(VARIABLE) {
        Err(std::env::VarError::NotPresent) => Ok(None),
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text.parse().map_err(|_| not_a_key(&format!("in {VARIABLE}")))?)),
        Err(_) => Err(not_a_key(&format!("in {VARIABLE}")).into()),
    }
}

/// The key in a file; absent when there is no file. One that others can read is refused.
fn read_key_file(path: &Path) -> Result<Option<VaultKey>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error).into()),
    };
    refuse_if_others_can_read(path, &file)?;
    let mut text = String::new();
    (&file).take(1024).read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
    text.parse().map(Some).map_err(|_| not_a_key(&format!("in {}", path.display())).into())
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

/// Makes a key file. It is written whole under another name and then linked, so that it is never seen half-written,
/// and two programs that make one at once agree on the one that was first.
fn make_key_file(path: &Path) -> Result<VaultKey> {
    let failed = |error: &io::Error| {
        Error::new(ErrorKind::Unavailable, "make the vault key")
            .on(path.display())
            .because(error.to_string())
            .advise(format!("name another file with --key-file, or give the key in {VARIABLE}"))
    };
    let key = VaultKey::generate();
    let draft = path.with_file_name(format!(".key-{}", maestro::Id::<VaultKey>::new()));
    let written = write_private(&draft, key.to_text().as_bytes()).and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match written {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_key_file(path)?.ok_or_else(|| failed(&error).into())
        }
        Err(error) => Err(failed(&error).into()),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn not_a_key(place: &str) -> Error {
    invalid("read the vault key", "key", format!("{place} is not a vault key: 43 characters of base64url"))
        .advise("put the key back that the store was made with; without it saved keys cannot be opened, and must be added again")
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "read the vault key").on(path.display()).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: PathBuf) -> KeySource {
        KeySource { file: Some(file), store: StoreUrl::Memory }
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let first = source(path.clone()).open_or_make().unwrap().active();
        assert_eq!(source(path.clone()).open_or_make().unwrap().active(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(source(path).open_or_make().is_err());
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
                std::thread::spawn(move || source(path).open_or_make().unwrap().active())
            })
            .collect();
        let mut keys: Vec<_> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1);
    }
}
