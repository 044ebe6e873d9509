//! What is tried against the sandbox: every provider, by every way to sign in and with a key.

use maestro::providers::{anthropic, gemini, openai};
use maestro_testkit::sandbox::{Flavour, Sandbox};

use super::sign_in::{Key, SignIn, Way};

/// A run.
pub(super) struct Plan {
    /// Who is asked.
    pub(super) provider: &'static str,
    /// What tells it from the others of the provider.
    pub(super) name: &'static str,
    /// What it does, for people.
    pub(super) title: &'static str,
    /// The server that is asked, of those that the sandbox plays.
    pub(super) server: fn(&Sandbox) -> String,
    /// How somebody signs in; absent where a key is given.
    pub(super) sign_in: Option<SignIn>,
}

/// All runs, by provider.
pub(super) const PLANS: [Plan; 10] = {
    let chatgpt = SignIn {
        flavour: Flavour::Openai,
        profile: Some(openai::oauth_profile),
        way: Way::Loopback,
        plan: Some("plus"),
        key: Key::NotWanted,
    };
    [
        Plan {
            provider: "anthropic",
            name: "oauth",
            title: "a sign-in at the console, code by hand",
            server: Sandbox::anthropic_url,
            sign_in: Some(SignIn {
                flavour: Flavour::Anthropic,
                profile: Some(anthropic::oauth_profile),
                way: Way::Paste,
                plan: None,
                key: Key::NotWanted,
            }),
        },
        with_key("anthropic", Sandbox::anthropic_url),
        Plan {
            provider: "openai",
            name: "chatgpt",
            title: "a ChatGPT sign-in of a person",
            server: Sandbox::chatgpt_url,
            sign_in: Some(chatgpt),
        },
        Plan {
            provider: "openai",
            name: "bought-key",
            title: "a ChatGPT sign-in of a business, which buys a key",
            server: Sandbox::openai_url,
            sign_in: Some(SignIn { plan: Some("business"), key: Key::Bought, ..chatgpt }),
        },
        Plan {
            provider: "openai",
            name: "refused-key",
            title: "a ChatGPT sign-in of a business that can buy no key",
            server: Sandbox::chatgpt_url,
            sign_in: Some(SignIn { plan: Some("business"), key: Key::Refused, ..chatgpt }),
        },
        with_key("openai", Sandbox::openai_url),
        Plan {
            provider: "gemini",
            name: "oauth",
            title: "a sign-in of a client with a secret, with a quota project",
            server: Sandbox::gemini_url,
            sign_in: Some(SignIn {
                flavour: Flavour::Google,
                profile: Some(gemini::oauth_profile),
                way: Way::Loopback,
                plan: None,
                key: Key::NotWanted,
            }),
        },
        with_key("gemini", Sandbox::gemini_url),
        Plan {
            provider: "openai_compatible",
            name: "device",
            title: "a sign-in by device, at a server that tells of itself",
            server: Sandbox::openai_url,
            sign_in: Some(SignIn {
                flavour: Flavour::Standard,
                profile: None,
                way: Way::Device,
                plan: None,
                key: Key::NotWanted,
            }),
        },
        with_key("openai_compatible", Sandbox::openai_url),
    ]
};

const fn with_key(provider: &'static str, server: fn(&Sandbox) -> String) -> Plan {
    Plan { provider, name: "api-key", title: "an API key", server, sign_in: None }
}

#[cfg(test)]
mod tests {
    use maestro::providers::builtin;

    use super::*;

    #[test]
    fn every_provider_is_tried_with_a_key_and_with_a_sign_in() {
        for provider in builtin().list() {
            let plans = || PLANS.iter().filter(|plan| plan.provider == provider.as_str());
            assert!(plans().any(|plan| plan.sign_in.is_some()), "{provider}");
            assert!(plans().any(|plan| plan.sign_in.is_none()), "{provider}");
        }
    }
}
