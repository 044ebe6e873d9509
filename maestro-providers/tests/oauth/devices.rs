//! Devices without a browser.

use std::time::Duration;

use maestro_core::{
    ErrorKind,
    provider::{DeviceFlow, DevicePoll, OAuthFlow as _, PendingDevice},
};
use maestro_providers::{gemini, oauth::OAuth};
use maestro_testkit::replay::ReplayClient;

use crate::given::{answer, answers, engine, form, gemini, json, now, only, openai, owned, pairs, secret};

fn standard() -> OAuth {
    let mut profile = gemini::oauth_profile();
    profile.scopes = vec!["a".into(), "b".into()];
    profile.device = Some(DeviceFlow::Standard {
        device_authorization_endpoint: "https://a.example/device".parse().unwrap(),
    });
    engine(profile)
}

fn pending() -> PendingDevice {
    PendingDevice {
        device_code: secret("device-code"),
        user_code: "ABCD-EFGH".into(),
        verification_uri: "https://a.example/go".parse().unwrap(),
        verification_uri_complete: None,
        interval: Duration::from_secs(5),
        expires_at: now().saturating_add(Duration::from_secs(60)),
    }
}

#[tokio::test]
async fn a_standard_server_gives_a_code_for_the_user() {
    let body = r#"{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://a.example/go","verification_uri_complete":"https://a.example/go?c=WDJB-MJHT","expires_in":1800}"#;
    let http = answers(200, body);
    let pending = standard().device_begin(&http, now()).await.unwrap();
    assert_eq!((pending.device_code.reveal(), pending.user_code.as_str()), ("d", "WDJB-MJHT"));
    assert_eq!(pending.interval, Duration::from_secs(5), "the interval when none is said");
    assert_eq!(pending.expires_at, now().saturating_add(Duration::from_secs(1800)));
    assert_eq!(pending.verification_uri_complete.unwrap().as_str(), "https://a.example/go?c=WDJB-MJHT");
    assert_eq!(form(&only(&http)), owned(&[("client_id", "my client"), ("scope", "a b")]));
}

#[tokio::test]
async fn a_standard_server_is_asked_until_the_user_is_done() {
    let http = ReplayClient::new([
        answer(400, r#"{"error":"authorization_pending"}"#),
        answer(400, r#"{"error":"slow_down"}"#),
        answer(200, r#"{"access_token":"a","refresh_token":"r","token_type":"bearer"}"#),
    ]);
    let oauth = standard();
    assert!(matches!(oauth.device_poll(&http, &pending(), now()).await.unwrap(), DevicePoll::Pending));
    assert!(matches!(oauth.device_poll(&http, &pending(), now()).await.unwrap(), DevicePoll::SlowDown));
    let DevicePoll::Done(tokens) = oauth.device_poll(&http, &pending(), now()).await.unwrap() else {
        panic!("the user is done")
    };
    assert_eq!(tokens.access_token.reveal(), "a");
    assert_eq!(
        form(&http.requests()[0]),
        owned(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", "device-code"),
            ("client_id", "my client"),
        ])
    );
}

#[tokio::test]
async fn a_user_who_says_no_and_a_code_that_is_late_are_told_apart() {
    let oauth = standard();
    for (code, kind) in
        [("access_denied", ErrorKind::Forbidden), ("expired_token", ErrorKind::Unauthenticated)]
    {
        let http = answers(400, format!(r#"{{"error":"{code}"}}"#));
        let error = oauth.device_poll(&http, &pending(), now()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code)));
    }
    let nobody = ReplayClient::new([]);
    let late = now().saturating_add(Duration::from_secs(60));
    let error = oauth.device_poll(&nobody, &pending(), late).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("expired_token")));
    assert!(nobody.requests().is_empty());
}

#[tokio::test]
async fn openai_gives_a_code_with_an_interval_as_text() {
    for (body, seconds) in [
        (r#"{"device_auth_id":"d","user_code":"ABCD-EFGH","interval":"7"}"#, 7),
        (r#"{"device_auth_id":"d","usercode":"ABCD-EFGH","interval":3}"#, 3),
        (r#"{"device_auth_id":"d","user_code":"ABCD-EFGH","interval":"soon"}"#, 5),
        (r#"{"device_auth_id":"d","user_code":"ABCD-EFGH","interval":1e9}"#, 60),
    ] {
        let http = answers(200, body);
        let pending = openai().device_begin(&http, now()).await.unwrap();
        assert_eq!(
            (pending.user_code.as_str(), pending.interval.as_secs()),
            ("ABCD-EFGH", seconds),
            "{body}"
        );
        assert_eq!(pending.verification_uri.as_str(), "https://auth.openai.com/codex/device");
        assert_eq!(pending.expires_at, now().saturating_add(Duration::from_secs(900)));
        let request = only(&http);
        assert_eq!(request.uri(), "https://auth.openai.com/api/accounts/deviceauth/usercode");
        assert_eq!(json(&request), owned(&[("client_id", "my client")]).into_iter().collect());
    }
}

#[tokio::test]
async fn openai_makes_the_verifier_itself() {
    let http = ReplayClient::new([
        answer(403, "{}"),
        answer(404, ""),
        answer(200, r#"{"authorization_code":"c","code_challenge":"x","code_verifier":"server-made"}"#),
        answer(200, r#"{"access_token":"a","refresh_token":"r","id_token":"i"}"#),
    ]);
    let oauth = openai();
    for _ in 0..2 {
        assert!(matches!(oauth.device_poll(&http, &pending(), now()).await.unwrap(), DevicePoll::Pending));
    }
    let done = oauth.device_poll(&http, &pending(), now()).await.unwrap();
    assert!(matches!(done, DevicePoll::Done(tokens) if tokens.access_token.reveal() == "a"));
    let requests = http.requests();
    assert_eq!(
        json(&requests[2]),
        owned(&[("device_auth_id", "device-code"), ("user_code", "ABCD-EFGH")]).into_iter().collect()
    );
    let traded = pairs(std::str::from_utf8(requests[3].body()).unwrap());
    assert!(traded.contains(&("code_verifier".into(), "server-made".into())));
    assert!(traded.contains(&("redirect_uri".into(), "https://auth.openai.com/deviceauth/callback".into())));
}

#[tokio::test]
async fn other_answers_to_a_question_are_errors() {
    for (status, kind) in
        [(500, ErrorKind::Unavailable), (429, ErrorKind::RateLimited), (400, ErrorKind::Invalid)]
    {
        let error = openai().device_poll(&answers(status, "{}"), &pending(), now()).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test]
async fn a_server_without_devices_says_so() {
    let nobody = ReplayClient::new([]);
    assert_eq!(gemini().device_begin(&nobody, now()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let error = openai().device_begin(&answers(404, ""), now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_page_that_is_not_safe_is_shown_to_nobody() {
    for page in ["http://a.example/go", "javascript:alert(1)", "nothing", ""] {
        let body = format!(r#"{{"device_code":"d","user_code":"u","verification_uri":"{page}"}}"#);
        assert!(standard().device_begin(&answers(200, body), now()).await.is_err(), "{page}");
    }
    let body = r#"{"device_code":"d","user_code":"a\u001b[2J","verification_uri":"https://a.example"}"#;
    assert!(standard().device_begin(&answers(200, body), now()).await.is_err());
}
