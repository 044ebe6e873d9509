//! The keys of the vault: which one seals credentials, which ones open them, and where they are kept.
//!
//! In this order: `MAESTRO_KEY` where it is set, since what is said outright beats what is found; a key file where one
//! is named (`--key-file`, `MAESTRO_KEY_FILE`), and nothing else then; the keyring of the system; a key file of mode
//! 0600 in the data directory. Each holds a [`KeyRing`], which a single key is, too. A key is made the first time that
//! something is sealed, and never written anywhere but in these places.

mod file;
mod keyring;

use std::path::{Path, PathBuf};

use maestro::{
    Error, ErrorKind,
    core::auth::{KeyRing, Vault, VaultKey},
};

use self::keyring::Keyring;
use crate::{
    exit::{Result, invalid},
    store::{StoreUrl, data_directory},
};

/// The environment variable that holds the keys themselves.
const VARIABLE: &str = "MAESTRO_KEY";

/// Where the keys are looked for.
#[derive(Debug, Clone)]
pub(crate) struct KeySource {
    /// A file that was named outright.
    pub(crate) file: Option<PathBuf>,
    /// What is stored in: a store in memory has a key in memory.
    pub(crate) store: StoreUrl,
}

/// The keys, and where they were found.
#[derive(Debug)]
pub(crate) struct Keys {
    /// All that open.
    pub(crate) ring: KeyRing,
    /// Where the active one is.
    pub(crate) place: Place,
    /// A key file that was made when no keyring answered; its keys are among the older ones.
    beside: Option<PathBuf>,
}

/// Where keys are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `MAESTRO_KEY`, which only the user can change.
    Environment,
    /// In a file.
    File(PathBuf),
    /// In the keyring of the system.
    Keyring,
    /// In this process.
    Memory,
}

impl KeySource {
    /// The vault, with a key that is made if there is none. May block, and may ask the user to unlock the keyring.
    pub(crate) fn open_or_make(&self) -> Result<Vault> {
        let keys = match self.find()? {
            Some(keys) => keys,
            None => self.make()?,
        };
        Ok(keys.ring.vault())
    }

    /// The keys; absent when none has been made yet. May block, as [`open_or_make`](Self::open_or_make).
    pub(crate) fn find(&self) -> Result<Option<Keys>> {
        let at = |place| move |ring| Keys { ring, place, beside: None };
        if let Some(ring) = ring_of_environment()? {
            return Ok(Some(at(Place::Environment)(ring)));
        }
        if let Some(path) = &self.file {
            return Ok(file::read(path)?.map(at(Place::File(path.clone()))));
        }
        if self.store == StoreUrl::Memory {
            return Ok(None);
        }
        let path = default_file()?;
        // A file that is there was made when no keyring answered; it must go on opening what it sealed.
        let in_file = file::read(&path)?;
        Ok(match (keyring::read(), in_file) {
            (Keyring::Holds(mut ring), Some(older)) => {
                ring.add_older(older);
                Some(Keys { ring, place: Place::Keyring, beside: Some(path) })
            }
            (Keyring::Holds(ring), None) => Some(at(Place::Keyring)(ring)),
            (Keyring::Empty | Keyring::Absent, in_file) => in_file.map(at(Place::File(path))),
        })
    }

    /// Changes the keys where they are kept, while no other program does. What is kept is safe on the disk, or in the
    /// keyring, when this returns; if it fails, the keys are as they were. Absent when there are none.
    ///
    /// [`ErrorKind::Unsupported`] for keys that are kept where no program can change them, if `change` wants it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut KeyRing, &Place) -> Change) -> Result<Option<Keys>> {
        let _lock = match &self.file {
            Some(path) => Some(file::lock(path)?),
            None if self.store == StoreUrl::Memory => None,
            None => Some(file::lock(&default_file()?)?),
        };
        let Some(mut keys) = self.find()? else { return Ok(None) };
        match change(&mut keys.ring, &keys.place) {
            Change::Nothing => {}
            Change::Keep => keys.save()?,
            Change::KeepNoOthers => {
                keys.save()?;
                if let Some(path) = keys.beside.take() {
                    file::remove(&path)?;
                }
            }
        }
        Ok(Some(keys))
    }

    fn make(&self) -> Result<Keys> {
        let place = match &self.file {
            None if self.store == StoreUrl::Memory => {
                return Ok(Keys {
                    ring: KeyRing::new(VaultKey::generate()),
                    place: Place::Memory,
                    beside: None,
                });
            }
            None => {
                let path = default_file()?;
                if let Some(ring) = make_in_keyring(&path) {
                    return Ok(Keys { ring, place: Place::Keyring, beside: None });
                }
                path
            }
            Some(path) => path.clone(),
        };
        Ok(Keys { ring: file::make(&place)?, place: Place::File(place), beside: None })
    }
}

/// What is to become of keys that have been changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// They have not been changed.
    Nothing,
    /// They are to be kept.
    Keep,
    /// They are to be kept, and no other copies of older ones.
    KeepNoOthers,
}

impl Keys {
    fn save(&self) -> Result<()> {
        let text = self.ring.to_text();
        match &self.place {
            Place::File(path) => file::replace(path, &text),
            Place::Keyring => Ok(keyring::write(text)?),
            Place::Environment => Err(Error::new(ErrorKind::Unsupported, "change the vault keys")
                .because(format!("they are in {VARIABLE}, which only you can change"))
                .advise(HOW_TO_TURN)
                .into()),
            Place::Memory => Err(Error::new(ErrorKind::Unsupported, "change the vault keys")
                .because("a store in memory has its key in memory")
                .into()),
        }
    }
}

/// What to do with `MAESTRO_KEY`.
const HOW_TO_TURN: &str = "\
    set MAESTRO_KEY to OLD,NEW for every program, then to NEW,OLD (the first seals, all open), and run this again; \
    openssl rand -base64 32 | tr '+/' '-_' | tr -d = makes a key";

/// Makes a key in the keyring, unless another program has just done so: a keyring cannot say "only if there is none",
/// so those who make one wait for each other. Absent when it cannot be kept there.
fn make_in_keyring(key_file: &Path) -> Option<KeyRing> {
    // Somebody who must type a password waits for no lock where there is nothing to unlock.
    if matches!(keyring::read(), Keyring::Absent) {
        return None;
    }
    let _lock = file::lock(key_file).ok()?;
    match keyring::read() {
        Keyring::Holds(ring) => Some(ring),
        Keyring::Empty => {
            let ring = KeyRing::new(VaultKey::generate());
            keyring::write(ring.to_text()).ok()?;
            Some(ring)
        }
        Keyring::Absent => None,
    }
}

fn default_file() -> Result<PathBuf> {
    Ok(data_directory()?.join("key"))
}

fn ring_of_environment() -> Result<Option<KeyRing>> {
    match std::env::var(VARIABLE) {
        Err(std::env::VarError::NotPresent) => Ok(None),
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text.parse().map_err(|_| not_a_key(&format!("in {VARIABLE}")))?)),
        Err(_) => Err(not_a_key(&format!("in {VARIABLE}")).into()),
    }
}

fn not_a_key(place: &str) -> Error {
    invalid("read the vault key", "key", format!("{place} is not a vault key, 43 characters of base64url, nor several"))
        .advise("put the key back that the store was made with; without it saved keys cannot be opened, and must be added again")
}
