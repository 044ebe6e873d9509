//! Content hashes: whether two records hold the same.

use std::{fmt, io};

use sha2::{Digest as _, Sha256};

use super::Record;
use crate::error::{Error, FieldError, Result};

/// The SHA-256 of a content, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::str::FromStr for ContentHash {
    type Err = Error;

    /// Reads what `Display` wrote. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        let is_read = digits.len() == 64
            && bytes.iter_mut().zip(digits.chunks_exact(2)).all(|(byte, pair)| {
                let digit =
                    |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(0).zip(digit(1)).map(|(high, low)| *byte = high << 4 | low).is_some()
            });
        if is_read {
            Ok(Self(bytes))
        } else {
            Err(Error::invalid("read a hash", [FieldError::new("sha256", "is not 64 hexadecimal digits")]))
        }
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes a [`ContentHash`] of what is written into it.
#[derive(Debug, Clone, Default)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of everything that was taken in so far.
    pub fn finish(&self) -> ContentHash {
        ContentHash(self.0.clone().finalize().into())
    }
}

impl io::Write for ContentHasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Record {
    /// The hash of its [canonical form](super::canonical). Two records have the same if, and only if, they are equal.
    ///
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) when it cannot be written as JSON.
    pub fn content_hash(&self) -> Result<ContentHash> {
        let mut hasher = ContentHasher::new();
        self.write_lines(&mut hasher)?;
        Ok(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_shown_and_read_back() {
        let mut hasher = ContentHasher::new();
        hasher.update(b"abc");
        let hash = hasher.finish();
        // FIPS 180-4, the example of one block.
        let shown = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), shown);
        assert_eq!(shown.parse::<ContentHash>().unwrap(), hash);
        for wrong in ["", &shown[1..], &shown.replace('b', "g"), &shown.replace("ba", "é")] {
            assert!(wrong.parse::<ContentHash>().is_err(), "{wrong}");
        }
    }
}
