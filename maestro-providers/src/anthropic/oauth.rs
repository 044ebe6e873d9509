//! Signing in at Anthropic's console, as its own command line and SDKs do it (read in their source, 2026).
//!
//! The sign-in with a Claude subscription is none of the built-in profiles: its terms keep it for Anthropic's own programs.

use std::time::Duration;

use maestro_core::provider::{
    BodyForm, ClaimNames, ClientAuthentication, FlowAccess, OAuthProfile, RedirectStyle, Rotation, SendState,
    TokenField, TokenRequest, UsePolicy,
};

use crate::constant_url as url;

/// The authorization server of Anthropic's console: manual code paste, or loopback. It has no client: Anthropic's own are
/// its programs', so the operator brings one.
pub fn oauth_profile() -> OAuthProfile {
    OAuthProfile {
        name: "anthropic".into(),
        issuer: None,
        authorization_endpoint: url("https://platform.claude.com/oauth/authorize"),
        token_endpoint: url("https://api.anthropic.com/v1/oauth/token"),
        device: None,
        // No address for it is documented; what remains is the account page.
        revocation: None,
        scopes: ["user:profile", "user:inference", "user:developer"].map(str::to_owned).to_vec(),
        extra_authorize_parameters: Vec::new(),
        parameter_order: Vec::new(),
        client_authentication: ClientAuthentication::Post,
        code_request: TokenRequest {
            body: BodyForm::Form,
            headers: Vec::new(),
            parameters: Vec::new(),
            // Without it the server answers `oauth_request_parse_error`.
            state: SendState::Send,
            required: vec![TokenField::AccessToken],
        },
        refresh_request: TokenRequest {
            body: BodyForm::Json,
            headers: vec![("anthropic-beta".into(), "oauth-2025-04-20".into())],
            ..TokenRequest::default()
        },
        redirects: vec![
            // The query is part of the registered value.
            RedirectStyle::Paste {
                redirect_uri: url("https://platform.claude.com/oauth/code/callback?app=anthropic-cli"),
            },
            RedirectStyle::Loopback { host: "localhost".into(), ports: vec![0], path: "/callback".into() },
        ],
        rotation: Rotation::SingleUse { grace: Duration::ZERO },
        refresh_margin: Duration::from_secs(120),
        default_lifetime: Some(Duration::from_secs(3600)),
        claims: ClaimNames { account_id: Some("/account/uuid".into()), plan: None },
        key_exchange: None,
        policy: UsePolicy {
            text: "Anthropic keeps its clients for its own programs. The sign-ins of Free, Pro and Max plans are only \
                   for Claude Code and claude.ai: other software may not offer or relay them, and accounts have been \
                   closed for it. Use an API key, or a client that Anthropic gave you."
                .into(),
            source: "Claude Code's legal page as quoted in public, February to September 2026; read 2026-11-21".into(),
            access: FlowAccess::Restricted,
        },
    }
}
