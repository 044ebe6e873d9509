//! Credentials, open in memory and nowhere else (requirement M-A5).

use std::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::{AuthType, HolderId};
use crate::{
    error::{Error, ErrorKind, Result},
    provider::{OAuthClient, OAuthProfile},
    secret::Secret,
    time::Timestamp,
};

/// What proves to a provider who asks. `Debug` shows no secret; there is no `Serialize`: see
/// [`Vault::seal`](super::Vault::seal).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// A key that does not change.
    ApiKey {
        /// The key; absent for servers that want none.
        key: Option<Secret>,
        /// The server to ask, if it is not the provider's own.
        base_url: Option<Url>,
    },
    /// Tokens from a sign-in.
    OAuth {
        /// The tokens.
        tokens: Box<OAuthTokens>,
        /// The server to ask, if it is not the provider's own.
        base_url: Option<Url>,
    },
}

impl Credentials {
    /// A key at the provider's own address.
    pub const fn api_key(key: Secret) -> Self {
        Self::ApiKey { key: Some(key), base_url: None }
    }

    /// The same credentials, for the server at `base_url`.
    #[must_use]
    pub fn at(mut self, url: Option<Url>) -> Self {
        match &mut self {
            Self::ApiKey { base_url, .. } | Self::OAuth { base_url, .. } => *base_url = url,
        }
        self
    }

    /// Of which kind they are.
    pub const fn auth_type(&self) -> AuthType {
        match self {
            Self::ApiKey { .. } => AuthType::ApiKey,
            Self::OAuth { .. } => AuthType::OAuth,
        }
    }

    /// The server to ask, if it is not the provider's own.
    pub const fn base_url(&self) -> Option<&Url> {
        match self {
            Self::ApiKey { base_url, .. } | Self::OAuth { base_url, .. } => base_url.as_ref(),
        }
    }

    /// The secret that is sent: the key, saved or bought, or the access token.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::ApiKey { key, .. } => key.as_ref(),
            Self::OAuth { tokens, .. } => Some(tokens.api_key.as_ref().unwrap_or(&tokens.access_token)),
        }
    }

    /// When they stop working, as far as that is known.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::ApiKey { .. } => None,
            Self::OAuth { tokens, .. } => tokens.ends_at(),
        }
    }

    /// Writes them as JSON, for the vault alone.
    pub(super) fn to_plain(&self) -> Result<Zeroizing<Vec<u8>>> {
        serde_json::to_vec(&Plain::from(self)).map(Zeroizing::new).map_err(|_| {
            Error::new(ErrorKind::Internal, "seal credentials").because("they could not be written")
        })
    }

    /// Reads what [`to_plain`](Self::to_plain) wrote.
    pub(super) fn from_plain(plain: &[u8]) -> Result<Self> {
        // The parser's error could quote the plain text, so it is not kept.
        let unreadable =
            || Error::new(ErrorKind::Internal, "open credentials").because("what was sealed cannot be read");
        let plain: Plain = serde_json::from_slice(plain).map_err(|_| unreadable())?;
        plain.try_into().map_err(|_: Error| unreadable())
    }
}

/// The tokens of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthTokens {
    /// What is sent with requests.
    pub access_token: Secret,
    /// What buys new tokens; absent when the sign-in cannot be renewed.
    pub refresh_token: Option<Secret>,
    /// The signed statement of who signed in, where the provider gives one.
    pub id_token: Option<Secret>,
    /// When the access token stops working.
    pub expires_at: Option<Timestamp>,
    /// When the access token came; absent when that is not known.
    pub obtained_at: Option<Timestamp>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// The provider's id of the account.
    pub account_id: Option<String>,
    /// The provider's word for the plan; whatever word it is.
    pub plan: Option<CompactString>,
    /// The Cloud project that requests are booked on, at providers that want one (`x-goog-user-project`).
    pub quota_project: Option<String>,
    /// The key that the tokens have bought. It is sent in their place.
    pub api_key: Option<Secret>,
    /// When that key stops working; absent when it was not told, or there is none.
    pub api_key_expires_at: Option<Timestamp>,
    /// The client to which the tokens were granted, and the only one that can refresh them. Absent where the program
    /// knows it by itself.
    pub client: Option<Box<OAuthClient>>,
    /// What the user accepted before signing in.
    pub policy: Option<PolicyAccepted>,
    /// Why the refresh token is not worth trying any more. A new sign-in ends it.
    pub refused: Option<RefreshRefused>,
    /// That the refresh token was sent and no answer has been kept. Written before the request, so that an answer lost
    /// on the way is known.
    pub asked: Option<RefreshAsked>,
    /// That the tokens, just refreshed, are about to buy a new key. Others wait for it, and buy none meanwhile.
    pub buying: Option<KeyAsked>,
}

impl OAuthTokens {
    /// Tokens of which nothing else is known.
    pub const fn new(access_token: Secret) -> Self {
        Self {
            access_token,
            refresh_token: None,
            id_token: None,
            expires_at: None,
            obtained_at: None,
            scopes: Vec::new(),
            account_id: None,
            plan: None,
            quota_project: None,
            api_key: None,
            api_key_expires_at: None,
            client: None,
            policy: None,
            refused: None,
            asked: None,
            buying: None,
        }
    }

    /// The token that is bought anew or refreshed when it ends: a bought key that has an end, else the access token.
    pub fn renewable(&self) -> &Secret {
        match (&self.api_key, self.api_key_expires_at) {
            (Some(key), Some(_)) => key,
            _ => &self.access_token,
        }
    }

    /// When [`renewable`](Self::renewable) stops working, as far as that is known.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.api_key.as_ref().and(self.api_key_expires_at).or(self.expires_at)
    }

    /// From when on they are to be refreshed: `margin` before the [end](Self::ends_at), but never before three quarters of
    /// their life are over, so that tokens which live shorter than the margin are not refreshed without end. Absent when it is
    /// not known when they end.
    pub fn due_at(&self, margin: Duration) -> Option<Timestamp> {
        let end = self.ends_at()?;
        let most = self.obtained_at.map_or(margin, |start| end.since(start) / 4);
        Some(end.saturating_sub(margin.min(most)))
    }
}

/// A key that the tokens of a sign-in bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoughtKey {
    /// The key.
    pub key: Secret,
    /// When it stops working; absent when that was not told.
    pub expires_at: Option<Timestamp>,
}

/// That the user accepted who may use a sign-in flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyAccepted {
    /// The source of the terms, as they were shown.
    pub source: String,
    /// When.
    pub at: Timestamp,
}

/// That a refresh token was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshAsked {
    /// The program that sent it last.
    pub by: HolderId,
    /// When it was last sent.
    pub at: Timestamp,
    /// When it was first sent: from then on the server counts the time in which it takes the token once more.
    pub first_at: Timestamp,
}

/// That a program is buying a key with the tokens of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAsked {
    /// The program.
    pub by: HolderId,
    /// Since when.
    pub at: Timestamp,
}

/// That a server refused a refresh token for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshRefused {
    /// Why.
    pub reason: RefusalReason,
    /// When.
    pub at: Timestamp,
}

/// Why a refresh token was refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// It is too old.
    Expired,
    /// It was used before, by somebody else or in a request whose answer was lost.
    Reused,
    /// It, or the whole sign-in, was revoked.
    Revoked,
    /// The server does not say.
    Unknown,
}

/// The plain form that is sealed. It exists only between the vault and its cipher, and is wiped there.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "it lives for as long as it takes to write it")]
enum Plain {
    ApiKey {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Zeroizing<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<Url>,
    },
    #[serde(rename = "oauth")]
    OAuth {
        access_token: Zeroizing<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refresh_token: Option<Zeroizing<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id_token: Option<Zeroizing<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        obtained_at: Option<Timestamp>,
        #[serde(default)]
        scopes: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<CompactString>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quota_project: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api_key: Option<Zeroizing<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api_key_expires_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<Box<PlainClient>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<PolicyAccepted>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<RefreshRefused>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<RefreshAsked>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        buying: Option<KeyAsked>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_url: Option<Url>,
    },
}

#[derive(Serialize, Deserialize)]
struct PlainClient {
    profile: OAuthProfile,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret: Option<Zeroizing<String>>,
}

fn plain(secret: &Secret) -> Zeroizing<String> {
    Zeroizing::new(secret.reveal().to_owned())
}

fn secret(text: &Zeroizing<String>) -> Result<Secret> {
    Secret::new(text.as_str())
}

impl From<&Credentials> for Plain {
    fn from(credentials: &Credentials) -> Self {
        match credentials {
            Credentials::ApiKey { key, base_url } => {
                Self::ApiKey { key: key.as_ref().map(plain), base_url: base_url.clone() }
            }
            Credentials::OAuth { tokens, base_url } => Self::OAuth {
                access_token: plain(&tokens.access_token),
                refresh_token: tokens.refresh_token.as_ref().map(plain),
                id_token: tokens.id_token.as_ref().map(plain),
                expires_at: tokens.expires_at,
                obtained_at: tokens.obtained_at,
                scopes: tokens.scopes.clone(),
                account_id: tokens.account_id.clone(),
                plan: tokens.plan.clone(),
                quota_project: tokens.quota_project.clone(),
                api_key: tokens.api_key.as_ref().map(plain),
                api_key_expires_at: tokens.api_key_expires_at,
                client: tokens.client.as_deref().map(|client| {
                    Box::new(PlainClient {
                        profile: client.profile.clone(),
                        client_id: client.client_id.clone(),
                        client_secret: client.client_secret.as_ref().map(plain),
                    })
                }),
                policy: tokens.policy.clone(),
                refused: tokens.refused.clone(),
                asked: tokens.asked,
                buying: tokens.buying,
                base_url: base_url.clone(),
            },
        }
    }
}

impl TryFrom<Plain> for Credentials {
    type Error = Error;

    fn try_from(from: Plain) -> Result<Self> {
        Ok(match from {
            Plain::ApiKey { key, base_url } => {
                Self::ApiKey { key: key.as_ref().map(secret).transpose()?, base_url }
            }
            Plain::OAuth {
                access_token,
                refresh_token,
                id_token,
                expires_at,
                obtained_at,
                scopes,
                account_id,
                plan,
                quota_project,
                api_key,
                api_key_expires_at,
                client,
                policy,
                refused,
                asked,
                buying,
                base_url,
            } => {
                let client = match client {
                    None => None,
                    Some(client) => Some(Box::new(OAuthClient {
                        profile: client.profile,
                        client_id: client.client_id,
                        client_secret: client.client_secret.as_ref().map(secret).transpose()?,
                    })),
                };
                let tokens = OAuthTokens {
                    access_token: secret(&access_token)?,
                    refresh_token: refresh_token.as_ref().map(secret).transpose()?,
                    id_token: id_token.as_ref().map(secret).transpose()?,
                    expires_at,
                    obtained_at,
                    scopes,
                    account_id,
                    plan,
                    quota_project,
                    api_key: api_key.as_ref().map(secret).transpose()?,
                    api_key_expires_at,
                    client,
                    policy,
                    refused,
                    asked,
                    buying,
                };
                Self::OAuth { tokens: Box::new(tokens), base_url }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_due_at_their_margin_but_not_before_three_quarters_of_their_life() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let tokens = |obtained, expires: Option<i64>| OAuthTokens {
            obtained_at: Option::map(obtained, at),
            expires_at: expires.map(at),
            ..OAuthTokens::new(Secret::new("access").unwrap())
        };
        let margin = Duration::from_secs(300);
        for (obtained, expires, due) in [
            (Some(0), Some(3600), Some(3300)),
            (Some(0), Some(1200), Some(900)),
            (Some(0), Some(60), Some(45)),
            (Some(0), Some(4), Some(3)),
            // Tokens that came when they had ended, and those of which it is not known when they came.
            (Some(50), Some(40), Some(40)),
            (None, Some(60), Some(-240)),
            (Some(0), None, None),
        ] {
            assert_eq!(tokens(obtained, expires).due_at(margin), due.map(at), "{obtained:?} to {expires:?}");
        }
    }
}
