//! Codes for tokens.

use maestro_core::{
    ErrorKind,
    provider::{ClientAuthentication, CodePaste, OAuthFlow as _},
};
use maestro_providers::{gemini, oauth::OAuth};
use maestro_testkit::replay::ReplayClient;
use serde_json::json;

use crate::given::{
    answers, anthropic, client, code, form, gemini, header, jwt, now, only, openai, owned, pending, secret,
};

#[tokio::test]
async fn openai_trades_a_form_for_three_tokens() {
    let claims =
        json!({"https://api.openai.com/auth": {"chatgpt_account_id": "acc-1", "chatgpt_plan_type": "plus"}});
    let access = jwt(&json!({"exp": 1_795_240_800}));
    let id = jwt(&claims);
    let body = json!({"id_token": id, "access_token": access, "refresh_token": "rt", "new": {"field": 1}});
    let http = answers(200, body.to_string());
    let oauth = openai();
    let pending = pending(&oauth);
    let tokens = oauth.exchange(&http, &pending, &code("the/code"), now()).await.unwrap();

    assert_eq!(tokens.access_token.reveal(), access);
    assert_eq!(tokens.refresh_token.unwrap().reveal(), "rt");
    assert_eq!(tokens.id_token.unwrap().reveal(), id);
    assert_eq!(tokens.expires_at.unwrap().to_string(), "2026-11-21T06:00:00.000000Z");
    assert_eq!((tokens.account_id.as_deref(), tokens.plan.as_deref()), (Some("acc-1"), Some("plus")));
    assert_eq!(tokens.scopes[0], "openid", "what was asked for, since the reply says nothing else");

    let request = only(&http);
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://auth.openai.com/oauth/token");
    assert_eq!(header(&request, "accept"), Some("application/json"));
    assert_eq!(
        form(&request),
        owned(&[
            ("grant_type", "authorization_code"),
            ("code", "the/code"),
            ("redirect_uri", "http://localhost:1455/auth/callback"),
            ("client_id", "my client"),
            ("code_verifier", pending.verifier.reveal()),
        ])
    );
}

#[tokio::test]
async fn anthropic_wants_the_state_once_more() {
    let body = r#"{"access_token":"a","refresh_token":"r","expires_in":28800,"token_type":"Bearer","scope":"user:profile user:inference","account":{"uuid":"acc-2","email_address":"x@y"}}"#;
    let http = answers(200, body);
    let oauth = anthropic();
    let pending = pending(&oauth);
    let pasted = CodePaste { code: secret("c"), state: Some(pending.state.clone()) };
    let tokens = oauth.exchange(&http, &pending, &pasted, now()).await.unwrap();
    assert_eq!(tokens.scopes, ["user:profile", "user:inference"]);
    assert_eq!(tokens.expires_at.unwrap().to_string(), "2026-11-21T13:00:00.000000Z");
    assert_eq!(tokens.account_id.as_deref(), Some("acc-2"), "from the reply, since the tokens tell nothing");
    let request = only(&http);
    assert!(header(&request, "anthropic-beta").is_none());
    assert!(form(&request).contains(&("state".to_owned(), pending.state.reveal().to_owned())));
}

#[tokio::test]
async fn google_gets_the_secret_of_its_client() {
    let http = answers(200, r#"{"access_token":"a","expires_in":3599,"token_type":"Bearer"}"#);
    let oauth = gemini();
    let tokens = oauth.exchange(&http, &pending(&oauth), &code("c"), now()).await.unwrap();
    assert!(tokens.refresh_token.is_none());
    assert!(form(&only(&http)).contains(&("client_secret".to_owned(), "not-so-secret".to_owned())));
}

#[tokio::test]
async fn a_secret_goes_into_a_header_where_the_server_wants_it_there() {
    let mut client = client(gemini::oauth_profile());
    client.client_secret = Some(secret("se:cret"));
    client.profile.client_authentication = ClientAuthentication::Basic;
    let oauth = OAuth::new(client).unwrap();
    let http = answers(200, r#"{"access_token":"a"}"#);
    oauth.exchange(&http, &pending(&oauth), &code("c"), now()).await.unwrap();
    let request = only(&http);
    // base64 of `my%20client:se%3Acret`
    assert_eq!(header(&request, "authorization"), Some("Basic bXklMjBjbGllbnQ6c2UlM0FjcmV0"));
    assert!(request.headers()["authorization"].is_sensitive());
    assert!(form(&request).iter().all(|(name, _)| name != "client_id" && name != "client_secret"));
}

#[tokio::test]
async fn a_state_that_differs_is_refused_without_asking() {
    let http = ReplayClient::new([]);
    let oauth = openai();
    let pasted = CodePaste { code: secret("c"), state: Some(secret("another")) };
    let error = oauth.exchange(&http, &pending(&oauth), &pasted, now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(oauth.refusal(&error), None);
    assert!(http.requests().is_empty());
}

#[tokio::test]
async fn what_a_server_always_sends_must_be_there() {
    for body in [
        r#"{"access_token":"a","refresh_token":"r"}"#,
        r#"{"access_token":"a","id_token":"i"}"#,
        r#"{"access_token":"a","id_token":"i","refresh_token":""}"#,
        r#"{"refresh_token":"r","id_token":"i"}"#,
        r#"{"access_token":7,"refresh_token":"r","id_token":"i"}"#,
        r#"{"access_token":"a b","refresh_token":"r","id_token":"i"}"#,
    ] {
        let oauth = openai();
        let error =
            oauth.exchange(&answers(200, body), &pending(&oauth), &code("c"), now()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_the_servers_trouble() {
    let long = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(2 << 20));
    for (body, kind) in [
        ("", ErrorKind::Unavailable),
        ("<html>canary</html>", ErrorKind::Unavailable),
        ("[]", ErrorKind::Unavailable),
        ("{", ErrorKind::Unavailable),
        ("{}", ErrorKind::Protocol),
        (r#"{"error":"temporarily_unavailable"}"#, ErrorKind::Unavailable),
        (&long, ErrorKind::Protocol),
    ] {
        let oauth = gemini();
        let http = answers(200, body.to_owned());
        let error = oauth.exchange(&http, &pending(&oauth), &code("c"), now()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{} bytes", body.len());
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn tokens_of_another_type_are_not_used() {
    for (kind, is_good) in [("bearer", true), ("BEARER", true), ("mac", false), ("DPoP", false)] {
        let oauth = gemini();
        let http = answers(200, format!(r#"{{"access_token":"a","token_type":"{kind}"}}"#));
        let traded = oauth.exchange(&http, &pending(&oauth), &code("c"), now()).await;
        assert_eq!(traded.is_ok(), is_good, "{kind}");
    }
}

#[tokio::test]
async fn the_end_of_a_token_is_what_the_reply_says_else_the_token_else_the_profile() {
    let claimed = jwt(&json!({"exp": 1_795_240_800}));
    for (token, lifetime, expected) in [
        (claimed.as_str(), "60", "05:01:00"),
        (&claimed, "\"60\"", "05:01:00"),
        (&claimed, "null", "06:00:00"),
        (&claimed, "-60", "06:00:00"),
        (&claimed, "0", "06:00:00"),
        (&claimed, "1e15", "06:00:00"),
        (&claimed, "\"soon\"", "06:00:00"),
        ("opaque", "120", "05:02:00"),
        ("opaque", "null", "06:00:00"),
    ] {
        let body = format!(r#"{{"access_token":"{token}","expires_in":{lifetime}}}"#);
        let oauth = gemini();
        let tokens = oauth.exchange(&answers(200, body), &pending(&oauth), &code("c"), now()).await.unwrap();
        let expected = format!("2026-11-21T{expected}.000000Z");
        assert_eq!(tokens.expires_at.unwrap().to_string(), expected, "{lifetime}");
    }
    let mut profile = gemini::oauth_profile();
    profile.default_lifetime = None;
    let oauth = OAuth::new(client(profile)).unwrap();
    let http = answers(200, r#"{"access_token":"opaque"}"#);
    let tokens = oauth.exchange(&http, &pending(&oauth), &code("c"), now()).await.unwrap();
    assert_eq!(tokens.expires_at, None);
}

#[tokio::test]
async fn a_claim_that_is_missing_or_new_fails_nothing() {
    for (auth, account, plan) in [
        (json!({"chatgpt_plan_type": "quantum-9"}), None, Some("quantum-9")),
        (json!({"chatgpt_account_id": "", "chatgpt_plan_type": null}), None, None),
        (json!({"chatgpt_account_id": ["x"], "chatgpt_plan_type": 7}), None, Some("7")),
        (json!("text"), None, None),
    ] {
        let id = jwt(&json!({"https://api.openai.com/auth": auth}));
        let body = json!({"id_token": id, "access_token": "opaque", "refresh_token": "r"}).to_string();
        let oauth = openai();
        let tokens = oauth.exchange(&answers(200, body), &pending(&oauth), &code("c"), now()).await.unwrap();
        assert_eq!((tokens.account_id.as_deref(), tokens.plan.as_deref()), (account, plan), "{auth}");
    }
    // What the id token does not tell, the access token may.
    let access = jwt(&json!({"https://api.openai.com/auth": {"chatgpt_account_id": "acc"}}));
    let id = jwt(&json!({"https://api.openai.com/auth": {"chatgpt_plan_type": "pro"}}));
    let body = json!({"id_token": id, "access_token": access, "refresh_token": "r"}).to_string();
    let oauth = openai();
    let tokens = oauth.exchange(&answers(200, body), &pending(&oauth), &code("c"), now()).await.unwrap();
    assert_eq!((tokens.account_id.as_deref(), tokens.plan.as_deref()), (Some("acc"), Some("pro")));
}

#[tokio::test]
async fn a_code_that_is_refused_says_to_begin_anew() {
    let http = answers(400, r#"{"error":"invalid_grant","error_description":"Code was used."}"#);
    let oauth = openai();
    let error = oauth.exchange(&http, &pending(&oauth), &code("c"), now()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("invalid_grant")));
    let text = error.to_string();
    assert!(text.contains("Code was used.") && text.contains("begin the sign-in anew"), "{text}");
}
