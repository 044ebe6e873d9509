//! Whatever is sent, the sandbox answers it: no request makes it panic, which would show as a broken connection.

use maestro_testkit::sandbox::Flavour;
use serde_json::{Value, json};

use crate::client::{CHAT, Client, GENERATE, MESSAGES, RESPONSES};

fn rich() -> [(&'static str, Value); 5] {
    let schema = json!({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]});
    let user = json!({"role":"user","content":[{"type":"text","text":"call f"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]});
    let messages = json!({"model":"sandbox-small","max_tokens":2000,"system":[{"type":"text","text":"s"}],
        "thinking":{"type":"enabled","budget_tokens":1024},"stop_sequences":["x"],
        "tools":[{"name":"f","input_schema":schema}],"tool_choice":{"type":"auto"},
        "output_config":{"effort":"low","format":{"type":"json_schema","schema":schema}},
        "messages":[user,
            {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"ok"}]}]}]});
    let mut count = messages.clone();
    for key in ["max_tokens", "stop_sequences"] {
        count.as_object_mut().unwrap().remove(key);
    }
    [
        (MESSAGES, messages),
        ("/anthropic/v1/messages/count_tokens", count),
        (
            RESPONSES,
            json!({"model":"sandbox-small","instructions":"i","include":["reasoning.encrypted_content"],"store":true,
                "reasoning":{"effort":"low","summary":"auto"},"text":{"format":{"type":"text"}},
                "tools":[{"type":"function","name":"f","parameters":schema}],"tool_choice":{"type":"function","name":"f"},
                "metadata":{},"stream":true,"stream_options":{"include_obfuscation":false},
                "input":[{"role":"user","content":[{"type":"input_text","text":"x"},
                    {"type":"input_image","image_url":"data:image/png;base64,AAAA"}]},
                    {"type":"reasoning","id":"rs_1","summary":[]},
                    {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
                    {"type":"function_call_output","call_id":"c","output":"ok"}]}),
        ),
        (
            CHAT,
            json!({"model":"sandbox-small","stream":true,"stream_options":{"include_usage":true},"stop":["x"],
                "tools":[{"type":"function","function":{"name":"f","parameters":schema}}],
                "tool_choice":{"type":"function","function":{"name":"f"}},"temperature":1,"max_tokens":9,
                "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":schema}},
                "messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"x"},
                        {"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]},
                    {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",
                        "function":{"name":"f","arguments":"{}"}}]},
                    {"role":"tool","tool_call_id":"c","content":"ok"}]}),
        ),
        (
            GENERATE,
            json!({"contents":[{"role":"user","parts":[{"text":"x"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]},
                    {"role":"model","parts":[{"functionCall":{"name":"f","args":{}},
                        "thoughtSignature":"skip_thought_signature_validator"}]},
                    {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"ok"}}}]}],
                "systemInstruction":{"parts":[{"text":"s"}]},
                "tools":[{"functionDeclarations":[{"name":"f","parameters":schema}]}],
                "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},
                "generationConfig":{"maxOutputTokens":9,"stopSequences":["x"],"thinkingConfig":{"includeThoughts":true},
                    "responseMimeType":"application/json","responseSchema":schema}}),
        ),
    ]
}

/// The JSON pointers of all values inside this one.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), found));
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(place, value)| pointers(value, &format!("{at}/{place}"), found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_request_with_everything_in_it_is_good() {
    let client = Client::start().await;
    for (path, body) in rich() {
        let answer = client.post(path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn any_value_in_any_place_is_answered() {
    let client = Client::start().await;
    let odd = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("é"),
        json!([]),
        json!([{}]),
        json!({}),
        json!(true),
    ];
    for (path, body) in rich() {
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        for place in places {
            for value in &odd {
                let mut changed = body.clone();
                *changed.pointer_mut(&place).unwrap() = value.clone();
                let answer = client.post(path, &changed).await;
                assert!(
                    matches!(answer.status, 200 | 400 | 404),
                    "{path} {place} {value}: {}",
                    answer.status
                );
                assert!(!answer.broken && !answer.text.is_empty(), "{path} {place} {value}");
            }
        }
    }
}

#[tokio::test]
async fn stopping_lets_an_answer_under_way_finish() {
    let json = r#"{"reply":{"deltas":["a","b","c"]},"stream":{"event_delay_ms":10}}"#;
    let client = Client::with(maestro_testkit::sandbox::Scenario::parse(json).unwrap()).await;
    let body = json!({"model":"sandbox-small","stream":true,"messages":[{"role":"user","content":"x"}]});
    let mut response = client.request("POST", CHAT).body(body.to_string()).send().await.unwrap();
    let reading = async {
        let mut text = String::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        text
    };
    let (text, ()) = tokio::join!(reading, client.sandbox.stop());
    assert!(text.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn whatever_the_authorization_server_is_sent_it_answers() {
    let client = Client::start().await;
    // A panic of the server breaks the connection, which fails in `send` or while the body is read.
    let answered = async |request| assert!(!client.send(request).await.broken);
    let huge = json!({"access_token_seconds": u64::MAX, "code_seconds": u64::MAX, "device_seconds": u64::MAX,
        "device_interval_seconds": u64::MAX, "refresh_token_seconds": u64::MAX, "consent": "approve"});
    for flavour in Flavour::ALL {
        let path = format!("/__sandbox/oauth/{}", flavour.name());
        let patched = client.send(client.request("PATCH", &path).body(huge.to_string())).await;
        assert_eq!(patched.status, 200, "{}", patched.text);
    }
    let odd =
        ["", "%", "=&=&", "{", "[]", "null", "\"x\"", "{\"grant_type\": [1], \"client_id\": {\"a\": null}}"];
    let grants = ["authorization_code", "refresh_token", "device_code", "token-exchange", "\u{0}"];
    for _ in 0..2 {
        for flavour in Flavour::ALL {
            let all = serde_json::to_value(client.sandbox.authorization().endpoints(flavour)).unwrap();
            for url in all.as_object().unwrap().values().filter_map(Value::as_str) {
                for kind in ["application/json", "application/x-www-form-urlencoded", "", "text/plain"] {
                    for body in odd {
                        let request = client.http.post(url).header("content-type", kind);
                        answered(request.body(body)).await;
                    }
                }
                for grant in grants {
                    let body = json!({"grant_type": grant, "client_id": "sandbox-client", "client_secret":
                        "sandbox-secret", "code": "é", "refresh_token": 1, "device_code": true, "token": {},
                        "subject_token": [], "user_code": "", "redirect_uri": "http://[::1]:0/?#", "scope": " "});
                    let request = client.http.post(url).header("content-type", "application/json");
                    answered(request.body(body.to_string())).await;
                }
                for query in [
                    "",
                    "?",
                    "?code=%ff&state=%00",
                    "?client_id=sandbox-client&redirect_uri=http://localhost@x",
                ] {
                    let request =
                        client.http.get(format!("{url}{query}")).header("authorization", "Basic ===");
                    answered(request).await;
                }
            }
        }
        let clock = json!({"advance_seconds": u64::MAX}).to_string();
        assert_eq!(
            client.send(client.request("POST", "/__sandbox/oauth/clock").body(clock)).await.status,
            200
        );
        assert_eq!(client.get("/__sandbox/oauth").await.status, 200);
    }
}
