//! A program that signs in, written with plain requests, for the tests of the authorization server.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maestro_core::time::{Clock, ManualClock, Timestamp};
use maestro_testkit::sandbox::{Authorization, AuthorizationEndpoints, Callback, Flavour, Sandbox, Scenario};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::client::{Answer, Client};

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// A client of one flavour.
pub(crate) struct Program {
    pub(crate) client: Client,
    pub(crate) flavour: Flavour,
}

impl Program {
    pub(crate) async fn start(flavour: Flavour) -> Self {
        let start = Timestamp::from_micros(1_795_000_000_000_000);
        Self::at(flavour, Arc::new(ManualClock::new(start))).await
    }

    /// With this clock.  By default it stands still but for what a test advances it by, so that a slow machine
    /// changes nothing.
    pub(crate) async fn at(flavour: Flavour, clock: Arc<dyn Clock>) -> Self {
        let mut client = Client::start().await;
        client.sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
        Self { client, flavour }
    }

    pub(crate) fn authorization(&self) -> Authorization {
        self.client.sandbox.authorization()
    }

    pub(crate) fn endpoints(&self) -> AuthorizationEndpoints {
        self.authorization().endpoints(self.flavour)
    }

    /// What the authorize page is asked, by default.
    pub(crate) fn asked(&self) -> Vec<(&'static str, String)> {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()));
        [
            ("response_type", "code"),
            ("client_id", "sandbox-client"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid email offline_access"),
            ("state", "st-ate"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("access_type", "offline"),
            ("id_token_add_organizations", "true"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// The authorize URL, with parameters replaced, or left out where the new value is empty.
    pub(crate) fn url(&self, changes: &[(&'static str, &str)]) -> String {
        let mut pairs = self.asked();
        pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let added = changes.iter().filter(|(_, value)| !value.is_empty());
        pairs.extend(added.map(|(name, value)| (*name, (*value).to_owned())));
        url::Url::parse_with_params(&self.endpoints().authorize, &pairs).unwrap().into()
    }

    pub(crate) fn approve(&self) -> Callback {
        self.authorization().approve(&self.url(&[])).unwrap()
    }

    /// The form that exchanges a code, with parameters replaced as above.
    pub(crate) fn code_form(&self, code: &str, changes: &[(&'static str, &str)]) -> Value {
        self.form(
            json!({"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT,
                "code_verifier": VERIFIER, "state": "st-ate"}),
            changes,
        )
    }

    pub(crate) fn refresh_form(&self, token: &str) -> Value {
        self.form(json!({"grant_type": "refresh_token", "refresh_token": token}), &[])
    }

    pub(crate) fn form(&self, mut form: Value, changes: &[(&'static str, &str)]) -> Value {
        form["client_id"] = "sandbox-client".into();
        if self.flavour == Flavour::Google {
            form["client_secret"] = "sandbox-secret".into();
        }
        for (name, value) in changes {
            form[name] = (*value).into();
        }
        form.as_object_mut().unwrap().retain(|_, value| value != "");
        form
    }

    /// Posts a form to the token endpoint.
    pub(crate) async fn exchange(&self, form: &Value) -> Answer {
        self.post(&self.endpoints().token, form).await
    }

    pub(crate) async fn post(&self, url: &str, form: &Value) -> Answer {
        self.client.send(form_body(self.client.http.post(url), form)).await
    }

    /// Signs in and gives the tokens.
    pub(crate) async fn sign_in(&self) -> Value {
        let code = self.approve().code().unwrap();
        let answer = self.exchange(&self.code_form(&code, &[])).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    pub(crate) async fn refresh(&self, token: &Value) -> Answer {
        self.exchange(&self.refresh_form(token.as_str().unwrap())).await
    }

    pub(crate) fn script(&self, scenario: Scenario) {
        self.client.sandbox.add_scenario(scenario);
    }
}

/// A request with this form as its body.
pub(crate) fn form_body(request: reqwest::RequestBuilder, form: &Value) -> reqwest::RequestBuilder {
    let pairs = form.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap()));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// The word of an error, in whichever form it came.
pub(crate) fn error_of(answer: &Answer) -> String {
    let body = answer.json();
    let word = body["error"].as_str().or_else(|| body["error"]["code"].as_str());
    let message =
        || body["error"]["message"].as_str().unwrap_or_default().split(':').next().unwrap_or_default();
    word.map_or_else(|| message().to_owned(), str::to_owned)
}

/// The claims of a token.
pub(crate) fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
