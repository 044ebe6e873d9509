//! What is sent, byte for byte: one exchange in all four protocols, then each setting.

#![cfg(all(feature = "anthropic", feature = "openai", feature = "gemini", feature = "openai-compatible"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use bytes::Bytes;
use http::Request;
use maestro_core::{
    Error, ErrorKind, Result, Secret,
    auth::{Credentials, OAuthTokens},
    chat::{
        Action, ApiId, ArgsEnd, CacheHint, ChatRequest, Document, Effort, Image, Media, Message, Native,
        Origin, OutputFormat, ParallelTools, Part, PartKind, RawJson, Reasoning, Role, Seal, SealKind,
        Strictness, Text, ToolCall, ToolChoice, ToolDefinition, ToolName, ToolResult, TranslationReport,
        normalise,
    },
    provider::{Endpoint, ModelId, Provider, ProviderId},
};
use maestro_providers::{
    anthropic::{self, Anthropic},
    gemini::{self, Gemini},
    openai::{self, OpenAi},
    openai_compatible::{MaxTokensField, OpenAiCompatible},
};
use serde_json::{Value, json};

fn endpoint(base: &str) -> Endpoint {
    Endpoint {
        base_url: Some(Endpoint::parse_base_url(base).unwrap()),
        credentials: Some(Credentials::api_key(Secret::new("sandbox-key").unwrap())),
    }
}

fn try_encode(
    provider: &dyn Provider,
    endpoint: &Endpoint,
    mut request: ChatRequest,
) -> Result<(Request<Bytes>, TranslationReport)> {
    let chat = provider.chat().unwrap();
    let normal = normalise(std::mem::take(&mut request.messages), &chat.rules(request.model.as_str()));
    request.messages = normal.messages;
    let mut report = normal.report;
    chat.encode(endpoint, &request, &mut report).map(|encoded| (encoded, report))
}

fn encode(provider: &dyn Provider, request: ChatRequest) -> (Value, TranslationReport) {
    let (encoded, report) = try_encode(provider, &endpoint("http://127.0.0.1:1/v1"), request).unwrap();
    (serde_json::from_slice(encoded.body()).unwrap(), report)
}

fn text_of(provider: &dyn Provider, request: ChatRequest) -> String {
    let (encoded, _) = try_encode(provider, &endpoint("http://127.0.0.1:1/v1"), request).unwrap();
    String::from_utf8(encoded.body().to_vec()).unwrap()
}

fn request(model: &str, messages: Vec<Message>) -> ChatRequest {
    ChatRequest::new(ModelId::new(model).unwrap(), messages)
}

fn hello(model: &str) -> ChatRequest {
    request(model, vec![Message::user("Hello.")])
}

/// The exchange of two parallel calls, as `api` and `model` would have made it, with `seal` on its reasoning.
fn weather(api: ApiId, model: &str, kind: SealKind) -> ChatRequest {
    let seal = Seal { api: api.clone(), model: Some(model.into()), kind, bytes: "S1".to_owned() };
    let mut paris = ToolCall::new("c1", "weather", r#"{"city":"Paris"}"#, ArgsEnd::Complete);
    let rome = ToolCall::new("c2", "weather", r#"{"city":"Rome"}"#, ArgsEnd::Complete);
    let results = vec![ToolResult::text(&paris, "18 C"), ToolResult::error(&rome, "timeout")];
    let mut parts = Vec::new();
    if kind == SealKind::ThoughtSignature {
        paris.seal = Some(seal);
    } else {
        parts.push(Part::new(PartKind::Reasoning(Reasoning {
            text: "Two cities.".to_owned(),
            seal: Some(seal),
        })));
    }
    parts.push(Part::text("Checking."));
    parts.extend([paris, rome].map(|call| Part::new(PartKind::ToolCall(call))));
    let origin = Origin {
        provider: ProviderId::new("p").unwrap(),
        auth_type: None,
        api,
        model_asked: model.into(),
        model_served: None,
        response_id: None,
    };
    let answer = Message { origin: Some(origin), ..Message::new(Role::Assistant, parts) };
    let results = results.into_iter().map(|result| Part::new(PartKind::ToolResult(result))).collect();
    request(
        model,
        vec![Message::user("Weather in Paris and Rome?"), answer, Message::new(Role::Tool, results)],
    )
}

#[test]
fn anthropic_sends_the_exchange() {
    let request = weather(anthropic::API, "m", SealKind::Signature);
    assert_eq!(
        text_of(&Anthropic::default(), request),
        concat!(
            r#"{"model":"m","max_tokens":8192,"messages":["#,
            r#"{"role":"user","content":[{"type":"text","text":"Weather in Paris and Rome?"}]},"#,
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"Two cities.","signature":"S1"},"#,
            r#"{"type":"text","text":"Checking."},"#,
            r#"{"type":"tool_use","id":"c1","name":"weather","input":{"city":"Paris"}},"#,
            r#"{"type":"tool_use","id":"c2","name":"weather","input":{"city":"Rome"}}]},"#,
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"18 C"},"#,
            r#"{"type":"tool_result","tool_use_id":"c2","content":"timeout","is_error":true}]}],"#,
            r#""stream":true}"#,
        )
    );
}

#[test]
fn openai_sends_the_exchange() {
    let request = weather(openai::API, "m", SealKind::EncryptedContent);
    assert_eq!(
        text_of(&OpenAi::default(), request),
        concat!(
            r#"{"model":"m","input":["#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Weather in Paris and Rome?"}]},"#,
            r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"Two cities."}],"encrypted_content":"S1"},"#,
            r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Checking."}]},"#,
            r#"{"type":"function_call","call_id":"c1","name":"weather","arguments":"{\"city\":\"Paris\"}"},"#,
            r#"{"type":"function_call","call_id":"c2","name":"weather","arguments":"{\"city\":\"Rome\"}"},"#,
            r#"{"type":"function_call_output","call_id":"c1","output":"18 C"},"#,
            r#"{"type":"function_call_output","call_id":"c2","output":"Error: timeout"}],"#,
            r#""include":["reasoning.encrypted_content"],"store":false,"stream":true}"#,
        )
    );
}

#[test]
fn chat_servers_are_sent_the_exchange() {
    let request = weather(anthropic::API, "m", SealKind::Signature);
    assert_eq!(
        text_of(&OpenAiCompatible::default(), request),
        concat!(
            r#"{"model":"m","messages":["#,
            r#"{"role":"user","content":"Weather in Paris and Rome?"},"#,
            r#"{"role":"assistant","content":"Checking.","tool_calls":["#,
            r#"{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},"#,
            r#"{"id":"c2","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}}]},"#,
            r#"{"role":"tool","content":"18 C","tool_call_id":"c1"},"#,
            r#"{"role":"tool","content":"Error: timeout","tool_call_id":"c2"}],"#,
            r#""stream":true,"stream_options":{"include_usage":true}}"#,
        )
    );
}

#[test]
fn gemini_sends_the_exchange() {
    let request = weather(gemini::API, "gemini-3-pro", SealKind::ThoughtSignature);
    assert_eq!(
        text_of(&Gemini::default(), request),
        concat!(
            r#"{"contents":["#,
            r#"{"role":"user","parts":[{"text":"Weather in Paris and Rome?"}]},"#,
            r#"{"role":"model","parts":[{"text":"Checking."},"#,
            r#"{"functionCall":{"id":"c1","name":"weather","args":{"city":"Paris"}},"thoughtSignature":"S1"},"#,
            r#"{"functionCall":{"id":"c2","name":"weather","args":{"city":"Rome"}}}]},"#,
            r#"{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"weather","response":{"output":"18 C"}}},"#,
            r#"{"functionResponse":{"id":"c2","name":"weather","response":{"error":"timeout"}}}]}]}"#,
        )
    );
}

#[test]
fn a_conversation_of_another_provider_goes_to_gemini_with_the_placeholder() {
    let request = weather(anthropic::API, "claude", SealKind::Signature);
    let (body, report) =
        encode(&Gemini::default(), ChatRequest { model: ModelId::new("gemini-3-pro").unwrap(), ..request });
    let parts = &body["contents"][1]["parts"];
    assert_eq!(parts[0]["text"], "Checking.", "foreign reasoning stays behind");
    assert_eq!(parts[1]["thoughtSignature"], "skip_thought_signature_validator");
    assert!(parts[2].get("thoughtSignature").is_none());
    let actions: Vec<_> = report.0.iter().map(|line| line.action).collect();
    assert_eq!(actions, [Action::Dropped, Action::Synthesised]);
}

#[test]
fn only_ids_that_gemini_gave_go_back_to_it() {
    let ids = |request: ChatRequest| {
        let (body, _) = encode(&Gemini::default(), request);
        let id =
            |turn: usize, part: usize, name: &str| body["contents"][turn]["parts"][part][name]["id"].clone();
        let calls = [id(1, 1, "functionCall"), id(1, 2, "functionCall")];
        assert_eq!(calls, [id(2, 0, "functionResponse"), id(2, 1, "functionResponse")]);
        calls.map(|id| id.as_str().map(str::to_owned))
    };
    let exchange = |model: &str| weather(gemini::API, model, SealKind::ThoughtSignature);
    assert_eq!(ids(exchange("gemini-3-pro")), [Some("c1".to_owned()), Some("c2".to_owned())]);
    assert_eq!(ids(exchange("gemini-2.5-pro")), [None, None], "an older model refuses them");
    let mut foreign = exchange("gemini-3-pro");
    foreign.messages[1].origin = None;
    assert_eq!(ids(foreign), [None, None]);
    let mut native = exchange("gemini-3-pro");
    let json = r#"{"functionCall":{"name":"weather","args":{"city":"Paris"}},"thoughtSignature":"S1"}"#;
    native.messages[1].parts[1].native =
        Some(Native { api: gemini::API, json: RawJson::parse(json).unwrap() });
    assert_eq!(ids(native), [None, Some("c2".to_owned())]);
}

#[test]
fn no_digit_of_an_argument_is_lost() {
    let args = r#"{"n":12345678901234567890123,"f":1.0}"#;
    for provider in [&Anthropic::default() as &dyn Provider, &Gemini::default()] {
        let call = ToolCall::new("c1", "count", args, ArgsEnd::Complete);
        let result = Part::new(PartKind::ToolResult(ToolResult::text(&call, "1")));
        let messages = vec![
            Message::user("Count."),
            Message::new(Role::Assistant, vec![Part::new(PartKind::ToolCall(call))]),
            Message::new(Role::Tool, vec![result]),
        ];
        assert!(text_of(provider, request("m", messages)).contains(args));
    }
}

fn tool(schema: Value, strictness: Strictness) -> ToolDefinition {
    ToolDefinition {
        name: ToolName::new("weather").unwrap(),
        description: "Tells the weather.".to_owned(),
        parameters: RawJson::from_value(&schema),
        strictness,
    }
}

fn with_tools(model: &str) -> ChatRequest {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    ChatRequest {
        tools: vec![tool(schema, Strictness::Strict)],
        tool_choice: ToolChoice::Tool(ToolName::new("weather").unwrap()),
        parallel_tools: ParallelTools::OneAtATime,
        ..hello(model)
    }
}

#[test]
fn tools_and_choice_in_each_protocol() {
    let (body, _) = encode(&Anthropic::default(), with_tools("m"));
    assert_eq!(body["tools"][0]["input_schema"]["type"], "object");
    assert_eq!(body["tools"][0]["strict"], true);
    let choice = json!({"type": "tool", "name": "weather", "disable_parallel_tool_use": true});
    assert_eq!(body["tool_choice"], choice);

    let (body, _) = encode(&OpenAi::default(), with_tools("m"));
    assert_eq!(body["tools"][0]["parameters"]["additionalProperties"], false);
    assert_eq!((&body["tools"][0]["type"], &body["tools"][0]["strict"]), (&json!("function"), &json!(true)));
    assert_eq!(body["tool_choice"], json!({"type": "function", "name": "weather"}));
    assert_eq!(body["parallel_tool_calls"], false);

    let (body, _) = encode(&OpenAiCompatible::default(), with_tools("m"));
    assert_eq!(body["tools"][0]["function"]["name"], "weather");
    assert_eq!(body["tool_choice"], json!({"type": "function", "function": {"name": "weather"}}));
    assert_eq!(body["parallel_tool_calls"], false);

    let (body, report) = encode(&Gemini::default(), with_tools("m"));
    let declaration = &body["tools"][0]["functionDeclarations"][0];
    assert_eq!(declaration["parametersJsonSchema"]["required"], json!(["city"]));
    let config = json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}});
    assert_eq!(body["toolConfig"], config);
    assert!(report.0[0].reason.contains("one call at a time"), "{report:?}");
}

#[test]
fn a_tool_without_parameters_leaves_the_schema_out_for_gemini() {
    let empty = tool(json!({"type": "object", "properties": {}}), Strictness::Lenient);
    let (body, _) = encode(&Gemini::default(), ChatRequest { tools: vec![empty], ..hello("m") });
    let declaration = json!({"name": "weather", "description": "Tells the weather."});
    assert_eq!(body["tools"][0]["functionDeclarations"][0], declaration);
}

#[test]
fn an_old_gemini_model_gets_the_schema_in_its_own_subset() {
    let schema = json!({"type": "object", "properties": {"n": {"const": 1}}, "additionalProperties": false});
    let tools = vec![tool(schema, Strictness::Lenient)];
    let (body, report) = encode(&Gemini::default(), ChatRequest { tools, ..hello("gemini-1.5-pro") });
    let declaration = &body["tools"][0]["functionDeclarations"][0];
    assert_eq!(declaration["parameters"], json!({"type": "object", "properties": {"n": {"enum": ["1"]}}}));
    assert!(report.0[0].reason.contains("additionalProperties"), "{report:?}");
}

#[test]
fn a_strict_tool_with_optional_properties_is_sent_as_a_guide() {
    let schema = json!({"type": "object", "properties": {"city": {}}});
    let (body, report) = encode(
        &OpenAi::default(),
        ChatRequest { tools: vec![tool(schema, Strictness::Strict)], ..hello("m") },
    );
    assert_eq!(body["tools"][0]["strict"], false);
    assert_eq!(report.0[0].action, Action::Downgraded);
}

#[test]
fn limits_sampling_and_stops_in_each_protocol() {
    let full = |model: &str| ChatRequest {
        system: vec!["Be brief.".into(), "Be kind.".into()],
        max_output_tokens: Some(4),
        temperature_milli: Some(700),
        top_p_milli: Some(900),
        stop: vec!["END".to_owned()],
        cache_key: Some("k".into()),
        ..hello(model)
    };
    let (body, _) = encode(&Anthropic::default(), full("m"));
    assert_eq!(body["system"][1], json!({"type": "text", "text": "Be kind."}));
    assert_eq!(
        (&body["max_tokens"], &body["temperature"], &body["top_p"]),
        (&json!(4), &json!(0.7), &json!(0.9))
    );
    assert_eq!(body["stop_sequences"], json!(["END"]));

    let (body, report) = encode(&OpenAi::default(), full("m"));
    assert_eq!(body["instructions"], "Be brief.\n\nBe kind.");
    assert_eq!((&body["max_output_tokens"], &body["temperature"]), (&json!(16), &json!(0.7)));
    assert_eq!(body["prompt_cache_key"], "k");
    let reasons: Vec<_> = report.0.iter().map(|line| line.to_string()).collect();
    assert_eq!(
        reasons,
        [
            "dropped: stop strings: this API has none",
            "downgraded: output limit: 16 is the least that is taken"
        ]
    );

    let (body, _) = encode(&OpenAiCompatible::default(), full("m"));
    assert_eq!(body["messages"][0], json!({"role": "system", "content": "Be brief.\n\nBe kind."}));
    assert_eq!((&body["max_tokens"], &body["stop"]), (&json!(4), &json!(["END"])));

    let (body, _) = encode(&Gemini::default(), full("m"));
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}));
    let config = json!({"temperature": 0.7, "topP": 0.9, "maxOutputTokens": 4, "stopSequences": ["END"]});
    assert_eq!(body["generationConfig"], config);
}

#[test]
fn effort_in_each_protocol() {
    let asked = |model: &str, effort| ChatRequest {
        effort: Some(effort),
        temperature_milli: Some(500),
        ..hello(model)
    };
    let (body, report) = encode(&Anthropic::default(), asked("claude-opus-5", Effort::High));
    assert_eq!(
        (&body["thinking"]["type"], &body["output_config"]["effort"]),
        (&json!("adaptive"), &json!("high"))
    );
    assert!(body.get("temperature").is_none() && !report.is_empty());
    let (body, _) = encode(&Anthropic::default(), asked("claude-haiku-4-5", Effort::Low));
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 4096}));
    assert_eq!(body["max_tokens"], 8192 + 4096);
    let (body, _) = encode(&Anthropic::default(), asked("claude-opus-5", Effort::None));
    assert_eq!((&body["thinking"]["type"], &body["temperature"]), (&json!("disabled"), &json!(0.5)));

    let (body, _) = encode(&OpenAi::default(), asked("gpt-5.4", Effort::Medium));
    assert_eq!(body["reasoning"], json!({"effort": "medium", "summary": "auto"}));
    assert!(body.get("temperature").is_none());
    let (body, _) = encode(&OpenAi::default(), asked("gpt-4o", Effort::Medium));
    assert!(body.get("reasoning").is_none() && body.get("include").is_none());

    let (body, _) = encode(&OpenAiCompatible::default(), asked("m", Effort::Max));
    assert_eq!(body["reasoning_effort"], "high");

    let (body, _) = encode(&Gemini::default(), asked("gemini-3-pro", Effort::Max));
    let config = json!({"includeThoughts": true, "thinkingLevel": "HIGH"});
    assert_eq!(body["generationConfig"]["thinkingConfig"], config);
    let (body, _) = encode(&Gemini::default(), asked("gemini-2.5-flash", Effort::None));
    let config = json!({"includeThoughts": false, "thinkingBudget": 0});
    assert_eq!(body["generationConfig"]["thinkingConfig"], config);
}

#[test]
fn an_answer_in_json_in_each_protocol() {
    let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let asked = || ChatRequest {
        output: OutputFormat::JsonSchema {
            name: ToolName::new("answer").unwrap(),
            schema: RawJson::from_value(&schema),
        },
        ..hello("m")
    };
    let (body, _) = encode(&Anthropic::default(), asked());
    assert_eq!(body["output_config"]["format"], json!({"type": "json_schema", "schema": schema}));
    let (body, _) = encode(&OpenAi::default(), asked());
    let format = json!({"type": "json_schema", "name": "answer", "schema": schema, "strict": true});
    assert_eq!(body["text"]["format"], format);
    let (body, _) = encode(&OpenAiCompatible::default(), asked());
    assert_eq!(body["response_format"]["json_schema"]["name"], "answer");
    let (body, _) = encode(&Gemini::default(), asked());
    assert_eq!(body["generationConfig"]["responseMimeType"], "application/json");
    assert_eq!(body["generationConfig"]["responseJsonSchema"], schema);
}

fn media(media_type: &str) -> Media {
    Media::Bytes { media_type: media_type.into(), data: Bytes::from_static(b"\x89PNG") }
}

#[test]
fn pictures_and_documents_in_each_protocol() {
    let image = PartKind::Image(Image { media: media("image/png"), detail: Some("low".into()), seal: None });
    let document =
        PartKind::Document(Document { media: media("application/pdf"), title: Some("a.pdf".to_owned()) });
    let parts = || vec![Part::text("Look."), Part::new(image.clone()), Part::new(document.clone())];
    let asked = || request("m", vec![Message::new(Role::User, parts())]);

    let (body, _) = encode(&Anthropic::default(), asked());
    let content = &body["messages"][0]["content"];
    let source = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw=="});
    assert_eq!(content[1], json!({"type": "image", "source": source}));
    assert_eq!((&content[2]["type"], &content[2]["title"]), (&json!("document"), &json!("a.pdf")));

    let (body, _) = encode(&OpenAi::default(), asked());
    let content = &body["input"][0]["content"];
    let url = "data:image/png;base64,iVBORw==";
    assert_eq!(content[1], json!({"type": "input_image", "image_url": url, "detail": "low"}));
    let data = "data:application/pdf;base64,iVBORw==";
    assert_eq!(content[2], json!({"type": "input_file", "filename": "a.pdf", "file_data": data}));

    let (body, _) = encode(&OpenAiCompatible::default(), asked());
    let content = &body["messages"][0]["content"];
    assert_eq!(content[1], json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}}));
    assert_eq!(content[2], json!({"type": "file", "file": {"filename": "a.pdf", "file_data": data}}));

    let (body, _) = encode(&Gemini::default(), asked());
    let parts = &body["contents"][0]["parts"];
    assert_eq!(parts[1], json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}));
}

#[test]
fn at_most_four_cache_marks_are_sent_to_anthropic() {
    let marked = |text: &str| Part { cache_hint: Some(CacheHint::Short), ..Part::text(text) };
    let parts = ["1", "2", "3", "4", "5"].map(marked).to_vec();
    let (body, report) = encode(&Anthropic::default(), request("m", vec![Message::new(Role::User, parts)]));
    let content = body["messages"][0]["content"].as_array().unwrap();
    let marks: Vec<_> = content.iter().map(|block| block.get("cache_control").is_some()).collect();
    assert_eq!(marks, [false, true, true, true, true]);
    assert_eq!(report.0.len(), 1);
}

#[test]
fn a_signed_empty_text_goes_back_to_gemini() {
    let seal =
        Seal { api: gemini::API, model: None, kind: SealKind::ThoughtSignature, bytes: "T1".to_owned() };
    let signed =
        Part::new(PartKind::Text(Text { text: String::new(), citations: Vec::new(), seal: Some(seal) }));
    let messages = vec![
        Message::user("Hi."),
        Message::new(Role::Assistant, vec![Part::text("Hello."), signed]),
        Message::user("Go on."),
    ];
    let (body, _) = encode(&Gemini::default(), request("gemini-3-pro", messages));
    assert_eq!(body["contents"][1]["parts"][1], json!({"text": "", "thoughtSignature": "T1"}));
}

#[test]
fn the_limit_on_output_is_spelled_as_the_server_wants_it() {
    let limited = || ChatRequest { max_output_tokens: Some(99), ..hello("m") };
    let fields = |provider: &OpenAiCompatible, base: &str| {
        let (encoded, _) = try_encode(provider, &endpoint(base), limited()).unwrap();
        let body: Value = serde_json::from_slice(encoded.body()).unwrap();
        (body.get("max_tokens").is_some(), body.get("max_completion_tokens").is_some())
    };
    assert_eq!(fields(&OpenAiCompatible::default(), "http://127.0.0.1:1/v1"), (true, false));
    assert_eq!(fields(&OpenAiCompatible::default(), "https://api.openai.com/v1"), (false, true));
    let told = OpenAiCompatible::default().with_max_tokens_field(MaxTokensField::MaxCompletionTokens);
    assert_eq!(fields(&told, "http://127.0.0.1:1/v1"), (false, true));
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn a_key_goes_into_the_header_that_each_provider_has_for_it() {
    let sent =
        |provider: &dyn Provider, base: &str| try_encode(provider, &endpoint(base), hello("m")).unwrap().0;
    let request = sent(&Anthropic::default(), "http://127.0.0.1:1/anthropic");
    assert_eq!(request.uri(), "http://127.0.0.1:1/anthropic/v1/messages");
    assert_eq!(header(&request, "x-api-key"), Some("sandbox-key"));
    assert_eq!(header(&request, "anthropic-version"), Some("2023-06-01"));
    assert!(header(&request, "authorization").is_none() && header(&request, "anthropic-beta").is_none());

    let request = sent(&OpenAi::default(), "http://127.0.0.1:1/openai/v1");
    assert_eq!(request.uri(), "http://127.0.0.1:1/openai/v1/responses");
    assert_eq!(header(&request, "authorization"), Some("Bearer sandbox-key"));
    assert_eq!(header(&request, "accept"), Some("text/event-stream"));

    let request = sent(&OpenAiCompatible::default(), "http://127.0.0.1:1/v1");
    assert_eq!(request.uri(), "http://127.0.0.1:1/v1/chat/completions");

    for (base, path) in [("/gemini", "/gemini/v1beta"), ("/gemini/v1", "/gemini/v1"), ("", "/v1beta")] {
        let request = sent(&Gemini::default(), &format!("http://127.0.0.1:1{base}"));
        let expected = format!("http://127.0.0.1:1{path}/models/m:streamGenerateContent?alt=sse");
        assert_eq!(request.uri(), expected.as_str());
        assert_eq!(header(&request, "x-goog-api-key"), Some("sandbox-key"));
        assert!(request.headers().get("x-goog-api-key").unwrap().is_sensitive());
    }
}

#[test]
fn a_token_goes_as_bearer_with_what_belongs_to_it() {
    let tokens = OAuthTokens::new(Secret::new("token").unwrap());
    let credentials = Credentials::OAuth { tokens: Box::new(tokens), base_url: None };
    let endpoint = Endpoint { base_url: None, credentials: Some(credentials) };
    let sent = |provider: &dyn Provider| try_encode(provider, &endpoint, hello("m")).unwrap().0;

    let request = sent(&Anthropic::default().with_beta("a-1, oauth-2025-04-20").with_beta("b-2"));
    assert_eq!(header(&request, "authorization"), Some("Bearer token"));
    assert_eq!(header(&request, "anthropic-beta"), Some("oauth-2025-04-20,a-1,b-2"));
    assert!(header(&request, "x-api-key").is_none());

    let request = sent(&Gemini::default().with_quota_project("my-project"));
    assert_eq!(header(&request, "authorization"), Some("Bearer token"));
    assert_eq!(header(&request, "x-goog-user-project"), Some("my-project"));

    assert_eq!(header(&sent(&OpenAi::default()), "authorization"), Some("Bearer token"));
}

#[test]
fn without_a_key_the_error_names_the_variable_to_set() {
    let bare = Endpoint::default();
    let error = |provider: &dyn Provider| -> Error { try_encode(provider, &bare, hello("m")).unwrap_err() };
    for (provider, variable) in [
        (&Anthropic::default() as &dyn Provider, "ANTHROPIC_API_KEY"),
        (&OpenAi::default(), "OPENAI_API_KEY"),
        (&Gemini::default(), "GEMINI_API_KEY"),
    ] {
        let error = error(provider);
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains(variable), "{error}");
    }
    let error = error(&OpenAiCompatible::default());
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("base_url"), "{error}");
}

#[test]
fn what_cannot_be_asked_is_refused_here() {
    for provider in [
        &Anthropic::default() as &dyn Provider,
        &OpenAi::default(),
        &Gemini::default(),
        &OpenAiCompatible::default(),
    ] {
        let empty =
            try_encode(provider, &endpoint("http://127.0.0.1:1"), request("m", Vec::new())).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::Invalid, "{}", provider.id());
    }
    let error =
        try_encode(&Gemini::default(), &endpoint("http://127.0.0.1:1"), hello("../files?x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
