//! Maestro's providers: how Anthropic, OpenAI, Gemini and servers that speak Chat Completions are asked and answered.
//!
//! Each provider is a folder of pure translation, with the same file names in the same order; `docs/adding-a-provider.md`
//! walks through them. Sending, retrying and refreshing happen elsewhere. The one client that does reach the network is
//! in [`http`].
//!
//! | feature | module | id | API |
//! |---|---|---|---|
//! | `anthropic` | `anthropic` | `anthropic` | `anthropic-messages` |
//! | `openai` | `openai` | `openai` | `openai-responses` |
//! | `gemini` | `gemini` | `gemini` | `gemini` |
//! | `openai-compatible` | `openai_compatible` | `openai_compatible` | `openai-chat` |
//!
//! All are on by default.

#![cfg_attr(
    not(all(feature = "anthropic", feature = "gemini", feature = "openai", feature = "openai-compatible")),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        reason = "some of the shared pieces serve some of the providers only"
    )
)]

pub mod http;
pub mod oauth;

mod answer;
mod catalog;
mod decoding;
mod json;
mod key_form;
mod request;
#[cfg(any(feature = "openai", feature = "openai-compatible"))]
mod strict;

#[cfg(feature = "anthropic")]
pub mod anthropic;
#[cfg(feature = "gemini")]
pub mod gemini;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "openai-compatible")]
pub mod openai_compatible;

use maestro_core::{
    Error, ErrorKind, Result,
    provider::{ProviderId, Registry},
};

/// A registry of all the providers whose features are on.
///
/// ```
/// let registry = maestro_providers::builtin();
/// let names: Vec<_> = registry.list().map(|id| id.as_str()).collect();
/// # #[cfg(all(feature = "anthropic", feature = "openai", feature = "gemini", feature = "openai-compatible"))]
/// assert_eq!(names, ["anthropic", "gemini", "openai", "openai_compatible"]);
/// ```
pub fn builtin() -> Registry {
    let registry = Registry::new();
    #[cfg(feature = "anthropic")]
    let registry = registry.with(anthropic::Anthropic::default());
    #[cfg(feature = "openai")]
    let registry = registry.with(openai::OpenAi::default());
    #[cfg(feature = "gemini")]
    let registry = registry.with(gemini::Gemini::default());
    #[cfg(feature = "openai-compatible")]
    let registry = registry.with(openai_compatible::OpenAiCompatible::default());
    registry
}

/// A registry of all the providers whose features are on, of which these sign people in.
///
/// [`ErrorKind::Unsupported`] for a provider that signs nobody in, or whose feature is
/// off; it names those that do.
///
/// ```
/// # #[cfg(feature = "gemini")] {
/// use maestro_core::provider::{OAuthClient, ProviderId};
/// use maestro_providers::{builtin_with, gemini, oauth::OAuth};
///
/// let client = OAuthClient { profile: gemini::oauth_profile(), client_id: "mine".into(), client_secret: None };
/// let gemini = ProviderId::new("gemini").unwrap();
/// let registry = builtin_with([(gemini.clone(), OAuth::new(client).unwrap())]).unwrap();
/// assert!(registry.oauth(&gemini).is_ok());
/// # }
/// ```
pub fn builtin_with(oauths: impl IntoIterator<Item = (ProviderId, oauth::OAuth)>) -> Result<Registry> {
    oauths.into_iter().try_fold(builtin(), |registry, (provider, oauth)| match provider.as_str() {
        #[cfg(feature = "anthropic")]
        "anthropic" => Ok(registry.with(anthropic::Anthropic::default().with_oauth(oauth))),
        #[cfg(feature = "openai")]
        "openai" => Ok(registry.with(openai::OpenAi::default().with_oauth(oauth))),
        #[cfg(feature = "gemini")]
        "gemini" => Ok(registry.with(gemini::Gemini::default().with_oauth(oauth))),
        _ => {
            let able: Vec<_> = oauth::builtin_profiles().into_iter().map(|profile| profile.name).collect();
            Err(Error::new(ErrorKind::Unsupported, "sign in")
                .on(format_args!("\"{provider}\""))
                .because("this provider signs nobody in")
                .advise(format!("those that do: {}", able.join(", "))))
        }
    })
}

/// The id of a provider of this crate.
#[expect(clippy::expect_used, reason = "the names are constants of this crate, and a test makes them all")]
fn provider_id(name: &'static str) -> ProviderId {
    ProviderId::new(name).expect("a constant name is well-formed")
}

/// An address of a server of this crate's providers.
#[expect(
    clippy::expect_used,
    reason = "the addresses are constants of this crate, and a test reads them all"
)]
fn constant_url(url: &'static str) -> url::Url {
    url::Url::parse(url).expect("a constant address is well-formed")
}
