//! New tokens for a refresh token.

use std::time::Duration;

use maestro_core::{
    ErrorKind, Retry,
    auth::{HolderId, OAuthTokens, RefreshAsked, RefreshRefused, RefusalReason},
    provider::OAuthFlow as _,
};
use maestro_testkit::replay::{After, ReplayClient};
use serde_json::json;

use crate::given::{
    answer, answers, anthropic, client, form, gemini, header, json, jwt, now, only, openai, owned, secret,
    tokens,
};

#[tokio::test]
async fn openai_refreshes_with_json_and_replaces_only_what_came() {
    let http = answers(200, r#"{"refresh_token":"new-refresh"}"#);
    let mut before = tokens();
    before.expires_at = Some(now());
    let after = openai().refresh(&http, &before, now()).await.unwrap();
    assert_eq!(after.refresh_token.as_ref().unwrap().reveal(), "new-refresh");
    assert_eq!((&after.access_token, &after.id_token), (&before.access_token, &before.id_token));
    assert_eq!(after.expires_at, before.expires_at, "the access token is the same");
    let request = only(&http);
    assert_eq!(request.uri(), "https://auth.openai.com/oauth/token");
    assert_eq!(header(&request, "originator"), Some("maestro"));
    let expected = owned(&[
        ("client_id", "my client"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "old-refresh"),
    ]);
    assert_eq!(json(&request), expected.into_iter().collect());
}

#[tokio::test]
async fn anthropic_refreshes_with_json_and_its_beta_header() {
    let http =
        answers(200, r#"{"access_token":"n","refresh_token":"m","expires_in":60,"token_type":"Bearer"}"#);
    let after = anthropic().refresh(&http, &tokens(), now()).await.unwrap();
    assert_eq!((after.access_token.reveal(), after.refresh_token.unwrap().reveal()), ("n", "m"));
    let request = only(&http);
    assert_eq!(header(&request, "anthropic-beta"), Some("oauth-2025-04-20"));
    assert_eq!(json(&request)["grant_type"], "refresh_token");
}

#[tokio::test]
async fn google_refreshes_with_a_form_and_its_refresh_token_stays() {
    let http = answers(200, r#"{"access_token":"n","expires_in":3599,"scope":"a b","token_type":"Bearer"}"#);
    let after = gemini().refresh(&http, &tokens(), now()).await.unwrap();
    assert_eq!(after.refresh_token.unwrap().reveal(), "old-refresh");
    assert_eq!(after.scopes, ["a", "b"]);
    assert_eq!(
        form(&only(&http)),
        owned(&[
            ("client_id", "my client"),
            ("client_secret", "not-so-secret"),
            ("grant_type", "refresh_token"),
            ("refresh_token", "old-refresh"),
        ])
    );
}

#[tokio::test]
async fn what_a_reply_leaves_out_stays_as_it_was() {
    let mut before = tokens();
    before.scopes = vec!["s".into()];
    before.account_id = Some("acc".into());
    before.plan = Some("plus".into());
    before.api_key = Some(secret("sk-bought"));
    before.refused = Some(RefreshRefused { reason: RefusalReason::Unknown, at: now() });
    before.asked = Some(RefreshAsked { by: HolderId::new(), at: now(), first_at: now() });
    let http = answers(200, r#"{"access_token":"n"}"#);
    let after = openai().refresh(&http, &before, now()).await.unwrap();
    assert!(after.refused.is_none() && after.asked.is_none(), "a refresh that worked ends both marks");
    let expected = OAuthTokens {
        access_token: secret("n"),
        expires_at: after.expires_at,
        obtained_at: Some(now()),
        refused: None,
        asked: None,
        ..before
    };
    assert_eq!(after, expected);
}

#[tokio::test]
async fn a_plan_that_changed_is_noticed() {
    let mut before = tokens();
    before.plan = Some("free".into());
    let id = jwt(&json!({"https://api.openai.com/auth": {"chatgpt_plan_type": "pro"}}));
    let http = answers(200, json!({"access_token": "n", "id_token": id}).to_string());
    assert_eq!(openai().refresh(&http, &before, now()).await.unwrap().plan.as_deref(), Some("pro"));
}

#[tokio::test]
async fn tokens_are_refreshed_by_the_client_that_they_were_granted_to() {
    let mut profile = maestro_providers::gemini::oauth_profile();
    profile.token_endpoint = "https://other.example/token".parse().unwrap();
    let mut before = tokens();
    before.client = Some(Box::new(client(profile)));
    let http = answers(200, r#"{"access_token":"n"}"#);
    openai().refresh(&http, &before, now()).await.unwrap();
    assert_eq!(only(&http).uri(), "https://other.example/token");
}

#[tokio::test]
async fn without_a_refresh_token_nobody_is_asked() {
    let http = ReplayClient::new([]);
    let oauth = openai();
    let error = oauth.refresh(&http, &OAuthTokens::new(secret("a")), now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(oauth.refusal(&error), None);
    assert!(http.requests().is_empty());
}

#[tokio::test]
async fn a_refusal_for_good_tells_why() {
    use RefusalReason::{Expired, Reused, Revoked, Unknown};
    let envelope = |code: &str| {
        json!({"error": {"message": "m", "type": "invalid_request_error", "param": null, "code": code}})
            .to_string()
    };
    for (status, body, reason) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#.into(),
            Unknown,
        ),
        (400, r#"{"error":"INVALID_GRANT"}"#.into(), Unknown),
        (401, envelope("refresh_token_reused"), Reused),
        (400, envelope("refresh_token_reused"), Reused),
        (400, envelope("Refresh_Token_Expired"), Expired),
        (401, r#"{"error":"refresh_token_invalidated"}"#.into(), Revoked),
        (403, r#"{"code":"refresh_token_invalidated","message":"m"}"#.into(), Revoked),
        (500, envelope("refresh_token_expired"), Expired),
        (401, String::new(), Unknown),
        (401, "<html>no</html>".into(), Unknown),
        (401, "nope".into(), Unknown),
        (401, r#"{"type":"error","error":{"type":"authentication_error","message":"m"}}"#.into(), Unknown),
    ] {
        let oauth = openai();
        let error = oauth.refresh(&answers(status, body.clone()), &tokens(), now()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{status} {body}");
        assert_eq!(error.retry(), Retry::Never, "{status} {body}");
        assert_eq!(oauth.refusal(&error), Some(reason), "{status} {body}");
        assert_eq!(error.status(), Some(status));
    }
}

#[tokio::test]
async fn anything_else_may_pass() {
    use ErrorKind::{Forbidden, Invalid, NotFound, Protocol, RateLimited, Unavailable};
    for (status, body, kind) in [
        (429, r#"{"error":{"message":"slow","type":"rate_limit_error"}}"#, RateLimited),
        (500, "", Unavailable),
        (502, "<html>bad gateway</html>", Unavailable),
        (503, "no server", Unavailable),
        (400, r#"{"error":"temporarily_unavailable"}"#, Unavailable),
        (400, r#"{"error":"invalid_request","error_description":"m"}"#, Invalid),
        (400, r#"{"error":"invalid_client"}"#, Forbidden),
        (403, "<html>Cloudflare blocked</html>", Forbidden),
        (404, "", NotFound),
        (302, "", Protocol),
        (200, "<html>sign in to the network</html>", Unavailable),
    ] {
        let oauth = openai();
        let error = oauth.refresh(&answers(status, body), &tokens(), now()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert_eq!(oauth.refusal(&error), None, "{status} {body}");
        // What may be a dead token by another name leaves the user with something to do.
        assert_eq!(error.to_string().contains("sign in again"), kind == Invalid, "{error}");
    }
}

#[tokio::test]
async fn a_client_that_is_refused_does_not_kill_the_token() {
    let oauth = gemini();
    let http = answers(401, r#"{"error":"invalid_client","error_description":"Unauthorized"}"#);
    let error = oauth.refresh(&http, &tokens(), now()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("invalid_client")));
    assert_eq!(oauth.refusal(&error), None);
    assert!(error.to_string().contains("client secret"), "{error}");
}

#[tokio::test]
async fn a_delay_that_the_server_names_is_kept() {
    let http = ReplayClient::new([answer(429, "{}").header("retry-after", "7")]);
    let error = openai().refresh(&http, &tokens(), now()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(7)));
    let http = ReplayClient::new([answer(401, "{}").header("x-should-retry", "true")]);
    let error = openai().refresh(&http, &tokens(), now()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Never, "what is refused for good stays so");
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_a_refusal() {
    let oauth = openai();
    let http = ReplayClient::new([answer(200, r#"{"access_token":"#).then(After::Break)]);
    let error = oauth.refresh(&http, &tokens(), now()).await.unwrap_err();
    assert_eq!((error.kind(), oauth.refusal(&error)), (ErrorKind::Unavailable, None));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_left_after_a_while() {
    let http = ReplayClient::new([answer(200, "{").then(After::Silence)]);
    let error = openai().refresh(&http, &tokens(), now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn googles_subtype_of_a_refusal_is_told() {
    let body = r#"{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}"#;
    let error = gemini().refresh(&answers(400, body), &tokens(), now()).await.unwrap_err();
    assert!(error.to_string().contains("invalid_rapt"), "{error}");
}
