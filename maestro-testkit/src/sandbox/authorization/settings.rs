//! What a test sets: who signs in, what is granted, how long it lasts, what happens to refresh tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::flavour::Flavour;

/// How one flavour of the authorization server behaves.
///
/// [`AuthorizationSettings::of`] gives the defaults of a flavour, to be changed field by field.  Lifetimes are in
/// seconds; 0 means expired at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuthorizationSettings {
    /// The clients that are registered; any other is refused.
    pub clients: Vec<RegisteredClient>,
    /// What happens when a browser comes to the authorize page.
    pub consent: Consent,
    /// Which of the scopes that were asked for are granted.
    pub scopes: GrantedScopes,
    /// Which loopback addresses a browser may be sent back to.
    pub loopback: LoopbackRule,
    /// Redirect addresses on other hosts that are registered.  Nothing is ever sent there: the code is shown on a
    /// page of the sandbox, as those pages show it.  The sandbox's own paste page is always registered.
    pub paste_pages: Vec<String>,
    /// How long a code can be exchanged.
    pub code_seconds: u64,
    /// How long an access token is accepted.
    pub access_token_seconds: u64,
    /// How long a refresh token is accepted from when it was given; for ever when left out.
    pub refresh_token_seconds: Option<u64>,
    /// What a refresh does to the refresh token.
    pub rotation: Rotation,
    /// How long a device's code can be typed in.
    pub device_seconds: u64,
    /// How long a device has to wait between two polls.
    pub device_interval_seconds: u64,
    /// Whether a token is exchanged for an API key.
    pub exchange: KeyExchange,
    /// How long a token that was exchanged by RFC 8693 is accepted; for ever when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanged_token_seconds: Option<u64>,
    /// For whom tokens are exchanged by RFC 8693: any other `audience` is refused, with `invalid_target`. Anybody, when left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// Who signs in.
    pub user: SandboxUser,
    /// A word that is part of every secret that is given out: codes, those of devices, tokens and keys. Whoever finds it
    /// where no secret belongs has found a leak. Letters, digits, `-` and `_`, so that it stands in a token as it is.
    pub word: Option<String>,
}

/// A client that may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredClient {
    /// Its `client_id`.
    pub id: String,
    /// Its `client_secret`; a public client, which has none, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What happens when a browser comes to the authorize page, or a device begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// A page with two buttons asks the user.
    #[default]
    Ask,
    /// It is approved at once.
    Approve,
    /// It is denied at once, with `access_denied`.
    Deny,
}

/// Which scopes are granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantedScopes {
    /// Those that were asked for.
    #[default]
    AsAsked,
    /// Those of these that were asked for.
    Only(Vec<String>),
}

/// Which loopback addresses a browser may be sent back to, always over plain HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopbackRule {
    /// `127.0.0.1`, `[::1]` and `localhost` with any port (RFC 8252, section 7.3).
    #[default]
    Any,
    /// `localhost` with one of these ports; OpenAI's client has 1455 and 1457.
    LocalhostOn(Vec<u16>),
}

/// What a refresh does to the refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// It is replaced.  Presented again it revokes the whole family, except the last one for so many seconds:
    /// it is then answered with the same successor again (RFC 9700, section 4.14.2).
    Rotate {
        /// For how long; 0 means never.
        grace_seconds: u64,
    },
    /// It stays, and the answer brings none.
    Keep,
}

/// Whether a token is exchanged for an API key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyExchange {
    /// Yes, for a key that begins with `sandbox-key-`.
    #[default]
    Mint,
    /// No: 401 `invalid_subject_token`, as for accounts without a platform organization.
    MissingOrganization,
}

/// Who signs in.  What is left out is left out of the tokens' claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxUser {
    /// The subject.
    pub id: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// OpenAI's `chatgpt_plan_type`; any word, known or not.
    pub plan: Option<String>,
    /// OpenAI's `chatgpt_account_id`.
    pub account: Option<String>,
    /// OpenAI's `organization_id`, which is only told when `id_token_add_organizations=true` was asked.
    pub organization: Option<String>,
}

impl AuthorizationSettings {
    /// The defaults of a flavour: a page that asks, codes for ten minutes, access tokens for an hour (OpenAI: ten
    /// days), rotation without grace (Google: none), all scopes, an API key for a token.
    ///
    /// The client `sandbox-client` is registered everywhere; Google's has the secret `sandbox-secret`.  OpenAI's
    /// public client is registered too.
    pub fn of(flavour: Flavour) -> Self {
        let public = |id: &str| RegisteredClient { id: id.to_owned(), secret: None };
        let clients = match flavour {
            Flavour::Standard | Flavour::Anthropic => vec![public("sandbox-client")],
            Flavour::Openai => vec![public("sandbox-client"), public("app_EMoamEEZ73f0CkXaXp7hrann")],
            Flavour::Google => vec![RegisteredClient {
                id: "sandbox-client".to_owned(),
                secret: Some("sandbox-secret".to_owned()),
            }],
        };
        let paste_pages: &[&str] = match flavour {
            Flavour::Standard | Flavour::Openai => &[],
            Flavour::Anthropic => &[
                "https://platform.claude.com/oauth/code/callback",
                "https://platform.claude.com/oauth/code/callback?app=anthropic-cli",
                "https://console.anthropic.com/oauth/code/callback",
            ],
            Flavour::Google => &["https://codeassist.google.com/authcode"],
        };
        Self {
            clients,
            consent: Consent::Ask,
            scopes: GrantedScopes::AsAsked,
            loopback: LoopbackRule::Any,
            paste_pages: paste_pages.iter().map(|page| (*page).to_owned()).collect(),
            code_seconds: 600,
            access_token_seconds: if flavour == Flavour::Openai { 864_000 } else { 3600 },
            refresh_token_seconds: None,
            rotation: match flavour {
                Flavour::Google => Rotation::Keep,
                _ => Rotation::Rotate { grace_seconds: 0 },
            },
            device_seconds: 900,
            device_interval_seconds: 5,
            exchange: KeyExchange::Mint,
            exchanged_token_seconds: None,
            audiences: None,
            user: SandboxUser::default(),
            word: None,
        }
    }

    /// A secret nobody can guess, so that nothing given out by another sandbox is taken for this one's.
    pub(super) fn secret(&self) -> String {
        let random = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
        match &self.word {
            Some(word) => format!("{word}{random}"),
            None => random,
        }
    }

    /// The scopes that are granted of those that were asked for.
    pub(super) fn grant(&self, asked: Vec<String>) -> Vec<String> {
        match &self.scopes {
            GrantedScopes::AsAsked => asked,
            GrantedScopes::Only(allowed) => {
                asked.into_iter().filter(|scope| allowed.contains(scope)).collect()
            }
        }
    }
}

impl Default for SandboxUser {
    fn default() -> Self {
        Self {
            id: "user-sandbox".to_owned(),
            email: Some("sandbox@example.com".to_owned()),
            plan: Some("plus".to_owned()),
            account: Some("00000000-0000-4000-8000-00005a4db0c5".to_owned()),
            organization: Some("org-sandbox".to_owned()),
        }
    }
}
