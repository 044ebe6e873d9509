//! Keys that tokens buy, modes, and the end of a sign-in.

use maestro_core::{ErrorKind, auth::OAuthTokens, provider::OAuthFlow as _};
use maestro_providers::{
    anthropic,
    oauth::{ModeChoice, SignInMode, decide_mode},
    openai,
};
use maestro_testkit::replay::ReplayClient;

use crate::given::{answers, anthropic, form, gemini, json, now, only, openai, owned, secret, tokens};

#[tokio::test]
async fn an_id_token_buys_a_key() {
    let http = answers(200, r#"{"access_token":"sk-bought"}"#);
    let key = openai().extract_api_credentials(&http, &tokens(), now()).await.unwrap();
    assert_eq!((key.key.reveal(), key.expires_at), ("sk-bought", None));
    assert_eq!(
        form(&only(&http)),
        owned(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", "my client"),
            ("requested_token", "openai-api-key"),
            ("subject_token", "old-id"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ])
    );
}

#[tokio::test]
async fn an_account_without_an_organization_buys_none() {
    let body = r#"{"error":{"message":"Invalid ID token: missing organization_id","type":"invalid_request_error","param":null,"code":"invalid_subject_token"}}"#;
    let oauth = openai();
    let error = oauth.extract_api_credentials(&answers(401, body), &tokens(), now()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("invalid_subject_token")));
    assert_eq!(oauth.refusal(&error), None, "the sign-in itself is good");
    assert!(error.to_string().contains("missing organization_id"), "{error}");
}

#[tokio::test]
async fn a_server_that_sells_no_keys_says_so() {
    let nobody = ReplayClient::new([]);
    let error = anthropic().extract_api_credentials(&nobody, &tokens(), now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error =
        openai().extract_api_credentials(&nobody, &OAuthTokens::new(secret("a")), now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(nobody.requests().is_empty());
}

#[test]
fn the_plan_decides_on_the_mode_unless_the_user_does() {
    use SignInMode::{Key, Tokens};
    let profile = openai::oauth_profile();
    for (plan, mode, warns) in [
        (Some("free"), Tokens, false),
        (Some("Plus"), Tokens, false),
        (Some("pro"), Tokens, false),
        (Some("team"), Tokens, false),
        (Some("business"), Key, false),
        (Some("enterprise"), Key, false),
        (Some("edu"), Key, false),
        (Some("of-tomorrow"), Key, true),
        (Some(""), Key, true),
        (None, Key, true),
    ] {
        let decision = decide_mode(&profile, plan, ModeChoice::ByPlan);
        assert_eq!((decision.mode, decision.warning.is_some()), (mode, warns), "{plan:?}");
        for forced in [Tokens, Key] {
            let decision = decide_mode(&profile, plan, ModeChoice::Always(forced));
            assert_eq!((decision.mode, decision.warning), (forced, None));
        }
    }
    let no_keys = anthropic::oauth_profile();
    assert_eq!(decide_mode(&no_keys, None, ModeChoice::ByPlan).mode, Tokens);
    let decision = decide_mode(&no_keys, None, ModeChoice::Always(Key));
    assert!(decision.mode == Tokens && decision.warning.is_some());
}

#[tokio::test]
async fn each_server_ends_a_sign_in_in_its_own_way() {
    let http = answers(204, "");
    openai().revoke(&http, &tokens()).await.unwrap();
    let request = only(&http);
    assert_eq!(request.uri(), "https://auth.openai.com/oauth/revoke");
    let expected =
        owned(&[("client_id", "my client"), ("token", "old-refresh"), ("token_type_hint", "refresh_token")]);
    assert_eq!(json(&request), expected.into_iter().collect());

    let http = answers(200, "");
    openai().revoke(&http, &OAuthTokens::new(secret("a"))).await.unwrap();
    let expected = owned(&[("token", "a"), ("token_type_hint", "access_token")]);
    assert_eq!(json(&only(&http)), expected.into_iter().collect());

    let http = answers(200, "{}");
    gemini().revoke(&http, &tokens()).await.unwrap();
    assert_eq!(form(&only(&http)), owned(&[("token", "old-refresh")]));

    let nobody = ReplayClient::new([]);
    anthropic().revoke(&nobody, &tokens()).await.unwrap();
    assert!(nobody.requests().is_empty(), "there is no way to");
}

#[tokio::test]
async fn a_token_that_is_unknown_has_ended_already() {
    gemini().revoke(&answers(400, r#"{"error":"invalid_token"}"#), &tokens()).await.unwrap();
    let error = gemini().revoke(&answers(503, ""), &tokens()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
