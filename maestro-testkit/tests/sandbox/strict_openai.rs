//! OpenAI's rules, one test a rule.

use serde_json::{Value, json};

use crate::client::{CHAT, Client, RESPONSES};

fn input(items: Value) -> Value {
    json!({"model":"sandbox-small","input":items})
}

fn messages(list: Value) -> Value {
    json!({"model":"sandbox-small","messages":list})
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

/// The error object of a refusal with status 400.
async fn refused(path: &str, body: Value, text: &str) -> Value {
    let answer = Client::start().await.post(path, &body).await;
    let error = answer.json()["error"].clone();
    assert_eq!(answer.status, 400, "{error}");
    assert!(error["message"].as_str().unwrap().contains(text), "{error}");
    assert_eq!(error["type"], "invalid_request_error");
    error
}

async fn accepted(path: &str, body: Value) {
    let answer = Client::start().await.post(path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn malformed_json_is_refused_by_both() {
    let client = Client::start().await;
    for path in [RESPONSES, CHAT] {
        let answer = client.send(client.request("POST", path).body("{")).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.contains("could not parse the JSON body"));
    }
}

#[tokio::test]
async fn an_unknown_model_is_400_from_responses_and_404_from_chat() {
    let client = Client::start().await;
    let responses = client.post(RESPONSES, &json!({"model":"gpt-nonexistent","input":"x"})).await;
    let chat = client
        .post(CHAT, &with(messages(json!([{"role":"user","content":"x"}])), "model", "llama".into()))
        .await;
    assert_eq!((responses.status, chat.status), (400, 404));
    assert_eq!(responses.json()["error"]["code"], "model_not_found");
    assert_eq!(chat.json()["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn unknown_fields_are_refused_by_both() {
    let error =
        refused(RESPONSES, with(input("x".into()), "max_tokens", 20.into()), "Unknown parameter").await;
    assert_eq!((&error["param"], &error["code"]), (&json!("max_tokens"), &json!("unknown_parameter")));
    let body = with(messages(json!([{"role":"user","content":"x"}])), "max_output_tokens", 20.into());
    refused(CHAT, body, "Unknown parameter: 'max_output_tokens'").await;
}

#[tokio::test]
async fn sixteen_output_tokens_are_the_least() {
    refused(
        RESPONSES,
        with(input("x".into()), "max_output_tokens", 15.into()),
        "Expected a value >= 16, but got 15",
    )
    .await;
    accepted(RESPONSES, with(input("x".into()), "max_output_tokens", 16.into())).await;
}

#[tokio::test]
async fn a_call_without_output_and_an_output_without_call_are_refused() {
    let user = json!({"role":"user","content":"x"});
    let call = json!({"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"});
    let output = json!({"type":"function_call_output","call_id":"call_1","output":"ok"});
    let error =
        refused(RESPONSES, input(json!([user, call])), "No tool output found for function call call_1").await;
    assert_eq!((&error["param"], &error["code"]), (&json!("input"), &Value::Null));
    let text = "No tool call found for function call output with call_id call_1";
    refused(RESPONSES, input(json!([user, output])), text).await;
    // Other items may stand between.
    accepted(RESPONSES, input(json!([user, call, {"role":"user","content":"y"}, output]))).await;
}

#[tokio::test]
async fn parts_fit_the_role() {
    let message = |role: &str, kind: &str| json!([{"role":role,"content":[{"type":kind,"text":"x"}]}]);
    refused(RESPONSES, input(message("assistant", "input_text")), "Supported values are: 'output_text'")
        .await;
    refused(RESPONSES, input(message("user", "output_text")), "'input_text'").await;
    refused(RESPONSES, input(message("user", "text")), "Invalid value: 'text'").await;
    refused(RESPONSES, input(message("robot", "input_text")), "Invalid value: 'robot'").await;
}

#[tokio::test]
async fn unknown_items_are_refused() {
    refused(RESPONSES, input(json!([{"type":"tool_result"}])), "Invalid value: 'tool_result'").await;
}

#[tokio::test]
async fn tools_are_flat_here_and_nested_there() {
    let flat = json!([{"type":"function","name":"f","parameters":{"type":"object"}}]);
    let nested = json!([{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]);
    let said = messages(json!([{"role":"user","content":"x"}]));
    accepted(RESPONSES, with(input("x".into()), "tools", flat.clone())).await;
    accepted(CHAT, with(said.clone(), "tools", nested.clone())).await;
    refused(RESPONSES, with(input("x".into()), "tools", nested), "'tools[0].name'").await;
    refused(CHAT, with(said, "tools", flat), "'tools[0].function'").await;
}

#[tokio::test]
async fn reasoning_is_followed_by_its_item_and_keeps_its_seal() {
    let client = Client::start().await;
    let ask = json!({"model":"sandbox-reasoning","input":"hi","store":false,"reasoning":{"summary":"auto"},
        "include":["reasoning.encrypted_content"]});
    let output = client.post(RESPONSES, &ask).await.json()["output"].clone();
    let (reasoning, message) = (output[0].clone(), output[1].clone());
    let user = json!({"role":"user","content":"go on"});
    let replay = |items: Value| with(input(items), "store", false.into());
    accepted(RESPONSES, replay(json!([user, reasoning, message, user]))).await;
    let text = "was provided without its required following item";
    refused(RESPONSES, replay(json!([user, reasoning, user])), text).await;

    let mut changed = reasoning.clone();
    changed["summary"][0]["text"] = "other".into();
    let error =
        refused(RESPONSES, replay(json!([user, changed, message, user])), "could not be verified").await;
    assert_eq!(error["code"], "invalid_encrypted_content");

    let mut bare = reasoning;
    bare.as_object_mut().unwrap().remove("encrypted_content");
    let (status, told) = client.refused(RESPONSES, &replay(json!([user, bare, message, user]))).await;
    assert_eq!(status, 404);
    assert!(told.contains("Items are not persisted when `store` is set to false"), "{told}");
}

#[tokio::test]
async fn a_previous_response_is_not_there() {
    let body = with(input("x".into()), "previous_response_id", "resp_1".into());
    assert_eq!(refused(RESPONSES, body, "resp_1").await["code"], "previous_response_not_found");
}

#[tokio::test]
async fn unknown_words_are_refused_with_the_known_ones() {
    refused(
        RESPONSES,
        with(input("x".into()), "include", json!(["everything"])),
        "'reasoning.encrypted_content'",
    )
    .await;
    refused(RESPONSES, with(input("x".into()), "reasoning", json!({"effort":"huge"})), "'medium'").await;
    refused(RESPONSES, with(input("x".into()), "temperature", 3.into()), "Expected a value <= 2").await;
}

#[tokio::test]
async fn chat_calls_are_answered_at_once() {
    let user = json!({"role":"user","content":"x"});
    let call = json!({"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}});
    let calls = json!({"role":"assistant","content":null,"tool_calls":[call]});
    let tool = json!({"role":"tool","tool_call_id":"call_1","content":"ok"});
    let text = "did not have response messages: call_1";
    refused(CHAT, messages(json!([user, calls])), text).await;
    refused(CHAT, messages(json!([user, calls, user])), text).await;
    refused(CHAT, messages(json!([user, tool])), "must be a response to a preceeding message").await;
    let other = json!({"role":"tool","tool_call_id":"call_2","content":"ok"});
    refused(CHAT, messages(json!([user, calls, other])), "'tool_call_id' of 'call_2' not found").await;
    accepted(CHAT, messages(json!([user, calls, tool]))).await;
}

#[tokio::test]
async fn chat_roles_and_contents_are_checked() {
    refused(CHAT, messages(json!([{"role":"robot","content":"x"}])), "Invalid value: 'robot'").await;
    refused(CHAT, messages(json!([{"role":"user","content":null}])), "expected a string, got null").await;
    refused(CHAT, messages(json!([{"role":"assistant","content":null}])), "got null").await;
    refused(CHAT, messages(json!([])), "empty array").await;
    let text = "'messages[0].content[0].image_url.url'";
    let image = json!([{"type":"image_url","image_url":{"url":"not a url"}}]);
    refused(CHAT, messages(json!([{"role":"user","content":image}])), text).await;
}

#[tokio::test]
async fn reasoning_models_take_another_limit() {
    let body = with(messages(json!([{"role":"user","content":"x"}])), "model", "o3".into());
    let error =
        refused(CHAT, with(body.clone(), "max_tokens", 20.into()), "Use 'max_completion_tokens' instead")
            .await;
    assert_eq!(error["code"], "unsupported_parameter");
    accepted(CHAT, with(body, "max_completion_tokens", 20.into())).await;
}

#[tokio::test]
async fn stream_options_need_a_stream() {
    let body = with(messages(json!([{"role":"user","content":"x"}])), "stream_options", json!({}));
    refused(CHAT, body, "only allowed when 'stream' is enabled").await;
}
