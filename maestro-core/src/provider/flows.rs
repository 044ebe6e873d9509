//! The sign-in facets: API keys and OAuth.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Endpoint, OAuthProfile};
use crate::{
    auth::{Credentials, OAuthTokens},
    error::Result,
    http::HttpClient,
    secret::Secret,
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
/// sandbox can answer them.
#[async_trait]
pub trait OAuthFlow: Send + Sync {
    /// The endpoints, client and rules of the flow.
    fn profile(&self) -> &OAuthProfile;

    /// Begins a sign-in: the address to open (`generate_auth_url`), and what must be kept until the code comes.
    fn authorize(&self, redirect_uri: &Url) -> Result<PendingAuthorization>;

    /// Trades the code for tokens (`exchange_code`). Fails with
    /// [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated) when the code, the verifier or the state is
    /// refused.
    async fn exchange(
        &self,
        http: &dyn HttpClient,
        pending: &PendingAuthorization,
        pasted: &CodePaste,
    ) -> Result<OAuthTokens>;

    /// Trades the refresh token for new tokens (`refresh_token`), in exactly one request that is never repeated here.
    async fn refresh(&self, http: &dyn HttpClient, tokens: &OAuthTokens) -> Result<OAuthTokens>;

    /// What is sent with API requests (`extract_api_credentials`), which for some providers is another credential
    /// that the tokens buy.
    async fn extract_api_credentials(
        &self,
        http: &dyn HttpClient,
        tokens: &OAuthTokens,
    ) -> Result<ApiCredentials>;
}

/// A sign-in that waits for its code.
#[derive(Debug, Clone)]
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

/// What came back from a sign-in page: a code, and the state if the page showed it.
#[derive(Debug, Clone)]
pub struct CodePaste {
    /// The authorization code.
    pub code: Secret,
    /// The state, where it came along.
    pub state: Option<Secret>,
}

/// What is sent with API requests after a sign-in.
#[derive(Debug, Clone)]
pub struct ApiCredentials(pub Credentials);
