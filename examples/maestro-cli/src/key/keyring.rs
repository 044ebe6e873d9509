//! The keyring of the system: Keychain, Credential Manager or Secret Service.

use maestro::{Error, ErrorKind, core::auth::KeyRing};

/// What it says.
pub(super) enum Keyring {
    /// It has keys.
    #[cfg_attr(not(feature = "keyring"), expect(dead_code, reason = "there is no keyring to hold them"))]
    Holds(KeyRing),
    /// It works, and has none.
    #[cfg_attr(not(feature = "keyring"), expect(dead_code, reason = "there is no keyring to be empty"))]
    Empty,
    /// There is none, or it does not answer.
    Absent,
}

#[cfg(feature = "keyring")]
pub(super) use with_keyring::{read, write};
#[cfg(not(feature = "keyring"))]
pub(super) use without_keyring::{read, write};

fn not_kept() -> Error {
    Error::new(ErrorKind::Unavailable, "keep the vault key")
        .because("the keyring does not take it, or does not give it back")
        .advise("unlock the keyring and try again, or name a key file with --key-file")
}

#[cfg(feature = "keyring")]
mod with_keyring {
    use std::{sync::mpsc, thread, time::Duration};

    use keyring::v1::{Entry, Error as KeyringError, Result as KeyringResult};
    use maestro::Error;
    use zeroize::Zeroizing;

    use super::{Keyring, not_kept};

    const SERVICE: &str = "maestro";
    const USER: &str = "vault-key";

    /// How long the keyring may take: long enough for somebody to type a password, and not for ever.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// What it says.
    pub(crate) fn read() -> Keyring {
        match ask(|entry| entry.get_password().map(Zeroizing::new)) {
            Ok(text) => text.parse().map_or(Keyring::Absent, Keyring::Holds),
            Err(KeyringError::NoEntry) => Keyring::Empty,
            Err(error) => {
                tracing::debug!(%error, "no keyring answers");
                Keyring::Absent
            }
        }
    }

    /// Keeps the keys in the place of those that are there, and sees that they come back.
    pub(crate) fn write(text: Zeroizing<String>) -> Result<(), Error> {
        let kept = ask(move |entry| {
            entry.set_password(&text)?;
            Ok(Zeroizing::new(entry.get_password()?) == text)
        });
        if matches!(kept, Ok(true)) { Ok(()) } else { Err(not_kept()) }
    }

    /// Asks the keyring, on a thread of its own that is left alone when no answer comes.
    fn ask<T: Send + 'static>(
        question: impl FnOnce(Entry) -> KeyringResult<T> + Send + 'static,
    ) -> KeyringResult<T> {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || tell.send(Entry::new(SERVICE, USER).and_then(question)));
        told.recv_timeout(PATIENCE).unwrap_or(Err(KeyringError::NoDefaultStore))
    }
}

#[cfg(not(feature = "keyring"))]
mod without_keyring {
    use maestro::Error;
    use zeroize::Zeroizing;

    use super::{Keyring, not_kept};

    pub(crate) fn read() -> Keyring {
        Keyring::Absent
    }

    pub(crate) fn write(_text: Zeroizing<String>) -> Result<(), Error> {
        Err(not_kept())
    }
}
