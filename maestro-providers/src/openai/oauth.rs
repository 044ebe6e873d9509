//! Signing in with ChatGPT, as OpenAI's own command line does it (read in its source, August 2026).

use std::time::Duration;

use maestro_core::provider::{
    BodyForm, ClaimNames, ClientAuthentication, DeviceFlow, ExchangeDialect, FlowAccess, KeyExchange,
    OAuthProfile, OtherPlans, PlanRule, RedirectStyle, Revocation, RevocationFields, Rotation, SendState,
    TokenField, TokenRequest, UsePolicy,
};

use crate::constant_url as url;

/// The client id of OpenAI's own command line. It is public and has no secret; it names *its* program. Nothing here uses
/// it unless the operator gives it to an [`OAuthClient`](maestro_core::provider::OAuthClient).
pub const CODEX_CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

/// The authorization server of OpenAI. It has no client: see [`CODEX_CLIENT_ID`].
///
/// Refresh tokens can be used once, and a second use revokes the whole family. The tokens ask the ChatGPT backend, not the
/// public API; for plans that have no use of that, they buy a key (requirement M-P8).
pub fn oauth_profile() -> OAuthProfile {
    let form = TokenRequest {
        body: BodyForm::Form,
        headers: vec![("originator".into(), super::ORIGINATOR.into())],
        parameters: Vec::new(),
        state: SendState::Withhold,
        required: vec![TokenField::AccessToken, TokenField::RefreshToken, TokenField::IdToken],
    };
    OAuthProfile {
        name: "openai".into(),
        issuer: Some(url("https://auth.openai.com")),
        authorization_endpoint: url("https://auth.openai.com/oauth/authorize"),
        token_endpoint: url("https://auth.openai.com/oauth/token"),
        device: Some(DeviceFlow::OpenAi {
            user_code_endpoint: url("https://auth.openai.com/api/accounts/deviceauth/usercode"),
            poll_endpoint: url("https://auth.openai.com/api/accounts/deviceauth/token"),
            verification_uri: url("https://auth.openai.com/codex/device"),
            redirect_uri: url("https://auth.openai.com/deviceauth/callback"),
        }),
        revocation: Some(Revocation {
            revocation_endpoint: url("https://auth.openai.com/oauth/revoke"),
            body: BodyForm::Json,
            fields: RevocationFields::Standard,
        }),
        scopes: words("openid profile email offline_access api.connectors.read api.connectors.invoke"),
        // Without the first the id token names no organization, and buys no key.
        extra_authorize_parameters: vec![
            ("id_token_add_organizations".into(), "true".into()),
            ("codex_cli_simplified_flow".into(), "true".into()),
            ("originator".into(), super::ORIGINATOR.into()),
        ],
        parameter_order: words(
            "response_type client_id redirect_uri scope code_challenge code_challenge_method \
             id_token_add_organizations codex_cli_simplified_flow state originator",
        ),
        client_authentication: ClientAuthentication::Post,
        refresh_request: TokenRequest { body: BodyForm::Json, required: Vec::new(), ..form.clone() },
        code_request: form,
        // The host must be written like this, and no other port is registered.
        redirects: vec![RedirectStyle::Loopback {
            host: "localhost".into(),
            ports: vec![1455, 1457],
            path: "/auth/callback".into(),
        }],
        rotation: Rotation::SingleUse { grace: Duration::ZERO },
        refresh_margin: Duration::from_secs(5 * 60),
        // Tokens without a readable end are refreshed after eight days, as its own command line does.
        default_lifetime: Some(Duration::from_secs(8 * 24 * 3600)),
        claims: ClaimNames {
            account_id: Some("/https:~1~1api.openai.com~1auth/chatgpt_account_id".into()),
            plan: Some("/https:~1~1api.openai.com~1auth/chatgpt_plan_type".into()),
        },
        key_exchange: Some(KeyExchange {
            dialect: ExchangeDialect::OpenAi { requested_token: "openai-api-key".into() },
            plans: PlanRule {
                tokens: words("free go plus pro prolite team"),
                key: words(
                    "business self_serve_business_prolite self_serve_business_usage_based ent26 \
                     enterprise_cbp_automation enterprise_cbp_usage_based enterprise hc edu education edu_plus \
                     edu_pro",
                ),
                others: OtherPlans::BuyKey,
            },
        }),
        policy: UsePolicy {
            text: "OpenAI registers no clients for other software: this sign-in and its client id were made for \
                   OpenAI's own command line, and whether other software may use them is not settled here. Ask \
                   OpenAI, or use an API key."
                .into(),
            source: "source of OpenAI's command line, August 2026; terms not examined, 2026-11-21".into(),
            access: FlowAccess::Restricted,
        },
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
