//! Requests behind a ChatGPT sign-in, and behind the other sign-ins.

use bytes::Bytes;
use http::Request;
use maestro_core::{
    Error,
    auth::{Credentials, OAuthTokens},
    chat::{
        Action, ApiId, ChatRequest, Message, Native, Opaque, Part, PartKind, RawJson, Role, TranslationReport,
    },
    provider::{ChatProtocol as _, Endpoint, ModelCatalog as _, ModelId, Operation, Provider, Registry},
};
use maestro_providers::{anthropic::Anthropic, builtin_with, gemini::Gemini, openai::OpenAi};
use serde_json::{Value, json};

use crate::given::{answers, anthropic, gemini, header, jwt, only, openai, secret};

fn signed_in(with: impl FnOnce(&mut OAuthTokens)) -> Endpoint {
    let mut tokens = OAuthTokens::new(secret("token"));
    with(&mut tokens);
    Endpoint::with_credentials(Credentials::OAuth { tokens: Box::new(tokens), base_url: None })
}

fn hello() -> ChatRequest {
    ChatRequest::new(ModelId::new("gpt-5.4").unwrap(), vec![Message::user("hello")])
}

fn encode(endpoint: &Endpoint, request: &ChatRequest) -> (Request<Bytes>, Value, TranslationReport) {
    let mut report = TranslationReport::default();
    let encoded =
        OpenAi::default().with_organization("org_1").encode(endpoint, request, &mut report).unwrap();
    let body = serde_json::from_slice(encoded.body()).unwrap();
    (encoded, body, report)
}

#[test]
fn tokens_ask_the_backend_of_chatgpt() {
    let endpoint = signed_in(|tokens| tokens.account_id = Some("acc-1".into()));
    let (request, body, _) = encode(&endpoint, &hello());
    assert_eq!(request.uri(), "https://chatgpt.com/backend-api/codex/responses");
    assert_eq!(header(&request, "authorization"), Some("Bearer token"));
    assert_eq!(header(&request, "chatgpt-account-id"), Some("acc-1"));
    assert_eq!(header(&request, "originator"), Some("maestro"));
    assert!(header(&request, "openai-organization").is_none());
    assert!(header(&request, "openai-beta").is_none());
    assert_eq!(
        body,
        json!({
            "model": "gpt-5.4",
            "instructions": "",
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
            "include": ["reasoning.encrypted_content"],
            "store": false,
            "stream": true,
        })
    );
}

#[test]
fn an_account_that_is_not_known_is_not_named() {
    let (request, ..) = encode(&signed_in(|_| {}), &hello());
    assert!(header(&request, "chatgpt-account-id").is_none());
    assert!(header(&request, "x-openai-fedramp").is_none());
    let claims = json!({"https://api.openai.com/auth": {"chatgpt_account_is_fedramp": true}});
    let endpoint = signed_in(|tokens| {
        tokens.account_id = Some("not\nfor a header".into());
        tokens.id_token = Some(secret(&jwt(&claims)));
    });
    let (request, ..) = encode(&endpoint, &hello());
    assert!(header(&request, "chatgpt-account-id").is_none());
    assert_eq!(header(&request, "x-openai-fedramp"), Some("true"));
}

#[test]
fn a_key_that_tokens_bought_asks_the_platform() {
    let (request, body, _) =
        encode(&signed_in(|tokens| tokens.api_key = Some(secret("sk-bought"))), &hello());
    assert_eq!(request.uri(), "https://api.openai.com/v1/responses");
    assert_eq!(header(&request, "authorization"), Some("Bearer sk-bought"));
    assert_eq!(header(&request, "openai-organization"), Some("org_1"));
    assert!(header(&request, "originator").is_none());
    assert!(body.get("instructions").is_none());
}

#[test]
fn what_the_backend_refuses_is_left_out_and_reported() {
    let mut request = hello();
    request.max_output_tokens = Some(100);
    request.temperature_milli = Some(500);
    request.top_p_milli = Some(900);
    request.system = vec!["Be brief.".into(), "Be kind.".into()];
    request.messages.insert(0, Message::new(Role::System, vec![Part::text("From now on in French.")]));
    request.cache_key = Some("0195-thread".into());
    let (sent, body, report) = encode(&signed_in(|_| {}), &request);
    for name in ["max_output_tokens", "temperature", "top_p", "metadata", "user", "truncation"] {
        assert!(body.get(name).is_none(), "{name}");
    }
    assert_eq!(body["instructions"], "Be brief.\n\nBe kind.");
    assert_eq!(body["input"][0]["role"], "developer");
    assert_eq!(body["prompt_cache_key"], "0195-thread");
    assert_eq!(
        (header(&sent, "session-id"), header(&sent, "thread-id")),
        (Some("0195-thread"), Some("0195-thread"))
    );
    let told = format!("{report:?}");
    for name in ["output limit", "temperature", "top_p"] {
        assert!(told.contains(&format!("{name}: it is refused behind a ChatGPT sign-in")), "{told}");
    }
    assert!(told.contains(&format!("{:?}", Action::Dropped)));
}

#[test]
fn items_go_without_the_ids_that_nobody_kept() {
    let api = ApiId::from_static("openai-responses");
    let item = r#"{"type":"web_search_call","id":"ws_1","n":12345678901234567890123,"inner":{"id":"stays"}}"#;
    let native = Native { api, json: RawJson::parse(item).unwrap() };
    let mut request = hello();
    let part = Part::new(PartKind::Opaque(Opaque { native }));
    request.messages.push(Message::new(Role::Assistant, vec![part]));
    let (sent, ..) = encode(&signed_in(|_| {}), &request);
    let text = std::str::from_utf8(sent.body()).unwrap();
    assert!(!text.contains("ws_1"), "{text}");
    assert!(text.contains("12345678901234567890123") && text.contains(r#""inner":{"id":"stays"}"#), "{text}");
    let (sent, ..) = encode(&signed_in(|tokens| tokens.api_key = Some(secret("sk-bought"))), &request);
    assert!(std::str::from_utf8(sent.body()).unwrap().contains(item));
}

#[tokio::test]
async fn the_models_are_those_of_the_plan() {
    let list = r#"{"models":[{"slug":"gpt-x","display_name":"X","context_window":9,"visibility":"list"},{"slug":"inner","visibility":"hide"},{"slug":"bare"},{"other":1}]}"#;
    let endpoint = signed_in(|_| {});
    let http = answers(200, list);
    let provider = OpenAi::default().with_client_version("9.9.9");
    let models = provider.list_models(&http, &endpoint).await.unwrap();
    assert_eq!(models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["gpt-x", "bare"]);
    assert_eq!((models[0].display_name.as_deref(), models[0].max_input_tokens), (Some("X"), Some(9)));
    assert_eq!(only(&http).uri(), "https://chatgpt.com/backend-api/codex/models?client_version=9.9.9");
    let one = provider.get_model_info(&answers(200, list), &endpoint, &ModelId::new("bare").unwrap()).await;
    assert_eq!(one.unwrap().id.as_str(), "bare");
    let none = provider.get_model_info(&answers(200, list), &endpoint, &ModelId::new("none").unwrap()).await;
    assert_eq!(none.unwrap_err().kind(), maestro_core::ErrorKind::NotFound);
}

#[test]
fn a_token_that_the_server_ended_is_told_from_the_header() {
    let header = |code: &str| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let mut headers = http::HeaderMap::new();
        let json = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
        headers.insert("x-error-json", STANDARD.encode(json).parse().unwrap());
        headers
    };
    let error = |code: &str| -> Error {
        OpenAi::default().error(
            http::StatusCode::UNAUTHORIZED,
            &header(code),
            br#"{"detail":"Unauthorized"}"#,
        )
    };
    assert_eq!(error("token_revoked").retry(), maestro_core::Retry::Never);
    assert_eq!(error("token_expired").retry(), maestro_core::Retry::RefreshThenRetry);
    assert_eq!(error("token_expired").code(), Some("token_expired"));
}

#[test]
fn a_provider_signs_people_in_once_it_has_a_client() {
    let bare: [&dyn Provider; 3] = [&OpenAi::default(), &Anthropic::default(), &Gemini::default()];
    assert!(bare.iter().all(|provider| provider.oauth().is_none()));
    let registry = Registry::new()
        .with(OpenAi::default().with_oauth(openai()))
        .with(Anthropic::default().with_oauth(anthropic()))
        .with(Gemini::default().with_oauth(gemini()));
    let id = |name: &str| name.parse().unwrap();
    let all = [("openai", openai()), ("anthropic", anthropic()), ("gemini", gemini())];
    let built = builtin_with(all.map(|(name, oauth)| (id(name), oauth))).unwrap();
    assert_eq!(built.capabilities().iter().filter(|it| it.operations.contains(&Operation::OAuth)).count(), 3);
    let error = builtin_with([(id("openai_compatible"), openai())]).unwrap_err();
    assert!(error.to_string().contains("anthropic, gemini, openai"), "{error}");
    for capabilities in registry.capabilities() {
        assert!(capabilities.operations.contains(&Operation::OAuth), "{capabilities:?}");
        let flow = registry.oauth(&capabilities.provider).unwrap();
        assert_eq!(flow.client().profile.name, capabilities.provider.as_str());
    }
}
