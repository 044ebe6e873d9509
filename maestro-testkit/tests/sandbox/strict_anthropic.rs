//! Anthropic's rules, one test a rule.

use serde_json::{Value, json};

use crate::client::{Client, MESSAGES};

const COUNT: &str = "/anthropic/v1/messages/count_tokens";

fn body(messages: Value) -> Value {
    json!({"model":"sandbox-small","max_tokens":100,"messages":messages})
}

fn with(key: &str, value: Value) -> Value {
    let mut body = body(json!([{"role":"user","content":"hi"}]));
    body[key] = value;
    body
}

async fn refused(body: Value, text: &str) {
    let (status, message) = Client::start().await.refused(MESSAGES, &body).await;
    assert_eq!(status, 400, "{message}");
    assert!(message.contains(text), "{message}");
}

async fn accepted(body: Value) {
    let answer = Client::start().await.post(MESSAGES, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn call(id: &str) -> Value {
    json!({"type":"tool_use","id":id,"name":"f","input":{}})
}

fn result(id: &str) -> Value {
    json!({"type":"tool_result","tool_use_id":id,"content":"ok"})
}

#[tokio::test]
async fn max_tokens_is_required() {
    refused(
        json!({"model":"sandbox-small","messages":[{"role":"user","content":"x"}]}),
        "max_tokens: Field required",
    )
    .await;
}

#[tokio::test]
async fn unknown_fields_are_refused() {
    refused(with("max_output_tokens", 5.into()), "max_output_tokens: Extra inputs are not permitted").await;
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let client = Client::start().await;
    let answer = client.send(client.request("POST", MESSAGES).body("{")).await;
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (400, &json!("invalid_request_error")));
}

#[tokio::test]
async fn an_unknown_model_is_named() {
    let (status, message) =
        Client::start().await.refused(MESSAGES, &with("model", "claude-does-not-exist".into())).await;
    assert_eq!((status, message.as_str()), (404, "model: claude-does-not-exist"));
}

#[tokio::test]
async fn the_first_message_is_the_users() {
    refused(body(json!([{"role":"assistant","content":"x"}])), "first message must use the \"user\" role")
        .await;
}

#[tokio::test]
async fn messages_of_one_role_may_follow_each_other() {
    accepted(body(json!([{"role":"user","content":"a"},{"role":"user","content":"b"}]))).await;
}

#[tokio::test]
async fn the_system_prompt_is_no_message() {
    refused(
        body(json!([{"role":"system","content":"x"},{"role":"user","content":"y"}])),
        "top-level `system`",
    )
    .await;
}

#[tokio::test]
async fn a_call_is_answered_in_the_next_message() {
    let text = "`tool_use` ids were found without `tool_result` blocks immediately after: toolu_1";
    let user = json!({"role":"user","content":"x"});
    let calls = json!({"role":"assistant","content":[call("toolu_1")]});
    refused(body(json!([user, calls, user])), text).await;
    refused(body(json!([user, calls])), text).await;
    accepted(body(json!([user, calls, {"role":"user","content":[result("toolu_1")]}]))).await;
}

#[tokio::test]
async fn results_come_first() {
    let user = json!({"role":"user","content":[{"type":"text","text":"t"}, result("toolu_1")]});
    refused(
        body(json!([{"role":"user","content":"x"},{"role":"assistant","content":[call("toolu_1")]},user])),
        "Did not find 1 `tool_result` block(s) at the beginning of this message",
    )
    .await;
}

#[tokio::test]
async fn a_result_without_a_call_is_refused() {
    refused(body(json!([{"role":"user","content":[result("toolu_9")]}])), "unexpected `tool_use_id`").await;
}

#[tokio::test]
async fn text_is_not_empty() {
    refused(
        body(json!([{"role":"user","content":[{"type":"text","text":""}]}])),
        "text content blocks must be non-empty",
    )
    .await;
    refused(body(json!([{"role":"user","content":""}])), "non-empty content").await;
    refused(body(json!([{"role":"user","content":[]}])), "non-empty content").await;
}

#[tokio::test]
async fn a_prefill_does_not_end_in_white_space_and_not_with_thinking() {
    let prefill =
        |text: &str| body(json!([{"role":"user","content":"x"},{"role":"assistant","content":text}]));
    accepted(prefill("So")).await;
    refused(prefill("So "), "cannot end with trailing whitespace").await;
    let mut thinking = prefill("So");
    thinking["thinking"] = json!({"type":"adaptive"});
    refused(thinking, "prefilled").await;
}

#[tokio::test]
async fn ids_and_names_have_their_letters() {
    let user = json!({"role":"user","content":"x"});
    let bad = json!({"role":"assistant","content":[call("toolu 1")]});
    refused(body(json!([user, bad])), "^[a-zA-Z0-9_-]+$").await;
    refused(with("tools", json!([{"name":"a b","input_schema":{"type":"object"}}])), "tools.0.custom.name")
        .await;
}

#[tokio::test]
async fn input_is_an_object() {
    let bad = json!({"type":"tool_use","id":"t","name":"f","input":"{}"});
    refused(
        body(json!([{"role":"user","content":"x"},{"role":"assistant","content":[bad]}])),
        "tool_use.input: Input should be a valid dictionary",
    )
    .await;
}

#[tokio::test]
async fn four_cache_marks_are_the_most() {
    let block = json!({"type":"text","text":"x","cache_control":{"type":"ephemeral"}});
    accepted(body(json!([{"role":"user","content":vec![block.clone(); 4]}]))).await;
    refused(
        body(json!([{"role":"user","content":vec![block; 5]}])),
        "A maximum of 4 blocks with cache_control",
    )
    .await;
}

#[tokio::test]
async fn a_thinking_budget_is_at_least_1024_and_below_max_tokens() {
    let budget = |budget: u64, most: u64| {
        let mut body = with("thinking", json!({"type":"enabled","budget_tokens":budget}));
        body["max_tokens"] = most.into();
        body
    };
    accepted(budget(1024, 1025)).await;
    refused(budget(1023, 2000), "greater than or equal to 1024").await;
    refused(budget(1024, 1024), "`max_tokens` must be greater than `thinking.budget_tokens`").await;
}

#[tokio::test]
async fn thinking_excludes_a_temperature_and_a_forced_tool() {
    let mut body = with("thinking", json!({"type":"enabled","budget_tokens":1024}));
    body["max_tokens"] = 2000.into();
    body["temperature"] = 0.5.into();
    refused(body.clone(), "`temperature` may only be set to 1").await;
    body["temperature"] = 1.into();
    body["tools"] = json!([{"name":"f","input_schema":{"type":"object"}}]);
    body["tool_choice"] = json!({"type":"any"});
    refused(body, "tool_choice forces tool use").await;
}

#[tokio::test]
async fn a_thinking_block_that_was_changed_or_made_up_is_refused() {
    let client = Client::start().await;
    let mut first = with("thinking", json!({"type":"enabled","budget_tokens":1024}));
    first["max_tokens"] = 2000.into();
    let block = client.post(MESSAGES, &first).await.json()["content"][0].clone();
    assert_eq!(block["type"], "thinking");
    let replay = |block: &Value| {
        let text = json!({"type":"text","text":"said"});
        body(json!([{"role":"user","content":"hi"},{"role":"assistant","content":[block, text]},
            {"role":"user","content":"go on"}]))
    };
    accepted(replay(&block)).await;
    let mut changed = block.clone();
    changed["thinking"] = "other".into();
    refused(replay(&changed), "messages.1.content.0: Invalid `signature` in `thinking` block").await;
    changed = block;
    changed["signature"] = "EuYDCmMIDBgC".into();
    refused(replay(&changed), "Invalid `signature`").await;
}

#[tokio::test]
async fn stop_sequences_are_more_than_white_space() {
    refused(with("stop_sequences", json!([" "])), "non-whitespace").await;
}

#[tokio::test]
async fn an_unknown_effort_is_refused() {
    refused(with("output_config", json!({"effort":"huge"})), "output_config.effort").await;
}

#[tokio::test]
async fn a_chosen_tool_must_be_there() {
    let mut body = with("tools", json!([{"name":"f","input_schema":{"type":"object"}}]));
    body["tool_choice"] = json!({"type":"tool","name":"g"});
    refused(body, "Tool 'g' not found").await;
}

#[tokio::test]
async fn counting_takes_no_limit_and_no_stream() {
    let client = Client::start().await;
    let (status, message) = client.refused(COUNT, &with("stream", true.into())).await;
    assert_eq!(status, 400, "{message}");
    let plain = json!({"model":"sandbox-small","messages":[{"role":"user","content":"hi"}]});
    let counted = client.post(COUNT, &plain).await.json()["input_tokens"].clone();
    let used = client.post(MESSAGES, &with("stream", false.into())).await.json();
    assert_eq!(counted, used["usage"]["input_tokens"]);
}
