//! OAuth as data: what differs from provider to provider is values, not code.

use std::time::Duration;

use url::Url;

/// One OAuth client at one authorization server. Every address can point at loopback.
///
/// Field names follow RFC 8414 where it has a name for the thing.
#[derive(Debug, Clone)]
pub struct OAuthProfile {
    /// Where the user signs in.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are traded.
    pub token_endpoint: Url,
    /// Where a device code is asked for (RFC 8628), if the server has it.
    pub device_authorization_endpoint: Option<Url>,
    /// Where tokens are revoked (RFC 7009), if the server has it.
    pub revocation_endpoint: Option<Url>,
    /// The public id of the client.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Parameters that this server wants in the authorization address besides the standard ones.
    pub extra_authorize_parameters: Vec<(String, String)>,
    /// The form of the code exchange.
    pub code_body: BodyForm,
    /// The form of the refresh request.
    pub refresh_body: BodyForm,
    /// How the code comes back.
    pub redirect: RedirectStyle,
    /// Whether a refresh token dies with its use.
    pub rotation: Rotation,
    /// How long before expiry tokens are refreshed.
    pub refresh_margin: Duration,
    /// Who may use this flow.
    pub policy: UsePolicy,
}

/// The form of a request body at a token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// `application/x-www-form-urlencoded`, as RFC 6749 says.
    Form,
    /// `application/json`.
    Json,
}

/// How an authorization code comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectStyle {
    /// To a listener on loopback, at one of these ports (0 for any) and this path.
    Loopback {
        /// The ports that the server accepts.
        ports: Vec<u16>,
        /// The path of the redirect address.
        path: String,
    },
    /// By the user, who pastes it; the server's page is at this address.
    Paste {
        /// The registered redirect address.
        redirect_uri: Url,
    },
}

/// Whether a refresh token dies with its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Each use gives a new one, and using an old one twice revokes the whole family.
    SingleUse,
    /// It stays until it is revoked.
    Reusable,
}

/// Who may use a sign-in flow, as the provider's terms said it. It is shown before sign-in and must be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsePolicy {
    /// What the terms say, in a sentence or two.
    pub text: String,
    /// Where and when they were read.
    pub source: String,
}
