//! OAuth as data: what differs from server to server is values, not code.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::secret::Secret;

/// One authorization server and how it wants to be spoken to. Every address can point at loopback.
///
/// Field names follow RFC 8414 where it has a name for the thing. It holds no secret and no client: those are of an
/// [`OAuthClient`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthProfile {
    /// What it is called: `openai`, `anthropic`, `gemini`, or what a file calls it.
    pub name: String,
    /// Who issues the tokens, where that is known.
    pub issuer: Option<Url>,
    /// Where the user signs in.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are traded.
    pub token_endpoint: Url,
    /// How a device without a browser signs in, if the server has it.
    pub device: Option<DeviceFlow>,
    /// How tokens are revoked (RFC 7009), if the server has it.
    pub revocation: Option<Revocation>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Parameters that this server wants in the authorization address besides the standard ones.
    pub extra_authorize_parameters: Vec<(String, String)>,
    /// How a code is traded.
    pub code_request: TokenRequest,
    /// How a refresh token is traded.
    pub refresh_request: TokenRequest,
    /// How the code can come back, the preferred way first.
    pub redirects: Vec<RedirectStyle>,
    /// Whether a refresh token dies with its use.
    pub rotation: Rotation,
    /// How long before expiry tokens are refreshed.
    pub refresh_margin: Duration,
    /// How long tokens live of which neither the reply nor the token says it; absent when that cannot be known.
    pub default_lifetime: Option<Duration>,
    /// Where the claims of a token say whose it is.
    pub claims: ClaimNames,
    /// How tokens buy an API key (a dialect of RFC 8693), if the server sells them.
    pub key_exchange: Option<KeyExchange>,
    /// Who may use this flow.
    pub policy: UsePolicy,
}

/// A client of an authorization server: the profile and the registration that the operator made there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    /// The server.
    pub profile: OAuthProfile,
    /// The id of the client.
    pub client_id: String,
    /// The secret of the client; absent for public clients.
    pub client_secret: Option<Secret>,
}

/// How a request to the token endpoint looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenRequest {
    /// The form of its body.
    pub body: BodyForm,
    /// Headers besides the standard ones.
    pub headers: Vec<(String, String)>,
    /// Parameters besides the standard ones.
    pub parameters: Vec<(String, String)>,
    /// Whether the state goes along, which RFC 6749 does not ask for and some servers do.
    pub state: SendState,
}

/// The form of a request body at a token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    /// `application/x-www-form-urlencoded`, as RFC 6749 says.
    #[default]
    Form,
    /// `application/json`.
    Json,
}

/// Whether the state goes along with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendState {
    /// No, as RFC 6749 has it.
    #[default]
    Withhold,
    /// Yes.
    Send,
}

/// How a device without a browser signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum DeviceFlow {
    /// RFC 8628.
    Standard {
        /// Where a code for the user is asked for.
        device_authorization_endpoint: Url,
    },
    /// OpenAI's own: JSON at two addresses, and a verifier that the server makes.
    OpenAi {
        /// Where a code for the user is asked for.
        user_code_endpoint: Url,
        /// Where it is asked whether the user is done.
        poll_endpoint: Url,
        /// The page that the user opens.
        verification_uri: Url,
        /// The redirect address of the exchange that follows.
        redirect_uri: Url,
    },
}

/// How tokens are revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Where (RFC 7009).
    pub revocation_endpoint: Url,
    /// The form of the body.
    pub body: BodyForm,
}

/// How an authorization code comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum RedirectStyle {
    /// To a listener on loopback (RFC 8252, section 7.3).
    Loopback {
        /// The host as the server wants it written: `localhost` or `127.0.0.1`. The listener is on 127.0.0.1.
        host: String,
        /// The ports that the server accepts, in the order in which they are tried; 0 for any that is free.
        ports: Vec<u16>,
        /// The path of the redirect address.
        path: String,
    },
    /// By the user, who copies it from a page of the server's.
    Paste {
        /// The registered redirect address.
        redirect_uri: Url,
    },
}

/// Whether a refresh token dies with its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rotation {
    /// Each use gives a new one, and using an old one later revokes the whole family.
    SingleUse {
        /// For how long after its first use the server takes an old one once more, because its answer may have been
        /// lost; zero when that is not known.
        grace: Duration,
    },
    /// It stays until it is revoked.
    Reusable,
}

/// Where the claims of a token say whose it is: JSON pointers (RFC 6901) into the id token, or else the access token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimNames {
    /// The provider's id of the account.
    pub account_id: Option<String>,
    /// The provider's word for the plan.
    pub plan: Option<String>,
}

/// How tokens buy an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyExchange {
    /// What is asked for, as the value of `requested_token`.
    pub requested_token: String,
    /// Which plans want a key instead of the tokens.
    pub plans: PlanRule,
}

/// Which of the two modes a plan signs in to (requirement M-P8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRule {
    /// Plans that use the tokens themselves. Every other plan, and one that is not told, wants a key.
    pub tokens: Vec<String>,
    /// Plans that are known to want a key; one in neither list is told with a warning.
    pub key: Vec<String>,
}

/// Who may use a sign-in flow, as the provider's terms said it. It is shown before sign-in and must be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsePolicy {
    /// What the terms say, in a sentence or two.
    pub text: String,
    /// Where and when they were read.
    pub source: String,
    /// Whether other software may use the flow at all.
    pub access: FlowAccess,
}

/// Whether software like this may use a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowAccess {
    /// Yes, with a client of the operator's own.
    Open,
    /// The provider keeps it for its own software. It is off until the operator, who must have the right to,
    /// supplies a client id and turns it on.
    Restricted,
}
