//! ChatGPT's backend: what it refuses, and how its streams differ from those of the API.

use maestro_testkit::sandbox::{Dialect, Flavour, Scenario};
use serde_json::{Value, json};

use crate::client::{Answer, text_of};
use crate::oauth::Program;

/// A program that is signed in, and its access token.
async fn signed_in() -> (Program, String) {
    let program = Program::start(Flavour::Openai).await;
    let token = program.sign_in().await["access_token"].as_str().unwrap().to_owned();
    (program, token)
}

fn request() -> Value {
    json!({
        "model": "sandbox-reasoning", "instructions": "Be brief.", "store": false, "stream": true,
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        "tools": [], "tool_choice": "auto", "parallel_tool_calls": true,
        "reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "thread", "client_metadata": {"a": "b"},
    })
}

async fn ask(program: &Program, token: &str, body: &Value) -> Answer {
    let url = format!("{}/responses", program.client.sandbox.chatgpt_url());
    program.client.send(program.client.http.post(url).bearer_auth(token).body(body.to_string())).await
}

#[tokio::test]
async fn a_stream_has_no_content_type_and_no_output_at_its_end() {
    let (program, token) = signed_in().await;
    let answer = ask(&program, &token, &request()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(!answer.headers.contains_key("content-type"));
    assert!(answer.headers.contains_key("x-codex-primary-used-percent"));
    assert!(text_of(&answer).contains("hello"));
    let events = answer.events();
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]["output"]), (&json!("response.completed"), &json!([])));
    assert!(last["response"]["usage"]["output_tokens"].is_u64());
    let done: Vec<&Value> = events.iter().filter(|e| e["type"] == "response.output_item.done").collect();
    assert!(done.len() == 2 && done[0]["item"]["encrypted_content"].is_string());
}

#[tokio::test]
async fn what_the_api_takes_is_refused_here_with_a_detail() {
    let (program, token) = signed_in().await;
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut body = request();
        change(&mut body);
        let answer = ask(&program, &token, &body).await;
        assert_eq!(
            (answer.status, answer.headers["content-type"].as_bytes()),
            (400, &b"application/json"[..])
        );
        answer.json()["detail"].as_str().unwrap().to_owned()
    };
    let without = |body: &mut Value, name: &str| {
        body.as_object_mut().unwrap().remove(name);
    };
    assert_eq!(refused(&|body| body["store"] = true.into()).await, "Store must be set to false");
    assert_eq!(refused(&|body| without(body, "store")).await, "Store must be set to false");
    assert_eq!(refused(&|body| body["stream"] = false.into()).await, "Stream must be set to true");
    assert_eq!(refused(&|body| without(body, "stream")).await, "Stream must be set to true");
    assert_eq!(refused(&|body| without(body, "instructions")).await, "Instructions are required");
    assert_eq!(
        refused(&|body| body["input"][0]["role"] = "system".into()).await,
        "System messages are not allowed"
    );
    for field in ["max_output_tokens", "temperature", "top_p", "metadata", "user", "truncation", "background"]
    {
        let detail = refused(&|body| body[field] = 1.into()).await;
        assert_eq!(detail, format!("Unsupported parameter: {field}"));
    }
    let detail = refused(&|body| body["model"] = "gpt-nonexistent".into()).await;
    assert!(detail.contains("'gpt-nonexistent' model is not supported"));
    // What the API refuses too has the same form.
    assert!(refused(&|body| without(body, "input")).await.contains("input"));
}

#[tokio::test]
async fn empty_instructions_and_developer_messages_are_taken() {
    let (program, token) = signed_in().await;
    let mut body = request();
    body["instructions"] = "".into();
    body["input"][0]["role"] = "developer".into();
    assert_eq!(ask(&program, &token, &body).await.status, 200);
}

#[tokio::test]
async fn only_access_tokens_are_taken() {
    let (program, token) = signed_in().await;
    for key in ["sandbox-key", "sk-something", "at-something"] {
        let answer = ask(&program, key, &request()).await;
        assert_eq!(answer.status, 401);
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .starts_with("Could not parse your authentication token")
        );
    }
    let url = format!("{}/responses", program.client.sandbox.chatgpt_url());
    let bare = program.client.send(program.client.http.post(url).body(request().to_string())).await;
    assert_eq!((bare.status, bare.json()), (401, json!({"detail": "Unauthorized"})));

    program.authorization().end_sessions(Flavour::Openai);
    let ended = ask(&program, &token, &request()).await;
    assert_eq!(ended.status, 401);
    // {"error":{"code":"token_revoked"}} in base64.
    assert_eq!(ended.headers["x-error-json"], "eyJlcnJvciI6eyJjb2RlIjoidG9rZW5fcmV2b2tlZCJ9fQ==");
}

#[tokio::test]
async fn models_are_listed_by_their_slugs() {
    let (program, token) = signed_in().await;
    for base in [
        program.client.sandbox.chatgpt_url(),
        format!("{}/backend-api/codex", program.client.sandbox.base_url()),
    ] {
        let request = program.client.http.get(format!("{base}/models?client_version=0.1.0"));
        let answer = program.client.send(request.bearer_auth(&token)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let models = answer.json()["models"].as_array().unwrap().clone();
        assert_eq!(
            (&models[0]["slug"], &models[0]["visibility"]),
            (&json!("sandbox-reasoning"), &json!("list"))
        );
        assert_eq!(models.iter().filter(|model| model["visibility"] == "hide").count(), 1);
    }
}

#[tokio::test]
async fn scenarios_are_for_this_host_by_its_own_name() {
    let (program, token) = signed_in().await;
    program.script(Scenario::status(503).on(Dialect::Openai));
    program.script(Scenario::status(429).on(Dialect::Chatgpt).times(1));
    let limited = ask(&program, &token, &request()).await;
    assert_eq!((limited.status, &limited.json()["error"]["type"]), (429, &json!("usage_limit_reached")));
    program.script(Scenario::text("scripted"));
    assert_eq!(text_of(&ask(&program, &token, &request()).await), "scripted");
}
