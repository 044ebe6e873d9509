//! Profiles from files, and servers that tell of themselves.

use std::time::Duration;

use maestro_core::{
    Error, ErrorKind,
    provider::{
        BodyForm, ClientAuthentication, DeviceFlow, FlowAccess, OAuthFlow as _, RedirectStyle, Rotation,
        SendState,
    },
};
use maestro_providers::{
    gemini,
    oauth::{ProfileFile, builtin_profiles, discover},
    openai,
};
use maestro_testkit::replay::ReplayClient;
use serde_json::json;

use crate::given::{answer, answers};

fn problems(text: &str) -> Vec<String> {
    let error = ProfileFile::parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.fields().iter().map(|problem| problem.field.clone()).collect()
}

async fn client(text: &str) -> maestro_core::provider::OAuthClient {
    ProfileFile::parse(text).unwrap().client(&ReplayClient::new([])).await.unwrap()
}

fn document(issuer: &str) -> String {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "device_authorization_endpoint": format!("{issuer}/device"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "code_challenge_methods_supported": ["plain", "S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
    })
    .to_string()
}

#[tokio::test]
async fn the_example_of_the_docs_is_a_profile() {
    let docs = include_str!("../../../docs/sign-in.md");
    let examples: Vec<_> =
        docs.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 3);
    for example in &examples {
        ProfileFile::parse(example).unwrap();
    }
    let full = examples.iter().max_by_key(|example| example.len()).unwrap();
    let client = client(full).await;
    let profile = client.profile;
    assert_eq!(profile.name, "work");
    assert_eq!(client.client_id, "maestro-at-work");
    assert!(client.client_secret.is_some());
    assert_eq!((profile.code_request.body, profile.refresh_request.body), (BodyForm::Form, BodyForm::Json));
    assert_eq!(profile.code_request.state, SendState::Send);
    assert_eq!(profile.client_authentication, ClientAuthentication::Basic);
    assert_eq!(profile.rotation, Rotation::SingleUse { grace: Duration::from_secs(30) });
    assert_eq!(
        profile.redirects,
        [
            RedirectStyle::Loopback {
                host: "localhost".into(),
                ports: vec![1455, 1457],
                path: "/callback".into()
            },
            RedirectStyle::Paste { redirect_uri: "https://auth.example.com/code".parse().unwrap() },
        ]
    );
    // Every key stands in the example: the error that lists them names no other.
    let error = ProfileFile::parse("no_such_key = 1").unwrap_err();
    let listed = error.fields().iter().find(|problem| problem.field == "no_such_key").unwrap();
    for key in listed.problem.split("keys are ").nth(1).unwrap().split(", ") {
        assert!(full.contains(&format!("{key} = ")) || full.contains(&format!("[{key}]")), "{key}");
    }
}

#[tokio::test]
async fn a_provider_alone_stands_for_its_profile() {
    let found = client("provider = \"gemini\"\nclient_id = \"mine\"\nrefresh_margin_seconds = 60").await;
    let expected = maestro_core::provider::OAuthProfile {
        refresh_margin: Duration::from_secs(60),
        ..gemini::oauth_profile()
    };
    assert_eq!(found.profile, expected);
}

#[tokio::test]
async fn a_flow_that_is_not_for_all_is_turned_on_by_the_file() {
    let nobody = ReplayClient::new([]);
    let file = "provider = \"openai\"\nclient_id = \"mine\"\n";
    let error = ProfileFile::parse(file).unwrap().oauth(&nobody).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    let file = ProfileFile::parse(&format!("{file}turn_on_restricted = true")).unwrap();
    let oauth = file.oauth(&nobody).await.unwrap();
    assert_eq!(oauth.client().profile, openai::oauth_profile());
}

#[tokio::test]
async fn another_server_gets_neither_the_tokens_nor_the_terms_of_the_first() {
    let found =
        client("provider = \"openai\"\nclient_id = \"mine\"\ntoken_endpoint = \"https://own.example/token\"")
            .await;
    let profile = found.profile;
    assert!(profile.device.is_none() && profile.revocation.is_none() && profile.issuer.is_none());
    assert_eq!(profile.policy.access, FlowAccess::Open);
    assert!(profile.policy.text.contains("own.example"), "{}", profile.policy.text);
}

#[tokio::test]
async fn an_issuer_alone_says_the_rest_of_itself() {
    let http = answers(200, document("https://a.example/tenant"));
    let file =
        ProfileFile::parse("issuer = \"https://a.example/tenant\"\nclient_id = \"mine\"\nscopes = [\"s\"]")
            .unwrap();
    let profile = file.client(&http).await.unwrap().profile;
    assert_eq!(http.requests()[0].uri(), "https://a.example/.well-known/oauth-authorization-server/tenant");
    assert_eq!(profile.token_endpoint.as_str(), "https://a.example/tenant/token");
    assert_eq!(profile.revocation.unwrap().revocation_endpoint.as_str(), "https://a.example/tenant/revoke");
    assert!(matches!(profile.device, Some(DeviceFlow::Standard { .. })));
    assert_eq!((profile.name.as_str(), profile.scopes), ("a.example", vec!["s".to_owned()]));
    assert!(profile.policy.text.contains("a.example"));
}

#[test]
fn every_wrong_key_is_named_with_what_it_should_be() {
    let text = r#"
        isuer = "https://a.example"
        client_id = 7
        client_secret = "canary secret"
        authorization_endpoint = "http://a.example/authorize"
        token_endpoint = "canary"
        scopes = "openid"
        redirect_uris = ["http://a.example/callback"]
        code_body = "xml"
        send_state = "yes"
        refresh_margin_seconds = -1
        single_use_refresh_tokens = false
        refresh_grace_seconds = 3
        account_claim = "sub"
        code_headers = { a = 1 }
        policy = { text = "t", access = "open" }
        "canary canary" = 1
    "#;
    let mut expected = [
        "client_id",
        "client_secret",
        "authorization_endpoint",
        "token_endpoint",
        "scopes",
        "redirect_uris",
        "code_body",
        "send_state",
        "refresh_margin_seconds",
        "refresh_grace_seconds",
        "account_claim",
        "code_headers",
        "policy",
        "isuer",
        "a key",
    ]
    .map(str::to_owned);
    let mut found = problems(text);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let error = ProfileFile::parse(text).unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(!told.contains("canary"), "{told}");
    for right in ["issuer", "\"form\" or \"json\"", "true or false", "\"/sub\"", "\"restricted\""] {
        assert!(told.contains(right), "{right}");
    }
}

#[test]
fn what_is_missing_is_named_with_the_ways_to_give_it() {
    assert_eq!(problems(""), ["client_id", "issuer"]);
    let error = ProfileFile::parse("client_id = \"a\"\nprovider = \"nobody\"").unwrap_err().to_string();
    for way in ["issuer", "authorization_endpoint", "token_endpoint", "anthropic, gemini, openai"] {
        assert!(error.contains(way), "{error}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_not_quoted() {
    for (text, line) in [
        ("client_secret = canary", "line 1"),
        ("a = 1\nclient_secret = \"canary", "line 2"),
        ("a = 1\na = \"canary\"", "line"),
        ("[[canary", "line 1"),
    ] {
        let error = ProfileFile::parse(text).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(!told.contains("canary") && told.contains(line), "{told}");
    }
    let file =
        ProfileFile::parse("provider = \"gemini\"\nclient_id = \"a\"\nclient_secret = \"canary\"").unwrap();
    assert!(!format!("{file:?}").contains("canary"));
    assert_eq!(problems(&" ".repeat(1 << 20)), ["file"]);
}

async fn discovered(
    script: Vec<maestro_testkit::replay::Answer>,
    issuer: &str,
) -> (Result<String, Error>, Vec<String>) {
    let http = ReplayClient::new(script);
    let found = discover(&http, &issuer.parse().unwrap()).await;
    let asked = http.requests().iter().map(|request| request.uri().path().to_owned()).collect();
    (found.map(|found| found.token_endpoint.to_string()), asked)
}

#[tokio::test]
async fn a_server_is_asked_in_three_places() {
    let good = || answer(200, document("https://a.example/t"));
    let none = || answer(404, "");
    let page = || answer(200, "<html></html>");
    for script in [vec![good()], vec![none(), good()], vec![page(), none(), good()]] {
        let number = script.len();
        let (found, asked) = discovered(script, "https://a.example/t").await;
        assert_eq!(found.unwrap(), "https://a.example/t/token");
        assert_eq!(asked.len(), number);
    }
    let (found, asked) = discovered(vec![none(), none(), none()], "https://a.example/t").await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        asked,
        [
            "/.well-known/oauth-authorization-server/t",
            "/.well-known/openid-configuration/t",
            "/t/.well-known/openid-configuration"
        ]
    );
}

#[tokio::test]
async fn a_document_that_cannot_be_trusted_is_refused() {
    let of = |issuer: &str| document(issuer);
    let mut plain = serde_json::from_str::<serde_json::Value>(&of("https://a.example")).unwrap();
    plain["code_challenge_methods_supported"] = json!(["plain"]);
    let mut unsafe_token = plain.clone();
    unsafe_token["code_challenge_methods_supported"] = json!(["S256"]);
    unsafe_token["token_endpoint"] = json!("http://a.example/token");
    for (body, kind) in [
        (of("https://evil.example"), ErrorKind::Protocol),
        (of("https://a.example/other"), ErrorKind::Protocol),
        ("{}".to_owned(), ErrorKind::Protocol),
        (r#"{"issuer":"https://a.example"}"#.to_owned(), ErrorKind::Protocol),
        (plain.to_string(), ErrorKind::Unsupported),
        (unsafe_token.to_string(), ErrorKind::Invalid),
    ] {
        let (found, _) = discovered(vec![answer(200, body.clone())], "https://a.example").await;
        assert_eq!(found.unwrap_err().kind(), kind, "{body}");
    }
    let (found, _) = discovered(vec![answer(503, "")], "https://a.example").await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::Unavailable);
    for issuer in ["http://a.example", "https://a.example?x=1"] {
        let (found, asked) = discovered(Vec::new(), issuer).await;
        assert_eq!((found.unwrap_err().kind(), asked.len()), (ErrorKind::Invalid, 0), "{issuer}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_of_secrets_wants_them_in_a_header() {
    let mut said = serde_json::from_str::<serde_json::Value>(&document("https://a.example")).unwrap();
    said.as_object_mut().unwrap().remove("token_endpoint_auth_methods_supported");
    let found =
        discover(&answers(200, said.to_string()), &"https://a.example".parse().unwrap()).await.unwrap();
    assert_eq!(found.client_authentication, ClientAuthentication::Basic);
}

#[test]
fn every_built_in_profile_says_who_may_use_it() {
    for profile in builtin_profiles() {
        assert!(profile.policy.text.len() > 50 && profile.policy.source.contains("2026"), "{}", profile.name);
        let told = serde_json::to_string(&profile).unwrap();
        assert!(!told.contains("client_secret\"") && !told.contains("GOCSPX"), "{}", profile.name);
        let read: maestro_core::provider::OAuthProfile = serde_json::from_str(&told).unwrap();
        assert_eq!(read, profile);
    }
}
