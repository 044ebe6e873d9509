//! Gemini's rules, one test a rule.

use serde_json::{Value, json};

use crate::client::{Client, GENERATE};

const THREE: &str = "/gemini/v1beta/models/gemini-3-pro:generateContent";
const UNEQUAL: &str = "number of function response parts is equal to the number of function call parts";

fn user(parts: Value) -> Value {
    json!({"role":"user","parts":parts})
}

fn model(parts: Value) -> Value {
    json!({"role":"model","parts":parts})
}

fn said() -> Value {
    user(json!([{"text":"hi"}]))
}

fn result() -> Value {
    user(json!([{"functionResponse":{"name":"f","response":{"output":"ok"}}}]))
}

async fn refused_at(path: &str, body: Value, text: &str) {
    let answer = Client::start().await.post(path, &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let error = &answer.json()["error"];
    assert_eq!((&error["code"], &error["status"]), (&json!(400), &json!("INVALID_ARGUMENT")));
    assert!(error["message"].as_str().unwrap().contains(text), "{error}");
}

async fn refused(body: Value, text: &str) {
    refused_at(GENERATE, body, text).await;
}

async fn accepted_at(path: &str, body: Value) {
    let answer = Client::start().await.post(path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn unknown_fields_are_refused_with_their_path() {
    refused(
        json!({"contents":[said()],"temperature":1}),
        "Invalid JSON payload received. Unknown name \"temperature\": Cannot find field.",
    )
    .await;
    refused(
        json!({"contents":[{"role":"user","parts":[{"text":"x","txt":"y"}]}]}),
        "Unknown name \"txt\" at 'contents[0].parts[0]'",
    )
    .await;
}

#[tokio::test]
async fn schema_keywords_are_those_of_the_subset() {
    let tools = |schema: Value| json!({"contents":[said()],"tools":[{"functionDeclarations":[schema]}]});
    for keyword in ["additionalProperties", "$schema", "$ref", "const", "oneOf", "exclusiveMinimum"] {
        let text = format!("Unknown name \"{keyword}\" at 'tools[0].function_declarations[0].parameters'");
        let mut schema = json!({"type":"OBJECT"});
        schema[keyword] = json!(false);
        refused(tools(json!({"name":"f","parameters":schema})), &text).await;
    }
    let schema = json!({"type":"object","additionalProperties":false});
    accepted_at(GENERATE, tools(json!({"name":"f","parametersJsonSchema":schema}))).await;
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let client = Client::start().await;
    let answer = client.send(client.request("POST", GENERATE).body("{")).await;
    assert!(answer.status == 400 && answer.text.contains("Invalid JSON payload received"));
}

#[tokio::test]
async fn an_unknown_model_is_not_found() {
    let path = "/gemini/v1beta/models/gemini-does-not-exist:generateContent";
    let answer = Client::start().await.post(path, &json!({"contents":[said()]})).await;
    assert_eq!((answer.status, &answer.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn contents_begin_with_the_user_and_are_there() {
    refused(json!({"contents":[model(json!([{"text":"x"}]))]}), "beginning with user").await;
    refused(json!({}), "contents is not specified").await;
    refused(json!({"contents":[{"role":"robot","parts":[{"text":"x"}]}]}), "valid role").await;
}

#[tokio::test]
async fn as_many_responses_as_calls_follow_at_once() {
    let one = model(json!([{"functionCall":{"name":"f","args":{}}}]));
    let two = model(json!([{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]));
    accepted_at(GENERATE, json!({"contents":[said(), one, result()]})).await;
    refused(json!({"contents":[said(), two, result()]}), UNEQUAL).await;
    refused(json!({"contents":[said(), one, said()]}), UNEQUAL).await;
    refused(json!({"contents":[said(), one]}), UNEQUAL).await;
    refused(json!({"contents":[said(), result()]}), "immediately after a function call turn").await;
}

#[tokio::test]
async fn a_call_turn_follows_the_user() {
    let call = model(json!([{"functionCall":{"name":"f"}}]));
    let contents = json!([said(), model(json!([{"text":"x"}])), call, result()]);
    refused(json!({"contents":contents}), "function call turn comes immediately after a user turn").await;
}

#[tokio::test]
async fn parts_are_not_empty_and_have_one_payload() {
    refused(json!({"contents":[user(json!([]))]}), "parts must not be empty").await;
    refused(json!({"contents":[user(json!([{}]))]}), "must have one initialized field").await;
    refused(json!({"contents":[user(json!([{"text":""}]))]}), "must have a text parameter").await;
    let both = json!([{"text":"x","inlineData":{"mimeType":"image/png","data":""}}]);
    refused(json!({"contents":[user(both)]}), "already set").await;
}

#[tokio::test]
async fn a_response_is_an_object() {
    let call = model(json!([{"functionCall":{"name":"f"}}]));
    let wrong = user(json!([{"functionResponse":{"name":"f","response":"ok"}}]));
    refused(json!({"contents":[said(), call, wrong]}), "function_response.response").await;
}

#[tokio::test]
async fn the_third_generation_wants_the_signature_of_the_first_call() {
    let client = Client::start().await;
    let ask = json!({"contents":[user(json!([{"text":"call f and g"}]))],
        "tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]}]});
    let content = client.post(THREE, &ask).await.json()["candidates"][0]["content"].clone();
    let results = user(json!([
        {"functionResponse":{"name":"f","response":{"output":"1"}}},
        {"functionResponse":{"name":"g","response":{"output":"2"}}},
    ]));
    let replay = |content: &Value| json!({"contents":[said(), content, results]});
    accepted_at(THREE, replay(&content)).await;

    let mut bare = content.clone();
    bare["parts"][0].as_object_mut().unwrap().remove("thoughtSignature");
    refused_at(THREE, replay(&bare), "Function call is missing a thought_signature in functionCall parts")
        .await;
    // Older models and older turns are not held to it.
    accepted_at(GENERATE, replay(&bare)).await;
    let older = json!({"contents":[said(), bare, results, model(json!([{"text":"x"}])), said()]});
    accepted_at(THREE, older).await;

    let mut forged = content;
    forged["parts"][0]["thoughtSignature"] = "AAAA".into();
    refused_at(THREE, replay(&forged), "thought signature").await;
    forged["parts"][0]["thoughtSignature"] = "skip_thought_signature_validator".into();
    accepted_at(THREE, replay(&forged)).await;
}

#[tokio::test]
async fn thinking_has_a_budget_or_a_level() {
    let config = json!({"thinkingConfig":{"thinkingBudget":100,"thinkingLevel":"LOW"}});
    refused(json!({"contents":[said()],"generationConfig":config}), "thinking budget and thinking level")
        .await;
}

#[tokio::test]
async fn a_response_schema_needs_json() {
    let config = json!({"responseSchema":{"type":"OBJECT"}});
    refused(json!({"contents":[said()],"generationConfig":config}), "application/json").await;
}

#[tokio::test]
async fn allowed_names_need_mode_any_and_declared_functions() {
    let body = |mode: &str, name: &str| {
        json!({"contents":[said()],"tools":[{"functionDeclarations":[{"name":"f"}]}],
            "toolConfig":{"functionCallingConfig":{"mode":mode,"allowedFunctionNames":[name]}}})
    };
    accepted_at(GENERATE, body("ANY", "f")).await;
    refused(body("AUTO", "f"), "allowed_function_names").await;
    refused(body("ANY", "g"), "not declared").await;
}

#[tokio::test]
async fn names_and_limits_are_checked() {
    let body = json!({"contents":[said()],"tools":[{"functionDeclarations":[{"name":"1 f"}]}]});
    refused(body, "Invalid function name").await;
    let config = json!({"stopSequences":["1","2","3","4","5","6"]});
    refused(json!({"contents":[said()],"generationConfig":config}), "at most 5").await;
    let empty = json!({"contents":[said()],"systemInstruction":{"parts":[{"text":""}]}});
    refused(empty, "system_instruction").await;
}

#[tokio::test]
async fn counting_takes_contents_or_a_whole_request() {
    let client = Client::start().await;
    let path = "/gemini/v1/models/sandbox-small:countTokens";
    let bare = client.post(path, &json!({"contents":[said()]})).await.json()["totalTokens"].clone();
    let full = json!({"generateContentRequest":{"model":"models/sandbox-small","contents":[said()],
        "systemInstruction":{"parts":[{"text":"be brief, be very brief"}]}}});
    let full = client.post(path, &full).await.json()["totalTokens"].clone();
    assert!(full.as_u64().unwrap() > bare.as_u64().unwrap());
}
