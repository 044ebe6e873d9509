//! Streamed answers of any length, made to measure with: the form of each is that of the service, the content is not.
//!
//! Every function gives one [`Bytes`] for each server-sent event, so that a bench can send them one by one or joined.
//!
//! ```
//! let events = maestro_testkit::streams::chat(2, "hello ");
//! assert!(events.last().is_some_and(|event| *event == "data: [DONE]\n\n"));
//! ```

use bytes::Bytes;
use serde_json::Value;

/// Chat Completions: one choice that says `text` so many times, then usage and `[DONE]`.
pub fn chat(deltas: usize, text: &str) -> Vec<Bytes> {
    let text = quoted(text);
    let head = r#"{"id":"chatcmpl-CaJ3vQx0Zr5nWq8LmT2yHs7KdPfUe","object":"chat.completion.chunk","created":1763700000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_cbf1785567""#;
    let chunk = |delta: &str, finish: &str| {
        plain(&format!(
            r#"{head},"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}],"usage":null}}"#
        ))
    };
    let mut events = vec![chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null")];
    events.extend((0..deltas).map(|_| chunk(&format!(r#"{{"content":{text}}}"#), "null")));
    events.push(chunk("{}", r#""stop""#));
    events.push(plain(&format!(
        r#"{head},"choices":[],"usage":{{"prompt_tokens":9,"completion_tokens":{deltas},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}}}}"#,
        deltas + 9
    )));
    events.push(plain("[DONE]"));
    events
}

/// Responses: one message that says `text` so many times.
pub fn responses(deltas: usize, text: &str) -> Vec<Bytes> {
    let (whole, text) = (quoted(&text.repeat(deltas)), quoted(text));
    let id = "resp_0a1b2c3d4e5f60718293a4b5c6d7e8f9012345678";
    let item = "msg_0a1b2c3d4e5f60718293a4b5c6d7e8f9012345678";
    let response = |status: &str, output: &str, usage: &str| {
        format!(
            r#"{{"id":"{id}","object":"response","created_at":1763700000,"status":"{status}","error":null,"incomplete_details":null,"instructions":null,"model":"gpt-4o-2024-08-06","output":[{output}],"parallel_tool_calls":true,"store":true,"temperature":1.0,"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":[],"usage":{usage}}}"#
        )
    };
    let place = format!(r#""item_id":"{item}","output_index":0,"content_index":0"#);
    let part =
        |text: &str| format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":{text}}}"#);
    let message = |status: &str, content: &str| {
        format!(
            r#"{{"id":"{item}","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#
        )
    };
    let mut number = 0;
    let mut event = |name: &str, fields: &str| {
        number += 1;
        named(name, &format!(r#"{{"type":"{name}","sequence_number":{},{fields}}}"#, number - 1))
    };
    let begun = format!(r#""response":{}"#, response("in_progress", "", "null"));
    let mut events = vec![
        event("response.created", &begun),
        event("response.in_progress", &begun),
        event(
            "response.output_item.added",
            &format!(r#""output_index":0,"item":{}"#, message("in_progress", "")),
        ),
        event("response.content_part.added", &format!(r#"{place},"part":{}"#, part("\"\""))),
    ];
    events.extend((0..deltas).map(|at| {
        let obfuscation = &"4Z8qLk1TnVxWc7Rb"[..at % 16];
        event(
            "response.output_text.delta",
            &format!(r#"{place},"delta":{text},"logprobs":[],"obfuscation":"{obfuscation}""#),
        )
    }));
    let done = message("completed", &part(&whole));
    let usage = format!(
        r#"{{"input_tokens":9,"input_tokens_details":{{"cached_tokens":0}},"output_tokens":{deltas},"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{}}}"#,
        deltas + 9
    );
    events.push(event("response.output_text.done", &format!(r#"{place},"text":{whole},"logprobs":[]"#)));
    events.push(event("response.content_part.done", &format!(r#"{place},"part":{}"#, part(&whole))));
    events.push(event("response.output_item.done", &format!(r#""output_index":0,"item":{done}"#)));
    events.push(event(
        "response.completed",
        &format!(r#""response":{}"#, response("completed", &done, &usage)),
    ));
    events
}

/// Messages: one text block that says `text` so many times, with the service's runs of spaces before the last brace.
pub fn anthropic(deltas: usize, text: &str) -> Vec<Bytes> {
    let text = quoted(text);
    let event = |name: &str, fields: &str, at: usize| {
        named(name, &format!(r#"{{"type":"{name}"{fields}{}}}"#, " ".repeat(at * 7 % 16)))
    };
    let usage = r#"{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}"#;
    let mut events = vec![
        event(
            "message_start",
            &format!(
                r#","message":{{"model":"claude-haiku-4-5-20251001","id":"msg_01A2b3C4d5E6f7G8h9J0k1L2","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{usage}}}"#
            ),
            1,
        ),
        event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#, 2),
        named("ping", r#"{"type": "ping"}"#),
    ];
    events.extend((0..deltas).map(|at| {
        event(
            "content_block_delta",
            &format!(r#","index":0,"delta":{{"type":"text_delta","text":{text}}}"#),
            at,
        )
    }));
    events.push(event("content_block_stop", r#","index":0"#, 3));
    events.push(event(
        "message_delta",
        &format!(r#","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{deltas}}}"#),
        4,
    ));
    events.push(event("message_stop", "", 5));
    events
}

/// generateContent: so many chunks of `text`, each with the usage so far, the last with the finish reason.
pub fn gemini(deltas: usize, text: &str) -> Vec<Bytes> {
    let text = quoted(text);
    let chunk = |at: usize| {
        let finish = if at + 1 == deltas { r#","finishReason": "STOP""# } else { "" };
        Bytes::from(format!(
            "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": {text}}}],\"role\": \"model\"}}{finish},\"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 9,\"candidatesTokenCount\": {},\"totalTokenCount\": {},\"promptTokensDetails\": [{{\"modality\": \"TEXT\",\"tokenCount\": 9}}]}},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"Qx0Zr5nWq8LmT2yHs7KdPfU\"}}\r\n\r\n",
            at + 1,
            at + 10
        ))
    };
    (0..deltas).map(chunk).collect()
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn plain(data: &str) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

fn named(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_one_json_value() {
        for events in [chat(3, "a\"b\n"), responses(3, "a\"b\n"), anthropic(3, "a\"b\n"), gemini(3, "a\"b\n")]
        {
            for event in events {
                let text = std::str::from_utf8(&event).unwrap();
                let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
                assert!(data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok(), "{data}");
            }
        }
    }
}
