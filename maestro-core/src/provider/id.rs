//! Names of providers and models, both open.

use std::{fmt, str::FromStr};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError, Result};

/// The name of a provider, such as `openai_compatible`: 1 to 50 characters of `a-z 0-9 _ -`.
///
/// It is open (requirement M-A1): a provider that nobody has thought of yet needs no change here and no migration.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "CompactString", into = "CompactString")]
pub struct ProviderId(CompactString);

impl ProviderId {
    /// Checks a name; upper case is made lower case. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for any other
    /// character, an empty name or one above 50 characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref().trim().to_ascii_lowercase();
        let good = (1..=50).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if good {
            Ok(Self(name.into()))
        } else {
            Err(Error::invalid(
                "name a provider",
                [FieldError::new("provider", "must be 1 to 50 characters of a-z 0-9 _ -")],
            ))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a model, as its provider spells it: 1 to 200 characters, no white space, no control characters.
///
/// There is no list of known models: new ones appear every month.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "CompactString", into = "CompactString")]
pub struct ModelId(CompactString);

impl ModelId {
    /// Checks a name. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is empty, too long, or holds white
    /// space or control characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref().trim();
        if (1..=200).contains(&name.chars().count())
            && !name.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            Ok(Self(name.into()))
        } else {
            Err(Error::invalid(
                "name a model",
                [FieldError::new("model", "must be 1 to 200 characters without white space")],
            ))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! name_traits {
    ($($name:ident)+) => {$(
        impl TryFrom<CompactString> for $name {
            type Error = Error;
            fn try_from(name: CompactString) -> Result<Self> {
                Self::new(name)
            }
        }
        impl From<$name> for CompactString {
            fn from(name: $name) -> Self {
                name.0
            }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    )+};
}
name_traits!(ProviderId ModelId);
