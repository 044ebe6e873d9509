//! A user without a browser: follows an authorize URL, decides, and tells where it ended.

use std::fmt;

use url::Url;

use super::State;
use super::authorize::{self, Decision, Visit};
use super::device;
use super::flavour::{self, Place};
use super::form::Form;

/// Where a browser ended after the user had decided: the redirect address with what was added to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback(Url);

/// Why a visit led nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VisitError {
    /// The address is not an authorize page of this sandbox.
    #[error("{url} is not an authorize page of this sandbox; `Authorization::endpoints` has their addresses")]
    Elsewhere {
        /// The address, without its query.
        url: String,
    },
    /// The page refused the request and sent the browser nowhere.
    #[error("the authorize page refuses the request: {error}: {description}")]
    Refused {
        /// The OAuth error.
        error: String,
        /// What is wrong.
        description: String,
    },
    /// No device waits with this code: it was never given out, has expired or was decided about before.
    #[error("no device waits with the code {user_code}")]
    NoDevice {
        /// The code that was typed.
        user_code: String,
    },
}

impl Callback {
    /// The whole address, as a listener on loopback is called or as a user copies it.
    pub fn url(&self) -> &str {
        self.0.as_str()
    }

    /// The code, when the user approved.
    pub fn code(&self) -> Option<String> {
        self.get("code")
    }

    /// The state that was passed through.
    pub fn state(&self) -> Option<String> {
        self.get("state")
    }

    /// The OAuth error, when there is no code.
    pub fn error(&self) -> Option<String> {
        self.get("error")
    }

    /// What a paste page shows to be copied: `code#state`, or the code alone when no state was sent.
    pub fn pasted(&self) -> Option<String> {
        let code = self.code()?;
        Some(match self.state() {
            Some(state) => format!("{code}#{state}"),
            None => code,
        })
    }

    pub(super) fn new(url: Url) -> Self {
        Self(url)
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

/// Without the code, which is a credential until it is used.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        url.set_query(None);
        f.debug_struct("Callback").field("url", &url.as_str()).field("error", &self.error()).finish()
    }
}

pub(super) fn visit(state: &mut State, text: &str, decision: Decision) -> Result<Callback, VisitError> {
    let elsewhere = || VisitError::Elsewhere { url: text.split('?').next().unwrap_or_default().to_owned() };
    let url = Url::parse(text).map_err(|_| elsewhere())?;
    if url.origin().ascii_serialization() != state.origin {
        return Err(elsewhere());
    }
    let Some((flavour, Place::Authorize)) = flavour::find(url.path()) else { return Err(elsewhere()) };
    let form = Form::query(url.query().unwrap_or_default());
    match authorize::visit(state, flavour, &form, Some(decision)) {
        Ok(Visit::Back(url) | Visit::Shown(url)) => Ok(Callback(url)),
        // Not with a decision in hand.
        Ok(Visit::Ask) => Err(elsewhere()),
        Err(failure) => Err(VisitError::Refused { error: failure.error, description: failure.description }),
    }
}

pub(super) fn device(state: &mut State, user_code: &str, decision: Decision) -> Result<(), VisitError> {
    if device::decide(state, None, user_code, decision) {
        return Ok(());
    }
    Err(VisitError::NoDevice { user_code: user_code.to_owned() })
}
