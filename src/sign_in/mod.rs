//! Signing in (requirements M-P2, M-P8): from the code that comes back to a saved authentication, and out again.
//!
//! An [`OAuthFlow`] does the requests. What is here is what a program needs around them: a [`LoopbackListener`] that the
//! browser is sent to, the waiting for a device, and the saving of what came. No browser is opened, and nothing asked: that
//! is the program's.

mod device;
mod listener;
mod page;
mod sign_out;

use maestro_core::{
    Error, ErrorKind, Result,
    auth::{AuthExt as _, AuthRef, Credentials, OAuthTokens, PolicyAccepted, SavedAuthentication},
    provider::{OAuthFlow, ProviderId},
};
use maestro_providers::oauth::{ModeChoice, OAuth, SignInMode, decide_mode};
use url::Url;

pub use self::{listener::LoopbackListener, sign_out::SignedOut};
use crate::{Maestro, Save};

/// What a sign-in gave, and how it is to be saved.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    /// The tokens.
    pub tokens: OAuthTokens,
    /// Who decides whether they are used themselves or buy a key.
    pub mode: ModeChoice,
    /// What the user accepted before signing in.
    pub policy: Option<PolicyAccepted>,
    /// The server to ask, if it is not the provider's own.
    pub base_url: Option<Url>,
    /// What to do when the name is taken.
    pub save: Save,
}

impl NewSignIn {
    /// Tokens whose plan decides on the mode, for the provider's own server and a name that is not taken.
    pub const fn new(tokens: OAuthTokens) -> Self {
        Self { tokens, mode: ModeChoice::ByPlan, policy: None, base_url: None, save: Save::Create }
    }
}

/// A sign-in that is saved.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Its row.
    pub row: SavedAuthentication,
    /// How requests prove who asks.
    pub mode: SignInMode,
    /// What the user should know: a plan that is not known, a key that could not be bought.
    pub warnings: Vec<String>,
}

impl Maestro {
    /// Saves a sign-in under a name, with its client, which alone can refresh it, and what the user accepted.
    ///
    /// The mode is decided here, and the key bought when it wants one. When that fails the tokens are kept all the same,
    /// with a warning (requirement M-P8): they are good, and the user has signed in already. Errors are those of
    /// [`save_credentials`](Self::save_credentials); a name that is taken is told before a key is bought.
    pub async fn save_sign_in(
        &self,
        reference: &AuthRef,
        flow: &dyn OAuthFlow,
        sign_in: NewSignIn,
    ) -> Result<SignedIn> {
        let NewSignIn { mut tokens, mode, policy, base_url, save } = sign_in;
        tokens.client = Some(Box::new(flow.client().clone()));
        tokens.policy = policy;
        (tokens.refused, tokens.asked, tokens.buying) = (None, None, None);
        let credentials = |tokens: &OAuthTokens| Credentials::OAuth {
            tokens: Box::new(tokens.clone()),
            base_url: base_url.clone(),
        };
        self.check_credentials(reference, &credentials(&tokens))?;
        if save == Save::Create && self.store().auth_find_optional(reference).await?.is_some() {
            return Err(Error::new(ErrorKind::Conflict, "save a sign-in")
                .on(reference)
                .because("the name is taken")
                .advise("choose another name, or have the old one replaced"));
        }
        let decision = decide_mode(&flow.client().profile, tokens.plan.as_deref(), mode);
        let (mut mode, mut warnings) = (decision.mode, Vec::from_iter(decision.warning));
        if mode == SignInMode::Key {
            match flow.extract_api_credentials(self.http(), &tokens, self.now()).await {
                Ok(bought) => {
                    (tokens.api_key, tokens.api_key_expires_at) = (Some(bought.key), bought.expires_at);
                }
                Err(error) => {
                    warnings
                        .push(format!("no key could be bought, so the tokens are used themselves: {error}"));
                    mode = SignInMode::Tokens;
                }
            }
        }
        let row = self.save_credentials(reference, &credentials(&tokens), save).await?;
        tracing::info!(authentication = %row.reference(), "signed in");
        Ok(SignedIn { row, mode, warnings })
    }

    /// The flow for tokens: the client that is kept with them, and else the provider's.
    ///
    /// [`ErrorKind::Unsupported`] when there is neither.
    pub(crate) fn flow_for(&self, provider: &ProviderId, tokens: &OAuthTokens) -> Result<Flow<'_>> {
        match &tokens.client {
            // Whoever saved the client has said that it may be used.
            Some(client) => OAuth::turned_on((**client).clone()).map(|flow| Flow::Kept(Box::new(flow))),
            None => self.registry().oauth(provider).map(Flow::OfProvider),
        }
    }
}

/// A flow, and where it comes from.
pub(crate) enum Flow<'a> {
    /// Of the client that is kept with the tokens.
    Kept(Box<OAuth>),
    /// Of the provider in the registry.
    OfProvider(&'a dyn OAuthFlow),
}

impl Flow<'_> {
    /// The flow.
    pub(crate) fn get(&self) -> &dyn OAuthFlow {
        match self {
            Self::Kept(flow) => flow.as_ref(),
            Self::OfProvider(flow) => *flow,
        }
    }
}
