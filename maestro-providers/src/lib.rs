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
    allow(dead_code, unused_imports, reason = "some of the shared pieces serve some of the providers only")
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

use maestro_core::provider::{ProviderId, Registry};

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
