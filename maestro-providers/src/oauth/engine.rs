//! The engine: a client of a server, at work.

use async_trait::async_trait;
use maestro_core::{
    Error, ErrorKind, FieldError, Result, Secret,
    auth::{BoughtKey, OAuthTokens, RefusalReason},
    http::HttpClient,
    provider::{
        BodyForm, CodePaste, DeviceFlow, DevicePoll, FlowAccess, OAuthClient, OAuthFlow, OAuthProfile,
        PendingAuthorization, PendingDevice, RevocationFields, SendState,
    },
    time::Timestamp,
};
use url::Url;

use super::{
    ask::{Ask, check_address},
    authorize, device, key,
    refusal::{self, Asked},
    reply,
};

const AUTHORIZE: &str = "begin a sign-in";
const EXCHANGE: &str = "finish a sign-in";
const REFRESH: &str = "refresh a sign-in";
const REVOKE: &str = "end a sign-in";

/// One client of one authorization server, which signs people in.
///
/// It keeps nothing: what must outlive a step is in the values that the steps return. No request follows a redirect or is
/// sent twice, and each has 30 seconds.
#[derive(Debug, Clone)]
pub struct OAuth {
    client: OAuthClient,
}

impl OAuth {
    /// A client at work.
    ///
    /// [`ErrorKind::Invalid`] when the client id is empty, or an address is neither `https` nor on this machine;
    /// [`ErrorKind::Forbidden`] when the provider keeps the flow for its own software ([`FlowAccess::Restricted`]), with
    /// what its terms say: see [`turned_on`](Self::turned_on).
    pub fn new(client: OAuthClient) -> Result<Self> {
        if client.profile.policy.access == FlowAccess::Restricted {
            let policy = &client.profile.policy;
            return Err(Error::new(ErrorKind::Forbidden, AUTHORIZE)
                .with_provider(&client.profile.name)
                .because(format!("{} ({})", policy.text, policy.source))
                .advise("who may use it all the same turns it on; an API key needs no permission"));
        }
        Self::turned_on(client)
    }

    /// A client at work, although the provider may keep the flow for its own software. Calling this is the operator's
    /// word that they may use it.
    ///
    /// [`ErrorKind::Invalid`] as at [`new`](Self::new).
    pub fn turned_on(client: OAuthClient) -> Result<Self> {
        check(&client)?;
        Ok(Self { client })
    }

    /// The client that tokens were granted to, which alone can refresh them.
    fn client_of<'a>(&'a self, tokens: &'a OAuthTokens) -> &'a OAuthClient {
        tokens.client.as_deref().unwrap_or(&self.client)
    }
}

#[async_trait]
impl OAuthFlow for OAuth {
    fn client(&self) -> &OAuthClient {
        &self.client
    }

    fn authorize(&self, redirect_uri: &Url) -> Result<PendingAuthorization> {
        check_address(AUTHORIZE, "redirect_uri", redirect_uri)?;
        authorize::begin(&self.client, redirect_uri)
    }

    async fn exchange(
        &self,
        http: &dyn HttpClient,
        pending: &PendingAuthorization,
        pasted: &CodePaste,
        now: Timestamp,
    ) -> Result<OAuthTokens> {
        if pasted.state.as_ref().is_some_and(|state| *state != pending.state) {
            return Err(Error::new(ErrorKind::Unauthenticated, EXCHANGE)
                .with_provider(&self.client.profile.name)
                .because("the code belongs to another sign-in: the state is not the one that was sent")
                .advise("begin the sign-in anew, and use the page that it opens"));
        }
        let code = Code {
            code: &pasted.code,
            verifier: &pending.verifier,
            redirect_uri: &pending.redirect_uri,
            state: Some(&pending.state),
        };
        trade(&self.client, http, EXCHANGE, code, now).await
    }

    async fn device_begin(&self, http: &dyn HttpClient, now: Timestamp) -> Result<PendingDevice> {
        device::begin(&self.client, http, now).await
    }

    async fn device_poll(
        &self,
        http: &dyn HttpClient,
        pending: &PendingDevice,
        now: Timestamp,
    ) -> Result<DevicePoll> {
        device::poll(&self.client, http, pending, now).await
    }

    async fn refresh(
        &self,
        http: &dyn HttpClient,
        tokens: &OAuthTokens,
        now: Timestamp,
    ) -> Result<OAuthTokens> {
        let client = self.client_of(tokens);
        let Some(refresh) = &tokens.refresh_token else {
            return Err(Error::new(ErrorKind::Unauthenticated, REFRESH)
                .with_provider(&client.profile.name)
                .because("the sign-in has no refresh token")
                .advise("sign in again"));
        };
        let request = &client.profile.refresh_request;
        let reply = Ask::new(client, REFRESH, &client.profile.token_endpoint, request.body)?
            .proved()?
            .field("grant_type", "refresh_token")
            .secret("refresh_token", refresh)
            .hiding(tokens.access_token.reveal())
            .extras(&request.headers, &request.parameters)?
            .send(http)
            .await?;
        reply::tokens(&reply, Asked::Refresh, &client.profile, &request.required, Some(tokens), now)
    }

    fn refusal(&self, error: &Error) -> Option<RefusalReason> {
        refusal::reason(error)
    }

    async fn revoke(&self, http: &dyn HttpClient, tokens: &OAuthTokens) -> Result<()> {
        let client = self.client_of(tokens);
        let Some(revocation) = &client.profile.revocation else { return Ok(()) };
        // The end of a refresh token ends the whole sign-in, that of an access token only the token.
        let (token, hint) = match &tokens.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&tokens.access_token, "access_token"),
        };
        let mut ask = Ask::new(client, REVOKE, &revocation.revocation_endpoint, revocation.body)?;
        ask = ask.secret("token", token);
        if revocation.fields == RevocationFields::Standard {
            ask = ask.field("token_type_hint", hint);
            // OpenAI, whose body is JSON, names the client only beside a refresh token.
            if revocation.body == BodyForm::Form || tokens.refresh_token.is_some() {
                ask = ask.proved()?;
            }
        }
        let reply = ask.send(http).await?;
        // A token that the server does not know has ended already.
        if reply.status.is_success() || refusal::code(&reply).as_deref() == Some("invalid_token") {
            return Ok(());
        }
        Err(refusal::error(&reply, Asked::Other))
    }

    async fn extract_api_credentials(
        &self,
        http: &dyn HttpClient,
        tokens: &OAuthTokens,
        now: Timestamp,
    ) -> Result<BoughtKey> {
        key::buy(self.client_of(tokens), http, tokens, now).await
    }
}

/// A code to trade.
pub(super) struct Code<'a> {
    pub(super) code: &'a Secret,
    pub(super) verifier: &'a Secret,
    pub(super) redirect_uri: &'a Url,
    /// The state, where there is one to send.
    pub(super) state: Option<&'a Secret>,
}

/// Trades a code for tokens.
pub(super) async fn trade(
    client: &OAuthClient,
    http: &dyn HttpClient,
    operation: &'static str,
    code: Code<'_>,
    now: Timestamp,
) -> Result<OAuthTokens> {
    let request = &client.profile.code_request;
    let mut ask = Ask::new(client, operation, &client.profile.token_endpoint, request.body)?
        .field("grant_type", "authorization_code")
        .secret("code", code.code)
        .field("redirect_uri", code.redirect_uri.as_str())
        .proved()?
        .secret("code_verifier", code.verifier);
    if let (SendState::Send, Some(state)) = (request.state, code.state) {
        ask = ask.secret("state", state);
    }
    let reply = ask.extras(&request.headers, &request.parameters)?.send(http).await?;
    reply::tokens(&reply, Asked::Tokens, &client.profile, &request.required, None, now)
}

/// Checks what must hold before anything is sent.
fn check(client: &OAuthClient) -> Result<()> {
    let id = &client.client_id;
    if id.trim().is_empty() || id.trim() != id || id.chars().any(char::is_control) {
        let problem = "is empty or holds white space; it is what the server calls this program";
        return Err(Error::invalid(AUTHORIZE, [FieldError::new("client_id", problem)]));
    }
    let problems: Vec<_> = addresses(&client.profile)
        .into_iter()
        .filter_map(|(field, url)| check_address(AUTHORIZE, field, url).err())
        .flat_map(|error| error.fields().to_vec())
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::invalid(AUTHORIZE, problems)) }
}

/// Every address of a server that secrets or users are sent to.
fn addresses(profile: &OAuthProfile) -> Vec<(&'static str, &Url)> {
    let mut found = vec![
        ("authorization_endpoint", &profile.authorization_endpoint),
        ("token_endpoint", &profile.token_endpoint),
    ];
    match &profile.device {
        Some(DeviceFlow::Standard { device_authorization_endpoint }) => {
            found.push(("device_authorization_endpoint", device_authorization_endpoint));
        }
        Some(DeviceFlow::OpenAi { user_code_endpoint, poll_endpoint, verification_uri, redirect_uri }) => {
            found.push(("user_code_endpoint", user_code_endpoint));
            found.push(("poll_endpoint", poll_endpoint));
            found.push(("verification_uri", verification_uri));
            found.push(("redirect_uri", redirect_uri));
        }
        None => {}
    }
    found.extend(profile.revocation.iter().map(|it| ("revocation_endpoint", &it.revocation_endpoint)));
    found
}
