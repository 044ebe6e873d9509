//! Access tokens at the dialects: good while they live, refused afterwards in the provider's words.

use std::time::Duration;

use maestro_testkit::sandbox::Flavour;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::oauth::Program;

/// A listing of models by a bearer token, at a provider that takes it.
async fn models(program: &Program, flavour: Flavour, token: &Value) -> Answer {
    let sandbox = &program.client.sandbox;
    let get = |url: String| program.client.http.get(url).bearer_auth(token.as_str().unwrap());
    let request = match flavour {
        Flavour::Standard => get(format!("{}/models", sandbox.openai_url())),
        Flavour::Openai => get(format!("{}/models?client_version=1.0.0", sandbox.chatgpt_url())),
        Flavour::Anthropic => get(format!("{}/v1/models", sandbox.anthropic_url()))
            .header("anthropic-version", "2023-06-01")
            .header("anthropic-beta", "other-2026-01-01, oauth-2025-04-20"),
        Flavour::Google => {
            get(format!("{}/v1beta/models", sandbox.gemini_url())).header("x-goog-user-project", "p")
        }
    };
    program.client.send(request).await
}

#[tokio::test]
async fn an_access_token_is_good_until_it_expires() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        program.authorization().configure(flavour, |settings| settings.access_token_seconds = 60);
        let tokens = program.sign_in().await;
        assert_eq!(models(&program, flavour, &tokens["access_token"]).await.status, 200, "{flavour:?}");
        program.authorization().advance(Duration::from_secs(60));
        let expired = models(&program, flavour, &tokens["access_token"]).await;
        assert_eq!(expired.status, 401, "{flavour:?}: {}", expired.text);
        let fresh = program.refresh(&tokens["refresh_token"]).await.json();
        assert_eq!(models(&program, flavour, &fresh["access_token"]).await.status, 200, "{flavour:?}");
    }
}

#[tokio::test]
async fn a_lifetime_of_nothing_has_expired_at_once() {
    let program = Program::start(Flavour::Anthropic).await;
    program.authorization().configure(Flavour::Anthropic, |settings| settings.access_token_seconds = 0);
    let tokens = program.sign_in().await;
    let answer = models(&program, Flavour::Anthropic, &tokens["access_token"]).await;
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (401, &json!("authentication_error")));
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("expired"));
}

#[tokio::test]
async fn an_access_token_is_refused_once_its_sign_in_is_revoked() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        program.authorization().end_sessions(flavour);
        let answer = models(&program, flavour, &tokens["access_token"]).await;
        assert_eq!(answer.status, 401, "{flavour:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn each_provider_refuses_in_its_own_words() {
    let program = Program::start(Flavour::Standard).await;
    let tokens = program.sign_in().await;
    program.authorization().advance(Duration::from_secs(3600));
    let access = &tokens["access_token"];
    let openai = models(&program, Flavour::Standard, access).await.json();
    assert_eq!(openai["error"]["code"], "token_expired");
    let anthropic = models(&program, Flavour::Anthropic, access).await.json();
    assert_eq!(anthropic["error"]["type"], "authentication_error");
    let gemini = models(&program, Flavour::Google, access).await.json();
    assert_eq!(gemini["error"]["status"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_of_one_provider_is_nothing_to_another() {
    for flavour in [Flavour::Openai, Flavour::Anthropic, Flavour::Google] {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        for other in Flavour::ALL {
            if other != flavour {
                assert_eq!(models(&program, other, &tokens["access_token"]).await.status, 401, "{other:?}");
            }
        }
        // Nor is a refresh token an access token, nor an id token.
        assert_eq!(models(&program, flavour, &tokens["refresh_token"]).await.status, 401);
        if tokens["id_token"].is_string() {
            assert_eq!(models(&program, flavour, &tokens["id_token"]).await.status, 401);
        }
    }
}

#[tokio::test]
async fn a_chatgpt_token_lacks_the_scope_of_the_api() {
    let program = Program::start(Flavour::Openai).await;
    let tokens = program.sign_in().await;
    let answer = models(&program, Flavour::Standard, &tokens["access_token"]).await;
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(answer.status == 401 && message.contains("Missing scopes: api.responses.write"));
}

#[tokio::test]
async fn anthropic_wants_the_beta_with_a_token_and_one_credential_only() {
    let program = Program::start(Flavour::Anthropic).await;
    let tokens = program.sign_in().await;
    let token = tokens["access_token"].as_str().unwrap();
    let get = |version: &str| {
        let url = format!("{}/v1/models", program.client.sandbox.anthropic_url());
        program.client.http.get(url).header("anthropic-version", version).bearer_auth(token)
    };
    let status = async |request| program.client.send(request).await.status;
    for version in ["2023-06-01", "2026-10-21"] {
        assert_eq!(status(get(version)).await, 401);
        assert_eq!(status(get(version).header("anthropic-beta", "oauth-2024-01-01")).await, 401);
        let good = || get(version).header("anthropic-beta", "oauth-2025-04-20");
        assert_eq!(status(good()).await, 200);
        assert_eq!(status(good().header("x-api-key", "sandbox-1")).await, 401);
    }
    let url = format!("{}/v1/models", program.client.sandbox.anthropic_url());
    let as_key =
        program.client.http.get(url).header("anthropic-version", "2023-06-01").header("x-api-key", token);
    assert_eq!(status(as_key).await, 401);
}

#[tokio::test]
async fn gemini_wants_a_project_with_a_token() {
    let program = Program::start(Flavour::Google).await;
    let tokens = program.sign_in().await;
    let url = format!("{}/v1beta/models", program.client.sandbox.gemini_url());
    let request = program.client.http.get(url).bearer_auth(tokens["access_token"].as_str().unwrap());
    let answer = program.client.send(request).await;
    assert_eq!((answer.status, &answer.json()["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("quota project"));
}
