//! Random conversations, normalised and encoded for each provider, against an independent reading of what its server
//! demands of the body. Nothing here looks at the rules that the normaliser was given.

#![cfg(all(feature = "anthropic", feature = "openai", feature = "gemini", feature = "openai-compatible"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[path = "../../maestro-core/tests/conversations/mod.rs"]
mod conversations;

use std::collections::{HashMap, HashSet};

use conversations::{any_conversation, legal_conversation};
use maestro_core::{
    Secret,
    auth::Credentials,
    chat::{ChatRequest, Message, Normalised, TranslationReport, normalise},
    provider::{Endpoint, ModelId, ProviderId},
};
use proptest::prelude::*;
use serde_json::Value;

/// Normalises and encodes; absent when nothing is left to be sent, which no provider takes.
fn body(provider: &str, model: &str, messages: Vec<Message>) -> Option<Value> {
    let registry = maestro_providers::builtin();
    let chat = registry.chat(&ProviderId::new(provider).unwrap()).unwrap();
    let Normalised { messages, .. } = normalise(messages, &chat.rules(model));
    let endpoint = Endpoint {
        base_url: Some(Endpoint::parse_base_url("http://127.0.0.1:1/v1").unwrap()),
        credentials: Some(Credentials::api_key(Secret::new("sandbox-key").unwrap())),
    };
    let request = ChatRequest::new(ModelId::new(model).unwrap(), messages);
    let mut report = TranslationReport::default();
    let encoded = chat.encode(&endpoint, &request, &mut report);
    assert!(report.0.iter().all(|line| line.part.is_none()), "rules and encoder disagree: {report:?}");
    let body: Value = serde_json::from_slice(encoded.ok()?.body()).unwrap();
    Some(body)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn is(value: &Value, kind: &str) -> bool {
    value["type"] == kind
}

fn legal_id(id: &str, longest: usize) -> bool {
    (1..=longest).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn check_anthropic(body: &Value) {
    let messages = list(body, "messages");
    let mut ids = HashSet::new();
    for (number, message) in messages.iter().enumerate() {
        let expected = if number % 2 == 0 { "user" } else { "assistant" };
        assert_eq!(message["role"], expected, "roles alternate, and the user begins: {number}");
        let content = list(message, "content");
        assert!(!content.is_empty(), "content is not empty");
        let results: Vec<_> = content.iter().take_while(|block| is(block, "tool_result")).collect();
        assert_eq!(
            results.len(),
            content.iter().filter(|block| is(block, "tool_result")).count(),
            "results first"
        );
        let calls: Vec<_> = match number.checked_sub(1).and_then(|before| messages.get(before)) {
            Some(before) => list(before, "content").iter().filter(|block| is(block, "tool_use")).collect(),
            None => Vec::new(),
        };
        let called: Vec<_> = calls.iter().map(|block| &block["id"]).collect();
        let answered: Vec<_> = results.iter().map(|block| &block["tool_use_id"]).collect();
        assert_eq!(called, answered, "each call is answered in the next message, in order");
        for block in content {
            match block["type"].as_str().unwrap() {
                "text" => assert!(!block["text"].as_str().unwrap().trim().is_empty(), "texts are not empty"),
                "tool_use" => {
                    assert!(block["input"].is_object());
                    assert!(legal_id(block["id"].as_str().unwrap(), 256));
                    assert!(ids.insert(block["id"].clone()), "ids are unique");
                    assert_eq!(expected, "assistant");
                }
                "thinking" => assert!(!block["signature"].as_str().unwrap().is_empty()),
                "image" | "document" => assert_eq!(expected, "user"),
                "tool_result" | "server_tool_use" => {}
                other => panic!("{other}"),
            }
        }
    }
    let last = messages.last().unwrap();
    let paused = list(last, "content").last().is_some_and(|_| last["role"] == "assistant");
    assert!(last["role"] == "user" || paused);
}

fn check_openai(body: &Value) {
    let items = list(body, "input");
    let mut open = HashSet::new();
    let mut seen = HashSet::new();
    for (number, item) in items.iter().enumerate() {
        match item["type"].as_str().unwrap() {
            "function_call" => {
                assert!(legal_id(item["call_id"].as_str().unwrap(), 64));
                assert!(item["arguments"].is_string());
                assert!(seen.insert(&item["call_id"]) && open.insert(&item["call_id"]), "ids are unique");
            }
            "function_call_output" => {
                assert!(open.remove(&item["call_id"]), "an output has a call before it");
            }
            "reasoning" => {
                assert!(item["encrypted_content"].is_string());
                let next = items.get(number + 1).expect("an item follows reasoning");
                let from_the_model = !is(next, "function_call_output") && next["role"] != "user";
                assert!(from_the_model && next["role"] != "developer", "the item that it led to: {next}");
            }
            "message" => {
                let content = list(item, "content");
                assert!(!content.is_empty());
                for piece in content {
                    let kind = piece["type"].as_str().unwrap();
                    let fits = if item["role"] == "assistant" { "output_text refusal" } else { "input_" };
                    assert!(kind.starts_with(fits) || fits.contains(kind), "{kind} from {}", item["role"]);
                }
            }
            "web_search_call" => {}
            other => panic!("{other}"),
        }
    }
    assert!(open.is_empty(), "every call has an output: {open:?}");
}

fn check_chat(body: &Value) {
    let messages = list(body, "messages");
    let mut seen = HashSet::new();
    let mut due: Vec<&Value> = Vec::new();
    for message in messages {
        if message["role"] == "tool" {
            assert!(!due.is_empty(), "a result has a call before it");
            assert_eq!(&message["tool_call_id"], due.remove(0), "results in the order of the calls");
            assert!(message["content"].is_string());
            continue;
        }
        assert!(due.is_empty(), "all results come before anything else");
        for call in list(message, "tool_calls") {
            assert!(legal_id(call["id"].as_str().unwrap(), 40) && seen.insert(&call["id"]));
            assert!(call["function"]["arguments"].is_string());
            due.push(&call["id"]);
        }
        let is_silent = message["content"].is_null();
        assert!(!is_silent || !due.is_empty(), "null only beside calls");
    }
    assert!(due.is_empty());
}

fn check_gemini(body: &Value, signed: bool) {
    let contents = list(body, "contents");
    let is_response = |part: &&Value| part.get("functionResponse").is_some();
    let current = contents
        .iter()
        .rposition(|content| {
            content["role"] == "user" && !list(content, "parts").iter().all(|part| is_response(&part))
        })
        .expect("the user says something");
    for (number, content) in contents.iter().enumerate() {
        let expected = if number % 2 == 0 { "user" } else { "model" };
        assert_eq!(content["role"], expected, "roles alternate, and the user begins");
        let parts = list(content, "parts");
        assert!(!parts.is_empty());
        for part in parts {
            let payloads =
                ["text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode"];
            assert_eq!(
                payloads.iter().filter(|name| part.get(**name).is_some()).count(),
                1,
                "one payload: {part}"
            );
            let is_empty = part["text"].as_str().is_some_and(|text| text.trim().is_empty());
            assert!(!is_empty || part.get("thoughtSignature").is_some(), "no empty text: {part}");
        }
        let calls: Vec<_> = parts.iter().filter(|part| part.get("functionCall").is_some()).collect();
        let names: Vec<_> = calls.iter().map(|part| &part["functionCall"]["name"]).collect();
        let next = contents.get(number + 1).map_or(&[][..], |next| list(next, "parts"));
        let answers: Vec<_> =
            next.iter().filter(is_response).map(|part| &part["functionResponse"]["name"]).collect();
        if expected == "model" {
            assert_eq!(names, answers, "as many responses as calls, in their order");
        } else if number == 0 {
            assert!(!parts.iter().any(|part| is_response(&part)));
        }
        if let Some(first) = calls.first()
            && signed
            && number > current
        {
            assert!(first["thoughtSignature"].is_string(), "the first call of a step is signed: {first}");
        }
    }
}

fn natives(messages: &[Message]) -> HashMap<(usize, usize), String> {
    let parts = messages.iter().enumerate().flat_map(|(turn, message)| {
        message.parts.iter().enumerate().map(move |(index, part)| ((turn, index), part))
    });
    parts.filter_map(|(at, part)| Some((at, part.native.as_ref()?.json.get().to_owned()))).collect()
}

fn stays_as_it_is(provider: &str, model: &str, messages: Vec<Message>) {
    let registry = maestro_providers::builtin();
    let chat = registry.chat(&ProviderId::new(provider).unwrap()).unwrap();
    let before = natives(&messages);
    let normal = normalise(messages, &chat.rules(model));
    assert!(normal.report.is_empty(), "{:#?}", normal.report);
    assert_eq!(natives(&normal.messages), before);
    // And it is sent byte for byte.
    let endpoint = Endpoint {
        base_url: Some(Endpoint::parse_base_url("http://127.0.0.1:1").unwrap()),
        credentials: Some(Credentials::api_key(Secret::new("sandbox-key").unwrap())),
    };
    let request = ChatRequest::new(ModelId::new(model).unwrap(), normal.messages);
    let mut report = TranslationReport::default();
    let encoded = chat.encode(&endpoint, &request, &mut report).unwrap();
    let sent = std::str::from_utf8(encoded.body()).unwrap();
    for native in before.values() {
        assert!(sent.contains(native), "{native} in {sent}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anthropic_takes_any_conversation(messages in any_conversation()) {
        if let Some(body) = body("anthropic", "model-a", messages) { check_anthropic(&body); }
    }

    #[test]
    fn openai_takes_any_conversation(messages in any_conversation()) {
        if let Some(body) = body("openai", "model-a", messages) { check_openai(&body); }
    }

    #[test]
    fn chat_servers_take_any_conversation(messages in any_conversation()) {
        if let Some(body) = body("openai_compatible", "model-a", messages) { check_chat(&body); }
    }

    #[test]
    fn gemini_takes_any_conversation(messages in any_conversation()) {
        if let Some(body) = body("gemini", "model-a", messages.clone()) { check_gemini(&body, true); }
        if let Some(body) = body("gemini", "gemini-2.5-flash", messages) { check_gemini(&body, false); }
    }

    #[test]
    fn a_legal_history_goes_back_byte_for_byte(
        anthropic in legal_conversation("anthropic-messages", "claude-x"),
        openai in legal_conversation("openai-responses", "gpt-x"),
        chat in legal_conversation("openai-chat", "local"),
        gemini in legal_conversation("gemini", "gemini-3-x"),
    ) {
        stays_as_it_is("anthropic", "claude-x", anthropic);
        stays_as_it_is("openai", "gpt-x", openai);
        stays_as_it_is("openai_compatible", "local", chat);
        stays_as_it_is("gemini", "gemini-3-x", gemini);
    }
}
