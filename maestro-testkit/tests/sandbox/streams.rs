//! Replies that nobody scripted: the order of events, and that streamed and whole are the same.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::client::{CHAT, Client, GENERATE, MESSAGES, RESPONSES, STREAM, asks, text_of};

#[tokio::test]
async fn every_dialect_quotes_what_was_said() {
    let client = Client::start().await;
    for (path, body) in asks("What is a lark?") {
        let answer = client.post(path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let text = text_of(&answer);
        assert!(
            text.starts_with("Sandbox (no model was asked) heard: \"What is a lark?\""),
            "{path}: {text}"
        );
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    }
}

#[tokio::test]
async fn streamed_and_whole_say_the_same_text() {
    let client = Client::start().await;
    for (path, mut body) in asks("The same, please") {
        let streamed = text_of(&client.post(path, &body).await);
        let path = if path == STREAM { GENERATE } else { path };
        if body["stream"] == true {
            body["stream"] = false.into();
        }
        let whole = client.post(path, &body).await.json();
        let places = [
            &whole["output"][0]["content"][0]["text"],
            &whole["choices"][0]["message"]["content"],
            &whole["content"][0]["text"],
            &whole["candidates"][0]["content"]["parts"][0]["text"],
        ];
        assert_eq!(places.iter().find_map(|text| text.as_str()), Some(streamed.as_str()), "{path}");
    }
}

#[tokio::test]
async fn each_event_is_one_http_chunk() {
    let client = Client::start().await;
    for (path, body) in asks("chunks") {
        let chunks = http_chunks(&client, path, &body.to_string());
        assert!(chunks.len() > 20, "{path}: {}", chunks.len());
        for text in chunks {
            assert_eq!(text.matches("data: ").count(), 1, "{path}: {text}");
            assert!(text.ends_with("\n\n") || text.ends_with("\r\n\r\n"), "{path}: {text}");
        }
    }
}

/// The chunks of the body as they are on the wire: a client hands out what its read buffer happened to hold.
fn http_chunks(client: &Client, path: &str, body: &str) -> Vec<String> {
    let host = client.sandbox.base_url().replace("http://", "");
    // A blocking socket will do: the server has a thread of its own.
    let mut stream = std::net::TcpStream::connect(&host).unwrap();
    let credential = match path {
        MESSAGES => "x-api-key: sandbox-1\r\nanthropic-version: 2023-06-01",
        STREAM => "x-goog-api-key: sandbox-1",
        _ => "authorization: Bearer sandbox-1",
    };
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{credential}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
    let mut chunks = Vec::new();
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return chunks;
        }
        chunks.push(after[..size].to_owned());
        rest = &after[size + 2..];
    }
}

#[tokio::test]
async fn responses_events_come_in_order_and_are_numbered() {
    let client = Client::start().await;
    let body = json!({"model":"sandbox-reasoning","input":"call f","stream":true,
        "reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"],
        "tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}}}]});
    let answer = client.post(RESPONSES, &body).await;
    assert_eq!(
        answer.kinds(),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (place, event) in answer.events().iter().enumerate() {
        assert_eq!(event["sequence_number"], place);
        let name = format!("event: {}\n", event["type"].as_str().unwrap());
        assert!(answer.text.contains(&name));
    }
    assert!(!answer.text.contains("[DONE]"));
    let seals: Vec<Value> =
        answer.events().iter().map(|event| event["item"]["encrypted_content"].clone()).collect();
    let seals: Vec<&Value> = seals.iter().filter(|seal| !seal.is_null()).collect();
    assert!(seals.len() == 2 && seals[0] != seals[1]);
}

#[tokio::test]
async fn responses_text_is_framed_by_its_parts() {
    let client = Client::start().await;
    let answer = client.post(RESPONSES, &asks("hi")[0].1).await;
    assert_eq!(
        answer.kinds()[2..],
        [
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let events = answer.events();
    let done = &events[events.len() - 1]["response"];
    assert_eq!(done["output"][0], events[events.len() - 2]["item"]);
    let usage = &done["usage"];
    let sum = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
}

#[tokio::test]
async fn chat_ends_with_usage_when_asked_and_with_done_always() {
    let client = Client::start().await;
    let mut body = asks("hi")[1].1.clone();
    let plain = client.post(CHAT, &body).await.events();
    assert_eq!(plain[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(plain[plain.len() - 1], "[DONE]");
    assert_eq!(plain[plain.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert!(plain.iter().all(|event| event.get("usage").is_none()));

    body["stream_options"] = json!({"include_usage": true});
    let counted = client.post(CHAT, &body).await.events();
    let last = &counted[counted.len() - 2];
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], plain.len() - 3);
    assert!(counted[..counted.len() - 2].iter().all(|event| event["usage"].is_null()));
}

#[tokio::test]
async fn chat_splits_parallel_calls_by_index_and_names_them_once() {
    let client = Client::start().await;
    let tool = |name: &str| {
        json!({"type":"function","function":{"name":name,"parameters":{"type":"object",
            "properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"]}}})
    };
    let body = json!({"model":"sandbox-small","stream":true,"tools":[tool("f"),tool("g")],
        "messages":[{"role":"user","content":"call g and f"}]});
    let events = client.post(CHAT, &body).await.events();
    let mut calls = [(String::new(), String::new()), (String::new(), String::new())];
    for event in &events {
        let call = &event["choices"][0]["delta"]["tool_calls"][0];
        if let Some(index) = call["index"].as_u64() {
            let made = &mut calls[usize::try_from(index).unwrap()];
            made.0.push_str(call["function"]["name"].as_str().unwrap_or_default());
            made.1.push_str(call["function"]["arguments"].as_str().unwrap());
        }
    }
    let arguments = r#"{"city":"sandbox","days":1}"#.to_owned();
    assert_eq!(calls, [("g".to_owned(), arguments.clone()), ("f".to_owned(), arguments)]);
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn anthropic_events_come_in_order_with_thinking_sealed_last() {
    let client = Client::start().await;
    let body = json!({"model":"sandbox-small","max_tokens":4000,"stream":true,
        "thinking":{"type":"enabled","budget_tokens":1024},
        "tools":[{"name":"f","input_schema":{"type":"object"}}],
        "messages":[{"role":"user","content":"call f"}]});
    let answer = client.post(MESSAGES, &body).await;
    assert_eq!(
        answer.kinds(),
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let events = answer.events();
    let deltas: Vec<&Value> =
        events.iter().filter(|e| e["index"] == 0).map(|e| &e["delta"]).filter(|d| d.is_object()).collect();
    assert!(deltas[..deltas.len() - 1].iter().all(|delta| delta["type"] == "thinking_delta"));
    assert_eq!(deltas[deltas.len() - 1]["type"], "signature_delta");
    // No arguments: one empty delta and nothing else.
    let input: Vec<&Value> =
        events.iter().filter(|e| e["index"] == 1).map(|e| &e["delta"]).filter(|d| d.is_object()).collect();
    assert_eq!(input, [&json!({"type":"input_json_delta","partial_json":""})]);
    let usage = &events[events.len() - 2]["usage"];
    assert!(
        usage["output_tokens"].as_u64().unwrap()
            > events[0]["message"]["usage"]["output_tokens"].as_u64().unwrap()
    );
}

#[tokio::test]
async fn a_call_that_the_limit_cuts_is_never_closed_by_anthropic() {
    let client = Client::start().await;
    let body = json!({"model":"sandbox-small","max_tokens":2,"stream":true,
        "tools":[{"name":"f","input_schema":{"type":"object","required":["a","b"],
            "properties":{"a":{"type":"string"},"b":{"type":"string"}}}}],
        "messages":[{"role":"user","content":"call f"}]});
    let answer = client.post(MESSAGES, &body).await;
    assert!(!answer.text.contains("content_block_stop"));
    assert!(answer.text.contains(r#""stop_reason":"max_tokens""#));
}

#[tokio::test]
async fn gemini_streams_in_crlf_with_cumulative_usage_and_no_terminator() {
    let client = Client::start().await;
    let answer = client.post(STREAM, &asks("hi")[3].1).await;
    assert!(answer.text.ends_with("\r\n\r\n") && !answer.text.replace("\r\n", "").contains('\n'));
    assert!(!answer.text.contains("event:") && !answer.text.contains("[DONE]"));
    let events = answer.events();
    let counts: Vec<u64> =
        events.iter().map(|e| e["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap()).collect();
    assert!(counts.is_sorted());
    let last = &events[events.len() - 1]["candidates"][0];
    assert_eq!(last["finishReason"], "STOP");
    assert!(events[..events.len() - 1].iter().all(|e| e["candidates"][0].get("finishReason").is_none()));
}

#[tokio::test]
async fn gemini_without_sse_streams_one_json_array() {
    let client = Client::start().await;
    let path = STREAM.trim_end_matches("?alt=sse");
    let answer = client.post(path, &asks("hi")[3].1).await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    assert!(answer.json().as_array().unwrap().len() > 20);
}

#[tokio::test]
async fn gemini_signs_the_first_of_parallel_calls() {
    let client = Client::start().await;
    let body = json!({"contents":[{"role":"user","parts":[{"text":"call f and g"}]}],
        "tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]}]});
    let path = "/gemini/v1beta/models/gemini-3-pro:generateContent";
    let parts = client.post(path, &body).await.json()["candidates"][0]["content"]["parts"].clone();
    assert_eq!(parts[0]["functionCall"]["name"], "f");
    assert!(parts[0]["thoughtSignature"].is_string() && parts[1].get("thoughtSignature").is_none());
    assert!(parts[1]["functionCall"]["id"].is_string());
}

#[tokio::test]
async fn a_limit_ends_each_dialect_in_its_own_words() {
    let client = Client::start().await;
    let mut asks = asks("hi");
    asks[0].1["max_output_tokens"] = 16.into();
    asks[1].1["max_tokens"] = 16.into();
    asks[2].1["max_tokens"] = 16.into();
    asks[3].1["generationConfig"] = json!({"maxOutputTokens": 16});
    let ends = ["response.incomplete", r#""finish_reason":"length""#, "max_tokens", "MAX_TOKENS"];
    for ((path, body), end) in asks.iter().zip(ends) {
        assert!(client.post(path, body).await.text.contains(end), "{path}");
    }
}

#[tokio::test]
async fn stop_sequences_end_the_text_where_the_dialect_has_them() {
    let client = Client::start().await;
    let mut asks = asks("hi");
    asks[1].1["stop"] = "heard".into();
    asks[2].1["stop_sequences"] = json!(["heard"]);
    asks[3].1["generationConfig"] = json!({"stopSequences": ["heard"]});
    for (path, body) in &asks[1..] {
        assert_eq!(text_of(&client.post(path, body).await), "Sandbox (no model was asked) ", "{path}");
    }
}

#[tokio::test]
async fn models_are_listed_page_by_page() {
    let client = Client::start().await;
    let mut after = String::new();
    let mut ids = Vec::new();
    loop {
        let page = client.get(&format!("/anthropic/v1/models?limit=2&after_id={after}")).await.json();
        ids.extend(page["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap().to_owned()));
        after = page["last_id"].as_str().unwrap().to_owned();
        if page["has_more"] == false {
            break;
        }
    }
    let mut token = String::new();
    let mut names = Vec::new();
    loop {
        let page = client.get(&format!("/gemini/v1beta/models?pageSize=2&pageToken={token}")).await.json();
        names.extend(
            page["models"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap().to_owned()),
        );
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    let listed = client.get("/openai/v1/models").await.json()["data"].as_array().unwrap().len();
    assert_eq!((ids.len(), names.len(), listed), (5, 5, 5));
    assert!(names.iter().zip(&ids).all(|(name, id)| *name == format!("models/{id}")));
}
