//! Recorded streams.

use crate::home::{Home, text_of, types};

const ANTHROPIC: &str = "\
event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n\
event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: ping\ndata: {\"type\":\"ping\"}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grüße \"}}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"👋🏽\"}}\n\n\
event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

const CHAT: &str = "\
data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"He\"},\"finish_reason\":null}]}\n\n\
data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"llo\"},\"finish_reason\":null}]}\n\n\
data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: [DONE]\n\n";

const GEMINI: &str = "\
data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hel\"}]},\"index\":0}],\"modelVersion\":\"g\",\"responseId\":\"r\"}\r\n\r\n\
data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"lo\"}]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":2,\"candidatesTokenCount\":1,\"totalTokenCount\":3}}\r\n\r\n";

#[test]
fn a_recorded_stream_is_told_as_events_whatever_its_pieces() {
    let home = Home::new();
    for (protocol, recorded, text) in
        [("anthropic", ANTHROPIC, "Grüße 👋🏽"), ("openai-chat", CHAT, "Hello"), ("gemini", GEMINI, "Hello")]
    {
        let file = home.file("recorded.sse", recorded);
        let file = file.to_str().unwrap();
        let whole = home.run(&["decode", "--protocol", protocol, file]);
        assert_eq!(whole.code, 0, "{whole:?}");
        let lines = whole.lines();
        assert_eq!(text_of(&lines, "text"), text, "{protocol}");
        assert_eq!(lines[0]["type"], "start");
        assert_eq!(lines.last().unwrap()["type"], "finish");
        assert_eq!(lines.last().unwrap()["reason"], "stop");
        for chunk in ["1", "2", "17", "1000000"] {
            let ran = home.run(&["decode", "--protocol", protocol, "--chunk", chunk, file]);
            assert_eq!((ran.code, &ran.stdout), (0, &whole.stdout), "{protocol} in pieces of {chunk}");
        }
        let piped = home.run_with(&["decode", "--protocol", protocol, "--chunk", "1"], recorded);
        assert_eq!((piped.code, &piped.stdout), (0, &whole.stdout));
    }
}

#[test]
fn ids_that_are_made_up_for_calls_are_the_same_in_every_run() {
    const CALL: &str = "\
data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]},\"finishReason\":\"STOP\"}]}\r\n\r\n";
    let home = Home::new();
    let run = |chunk: &str| home.run_with(&["decode", "--protocol", "gemini", "--chunk", chunk], CALL).stdout;
    let whole = run("1000");
    assert!(whole.contains("call_"), "{whole}");
    assert_eq!((run("1000"), run("1")), (whole.clone(), whole));
}

#[test]
fn a_stream_that_ends_before_its_end_is_truncated() {
    let home = Home::new();
    let cut = &ANTHROPIC[..ANTHROPIC.find("event: content_block_stop").unwrap()];
    let ran = home.run_with(&["decode", "--protocol", "anthropic", "-"], cut);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!((&ran.last()["type"], &ran.last()["kind"]), (&"error".into(), &"truncated".into()));
    assert_eq!(text_of(&ran.lines(), "text"), "Grüße 👋🏽");
    assert_eq!(home.run_with(&["decode", "--protocol", "gemini"], "").code, 3, "an empty stream is one, too");
}

#[test]
fn an_error_of_the_provider_is_its_failure() {
    let home = Home::new();
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let half = &ANTHROPIC[..ANTHROPIC.find("event: ping").unwrap()];
    let ran = home.run_with(&["decode", "--protocol", "anthropic"], format!("{half}{error}"));
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(types(&ran.lines()).last(), Some(&"error"));
}

#[test]
fn what_breaks_the_protocol_cannot_be_decoded() {
    let home = Home::new();
    let ran =
        home.run_with(&["decode", "--protocol", "anthropic"], "event: message_start\ndata: {\"type\":\n\n");
    assert_eq!((ran.code, &ran.last()["kind"]), (2, &"protocol".into()), "{ran:?}");
}

#[test]
fn json_that_comes_over_several_lines_is_told_on_one() {
    let home = Home::new();
    let event = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\",\
                 \"groundingMetadata\":{\n\"webSearchQueries\":\n[\"b\"]\n}}]}";
    let framed: String = event.lines().map(|line| format!("data: {line}\n")).collect();
    let ran = home.run_with(&["decode", "--protocol", "gemini"], format!("{framed}\n"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(types(&ran.lines()).contains(&"notice"), "{ran:?}");
}

#[test]
fn a_recording_that_is_not_there_is_not_found() {
    let home = Home::new();
    assert_eq!(home.run(&["decode", "--protocol", "anthropic", "nowhere.sse"]).code, 6);
    assert_eq!(home.run(&["decode", "--protocol", "morse", "nowhere.sse"]).code, 2);
    assert_eq!(home.run(&["decode", "--protocol", "gemini", "--chunk", "0", "x"]).code, 2);
}
