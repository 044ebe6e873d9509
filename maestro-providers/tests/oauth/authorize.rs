//! Authorization addresses.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maestro_core::{ErrorKind, provider::OAuthFlow as _};
use maestro_providers::{
    gemini,
    oauth::{OAuth, builtin_profiles},
    openai,
};
use sha2::{Digest as _, Sha256};

use crate::given::{anthropic, client, engine, gemini, openai, pairs, pending};

fn names(oauth: &OAuth) -> Vec<String> {
    pairs(pending(oauth).url.query().unwrap()).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn each_server_gets_its_parameters_in_its_order() {
    assert_eq!(
        names(&openai()),
        [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "code_challenge",
            "code_challenge_method",
            "id_token_add_organizations",
            "codex_cli_simplified_flow",
            "state",
            "originator"
        ]
    );
    let standard = [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
    ];
    assert_eq!(names(&anthropic()), standard);
    assert_eq!(names(&gemini()), [&standard[..], &["access_type", "prompt"]].concat());
}

#[test]
fn the_address_is_percent_encoded() {
    let url = pending(&openai()).url;
    let text = url.as_str();
    assert!(
        text.starts_with("https://auth.openai.com/oauth/authorize?response_type=code&client_id=my%20client&")
    );
    assert!(text.contains("&redirect_uri=http%3A%2F%2Flocalhost%3A1455%2Fauth%2Fcallback&"), "{text}");
    assert!(text.contains("&scope=openid%20profile%20email%20offline_access%20"), "{text}");
    assert!(text.ends_with("&originator=maestro"), "{text}");
}

#[test]
fn the_challenge_fits_the_verifier_and_the_state_has_nothing_to_do_with_it() {
    let oauth = anthropic();
    let (one, other) = (pending(&oauth), pending(&oauth));
    let query = pairs(one.url.query().unwrap());
    let value = |name: &str| query.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!(value("state"), one.state.reveal());
    assert_eq!(
        value("code_challenge"),
        URL_SAFE_NO_PAD.encode(Sha256::digest(one.verifier.reveal().as_bytes()))
    );
    assert!(!one.url.as_str().contains(one.verifier.reveal()));
    assert!(!one.verifier.reveal().contains(one.state.reveal()));
    assert!(one.state != other.state && one.verifier != other.verifier);
}

#[test]
fn a_query_that_the_endpoint_has_stays() {
    let mut profile = gemini::oauth_profile();
    profile.authorization_endpoint = "https://a.example/authorize?tenant=1".parse().unwrap();
    let url = pending(&engine(profile)).url;
    assert!(url.as_str().starts_with("https://a.example/authorize?tenant=1&client_id="), "{url}");
}

#[test]
fn a_flow_that_a_provider_keeps_to_itself_is_off_until_it_is_turned_on() {
    let error = OAuth::new(client(openai::oauth_profile())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("own command line"), "{error}");
    OAuth::turned_on(client(openai::oauth_profile())).unwrap();
    OAuth::new(client(gemini::oauth_profile())).unwrap();
}

#[test]
fn secrets_go_to_https_or_to_this_machine_alone() {
    for (endpoint, is_good) in [
        ("https://a.example/token", true),
        ("http://127.0.0.1:1/token", true),
        ("http://localhost:1/token", true),
        ("http://[::1]:1/token", true),
        ("http://a.example/token", false),
        ("http://localhost.a.example/token", false),
        ("ftp://127.0.0.1/token", false),
    ] {
        let mut profile = gemini::oauth_profile();
        profile.token_endpoint = endpoint.parse().unwrap();
        let made = OAuth::new(client(profile));
        assert_eq!(made.is_ok(), is_good, "{endpoint}");
        if let Err(error) = made {
            assert_eq!(error.fields()[0].field, "token_endpoint");
        }
    }
    let far = "http://a.example/callback".parse().unwrap();
    assert_eq!(gemini().authorize(&far).unwrap_err().fields()[0].field, "redirect_uri");
}

#[test]
fn a_client_without_an_id_is_refused() {
    for id in ["", " ", " a", "a\n"] {
        let mut client = client(gemini::oauth_profile());
        client.client_id = id.into();
        assert_eq!(OAuth::new(client).unwrap_err().fields()[0].field, "client_id");
    }
}

#[test]
fn every_built_in_profile_can_point_at_loopback() {
    let base = "http://127.0.0.1:8123/auth/".parse().unwrap();
    for profile in builtin_profiles() {
        let moved = profile.clone().rebased(&base);
        let told = serde_json::to_string(&moved).unwrap();
        for host in
            ["auth.openai.com", "platform.claude.com", "api.anthropic.com", "accounts.google.com", "oauth2."]
        {
            assert!(!told.contains(&format!("://{host}")), "{told}");
        }
        assert_eq!(
            moved.token_endpoint.as_str(),
            format!("http://127.0.0.1:8123/auth{}", profile.token_endpoint.path())
        );
        assert_eq!(moved.redirects.len(), profile.redirects.len());
        engine(moved);
    }
}
