//! The steps of a sign-in, at the sandbox's authorization server: whose part in the browser is played here, too.

use bytes::Bytes;
use http::Request;
use maestro::{
    LoopbackListener, Maestro, NewSignIn, RefreshWhen, Refreshed, Save, SignedIn, SignedOut,
    core::{
        auth::{
            AuthExt as _, AuthRef, AuthType, Credentials, OAuthTokens, PolicyAccepted, SavedAuthentication,
        },
        provider::{CodePaste, Endpoint, OAuthClient, OAuthFlow as _, OAuthProfile, RedirectStyle},
    },
    providers::oauth::{ModeChoice, OAuth, ProfileFile, SignInMode, decide_mode, read_paste},
};
use maestro_testkit::sandbox::{Authorization, Flavour, VisitError};
use url::Url;

use super::runner::{Done, wrong};

const SIGN_IN: &str = "sign in";
const SAVE: &str = "save the sign-in";
const REFRESH: &str = "refresh the tokens";
const SIGN_OUT: &str = "sign out";

/// How long the first tokens live: long enough for everything that is tried with them.
const SHORT_LIFE: u64 = 60;

/// How long those live that a refresh brings.
const LONG_LIFE: u64 = 3600;

/// A sign-in that is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignIn {
    /// Whose server is played.
    pub(super) flavour: Flavour,
    /// What the provider's own server is like; absent for one that tells it of itself.
    pub(super) profile: Option<fn() -> OAuthProfile>,
    pub(super) way: Way,
    /// The plan of the account, where the server tells it.
    pub(super) plan: Option<&'static str>,
    pub(super) key: Key,
}

/// How the code comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By hand, as `code#state`.
    Paste,
    /// By the browser, to a listener on loopback.
    Loopback,
    /// Not at all: a short code is typed in elsewhere.
    Device,
}

/// Whether the tokens buy a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// The server sells none, or the plan wants none.
    NotWanted,
    /// They do.
    Bought,
    /// The plan wants one, and the server sells none to this account.
    Refused,
}

/// Where somebody signs in, and to what.
pub(super) struct Account<'a> {
    pub(super) maestro: &'a Maestro,
    /// Another program on the same store.
    pub(super) other: &'a Maestro,
    pub(super) authorization: Authorization,
    pub(super) sign_in: SignIn,
    pub(super) reference: AuthRef,
    /// The server that is asked afterwards.
    pub(super) base_url: Url,
}

impl Account<'_> {
    /// Signs in.
    pub(super) async fn sign_in(&self) -> Done<(OAuth, OAuthTokens)> {
        let SignIn { flavour, way, plan, key, .. } = self.sign_in;
        self.authorization.configure(flavour, |settings| {
            settings.access_token_seconds = SHORT_LIFE;
            settings.device_interval_seconds = 1;
            settings.user.plan = plan.map(str::to_owned);
            if key == Key::Refused {
                settings.exchange = maestro_testkit::sandbox::KeyExchange::MissingOrganization;
            }
        });
        let oauth = Box::pin(self.client()).await?;
        let (tokens, how) = match way {
            Way::Paste => Box::pin(self.by_paste(&oauth)).await?,
            Way::Loopback => Box::pin(self.by_loopback(&oauth)).await?,
            Way::Device => Box::pin(self.by_device(&oauth)).await?,
        };
        self.authorization.configure(flavour, |settings| settings.access_token_seconds = LONG_LIFE);
        if tokens.refresh_token.is_none() {
            return Err(wrong(SIGN_IN, "no refresh token came"));
        }
        Ok(((oauth, tokens), how))
    }

    /// Decides how requests will prove who asks, which must be as the plan has it.
    pub(super) fn mode(&self, oauth: &OAuth, tokens: &OAuthTokens) -> Done<()> {
        let wanted = match self.sign_in.key {
            Key::NotWanted => SignInMode::Tokens,
            Key::Bought | Key::Refused => SignInMode::Key,
        };
        let decision = decide_mode(&oauth.client().profile, tokens.plan.as_deref(), ModeChoice::ByPlan);
        if tokens.plan.as_deref() != self.sign_in.plan
            || decision.mode != wanted
            || decision.warning.is_some()
        {
            return Err(wrong(
                "decide on the mode",
                format!("the plan {:?} gives {decision:?}", tokens.plan),
            ));
        }
        let plan =
            tokens.plan.as_ref().map_or_else(|| "no plan is told".to_owned(), |plan| format!("plan {plan}"));
        Ok((
            (),
            format!(
                "{plan}: {}",
                if wanted == SignInMode::Key { "an API key" } else { "the tokens themselves" }
            ),
        ))
    }

    /// Saves the sign-in, which buys the key.
    pub(super) async fn save(&self, oauth: &OAuth, tokens: OAuthTokens) -> Done<SavedAuthentication> {
        let policy = PolicyAccepted { source: "the sandbox".to_owned(), at: self.maestro.now() };
        let new = NewSignIn {
            policy: Some(policy),
            base_url: Some(self.base_url.clone()),
            save: Save::Create,
            ..NewSignIn::new(tokens)
        };
        let SignedIn { row, mode, warnings } = self.maestro.save_sign_in(&self.reference, oauth, new).await?;
        let has_key = self.tokens_of(&row)?.api_key.is_some();
        let exchanges = self.authorization.counters().exchanges;
        let as_it_must = match self.sign_in.key {
            Key::NotWanted => mode == SignInMode::Tokens && !has_key && exchanges == 0 && warnings.is_empty(),
            Key::Bought => mode == SignInMode::Key && has_key && exchanges == 1 && warnings.is_empty(),
            Key::Refused => mode == SignInMode::Tokens && !has_key && warnings.len() == 1,
        };
        if !as_it_must {
            let problem =
                format!("the mode is {mode:?}, {exchanges} keys were bought, warnings: {warnings:?}");
            return Err(wrong(SAVE, problem));
        }
        let detail = match self.sign_in.key {
            Key::Bought => "a key was bought, and is sealed with the tokens".to_owned(),
            Key::Refused => warnings.into_iter().next().unwrap_or_default(),
            Key::NotWanted if oauth.client().profile.key_exchange.is_some() => {
                "no key: this plan uses the tokens themselves".to_owned()
            }
            Key::NotWanted => "no key: the server sells none".to_owned(),
        };
        Ok((row, detail))
    }

    /// Has two programs refresh the tokens, which are near their end, at the same time: the server must see one request. Then
    /// there is nothing to do.
    pub(super) async fn refresh(&self, row: &SavedAuthentication) -> Done<SavedAuthentication> {
        let before = self.tokens_of(row)?;
        // As after a request that the provider has refused: the tokens themselves are good for a while yet.
        let refused = || RefreshWhen::Refused { token: before.renewable().clone() };
        let (one, other) = tokio::try_join!(
            self.maestro.refresh_tokens(row.id, refused()),
            self.other.refresh_tokens(row.id, refused())
        )?;
        let (again, row) = self.maestro.refresh_tokens(row.id, RefreshWhen::Due).await?;
        let outcomes = [one.0, other.0, again];
        let counters = self.authorization.counters();
        let asked = outcomes.iter().filter(|outcome| **outcome == Refreshed::Refreshed).count();
        if (asked, counters.refreshes, counters.reuses_detected) != (1, 1, 0) || again != Refreshed::Fresh {
            let words = outcomes.map(Refreshed::as_str).join(", ");
            return Err(wrong(REFRESH, format!("{words}; the server saw {} refreshes", counters.refreshes)));
        }
        let after = self.tokens_of(&row)?;
        if after.access_token == before.access_token || after.api_key != before.api_key {
            return Err(wrong(REFRESH, "the tokens are the old ones, or a key was lost"));
        }
        let detail = format!(
            "two programs at once: {} and {}, one request; then {}",
            one.0.as_str(),
            other.0.as_str(),
            again.as_str()
        );
        Ok((row, detail))
    }

    /// Ends the sign-in, at the server where it can be.
    pub(super) async fn sign_out(&self, row: &SavedAuthentication) -> Done<()> {
        let can_be_ended =
            self.tokens_of(row)?.client.is_some_and(|client| client.profile.revocation.is_some());
        let signed_out = self.maestro.sign_out(row.id).await?;
        if self.maestro.store().auth_find_optional(&self.reference).await?.is_some() {
            return Err(wrong(SIGN_OUT, "it is still saved"));
        }
        let is_revoked = self.authorization.families().iter().all(|family| family.revoked);
        match signed_out {
            SignedOut::AtServer if is_revoked => Ok(((), "ended at the server and here".to_owned())),
            SignedOut::HereOnly if !can_be_ended => {
                Ok(((), "ended here; the server has no way to".to_owned()))
            }
            SignedOut::Refused(error) => Err(error),
            SignedOut::AtServer | SignedOut::HereOnly => Err(wrong(SIGN_OUT, "the server has not ended it")),
        }
    }

    /// The client, at the sandbox.
    async fn client(&self) -> maestro::Result<OAuth> {
        let SignIn { flavour, profile, .. } = self.sign_in;
        let endpoints = self.authorization.endpoints(flavour);
        let Some(profile) = profile else {
            let file = format!(
                "issuer = \"{}\"\nclient_id = \"sandbox-client\"\nscopes = [\"openid\", \"offline_access\"]",
                endpoints.issuer
            );
            return ProfileFile::parse(&file)?.oauth(self.maestro.http()).await;
        };
        let mut profile = profile().rebased(&Endpoint::parse_base_url(&endpoints.issuer)?);
        for redirect in &mut profile.redirects {
            // The ports that a server fixes may be taken on this machine, by the provider's own program.
            if let RedirectStyle::Loopback { ports, .. } = redirect {
                *ports = vec![0];
            }
        }
        let known = self.authorization.settings(flavour).clients.into_iter().next();
        let known = known.ok_or_else(|| wrong(SIGN_IN, "the sandbox knows no client"))?;
        let client_secret = known.secret.map(maestro::Secret::new).transpose()?;
        OAuth::turned_on(OAuthClient { profile, client_id: known.id, client_secret })
    }

    async fn by_paste(&self, oauth: &OAuth) -> maestro::Result<(OAuthTokens, String)> {
        let page = oauth.client().profile.redirects.iter().find_map(|redirect| match redirect {
            RedirectStyle::Paste { redirect_uri } => Some(redirect_uri),
            RedirectStyle::Loopback { .. } => None,
        });
        let pending =
            oauth.authorize(page.ok_or_else(|| wrong(SIGN_IN, "the server has no page for it"))?)?;
        let back = self.authorization.approve(pending.url.as_str()).map_err(refused)?;
        let pasted = back.pasted().ok_or_else(|| wrong(SIGN_IN, "no code was shown"))?;
        let tokens = self.trade(oauth, &pending, &read_paste(&pasted)?).await?;
        Ok((tokens, "with code#state, by hand".to_owned()))
    }

    async fn by_loopback(&self, oauth: &OAuth) -> maestro::Result<(OAuthTokens, String)> {
        let redirects = &oauth.client().profile.redirects;
        let redirect = redirects.iter().find(|redirect| matches!(redirect, RedirectStyle::Loopback { .. }));
        let redirect = redirect.ok_or_else(|| wrong(SIGN_IN, "the server sends no code to this machine"))?;
        let listener = LoopbackListener::bind(redirect).await?;
        let pending = oauth.authorize(listener.redirect_uri())?;
        let back = self.authorization.approve(pending.url.as_str()).map_err(refused)?;
        let (code, ()) = tokio::try_join!(listener.wait(&pending), self.visit(back.url()))?;
        let tokens = self.trade(oauth, &pending, &code).await?;
        Ok((tokens, format!("by a browser that came to {}", listener.redirect_uri())))
    }

    async fn by_device(&self, oauth: &OAuth) -> maestro::Result<(OAuthTokens, String)> {
        let pending = oauth.device_begin(self.maestro.http(), self.maestro.now()).await?;
        self.authorization.approve_device(&pending.user_code).map_err(refused)?;
        let tokens = self.maestro.device_tokens(oauth, &pending).await?;
        let polls = self.authorization.counters().device_polls;
        Ok((tokens, format!("with a code that was typed in elsewhere; polls: {polls}")))
    }

    async fn trade(
        &self,
        oauth: &OAuth,
        pending: &maestro::core::provider::PendingAuthorization,
        code: &CodePaste,
    ) -> maestro::Result<OAuthTokens> {
        oauth.exchange(self.maestro.http(), pending, code, self.maestro.now()).await
    }

    /// Goes to an address, as a browser does.
    async fn visit(&self, url: &str) -> maestro::Result<()> {
        let request = Request::get(url).body(Bytes::new());
        let request = request.map_err(|_| wrong(SIGN_IN, "the browser was sent to no address"))?;
        let page = self.maestro.http().send(request).await?;
        if page.status().is_success() {
            return Ok(());
        }
        Err(wrong(SIGN_IN, format!("the listener turned the browser away with {}", page.status())))
    }

    fn tokens_of(&self, row: &SavedAuthentication) -> maestro::Result<OAuthTokens> {
        match self.maestro.target(row)?.endpoint.credentials {
            Some(Credentials::OAuth { tokens, .. }) => Ok(*tokens),
            _ => Err(wrong(SAVE, format!("it is saved as another kind than {}", AuthType::OAuth))),
        }
    }
}

fn refused(error: VisitError) -> maestro::Error {
    wrong(SIGN_IN, error.to_string())
}
