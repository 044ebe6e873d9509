//! The name of a saved authentication (requirement M-A2).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, FieldError, Result},
    provider::ProviderId,
};

/// The kind of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AuthType {
    /// Tokens from a sign-in.
    #[serde(rename = "oauth")]
    OAuth,
    /// A key that does not change.
    #[serde(rename = "api_key")]
    ApiKey,
}

impl AuthType {
    /// The name, as requirement M-A1 spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::ApiKey => "api_key",
        }
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuthType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "oauth" => Ok(Self::OAuth),
            "api_key" => Ok(Self::ApiKey),
            _ => Err(Error::invalid(
                "read an auth type",
                [FieldError::new("auth_type", "must be oauth or api_key")],
            )),
        }
    }
}

/// The name of a saved authentication: 3 to 50 characters of `A-Za-z0-9_-`. A name that exists is valid.
///
/// ```
/// use maestro_core::auth::AuthName;
///
/// assert_eq!(AuthName::new("  work_claude ").unwrap().as_str(), "work_claude");
/// assert!(AuthName::new("my key").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthName(String);

impl AuthName {
    /// Normalises (white space around it goes) and checks a name.
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it is too short, too long or holds another character.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref().trim();
        let length = name.chars().count();
        let problem = if !(3..=50).contains(&length) {
            format!("must be 3 to 50 characters long, not {length}")
        } else if let Some(bad) =
            name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        {
            format!("may hold A-Z a-z 0-9 _ - only, not {bad:?}")
        } else {
            return Ok(Self(name.to_owned()));
        };
        Err(Error::invalid("name an authentication", [FieldError::new("name", problem)]))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AuthName {
    type Error = Error;
    fn try_from(name: String) -> Result<Self> {
        Self::new(name)
    }
}

impl From<AuthName> for String {
    fn from(name: AuthName) -> Self {
        name.0
    }
}

impl FromStr for AuthName {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}

impl fmt::Display for AuthName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AuthName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a saved authentication is found by: provider, kind and name together are unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AuthRef {
    /// The provider.
    pub provider: ProviderId,
    /// The kind of credential.
    pub auth_type: AuthType,
    /// The name.
    pub name: AuthName,
}

impl AuthRef {
    /// Puts the three together.
    pub const fn new(provider: ProviderId, auth_type: AuthType, name: AuthName) -> Self {
        Self { provider, auth_type, name }
    }
}

impl fmt::Display for AuthRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" ({} of {})", self.name, self.auth_type, self.provider)
    }
}
