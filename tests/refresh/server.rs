//! A provider whose authorization server is a counter: it rotates refresh tokens and knows one that is used twice.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use maestro::core::{
    Error, ErrorKind, Result,
    auth::{BoughtKey, OAuthTokens, RefusalReason},
    http::HttpClient,
    provider::*,
    time::Timestamp,
};
use tokio::sync::{Notify, Semaphore};
use url::Url;

/// What the server does with a request, in place of answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It takes the token, and the answer is lost on the way.
    AnswerLost,
    /// It refuses for now.
    Busy,
    /// It was never reached.
    Unreachable,
    /// It refuses for good.
    Revoked,
    /// It takes the token, and answers when it is let to.
    Held,
}

/// The server, as the tests see it.
#[derive(Debug)]
pub(crate) struct Server {
    state: Mutex<State>,
    /// Lets an answer go that was held.
    pub(crate) release: Semaphore,
    /// Tells that one is held.
    pub(crate) held: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The refresh token that is good now, by number, and the one before it.
    current: u32,
    faults: VecDeque<Fault>,
    exchanges: u32,
    asked: u32,
    reuses: u32,
    revoked: Vec<String>,
    holds_revocations: bool,
    /// What becomes of the next keys.
    key_faults: VecDeque<Fault>,
    /// For which access tokens a key was asked.
    sold_for: Vec<String>,
}

impl Server {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), release: Semaphore::new(0), held: Notify::new() })
    }

    pub(crate) fn next(&self, fault: Fault) {
        self.state.lock().unwrap().faults.push_back(fault);
    }

    /// How often tokens were traded.
    pub(crate) fn exchanges(&self) -> u32 {
        self.state.lock().unwrap().exchanges
    }

    /// How often it was asked to.
    pub(crate) fn asked(&self) -> u32 {
        self.state.lock().unwrap().asked
    }

    /// How often an old token came.
    pub(crate) fn reuses(&self) -> u32 {
        self.state.lock().unwrap().reuses
    }

    /// The refresh tokens that were ended.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.state.lock().unwrap().revoked.clone()
    }

    /// Ends of tokens are answered when they are let to, from now on.
    pub(crate) fn hold_revocations(&self) {
        self.state.lock().unwrap().holds_revocations = true;
    }

    async fn revoke(&self, token: &str) {
        let is_held = {
            let mut state = self.state.lock().unwrap();
            state.revoked.push(token.to_owned());
            state.holds_revocations
        };
        if is_held {
            self.held.notify_one();
            self.release.acquire().await.unwrap().forget();
        }
    }

    pub(crate) fn next_key(&self, fault: Fault) {
        self.state.lock().unwrap().key_faults.push_back(fault);
    }

    /// For which access tokens a key was asked.
    pub(crate) fn sold_for(&self) -> Vec<String> {
        self.state.lock().unwrap().sold_for.clone()
    }

    async fn sell(&self, tokens: &OAuthTokens) -> Result<()> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.sold_for.push(tokens.access_token.reveal().to_owned());
            state.key_faults.pop_front()
        };
        match fault {
            None => Ok(()),
            Some(Fault::Held) => {
                self.held.notify_one();
                self.release.acquire().await.unwrap().forget();
                Ok(())
            }
            Some(Fault::Revoked) => Err(Error::new(ErrorKind::Forbidden, "buy a key").with_status(400)),
            Some(_) => Err(Error::new(ErrorKind::Unavailable, "buy a key").with_status(503)),
        }
    }

    /// Takes a refresh token. The one before the current one is taken too: that is the grace.
    fn take(&self, token: &str) -> Result<u32> {
        let mut state = self.state.lock().unwrap();
        let number: u32 = token.strip_prefix("refresh-").unwrap().parse().unwrap();
        if number == state.current {
            state.current += 1;
            state.exchanges += 1;
        } else {
            state.reuses += 1;
            if number + 1 != state.current {
                return Err(refused("refresh_token_reused"));
            }
        }
        Ok(state.current)
    }

    async fn answer(&self, token: &str) -> Result<u32> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.asked += 1;
            state.faults.pop_front()
        };
        let failed = |kind| Error::new(kind, "refresh");
        match fault {
            None => self.take(token),
            Some(Fault::AnswerLost) => {
                self.take(token)?;
                Err(failed(ErrorKind::Interrupted))
            }
            Some(Fault::Busy) => Err(failed(ErrorKind::RateLimited).with_status(429)),
            Some(Fault::Unreachable) => Err(failed(ErrorKind::Unavailable).never_sent()),
            Some(Fault::Revoked) => Err(refused("refresh_token_invalidated")),
            Some(Fault::Held) => {
                let number = self.take(token)?;
                self.held.notify_one();
                self.release.acquire().await.unwrap().forget();
                Ok(number)
            }
        }
    }
}

fn refused(code: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, "refresh").with_status(401).with_code(code)
}

/// The provider in front of it.
pub(crate) struct Counting {
    id: ProviderId,
    client: OAuthClient,
    server: Arc<Server>,
}

impl Counting {
    pub(crate) fn new(server: &Arc<Server>, rotation: Rotation) -> Self {
        let url = |path: &str| Url::parse(&format!("http://127.0.0.1:9/{path}")).unwrap();
        let policy = UsePolicy { text: String::new(), source: String::new(), access: FlowAccess::Open };
        let profile = OAuthProfile {
            rotation,
            refresh_margin: std::time::Duration::from_secs(60),
            revocation: Some(Revocation {
                revocation_endpoint: url("revoke"),
                body: BodyForm::Form,
                fields: RevocationFields::Standard,
            }),
            ..OAuthProfile::new("counting", url("authorize"), url("token"), policy)
        };
        let client = OAuthClient { profile, client_id: "tests".into(), client_secret: None };
        Self { id: ProviderId::new("counting").unwrap(), client, server: Arc::clone(server) }
    }
}

impl Provider for Counting {
    fn id(&self) -> &ProviderId {
        &self.id
    }
    fn api_key(&self) -> Option<&dyn ApiKeyFlow> {
        None
    }
    fn oauth(&self) -> Option<&dyn OAuthFlow> {
        Some(self)
    }
    fn chat(&self) -> Option<&dyn ChatProtocol> {
        None
    }
    fn models(&self) -> Option<&dyn ModelCatalog> {
        None
    }
}

#[async_trait]
impl OAuthFlow for Counting {
    fn client(&self) -> &OAuthClient {
        &self.client
    }

    fn authorize(&self, _redirect_uri: &Url) -> Result<PendingAuthorization> {
        unimplemented!("nobody signs in here")
    }

    async fn exchange(
        &self,
        _http: &dyn HttpClient,
        _pending: &PendingAuthorization,
        _pasted: &CodePaste,
        _now: Timestamp,
    ) -> Result<OAuthTokens> {
        unimplemented!("nobody signs in here")
    }

    async fn device_begin(&self, _http: &dyn HttpClient, _now: Timestamp) -> Result<PendingDevice> {
        unimplemented!("nobody signs in here")
    }

    async fn device_poll(
        &self,
        _http: &dyn HttpClient,
        _pending: &PendingDevice,
        _now: Timestamp,
    ) -> Result<DevicePoll> {
        unimplemented!("nobody signs in here")
    }

    async fn refresh(
        &self,
        _http: &dyn HttpClient,
        tokens: &OAuthTokens,
        now: Timestamp,
    ) -> Result<OAuthTokens> {
        let number = self.server.answer(tokens.refresh_token.as_ref().unwrap().reveal()).await?;
        Ok(crate::world::tokens(number, now))
    }

    fn refusal(&self, error: &Error) -> Option<RefusalReason> {
        match error.code()? {
            "refresh_token_reused" => Some(RefusalReason::Reused),
            "refresh_token_invalidated" => Some(RefusalReason::Revoked),
            _ => None,
        }
    }

    async fn revoke(&self, _http: &dyn HttpClient, tokens: &OAuthTokens) -> Result<()> {
        self.server.revoke(tokens.refresh_token.as_ref().unwrap().reveal()).await;
        Ok(())
    }

    async fn extract_api_credentials(
        &self,
        _http: &dyn HttpClient,
        tokens: &OAuthTokens,
        now: Timestamp,
    ) -> Result<BoughtKey> {
        self.server.sell(tokens).await?;
        Ok(crate::world::key(tokens.access_token.reveal(), now))
    }
}
