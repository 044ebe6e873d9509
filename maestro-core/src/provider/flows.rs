//! The sign-in facets: API keys and OAuth.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Endpoint, OAuthClient};
use crate::{
    auth::{BoughtKey, OAuthTokens, RefusalReason},
    error::{Error, Result},
    http::HttpClient,
    secret::Secret,
    time::Timestamp,
};

/// How a provider uses API keys (requirement M-P2).
#[async_trait]
pub trait ApiKeyFlow: Send + Sync {
    /// The environment variable in which this provider's own tools look for a key.
    fn environment_variable(&self) -> &'static str;

    /// Whether the provider answers without a key, as local servers do.
    fn key_is_optional(&self) -> bool;

    /// Checks the *form* of a key, without asking anybody. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) says
    /// what is wrong with it, never what it is.
    fn validate_api_key(&self, key: &Secret) -> Result<()>;

    /// Asks the provider, by its cheapest authenticated request, whether it accepts the credentials.
    async fn test_connection(&self, http: &dyn HttpClient, endpoint: &Endpoint) -> Result<Connection>;
}

/// What a connection test found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// How many models the credential can see, as far as the test looked.
    pub models_seen: usize,
    /// The provider's id of the request.
    pub request_id: Option<String>,
}

/// How a provider signs people in (requirement M-P2). Requests go through the given client, so that a test or a
/// sandbox can answer them. None of them follows a redirect or is repeated here.
#[async_trait]
pub trait OAuthFlow: Send + Sync {
    /// The server, and the client that is registered there.
    fn client(&self) -> &OAuthClient;

    /// Begins a sign-in: the address to open (`generate_auth_url`), and what must be kept until the code comes.
    fn authorize(&self, redirect_uri: &Url) -> Result<PendingAuthorization>;

    /// Trades the code for tokens (`exchange_code`). Fails with
    /// [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated) when the code, the verifier or the state is
    /// refused; a state that came along and differs is refused without asking.
    async fn exchange(
        &self,
        http: &dyn HttpClient,
        pending: &PendingAuthorization,
        pasted: &CodePaste,
        now: Timestamp,
    ) -> Result<OAuthTokens>;

    /// Begins a sign-in on a device without a browser (RFC 8628).
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the server has no such flow.
    async fn device_begin(&self, http: &dyn HttpClient, now: Timestamp) -> Result<PendingDevice>;

    /// Asks once whether the user is done on the other device.
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) when the user said no,
    /// [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated) when the code has expired.
    async fn device_poll(
        &self,
        http: &dyn HttpClient,
        pending: &PendingDevice,
        now: Timestamp,
    ) -> Result<DevicePoll>;

    /// Trades the refresh token for new tokens (`refresh_token`), in exactly one request, as the client that is kept with
    /// the tokens or else this one. What the reply leaves out stays as it was.
    ///
    /// [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated) when the token is refused for good, with the
    /// server's code; any other kind means that the token may still be good.
    async fn refresh(
        &self,
        http: &dyn HttpClient,
        tokens: &OAuthTokens,
        now: Timestamp,
    ) -> Result<OAuthTokens>;

    /// Why a refresh token was refused for good, from the error of [`refresh`](Self::refresh); absent for an error that
    /// is none of that kind.
    fn refusal(&self, error: &Error) -> Option<RefusalReason>;

    /// Ends a sign-in at the server (RFC 7009). Done when the server has no way to.
    async fn revoke(&self, http: &dyn HttpClient, tokens: &OAuthTokens) -> Result<()>;

    /// Buys a key with the tokens (`extract_api_credentials`), which stay as they are.
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the server sells none,
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) when it sells none for these tokens.
    async fn extract_api_credentials(
        &self,
        http: &dyn HttpClient,
        tokens: &OAuthTokens,
        now: Timestamp,
    ) -> Result<BoughtKey>;
}

/// A sign-in that waits for its code. `Debug` shows the address without its query.
#[derive(Clone)]
pub struct PendingAuthorization {
    /// The address for the user to open.
    pub url: Url,
    /// Where the provider will send the code.
    pub redirect_uri: Url,
    /// The state that must come back with the code.
    pub state: Secret,
    /// The PKCE verifier (RFC 7636).
    pub verifier: Secret,
}

impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        f.debug_struct("PendingAuthorization")
            .field("url", &url.as_str())
            .field("redirect_uri", &self.redirect_uri.as_str())
            .finish_non_exhaustive()
    }
}

/// What came back from a sign-in page: a code, and the state if the page showed it.
#[derive(Debug, Clone)]
pub struct CodePaste {
    /// The authorization code.
    pub code: Secret,
    /// The state, where it came along.
    pub state: Option<Secret>,
}

/// A sign-in on another device, which waits for the user. `Debug` shows no code.
#[derive(Clone)]
pub struct PendingDevice {
    /// What the server knows it by.
    pub device_code: Secret,
    /// What the user types in.
    pub user_code: String,
    /// Where.
    pub verification_uri: Url,
    /// The same with the code in it, where the server gives one.
    pub verification_uri_complete: Option<Url>,
    /// How long to wait between two questions.
    pub interval: Duration,
    /// When it is too late.
    pub expires_at: Timestamp,
}

impl fmt::Debug for PendingDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingDevice")
            .field("verification_uri", &self.verification_uri.as_str())
            .field("interval", &self.interval)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What a question about a device came to.
#[derive(Debug)]
pub enum DevicePoll {
    /// The user is not done yet.
    Pending,
    /// The user is not done yet, and the questions come too fast: wait five seconds longer from now on.
    SlowDown,
    /// Signed in.
    Done(Box<OAuthTokens>),
}
