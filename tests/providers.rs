//! Every provider, through the facade, against the sandbox: one set of behaviours for all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::time::{Duration, Instant};

use maestro::{
    RetryPolicy,
    core::{
        Retry,
        chat::{Effort, RawJson, Strictness, ToolChoice, ToolDefinition, ToolName, ToolResult},
        conversations::EntryContent,
    },
    prelude::*,
    providers::http::{ClientFactory, HttpSettings},
};
use maestro_testkit::sandbox::{Sandbox, Scenario};
use serde_json::json;

const PROVIDERS: [&str; 4] = ["anthropic", "openai", "gemini", "openai_compatible"];

struct World {
    maestro: Maestro,
    sandbox: Sandbox,
    session: Session,
}

impl World {
    async fn new() -> Self {
        let timers = HttpSettings {
            idle_timeout: Duration::from_millis(400),
            first_byte_timeout: Duration::from_millis(600),
            ..HttpSettings::default()
        };
        let maestro = Maestro::builder()
            .store(MemoryStore::new())
            .vault(Vault::new(VaultKey::generate()))
            .http(ClientFactory::new(timers).client())
            .retry(RetryPolicy {
                retries: 1,
                first_delay: Duration::from_millis(1),
                ..RetryPolicy::default()
            })
            .build()
            .unwrap();
        let session = maestro
            .store()
            .session_create(NewSession::new(SessionName::new("all").unwrap(), maestro.now()))
            .await
            .unwrap();
        Self { maestro, sandbox: Sandbox::start().await.unwrap(), session }
    }

    fn target_with(&self, provider: &str, key: &str) -> Target {
        let url = match provider {
            "anthropic" => self.sandbox.anthropic_url(),
            "gemini" => self.sandbox.gemini_url(),
            _ => self.sandbox.openai_url(),
        };
        let credentials = Credentials::api_key(Secret::new(key).unwrap()).at(Some(url.parse().unwrap()));
        Target::new(provider.parse().unwrap(), Endpoint::with_credentials(credentials))
    }

    fn target(&self, provider: &str) -> Target {
        self.target_with(provider, self.sandbox.key())
    }

    async fn say(&self, provider: &str, text: &str) -> Result<ChatEntry> {
        let turn = self
            .maestro
            .turn(self.session.id)
            .user(text)
            .target(self.target(provider))
            .model(model("sandbox-small"));
        Ok(turn.start().await?.finish().await?.entry)
    }

    fn scripted(&self, scenario: serde_json::Value) {
        self.sandbox.set_scenarios(vec![serde_json::from_value(scenario).unwrap()]);
    }
}

fn model(name: &str) -> ModelId {
    name.parse().unwrap()
}

fn tool(name: &str) -> ToolDefinition {
    ToolDefinition {
        name: ToolName::new(name).unwrap(),
        description: "A tool.".to_owned(),
        parameters: RawJson::parse(r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#)
            .unwrap(),
        strictness: Strictness::Lenient,
    }
}

fn text_of(entry: &ChatEntry) -> String {
    entry.to_message().text()
}

#[tokio::test]
async fn a_scripted_text_arrives_as_it_was_sent_with_usage_and_finish() {
    let deltas = ["Hé", "llo ", "\"wörld\"\n", "\u{2028}\t", "日本", "語 🦜", "\\u0041", "end"];
    for provider in PROVIDERS {
        let world = World::new().await;
        world.scripted(
            json!({ "reply": { "deltas": deltas, "usage": { "input_tokens": 11, "output_tokens": 7 } } }),
        );
        let entry = world.say(provider, "hi").await.unwrap();
        assert_eq!(text_of(&entry), deltas.concat(), "{provider}");
        assert_eq!(entry.content.finish, Some(Finish::Stop), "{provider}");
        let usage = entry.content.usage.unwrap();
        assert_eq!((usage.input_total, usage.output_total), (11, 7), "{provider}");
        let origin = entry.content.origin.unwrap();
        assert_eq!(
            (origin.model_served.as_deref(), origin.response_id.is_some()),
            (Some("sandbox-small"), true),
            "{provider}"
        );
    }
}

#[tokio::test]
async fn every_byte_by_itself_gives_the_same_answer() {
    for provider in PROVIDERS {
        let world = World::new().await;
        let reply = json!({ "reasoning": "hm — well", "deltas": ["Zwei ", "Wörter"], "tool_calls": [{ "name": "weather", "arguments": { "city": "Zürich" } }] });
        let mut answers: Vec<EntryContent> = Vec::new();
        for stream in [
            json!({}),
            json!({ "chunk_bytes": 1 }),
            json!({ "chunk_bytes": 17, "line_ending": "cr", "bom": true, "comments": true }),
        ] {
            world.scripted(json!({ "reply": reply, "stream": stream }));
            let turn = world
                .maestro
                .turn(world.session.id)
                .user("hi")
                .target(world.target(provider))
                .model(model("sandbox-small"));
            let turn = turn.tools([tool("weather")]).thread(world.session.root_thread_id);
            let entry = turn.start().await.unwrap().finish().await.unwrap().entry;
            let mut content = entry.content;
            // Ids and sizes of bodies differ from request to request.
            (content.origin, content.response_headers, content.request_headers, content.usage) =
                Default::default();
            for part in &mut content.parts {
                part.native = None;
                if let PartKind::ToolCall(call) = &mut part.kind {
                    (call.call_id, call.seal) = ("call".into(), None);
                }
                if let PartKind::Reasoning(reasoning) = &mut part.kind {
                    reasoning.seal = None;
                }
            }
            answers.push(content);
            // Answer the call, so that the next round is legal.
            let head = world.maestro.store().thread_get(world.session.root_thread_id).await.unwrap().head();
            world.maestro.store().entry_delete(head).await.unwrap();
        }
        assert_eq!(answers[0], answers[1], "{provider}");
        assert_eq!(answers[0], answers[2], "{provider}");
    }
}

#[tokio::test]
async fn two_tools_are_called_at_once_and_answered() {
    for provider in PROVIDERS {
        let world = World::new().await;
        let ask = || {
            let tools = [tool("weather"), tool("time")];
            world
                .maestro
                .turn(world.session.id)
                .target(world.target(provider))
                .model(model("sandbox-small"))
                .tools(tools)
        };
        let entry = ask()
            .user("Please call weather and call time")
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap()
            .entry;
        assert_eq!(entry.content.finish, Some(Finish::ToolUse), "{provider}");
        let calls: Vec<_> = (entry.content.parts.iter())
            .filter_map(|part| match &part.kind {
                PartKind::ToolCall(call) => Some(call.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(calls.len(), 2, "{provider}");
        assert_ne!(calls[0].call_id, calls[1].call_id, "{provider}");
        assert!(
            calls.iter().all(|call| call.args() == Some(json!({ "city": "sandbox" }))),
            "{provider}: {calls:?}"
        );
        let results = [
            Part::new(PartKind::ToolResult(ToolResult::text(&calls[0], "18 degrees"))),
            Part::new(PartKind::ToolResult(ToolResult::error(&calls[1], "no clock"))),
        ];
        let entry = ask().tool_results(results).start().await.unwrap().finish().await.unwrap().entry;
        let text = text_of(&entry);
        assert!(text.contains("18 degrees") && text.contains("no clock"), "{provider}: {text}");
    }
}

#[tokio::test]
async fn one_tool_can_be_demanded() {
    for provider in PROVIDERS {
        let world = World::new().await;
        let turn = world
            .maestro
            .turn(world.session.id)
            .user("hi")
            .target(world.target(provider))
            .model(model("sandbox-small"));
        let choice = ToolChoice::Tool(ToolName::new("time").unwrap());
        let entry = turn
            .tools([tool("weather"), tool("time")])
            .tool_choice(choice)
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap()
            .entry;
        let called = entry
            .content
            .parts
            .iter()
            .any(|part| matches!(&part.kind, PartKind::ToolCall(call) if call.name == "time"));
        assert!(called, "{provider}: {:?}", entry.content.parts);
    }
}

/// The sandbox refuses a seal that it did not make, or that was changed or moved.
#[tokio::test]
async fn reasoning_is_shown_and_its_seals_are_replayed_over_turns_and_tools() {
    for provider in PROVIDERS {
        let world = World::new().await;
        let ask = || {
            world
                .maestro
                .turn(world.session.id)
                .target(world.target(provider))
                .model(model("sandbox-reasoning"))
                .effort(Effort::Medium)
                .tools([tool("weather")])
        };
        let first =
            ask().user("Think, then call weather").start().await.unwrap().finish().await.unwrap().entry;
        let kinds: Vec<_> = first.content.parts.iter().map(|part| part.kind.name()).collect();
        assert_eq!(kinds.first(), Some(&"reasoning"), "{provider}: {kinds:?}");
        let call = first.content.parts.iter().find_map(|part| match &part.kind {
            PartKind::ToolCall(call) => Some(call),
            _ => None,
        });
        let result = Part::new(PartKind::ToolResult(ToolResult::text(call.unwrap(), "18 degrees")));
        ask().tool_results([result]).start().await.unwrap().finish().await.unwrap();
        let last = ask().user("And now?").start().await.unwrap().finish().await.unwrap().entry;
        assert_eq!(last.state, EntryState::Complete, "{provider}: {:?}", last.content.problem);
    }
}

#[tokio::test]
async fn a_conversation_goes_on_with_every_other_provider_tools_and_reasoning_included() {
    for from in PROVIDERS {
        for to in PROVIDERS {
            let world = World::new().await;
            let ask = |provider: &str| {
                world
                    .maestro
                    .turn(world.session.id)
                    .target(world.target(provider))
                    .model(model(if provider == "gemini" { "gemini-3-pro" } else { "sandbox-reasoning" }))
                    .effort(Effort::Low)
                    .tools([tool("weather")])
            };
            let first =
                ask(from).user("Please call weather").start().await.unwrap().finish().await.unwrap().entry;
            let results: Vec<_> = (first.content.parts.iter())
                .filter_map(|part| match &part.kind {
                    PartKind::ToolCall(call) => {
                        Some(Part::new(PartKind::ToolResult(ToolResult::text(call, "18 degrees"))))
                    }
                    _ => None,
                })
                .collect();
            assert_eq!(results.len(), 1, "{from}");
            // In the middle of the tool loop already, and then once more behind it.
            let second = ask(to).tool_results(results).start().await.unwrap().finish().await.unwrap().entry;
            assert!(text_of(&second).contains("18 degrees"), "{from} to {to}: {}", text_of(&second));
            let third = ask(from).user("Go on").start().await.unwrap().finish().await.unwrap().entry;
            assert_eq!(third.state, EntryState::Complete, "{from} to {to} and back");
        }
    }
}

#[tokio::test]
async fn a_conversation_whose_beginning_is_left_out_is_still_legal() {
    for provider in PROVIDERS {
        let world = World::new().await;
        world.say(provider, "one").await.unwrap();
        let chunk = maestro::core::conversations::ChunkRef {
            entry_id: world
                .maestro
                .store()
                .lineage(world.session.root_thread_id, LineageRange::All)
                .await
                .unwrap()
                .entries[0]
                .id,
            part: 0,
        };
        world.maestro.universal().delete_context_chunk(world.session.root_thread_id, chunk).await.unwrap();
        assert_eq!(world.say(provider, "two").await.unwrap().state, EntryState::Complete, "{provider}");
    }
}

#[tokio::test]
async fn a_call_that_a_limit_cuts_in_the_middle_is_never_whole() {
    for provider in ["anthropic", "openai", "openai_compatible"] {
        let world = World::new().await;
        world.scripted(json!({ "reply": { "finish": "length", "tool_calls": [{ "name": "weather", "arguments": { "city": "Rome" } }] } }));
        let turn = world
            .maestro
            .turn(world.session.id)
            .user("hi")
            .target(world.target(provider))
            .model(model("sandbox-small"));
        let entry = turn.tools([tool("weather")]).start().await.unwrap().finish().await.unwrap().entry;
        assert_eq!(entry.content.finish, Some(Finish::Length), "{provider}");
        let PartKind::ToolCall(call) = &entry.content.parts[0].kind else {
            panic!("{provider}: {:?}", entry.content.parts)
        };
        assert_eq!(call.args(), None, "{provider}: {call:?}");
    }
}

#[tokio::test]
async fn ends_that_are_none_are_told_apart_and_what_came_is_kept() {
    for provider in PROVIDERS {
        let reply = json!({ "deltas": ["One ", "two ", "three ", "four"] });
        // Four events of Responses come before the first text.
        let events = if provider == "openai" { 6 } else { 4 };
        for (fault, state) in [
            (json!({ "cut_after_events": events }), EntryState::Interrupted),
            (json!({ "end_after_events": events }), EntryState::Interrupted),
            (json!({ "stall_after_events": events }), EntryState::Interrupted),
            (
                json!({ "error_after_events": { "events": events, "message": "overloaded" } }),
                EntryState::Failed,
            ),
        ] {
            let world = World::new().await;
            world.scripted(json!({ "reply": reply, "stream": fault }));
            let began = Instant::now();
            let entry = world.say(provider, "hi").await.unwrap();
            assert_eq!(entry.state, state, "{provider} {fault}: {:?}", entry.content.problem);
            assert!(text_of(&entry).starts_with("One "), "{provider} {fault}: {:?}", text_of(&entry));
            assert!(entry.content.problem.is_some(), "{provider} {fault}");
            assert!(began.elapsed() < Duration::from_secs(10), "{provider} {fault} hung");
            // The conversation goes on.
            world.sandbox.clear();
            assert_eq!(
                world.say(provider, "again").await.unwrap().state,
                EntryState::Complete,
                "{provider} {fault}"
            );
        }
    }
}

#[tokio::test]
async fn statuses_become_kinds_with_retries_where_they_help() {
    for provider in PROVIDERS {
        for (status, kind, asked) in [
            (400, ErrorKind::Invalid, 1),
            (401, ErrorKind::Unauthenticated, 1),
            (403, ErrorKind::Forbidden, 1),
            (404, ErrorKind::NotFound, 1),
            (429, ErrorKind::RateLimited, 2),
            (500, ErrorKind::Unavailable, 2),
            (503, ErrorKind::Unavailable, 2),
            (529, ErrorKind::Unavailable, 2),
        ] {
            let world = World::new().await;
            world.sandbox.set_scenarios(vec![Scenario::status(status)]);
            let error = world.say(provider, "hi").await.unwrap_err();
            assert_eq!((error.kind(), error.status()), (kind, Some(status)), "{provider} {status}: {error}");
            assert_eq!(world.sandbox.requests().len(), asked, "{provider} {status}: {error:?}");
            // Nothing is half-written.
            let lineage =
                world.maestro.store().lineage(world.session.root_thread_id, LineageRange::All).await.unwrap();
            assert_eq!(lineage.entries, [], "{provider} {status}");
        }
    }
}

#[tokio::test]
async fn a_delay_that_the_provider_names_is_kept() {
    for provider in PROVIDERS {
        let world = World::new().await;
        let limited = Scenario::status(429).header("retry-after", "1").times(1);
        world.sandbox.set_scenarios(vec![limited]);
        let began = Instant::now();
        assert_eq!(world.say(provider, "hi").await.unwrap().state, EntryState::Complete, "{provider}");
        assert!(began.elapsed() >= Duration::from_secs(1), "{provider}");

        if provider == "gemini" {
            // It names its delay in the body.
            continue;
        }
        world.sandbox.set_scenarios(vec![Scenario::status(429).header("retry-after", "3600")]);
        let error = world.say(provider, "hi").await.unwrap_err();
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(3600)), "{provider}: {error}");
    }
}

#[tokio::test]
async fn a_refused_key_an_unknown_model_and_a_wrong_address_are_told_and_leave_nothing() {
    for provider in PROVIDERS {
        let world = World::new().await;
        let ask = |target: Target, name: &str| {
            world.maestro.turn(world.session.id).user("hi").target(target).model(model(name))
        };
        let refused = ask(world.target_with(provider, "wrong-canary-key"), "sandbox-small")
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated, "{provider}: {refused}");
        assert!(!format!("{refused:?}").contains("canary"), "{provider}: {refused:?}");

        let unknown =
            ask(world.target(provider), "no-such-model").start().await.unwrap().finish().await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound, "{provider}: {unknown}");
        assert!(unknown.to_string().contains("no-such-model"), "{provider}: {unknown}");

        let at = |url: &str| {
            let credentials =
                Credentials::api_key(Secret::new("sandbox-key").unwrap()).at(Some(url.parse().unwrap()));
            Target::new(provider.parse().unwrap(), Endpoint::with_credentials(credentials))
        };
        let nobody = ask(at("http://127.0.0.1:9/v1"), "sandbox-small")
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::Unavailable, "{provider}: {nobody}");
        assert!(nobody.to_string().contains("127.0.0.1:9"), "{provider}: {nobody}");

        world.sandbox.set_scenarios(vec![Scenario::raw("text/html", "<html><body>Welcome</body></html>")]);
        let page =
            ask(world.target(provider), "sandbox-small").start().await.unwrap().finish().await.unwrap_err();
        assert!(matches!(page.kind(), ErrorKind::Protocol | ErrorKind::Unavailable), "{provider}: {page:?}");
        assert!(page.to_string().contains("base URL"), "{provider}: {page}");
    }
}

#[tokio::test]
async fn a_server_that_answers_whole_although_a_stream_was_asked_for_is_understood() {
    let world = World::new().await;
    let body = r#"{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    world.sandbox.set_scenarios(vec![Scenario::raw("application/json", body)]);
    let entry = world.say("openai_compatible", "hi").await.unwrap();
    assert_eq!((entry.state, text_of(&entry).as_str()), (EntryState::Complete, "Hello"));
    for provider in PROVIDERS {
        world.sandbox.set_scenarios(vec![Scenario::raw("application/json", r#"{"hello":"world"}"#)]);
        let error = world.say(provider, "hi").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{provider}: {error}");
        assert!(error.to_string().contains("base URL"), "{provider}: {error}");
    }
}

#[tokio::test]
async fn models_are_listed_over_all_pages_and_one_can_be_asked_for() {
    for provider in PROVIDERS {
        let world = World::new().await;
        let target = world.target(provider);
        let models = world.maestro.list_models(&target).await.unwrap();
        let names: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
        for name in ["sandbox-small", "sandbox-large", "sandbox-reasoning", "sandbox-legacy"] {
            assert!(names.contains(&name), "{provider}: {names:?}");
        }
        let catalog = world.maestro.registry().models(&target.provider).unwrap();
        let one = catalog
            .get_model_info(world.maestro.http(), &target.endpoint, &model("sandbox-large"))
            .await
            .unwrap();
        assert_eq!(one.id.as_str(), "sandbox-large", "{provider}");
        let none = catalog
            .get_model_info(world.maestro.http(), &target.endpoint, &model("no-such-model"))
            .await
            .unwrap_err();
        assert_eq!(none.kind(), ErrorKind::NotFound, "{provider}: {none}");

        assert!(world.maestro.test_connection(&target).await.unwrap().models_seen > 0, "{provider}");
        let refused =
            world.maestro.test_connection(&world.target_with(provider, "wrong-key-1234")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated, "{provider}: {refused}");
    }
}

#[tokio::test]
async fn one_connection_serves_many_calls() {
    for provider in PROVIDERS {
        let world = World::new().await;
        world.sandbox.set_scenarios(vec![Scenario::deltas(["a", "b", "c"])]);
        for _ in 0..50 {
            world.say(provider, "hi").await.unwrap();
        }
        assert_eq!(world.sandbox.connections(), 1, "{provider}");
    }
}

#[tokio::test]
async fn a_slow_first_byte_meets_its_own_timer() {
    for provider in PROVIDERS {
        let world = World::new().await;
        world.scripted(json!({ "first_byte_ms": 60_000 }));
        let error = world
            .maestro
            .turn(world.session.id)
            .user("hi")
            .target(world.target(provider))
            .model(model("sandbox-small"))
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Interrupted),
            "{provider}: {error}"
        );
    }
}
