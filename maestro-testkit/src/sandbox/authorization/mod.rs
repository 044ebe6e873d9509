//! The authorization server under `/oauth`: every way to sign in, with no account anywhere.
//!
//! One state for four flavours, each with its own settings. An exchange is done under one lock, so what the
//! counters say of concurrent refreshes is exact.

mod about;
mod authorize;
mod counters;
mod device;
mod endpoint;
mod failure;
mod flavour;
mod form;
mod jwt;
mod key;
mod ledger;
#[cfg(test)]
mod ledger_laws;
mod page;
mod script;
mod settings;
mod token;
mod visitor;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maestro_core::time::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

pub use counters::{OauthCounters, TokenFamily};
pub use flavour::{AuthorizationEndpoints, Flavour};
pub use script::{ExchangeEffect, Grant, OauthScript};
pub use settings::{
    AuthorizationSettings, Consent, GrantedScopes, KeyExchange, LoopbackRule, RegisteredClient, Rotation,
    SandboxUser,
};
pub use visitor::{Callback, VisitError};

pub(super) use endpoint::handle;
pub(super) use flavour::is_authorization;
pub(super) use ledger::Standing;

use device::Device;
use ledger::Ledger;

/// The sandbox's authorization server: what a test sets, does in the place of a user, and counts.
///
/// It may be cloned and kept; it answers for the server it came from.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use maestro_testkit::sandbox::{Flavour, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// let authorization = sandbox.authorization();
/// authorization.configure(Flavour::Openai, |settings| settings.access_token_seconds = 5);
/// let url = format!(
///     "{}?response_type=code&client_id=sandbox-client&redirect_uri=http://127.0.0.1:9/&state=mine\
///      &code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
///     authorization.endpoints(Flavour::Openai).authorize
/// );
/// let callback = authorization.approve(&url)?;
/// assert_eq!(callback.state().as_deref(), Some("mine"));
/// assert_eq!(authorization.counters().codes_issued, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Authorization {
    pub(super) authority: Arc<Authority>,
}

/// What the handle and the server share.
#[derive(Debug)]
pub(super) struct Authority(Mutex<State>);

/// Everything the server knows.
#[derive(Debug)]
pub(super) struct State {
    /// `http://127.0.0.1:PORT`.
    origin: String,
    clock: Arc<dyn Clock>,
    advanced: Duration,
    settings: BTreeMap<Flavour, AuthorizationSettings>,
    ledger: Ledger,
    devices: Vec<Device>,
    onboarding: Onboarding,
}

/// How far the user's account is at Code Assist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Onboarding {
    #[default]
    Not,
    Begun,
    Done,
}

impl Authorization {
    /// The address that all flavours are under.
    pub fn url(&self) -> String {
        format!("{}/oauth", self.authority.lock().origin)
    }

    /// The addresses of a flavour.
    pub fn endpoints(&self, flavour: Flavour) -> AuthorizationEndpoints {
        self.authority.lock().endpoints(flavour)
    }

    /// How a flavour behaves.
    pub fn settings(&self, flavour: Flavour) -> AuthorizationSettings {
        self.authority.lock().settings(flavour).clone()
    }

    /// Changes how a flavour behaves, from the next request on.  Tokens keep the lifetime they were given with.
    pub fn configure(&self, flavour: Flavour, change: impl FnOnce(&mut AuthorizationSettings)) {
        let mut settings = self.settings(flavour);
        change(&mut settings);
        self.authority.lock().settings.insert(flavour, settings);
    }

    /// What was counted since the start, over all flavours.
    pub fn counters(&self) -> OauthCounters {
        self.authority.lock().ledger.totals()
    }

    /// All sign-ins, oldest first.
    pub fn families(&self) -> Vec<TokenFamily> {
        self.authority.lock().ledger.report()
    }

    /// The sign-in that a token of any kind came from; `None` for one that is not this server's.
    pub fn family_of(&self, token: &str) -> Option<TokenFamily> {
        let state = self.authority.lock();
        let number = state.ledger.token(token)?.family;
        state.ledger.report().into_iter().nth(number)
    }

    /// Does what a user does who opens an authorize URL and approves; the answer is where the browser ends up.
    ///
    /// # Errors
    /// When the address is not an authorize page of this sandbox, or when the page refuses the client or the
    /// redirect address.
    pub fn approve(&self, url: &str) -> Result<Callback, VisitError> {
        visitor::visit(&mut self.authority.lock(), url, authorize::Decision::Approve)
    }

    /// Does what a user does who opens an authorize URL and says no.
    ///
    /// # Errors
    /// As [`Authorization::approve`].
    pub fn deny(&self, url: &str) -> Result<Callback, VisitError> {
        visitor::visit(&mut self.authority.lock(), url, authorize::Decision::Deny)
    }

    /// Does what a user does who types in the code of a device and approves.
    ///
    /// # Errors
    /// When no device waits with that code.
    pub fn approve_device(&self, user_code: &str) -> Result<(), VisitError> {
        visitor::device(&mut self.authority.lock(), user_code, authorize::Decision::Approve)
    }

    /// Does what a user does who types in the code of a device and says no.
    ///
    /// # Errors
    /// When no device waits with that code.
    pub fn deny_device(&self, user_code: &str) -> Result<(), VisitError> {
        visitor::device(&mut self.authority.lock(), user_code, authorize::Decision::Deny)
    }

    /// Moves the server's time forward, for everything that expires.
    pub fn advance(&self, duration: Duration) {
        self.authority.lock().advance(duration);
    }

    /// Revokes all that a flavour gave out, as when the user ends all sessions.
    pub fn end_sessions(&self, flavour: Flavour) {
        self.authority.lock().ledger.revoke_all(flavour);
    }
}

impl Authority {
    pub(super) fn new(origin: String, clock: Option<Arc<dyn Clock>>) -> Self {
        let settings = Flavour::ALL.map(|flavour| (flavour, AuthorizationSettings::of(flavour)));
        Self(Mutex::new(State {
            origin,
            clock: clock.unwrap_or_else(|| Arc::new(SystemClock)),
            advanced: Duration::ZERO,
            settings: BTreeMap::from(settings),
            ledger: Ledger::default(),
            devices: Vec::new(),
            onboarding: Onboarding::Not,
        }))
    }

    /// What a bearer token is worth now.
    pub(super) fn standing(&self, token: &str) -> Standing {
        let state = self.lock();
        state.ledger.standing(token, state.now())
    }

    pub(super) fn onboarding(&self) -> Onboarding {
        self.lock().onboarding
    }

    pub(super) fn set_onboarding(&self, onboarding: Onboarding) {
        self.lock().onboarding = onboarding;
    }

    /// Everything but the tokens, for `GET /__sandbox/oauth`.
    pub(super) fn report(&self) -> Value {
        let state = self.lock();
        let endpoints: BTreeMap<_, _> =
            Flavour::ALL.into_iter().map(|flavour| (flavour, state.endpoints(flavour))).collect();
        json!({
            "counters": state.ledger.totals(),
            "families": state.ledger.report(),
            "settings": state.settings,
            "endpoints": endpoints,
            "time": state.now(),
        })
    }

    /// Changes the settings that are named, or none.
    pub(super) fn patch(&self, flavour: Flavour, patch: &Value) -> Result<Value, String> {
        let Value::Object(patch) = patch else { return Err("an object is wanted".to_owned()) };
        let mut state = self.lock();
        let mut whole = json!(state.settings(flavour));
        for (name, value) in patch {
            whole[name.as_str()] = value.clone();
        }
        let settings = serde_json::from_value(whole.clone()).map_err(|error| error.to_string())?;
        state.settings.insert(flavour, settings);
        Ok(whole)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn advance(&mut self, duration: Duration) {
        self.advanced = self.advanced.saturating_add(duration);
    }

    fn now(&self) -> Timestamp {
        self.clock.now().saturating_add(self.advanced)
    }

    fn settings(&self, flavour: Flavour) -> &AuthorizationSettings {
        &self.settings[&flavour]
    }

    fn endpoints(&self, flavour: Flavour) -> AuthorizationEndpoints {
        flavour.endpoints(&self.origin)
    }
}
