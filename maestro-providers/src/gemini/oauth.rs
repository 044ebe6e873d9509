//! Signing in with Google, as a client of the user's own Cloud project.

use std::time::Duration;

use maestro_core::provider::{
    BodyForm, ClaimNames, ClientAuthentication, FlowAccess, OAuthProfile, RedirectStyle, Revocation,
    RevocationFields, Rotation, TokenRequest, UsePolicy,
};

use crate::constant_url as url;

/// The authorization server of Google, for a client of type *Desktop app* that the user made in a Cloud project of their
/// own. Such a client has a secret, which is not confidential, and may listen on any port of 127.0.0.1.
///
/// Refresh tokens stay the same. One lives for seven days while the project's consent screen is in testing.
pub fn oauth_profile() -> OAuthProfile {
    OAuthProfile {
        name: "gemini".into(),
        issuer: Some(url("https://accounts.google.com")),
        authorization_endpoint: url("https://accounts.google.com/o/oauth2/v2/auth"),
        token_endpoint: url("https://oauth2.googleapis.com/token"),
        device: None,
        revocation: Some(Revocation {
            revocation_endpoint: url("https://oauth2.googleapis.com/revoke"),
            body: BodyForm::Form,
            fields: RevocationFields::TokenOnly,
        }),
        scopes: ["openid", "email", "https://www.googleapis.com/auth/cloud-platform"].map(str::to_owned).to_vec(),
        // Without both there may be no refresh token.
        extra_authorize_parameters: vec![
            ("access_type".into(), "offline".into()),
            ("prompt".into(), "consent".into()),
        ],
        parameter_order: Vec::new(),
        client_authentication: ClientAuthentication::Post,
        code_request: TokenRequest::default(),
        refresh_request: TokenRequest::default(),
        redirects: vec![RedirectStyle::Loopback {
            host: "127.0.0.1".into(),
            ports: vec![0],
            path: "/callback".into(),
        }],
        rotation: Rotation::Reusable,
        refresh_margin: Duration::from_secs(5 * 60),
        default_lifetime: Some(Duration::from_secs(3600)),
        claims: ClaimNames { account_id: Some("/sub".into()), plan: None },
        key_exchange: None,
        policy: UsePolicy {
            text: "Google's developer API takes sign-ins of the user's own OAuth client (type Desktop app, in a Cloud \
                   project with the Generative Language API on). The client of Google's own command line is not for \
                   other software."
                .into(),
            source: "docs of gemini-cli (faq.md, tos-privacy.md), 2026-08-21; read 2026-11-21".into(),
            access: FlowAccess::Open,
        },
    }
}
