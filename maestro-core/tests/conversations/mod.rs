//! Random conversations: of every kind of part and origin, legal and not.

#![allow(dead_code, reason = "each test program uses a part of it")]

use bytes::Bytes;
use maestro_core::{
    chat::{
        ApiId, ArgsState, Audio, Document, Finish, Image, Media, Message, Native, Opaque, Origin, Part,
        PartKind, RawJson, Reasoning, Refusal, Role, Seal, SealKind, Text, ToolCall, ToolResult,
        ToolResultContent,
    },
    provider::ProviderId,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// The APIs of which origins, seals and native JSON are made.
pub(crate) const APIS: [&str; 4] = ["anthropic-messages", "openai-responses", "openai-chat", "gemini"];
const MODELS: [&str; 3] = ["model-a", "model-b", "model-a-2026-01-01"];
const IDS: [&str; 7] =
    ["c1", "c2", "c3", "call_x", "bad id!", "", "an-id-of-more-than-forty-characters-which-some-refuse"];
const NAMES: [&str; 4] = ["weather", "no spaces", "9lives", ""];
const ARGS: [&str; 4] = ["{}", r#"{"n":12345678901234567890123}"#, "[1]", ""];
const TEXTS: [&str; 5] = ["Hello.", "", " ", "Two\nlines.", "…"];

/// A conversation of up to eight messages, most of them illegal somewhere.
pub(crate) fn any_conversation() -> impl Strategy<Value = Vec<Message>> {
    vec(any_message(), 0..9)
}

/// A conversation that `api` and `model` made themselves, and that both take back as it is.
pub(crate) fn legal_conversation(
    api: &'static str,
    model: &'static str,
) -> impl Strategy<Value = Vec<Message>> {
    vec((0_usize..3, any::<bool>()), 1..5).prop_map(move |rounds| {
        let mut calls = 0;
        let mut messages = Vec::new();
        for (parallel, thinks) in rounds {
            messages.push(Message::user("Go on."));
            if parallel > 0 {
                let mut parts = Vec::new();
                if thinks && api != "openai-chat" {
                    parts.push(own_reasoning(api, model));
                }
                parts.push(own_text(api, "Let me see."));
                let mut results = Vec::new();
                for number in 0..parallel {
                    calls += 1;
                    let call = own_call(api, model, &format!("call_{calls}"), number == 0);
                    if let PartKind::ToolCall(call) = &call.kind {
                        results.push(Part::new(PartKind::ToolResult(ToolResult::text(call, "18 C"))));
                    }
                    parts.push(call);
                }
                messages.push(answer(api, model, parts, Finish::ToolUse));
                messages.push(Message::new(Role::Tool, results));
            }
            messages.push(answer(api, model, vec![own_text(api, "Done.")], Finish::Stop));
        }
        messages.push(Message::user("Thanks."));
        messages
    })
}

fn answer(api: &'static str, model: &str, parts: Vec<Part>, finish: Finish) -> Message {
    Message { origin: Some(origin(api, model)), finish: Some(finish), ..Message::new(Role::Assistant, parts) }
}

fn origin(api: &'static str, model: &str) -> Origin {
    Origin {
        provider: ProviderId::new("p").unwrap(),
        auth_type: None,
        api: ApiId::from_static(api),
        model_asked: model.into(),
        model_served: None,
        response_id: None,
    }
}

fn native(api: &'static str, json: String) -> Option<Native> {
    Some(Native { api: ApiId::from_static(api), json: RawJson::parse(json).unwrap() })
}

fn seal(api: &'static str, model: Option<&str>) -> Seal {
    let kind = match api {
        "anthropic-messages" => SealKind::Signature,
        "openai-responses" => SealKind::EncryptedContent,
        _ => SealKind::ThoughtSignature,
    };
    Seal { api: ApiId::from_static(api), model: model.map(Into::into), kind, bytes: "c2VhbA==".to_owned() }
}

fn own_text(api: &'static str, text: &str) -> Part {
    let json = match api {
        "anthropic-messages" => format!(r#"{{"type":"text","text":{text:?},"citations":[]}}"#),
        "openai-responses" => format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","content":[{{"type":"output_text","text":{text:?}}}]}}"#
        ),
        "gemini" => format!(r#"{{"text":{text:?}}}"#),
        _ => return Part::text(text),
    };
    Part { native: native(api, json), ..Part::text(text) }
}

fn own_reasoning(api: &'static str, model: &str) -> Part {
    let json = match api {
        "anthropic-messages" => r#"{"type":"thinking","thinking":"Hm.","signature":"c2VhbA=="}"#,
        "openai-responses" => {
            r#"{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"c2VhbA=="}"#
        }
        _ => r#"{"text":"Hm.","thought":true,"thoughtSignature":"c2VhbA=="}"#,
    };
    let reasoning = Reasoning { text: "Hm.".to_owned(), seal: Some(seal(api, Some(model))) };
    Part { native: native(api, json.to_owned()), ..Part::new(PartKind::Reasoning(reasoning)) }
}

fn own_call(api: &'static str, model: &str, id: &str, sealed: bool) -> Part {
    let args = r#"{"n":12345678901234567890123,"f":1.0}"#;
    let mut call = ToolCall {
        call_id: id.into(),
        name: "weather".into(),
        args_raw: args.to_owned(),
        state: ArgsState::Complete,
        seal: None,
    };
    let json = match api {
        "anthropic-messages" => {
            format!(r#"{{"type":"tool_use","id":"{id}","name":"weather","input":{args}}}"#)
        }
        "openai-responses" => format!(
            r#"{{"id":"fc_{id}","type":"function_call","call_id":"{id}","name":"weather","arguments":{args:?}}}"#
        ),
        "gemini" if sealed => {
            call.seal = Some(seal(api, Some(model)));
            format!(
                r#"{{"functionCall":{{"name":"weather","args":{args},"id":"{id}"}},"thoughtSignature":"c2VhbA=="}}"#
            )
        }
        "gemini" => format!(r#"{{"functionCall":{{"name":"weather","args":{args},"id":"{id}"}}}}"#),
        _ => format!(
            r#"{{"id":"{id}","type":"function","function":{{"name":"weather","arguments":{args:?}}},"index":0}}"#
        ),
    };
    Part { native: native(api, json), ..Part::new(PartKind::ToolCall(call)) }
}

fn any_message() -> impl Strategy<Value = Message> {
    let role = prop_oneof![
        1 => Just(Role::System),
        4 => Just(Role::User),
        5 => Just(Role::Assistant),
        3 => Just(Role::Tool),
    ];
    let finish =
        select(vec![Finish::Stop, Finish::ToolUse, Finish::Filtered, Finish::Paused, Finish::Length]);
    (role, option::of(any_origin()), option::of(finish)).prop_flat_map(|(role, origin, finish)| {
        let role_fits = |role| match role {
            Role::Tool => prop_oneof![6 => any_result(), 1 => any_part()].boxed(),
            Role::Assistant => prop_oneof![2 => any_call(), 3 => any_part()].boxed(),
            _ => any_part().boxed(),
        };
        vec(role_fits(role), 0..5).prop_map(move |parts| Message {
            origin: origin.clone(),
            finish: finish.clone(),
            ..Message::new(role, parts)
        })
    })
}

fn any_origin() -> impl Strategy<Value = Origin> {
    (select(&APIS[..]), select(&MODELS[..])).prop_map(|(api, model)| origin(api, model))
}

fn any_seal() -> impl Strategy<Value = Option<Seal>> {
    option::of((select(&APIS[..]), option::of(select(&MODELS[..]))).prop_map(|(api, model)| seal(api, model)))
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => (select(&TEXTS[..]), any_seal()).prop_map(|(text, seal)| {
            Part::new(PartKind::Text(Text { text: text.to_owned(), citations: Vec::new(), seal }))
        }),
        1 => select(&APIS[..]).prop_map(|api| own_text(api, "Native.")),
        2 => (select(&TEXTS[..]), any_seal()).prop_map(|(text, seal)| {
            Part::new(PartKind::Reasoning(Reasoning { text: text.to_owned(), seal }))
        }),
        2 => (select(&APIS[..]), select(&MODELS[..])).prop_map(|(api, model)| own_reasoning(api, model)),
        2 => any_call(),
        2 => any_result(),
        1 => (any_media(), any_seal()).prop_map(|(media, seal)| {
            Part::new(PartKind::Image(Image { media, detail: None, seal }))
        }),
        1 => (any_media(), option::of(Just("Title".to_owned())))
            .prop_map(|(media, title)| Part::new(PartKind::Document(Document { media, title }))),
        1 => any_media().prop_map(|media| Part::new(PartKind::Audio(Audio { media }))),
        1 => select(&TEXTS[..]).prop_map(|text| {
            Part::new(PartKind::Refusal(Refusal { text: text.to_owned(), category: None }))
        }),
        1 => select(&APIS[..]).prop_map(any_opaque),
    ]
}

fn any_opaque(api: &'static str) -> Part {
    let json = match api {
        "anthropic-messages" => {
            r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}"#
        }
        "openai-responses" => r#"{"type":"web_search_call","id":"ws_1","status":"completed"}"#,
        "gemini" => r#"{"executableCode":{"language":"PYTHON","code":"1"}}"#,
        _ => r#"{"type":"text","text":"opaque"}"#,
    };
    let native = Native { api: ApiId::from_static(api), json: RawJson::parse(json).unwrap() };
    Part::new(PartKind::Opaque(Opaque { native }))
}

fn any_call() -> impl Strategy<Value = Part> {
    let state = prop_oneof![
        6 => Just(ArgsState::Complete),
        1 => Just(ArgsState::Incomplete),
        1 => Just(ArgsState::Invalid),
    ];
    let made = (select(&IDS[..]), select(&NAMES[..]), select(&ARGS[..]), state, any_seal()).prop_map(
        |(id, name, args, state, seal)| {
            Part::new(PartKind::ToolCall(ToolCall {
                call_id: id.into(),
                name: name.into(),
                args_raw: args.to_owned(),
                state,
                seal,
            }))
        },
    );
    let own = (select(&APIS[..]), select(&MODELS[..]), select(&IDS[..3]), any::<bool>())
        .prop_map(|(api, model, id, sealed)| own_call(api, model, id, sealed));
    prop_oneof![3 => made, 2 => own]
}

fn any_result() -> impl Strategy<Value = Part> {
    let content = prop_oneof![
        3 => select(&TEXTS[..]).prop_map(|text| ToolResultContent::Text { text: text.to_owned() }),
        1 => any_media().prop_map(|media| {
            ToolResultContent::Image(Image { media, detail: None, seal: None })
        }),
        1 => any_media().prop_map(|media| ToolResultContent::Document(Document { media, title: None })),
    ];
    (select(&IDS[..]), select(&NAMES[..]), vec(content, 0..3), any::<bool>()).prop_map(
        |(id, name, content, is_error)| {
            let result = ToolResult { call_id: id.into(), name: name.into(), content, is_error };
            Part::new(PartKind::ToolResult(result))
        },
    )
}

fn any_media() -> impl Strategy<Value = Media> {
    const TYPES: [&str; 6] =
        ["image/png", "image/tiff", "application/pdf", "text/plain", "audio/wav", "video/mp4"];
    prop_oneof![
        select(&TYPES[..]).prop_map(|media_type| Media::Bytes {
            media_type: media_type.into(),
            data: Bytes::from_static(b"data"),
        }),
        Just(Media::Url { url: "https://example.com/a.png".parse().unwrap(), media_type: None }),
        select(&APIS[..]).prop_map(|api| Media::FileRef {
            api: ApiId::from_static(api),
            id: "file-1".to_owned(),
            media_type: Some("image/png".into()),
        }),
    ]
}
