//! The vault: credentials sealed with authenticated encryption (requirement M-A5).
//!
//! XChaCha20-Poly1305 with a random nonce of 24 bytes. What is sealed is bound, as associated data, to the kind of
//! entity, the id of the row and the id of the key: a ciphertext that is copied to another row does not open.

use std::{collections::BTreeMap, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Generate as _, Payload},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Credentials, SavedAuthentication};
use crate::{
    error::{Error, ErrorKind, FieldError, Result},
    id::Id,
};

/// The version of the sealed form, its first byte.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Seals and opens credentials. It holds several keys: one active, with which it seals, and older ones, with which it
/// only opens.
///
/// ```
/// use maestro_core::{Id, Secret, auth::{Credentials, Vault, VaultKey}};
///
/// let vault = Vault::new(VaultKey::generate());
/// let id = Id::new();
/// let credentials = Credentials::api_key(Secret::new("sk-…")?);
/// let sealed = vault.seal(id, &credentials)?;
/// assert_eq!(vault.open(id, &sealed)?, credentials);
/// assert!(vault.open(Id::new(), &sealed).is_err(), "sealed for another row");
/// # Ok::<(), maestro_core::Error>(())
/// ```
pub struct Vault {
    active: KeyId,
    ciphers: BTreeMap<KeyId, XChaCha20Poly1305>,
}

impl Vault {
    /// A vault with one key, which is active.
    pub fn new(key: VaultKey) -> Self {
        let active = key.id();
        Self { active, ciphers: BTreeMap::from([(active, key.cipher())]) }
    }

    /// Adds an older key, to open what it sealed.
    #[must_use]
    pub fn with_older(mut self, key: VaultKey) -> Self {
        self.ciphers.insert(key.id(), key.cipher());
        self
    }

    /// The key with which it seals.
    pub const fn active(&self) -> KeyId {
        self.active
    }

    /// Whether it holds the key with this id, and so can open what that key sealed.
    pub fn holds(&self, key: KeyId) -> bool {
        self.ciphers.contains_key(&key)
    }

    /// Seals credentials for the row `id`, with the active key and a fresh nonce.
    pub fn seal(&self, id: Id<SavedAuthentication>, credentials: &Credentials) -> Result<SealedCredentials> {
        let plain = credentials.to_plain()?;
        let nonce = XNonce::generate();
        let aad = associated_data(id, self.active);
        let ciphertext = self
            .cipher(self.active)?
            .encrypt(&nonce, Payload { msg: &plain, aad: &aad })
            .map_err(|_| Error::new(ErrorKind::Internal, "seal credentials").because("the cipher failed"))?;
        Ok(SealedCredentials { key: self.active, nonce: nonce.into(), ciphertext })
    }

    /// Opens what was sealed for the row `id`.
    ///
    /// [`ErrorKind::Unauthenticated`] when no key here sealed it; [`ErrorKind::Internal`] when it was sealed for
    /// another row or has been changed.
    pub fn open(&self, id: Id<SavedAuthentication>, sealed: &SealedCredentials) -> Result<Credentials> {
        let nonce = XNonce::from(sealed.nonce);
        let aad = associated_data(id, sealed.key);
        let plain = self
            .cipher(sealed.key)?
            .decrypt(&nonce, Payload { msg: &sealed.ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| {
                Error::new(ErrorKind::Internal, "open credentials")
                    .on(id)
                    .because("they were changed, or sealed for another row")
            })?;
        Credentials::from_plain(&plain)
    }

    fn cipher(&self, key: KeyId) -> Result<&XChaCha20Poly1305> {
        self.ciphers.get(&key).ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "open credentials")
                .because(format!("they were sealed with key {key}, which is not here"))
                .advise("give this program that key too; if the vault key was rotated, start it again with the new ones")
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("active", &self.active).field("keys", &self.ciphers.keys()).finish()
    }
}

/// A key of a vault: 32 bytes, wiped when dropped, never printed.
pub struct VaultKey(Zeroizing<[u8; 32]>);

impl VaultKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// The id of the key, which tells nothing about it.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::new_with_prefix(b"maestro vault key id\0").chain_update(*self.0).finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    /// The key as text, to be kept where only its owner can read it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0))
    }

    /// The same key once more. Not `Clone`, so that keys do not spread unseen.
    pub(super) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

impl FromStr for VaultKey {
    type Err = Error;

    /// Reads what [`to_text`](Self::to_text) wrote. [`ErrorKind::Invalid`] for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let bytes =
            URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).map(Zeroizing::new).unwrap_or_default();
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            let problem = "is not a vault key: 32 bytes as 43 characters of base64url";
            return Err(Error::invalid("read a vault key", [FieldError::new("key", problem)]));
        }
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKey({})", self.id())
    }
}

/// The id of a [`VaultKey`]: 8 bytes of a hash of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Credentials that only a [`Vault`] with the right key opens; what stores keep.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedCredentials {
    key: KeyId,
    nonce: [u8; NONCE_BYTES],
    ciphertext: Vec<u8>,
}

impl SealedCredentials {
    /// The key that sealed them.
    pub const fn key_id(&self) -> KeyId {
        self.key
    }

    /// The stored form: version (1 byte), key id (8), nonce (24), ciphertext with its tag.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.key.0.len() + NONCE_BYTES + self.ciphertext.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. [`ErrorKind::Internal`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let read = || {
            let (version, rest) = bytes.split_first()?;
            let (key, rest) = rest.split_first_chunk::<8>()?;
            let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
            (*version == VERSION).then(|| Self {
                key: KeyId(*key),
                nonce: *nonce,
                ciphertext: ciphertext.to_vec(),
            })
        };
        read().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "read sealed credentials")
                .because("what is stored is not a known sealed form")
        })
    }
}

impl fmt::Debug for SealedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedCredentials(key {}, {} bytes)", self.key, self.ciphertext.len())
    }
}

fn associated_data(id: Id<SavedAuthentication>, key: KeyId) -> Vec<u8> {
    let mut data = b"saved_authentication\0".to_vec();
    data.extend_from_slice(id.as_bytes());
    data.extend_from_slice(&key.0);
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn credentials() -> Credentials {
        Credentials::api_key(Secret::new("sk-canary").unwrap())
    }

    #[test]
    fn an_older_key_still_opens_what_it_sealed_and_an_unknown_one_is_named() {
        let (old, new) = (VaultKey::generate(), VaultKey::generate());
        let (old_id, old_text) = (old.id(), old.to_text());
        let id = Id::new();
        let sealed = Vault::new(old).seal(id, &credentials()).unwrap();

        let rotated = Vault::new(new).with_older(old_text.parse().unwrap());
        assert_eq!(rotated.open(id, &sealed).unwrap(), credentials());
        assert_ne!(rotated.seal(id, &credentials()).unwrap().key_id(), old_id);

        let error = Vault::new(VaultKey::generate()).open(id, &sealed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains(&old_id.to_string()));
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let vault = Vault::new(VaultKey::generate());
        let id = Id::new();
        let bytes = vault.seal(id, &credentials()).unwrap().to_bytes();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let opened = SealedCredentials::from_bytes(&changed).and_then(|sealed| vault.open(id, &sealed));
            assert!(opened.is_err(), "byte {at}");
        }
    }

    #[test]
    fn neither_vault_nor_key_nor_sealed_form_shows_a_secret() {
        let key = VaultKey::generate();
        let text = key.to_text();
        let shown = format!("{key:?}");
        let vault = Vault::new(key);
        let sealed = vault.seal(Id::new(), &credentials()).unwrap();
        let shown = format!("{shown} {vault:?} {sealed:?} {:?}", credentials());
        assert!(!shown.contains("canary") && !shown.contains(text.as_str()));
    }
}
