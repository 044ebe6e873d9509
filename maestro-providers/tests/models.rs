//! Model lists, over a client that answers from a script.

#![cfg(all(feature = "anthropic", feature = "openai", feature = "gemini", feature = "openai-compatible"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::{collections::VecDeque, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use maestro_core::{
    ErrorKind, Result, Secret,
    auth::Credentials,
    http::{BodyStream, HttpClient},
    provider::{Endpoint, ModelId, ModelInfo, ProviderId, Registry},
};

/// Answers each request with the next answer, and keeps what was asked.
#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn of(answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        Self { answers: Mutex::new(answers), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl HttpClient for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<BodyStream>> {
        self.asked.lock().unwrap().push(request.uri().path_and_query().unwrap().to_string());
        let (status, body) = self.answers.lock().unwrap().pop_front().expect("a request too many");
        let body = futures_util::stream::iter([Ok(Bytes::from(body))]);
        let response = Response::builder().status(status).header("request-id", "req_1");
        Ok(response.body(Box::pin(body) as BodyStream).unwrap())
    }
}

fn registry() -> Registry {
    maestro_providers::builtin()
}

fn id(provider: &str) -> ProviderId {
    ProviderId::new(provider).unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint {
        base_url: Some(Endpoint::parse_base_url("http://127.0.0.1:1/v1").unwrap()),
        credentials: Some(Credentials::api_key(Secret::new("sandbox-key").unwrap())),
    }
}

async fn list(provider: &str, script: &Script) -> Result<Vec<ModelInfo>> {
    registry().models(&id(provider))?.list_models(script, &endpoint()).await
}

fn names(models: &[ModelInfo]) -> Vec<&str> {
    models.iter().map(|model| model.id.as_str()).collect()
}

#[tokio::test]
async fn anthropic_is_read_page_after_page() {
    let script = Script::of(&[
        (
            200,
            r#"{"data":[{"type":"model","id":"a","display_name":"A","created_at":"2026-01-02T03:04:05Z","max_input_tokens":9,"capabilities":{"thinking":{"supported":true}}},{"id":7},{"id":"b","created_at":"1970-01-01T00:00:00Z"}],"has_more":true,"last_id":"b"}"#,
        ),
        (200, r#"{"data":[{"id":"c"}],"has_more":false,"last_id":"c"}"#),
    ]);
    let models = list("anthropic", &script).await.unwrap();
    assert_eq!(names(&models), ["a", "b", "c"]);
    assert_eq!(models[0].display_name.as_deref(), Some("A"));
    assert_eq!((models[0].max_input_tokens, models[0].reasoning), (Some(9), Some(true)));
    assert_eq!(models[0].created_at.unwrap().to_string(), "2026-01-02T03:04:05.000000Z");
    assert_eq!((models[1].created_at, models[2].max_output_tokens), (None, None));
    assert_eq!(script.asked(), ["/v1/models?limit=1000", "/v1/models?limit=1000&after_id=b"]);
}

#[tokio::test]
async fn a_server_that_goes_round_in_circles_is_left() {
    let page = r#"{"data":[{"id":"a"}],"has_more":true,"last_id":"a"}"#;
    let script = Script::of(&[(200, page), (200, page)]);
    assert_eq!(names(&list("anthropic", &script).await.unwrap()), ["a", "a"]);
    let page = r#"{"models":[],"nextPageToken":"t"}"#;
    assert!(list("gemini", &Script::of(&[(200, page)])).await.unwrap().is_empty());
}

#[tokio::test]
async fn gemini_lists_what_can_chat_without_its_prefix() {
    let script = Script::of(&[
        (
            200,
            r#"{"models":[{"name":"models/g-1","displayName":"G","inputTokenLimit":10,"outputTokenLimit":5,"supportedGenerationMethods":["generateContent"],"thinking":true},{"name":"models/embed","supportedGenerationMethods":["embedContent"]}],"nextPageToken":"a/b+c="}"#,
        ),
        (200, r#"{"models":[{"name":"tunedModels/mine","supportedGenerationMethods":["generateContent"]}]}"#),
    ]);
    let models = list("gemini", &script).await.unwrap();
    assert_eq!(names(&models), ["g-1", "tunedModels/mine"]);
    assert_eq!((models[0].max_input_tokens, models[0].max_output_tokens), (Some(10), Some(5)));
    assert_eq!(
        script.asked(),
        ["/v1/models?pageSize=1000", "/v1/models?pageSize=1000&pageToken=a%2Fb%2Bc%3D"]
    );
}

#[tokio::test]
async fn openai_and_its_likes_list_one_page() {
    let page = r#"{"object":"list","data":[{"id":"m","object":"model","created":1686935002,"max_model_len":4096},{"id":"has space"},{"id":"n","created":0}]}"#;
    let models = list("openai", &Script::of(&[(200, page)])).await.unwrap();
    assert_eq!(names(&models), ["m", "n"]);
    assert_eq!(models[0].created_at.unwrap().micros(), 1_686_935_002_000_000);
    assert_eq!(models[1].created_at, None);
    let models = list("openai_compatible", &Script::of(&[(200, page)])).await.unwrap();
    assert_eq!(models[0].max_input_tokens, Some(4096));
    assert!(models[0].native.get().contains("max_model_len"));
}

#[tokio::test]
async fn one_model_by_name() {
    let get = async |provider: &str, model: &str, answer: (u16, &str)| {
        let script = Script::of(&[answer]);
        let registry = registry();
        let catalog = registry.models(&id(provider)).unwrap();
        let found = catalog.get_model_info(&script, &endpoint(), &ModelId::new(model).unwrap()).await;
        (found, script.asked())
    };
    let (found, asked) = get("openai", "m", (200, r#"{"id":"m"}"#)).await;
    assert_eq!((found.unwrap().id.as_str(), asked[0].as_str()), ("m", "/v1/models/m"));
    let (found, asked) = get("gemini", "g", (200, r#"{"name":"models/g"}"#)).await;
    assert_eq!((found.unwrap().id.as_str(), asked[0].as_str()), ("g", "/v1/models/g"));
    let (found, _) = get("openai_compatible", "org/m", (200, r#"{"data":[{"id":"org/m"}]}"#)).await;
    assert_eq!(found.unwrap().id.as_str(), "org/m");
    let missing = r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#;
    for (provider, answer) in [("anthropic", (404, missing)), ("openai_compatible", (200, r#"{"data":[]}"#))]
    {
        let error = get(provider, "x", answer).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("get model \"x\""), "{error}");
    }
}

#[tokio::test]
async fn a_connection_is_tested_by_the_first_page() {
    let test = async |provider: &str, answer: (u16, &str)| {
        let script = Script::of(&[answer]);
        registry().api_key(&id(provider)).unwrap().test_connection(&script, &endpoint()).await
    };
    let more = r#"{"data":[{"id":"a"}],"has_more":true,"last_id":"a"}"#;
    let connection = test("anthropic", (200, more)).await.unwrap();
    assert_eq!((connection.models_seen, connection.request_id.as_deref()), (1, Some("req_1")));
    let refused = r#"{"error":{"message":"m","code":"invalid_api_key"}}"#;
    let error = test("openai", (401, refused)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().starts_with("test the connection"), "{error}");
    for page in ["<html>", "[1]", "", "{}"] {
        let error = test("openai_compatible", (200, page)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{page}");
        assert!(error.to_string().contains("base URL"), "{error}");
    }
}

#[test]
fn every_provider_says_what_it_can_and_nothing_else() {
    let capabilities = registry().capabilities();
    let told: Vec<_> = capabilities
        .iter()
        .map(|can| (can.provider.as_str(), can.api.as_ref().unwrap().as_str(), can.key_is_optional))
        .collect();
    assert_eq!(
        told,
        [
            ("anthropic", "anthropic-messages", false),
            ("gemini", "gemini", false),
            ("openai", "openai-responses", false),
            ("openai_compatible", "openai-chat", true),
        ]
    );
    assert!(capabilities.iter().all(|can| can.operations.len() == 3));
}
