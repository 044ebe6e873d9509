//! The part of a scenario that is for the authorization server alone.

use serde::{Deserialize, Serialize};

/// What is exchanged at a token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A code.
    AuthorizationCode,
    /// A refresh token.
    RefreshToken,
    /// A device's code; OpenAI's poll counts as this.
    DeviceCode,
    /// A token for an API key.
    TokenExchange,
}

/// What goes wrong with an exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OauthScript {
    /// Whether the exchange is done all the same.  When left out it is, unless the scenario answers an error, other
    /// bytes or [`OauthScript::error`] in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<ExchangeEffect>,
    /// Answers this OAuth error, such as `invalid_grant`, in the form of the flavour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Gives the access token this lifetime in seconds; 0 or less is a token that has expired already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_seconds: Option<i64>,
    /// Leaves these fields out of the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omit: Vec<String>,
    /// Cuts the JSON of the answer in half and sends that as if it were whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub malformed: bool,
}

/// Whether an exchange that is answered with a fault was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeEffect {
    /// It was: codes are spent, refresh tokens are replaced, and only the answer is lost.
    Done,
    /// It was not.
    NotDone,
}
