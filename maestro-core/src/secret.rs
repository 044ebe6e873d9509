//! Secrets: text that no `Debug`, log line or error shows.

use std::fmt;

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::{Error, FieldError, Result};

/// A secret text such as an API key or a token. It is wiped when dropped, and prints as `[secret]`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a secret in. White space around it is cut off, since keys are often pasted with it.
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when nothing is left, or when it holds a control character or
    /// white space, which no key has and no header may.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = zeroize::Zeroizing::new(text.into());
        let trimmed = text.trim();
        let problem = if trimmed.is_empty() {
            "is empty"
        } else if trimmed.chars().any(|c| c.is_control() || c.is_whitespace()) {
            "holds white space or a control character"
        } else {
            return Ok(Self(SecretString::from(trimmed)));
        };
        Err(Error::invalid("read a secret", [FieldError::new("key", problem)]))
    }

    /// The text itself. Each call shows in a review: give it to nothing but the provider it belongs to.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// The secret as the value of a header, marked so that HTTP libraries do not print it either.
    pub fn header_value(&self, prefix: &str) -> Result<HeaderValue> {
        let text = zeroize::Zeroizing::new(format!("{prefix}{}", self.reveal()));
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Error::invalid("send a key", [FieldError::new("key", "holds a character that no header may")])
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl PartialEq for Secret {
    /// Compares in a time that depends on the lengths alone.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.reveal().as_bytes(), other.reveal().as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_trimmed_and_never_printed() {
        let secret = Secret::new(" sk-canary\n").unwrap();
        assert_eq!(secret.reveal(), "sk-canary");
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert!(!format!("{:?}", secret.header_value("Bearer ").unwrap()).contains("canary"));
    }

    #[test]
    fn white_space_within_a_secret_is_refused() {
        for text in ["", " \t", "a b", "a\nb", "a\0b"] {
            assert!(Secret::new(text).is_err(), "{text:?}");
        }
    }
}
