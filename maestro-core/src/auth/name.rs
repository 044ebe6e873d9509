//! The name of a saved authentication (requirement M-A2).

use std::{fmt, ops::RangeInclusive, str::FromStr};

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

/// How many characters a name has.
const LENGTH: RangeInclusive<usize> = 3..=50;

/// What a name that nobody chose begins with.
const DEFAULT: &str = "default_";

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
        let problem = if !LENGTH.contains(&length) {
            format!("must be {} to {} characters long, not {length}", LENGTH.start(), LENGTH.end())
        } else if let Some(bad) = name.chars().find(|c| !may_hold(*c)) {
            format!("may hold A-Z a-z 0-9 _ - only, not {bad:?}")
        } else {
            return Ok(Self(name.to_owned()));
        };
        Err(Error::invalid("name an authentication", [FieldError::new("name", problem)]))
    }

    /// The name that a row without one is given: `default_{provider}_{auth_type}` (requirement M-A4), with `_2`, `_3`…
    /// behind it from the second `attempt` on. Every store names by this rule.
    ///
    /// A character that a name may not hold becomes `_`, and the name of a provider is cut so that 50 characters are not
    /// exceeded. Attempts of one provider and kind always differ.
    ///
    /// ```
    /// use maestro_core::auth::{AuthName, AuthType};
    ///
    /// assert_eq!(AuthName::default_for("anthropic", AuthType::OAuth, 1).as_str(), "default_anthropic_oauth");
    /// assert_eq!(AuthName::default_for("anthropic", AuthType::OAuth, 2).as_str(), "default_anthropic_oauth_2");
    /// ```
    pub fn default_for(provider: &str, auth_type: AuthType, attempt: u32) -> Self {
        let behind = match attempt {
            0 | 1 => format!("_{auth_type}"),
            _ => format!("_{auth_type}_{attempt}"),
        };
        let room = LENGTH.end() - DEFAULT.len() - behind.len();
        let provider: String =
            provider.chars().map(|c| if may_hold(c) { c } else { '_' }).take(room).collect();
        Self(format!("{DEFAULT}{provider}{behind}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn may_hold(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_name_is_valid_whatever_the_provider_is_called() {
        let long = "p".repeat(50);
        for provider in ["openai_compatible", "a", "", "my provider/é🙂", &long] {
            for auth_type in [AuthType::OAuth, AuthType::ApiKey] {
                for attempt in [1, 2, 10, u32::MAX] {
                    let name = AuthName::default_for(provider, auth_type, attempt);
                    assert_eq!(AuthName::new(name.as_str()).unwrap(), name);
                }
            }
        }
        let (first, second) = [1, 2].map(|n| AuthName::default_for(&long, AuthType::ApiKey, n)).into();
        assert_ne!(first, second);
        assert_eq!(first.as_str(), format!("default_{}_api_key", "p".repeat(34)));
    }
}
