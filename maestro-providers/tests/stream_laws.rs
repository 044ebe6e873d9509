//! What holds for every protocol, on made streams and on bytes that are none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use maestro_testkit::streams;
use proptest::prelude::*;
use support::{Api, events, every_way, outcome};

fn stream(api: Api, deltas: usize, text: &str) -> Vec<u8> {
    let make = match api {
        Api::Anthropic => streams::anthropic,
        Api::Responses => streams::responses,
        Api::Chat => streams::chat,
        Api::Gemini => streams::gemini,
    };
    make(deltas, text).concat()
}

fn api() -> impl Strategy<Value = Api> {
    prop::sample::select(&Api::ALL[..])
}

/// Cuts bytes into chunks of these sizes, again and again.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (chunk, rest) = bytes.split_at((*size).min(bytes.len()));
        chunks.push(chunk);
        bytes = rest;
    }
    chunks
}

#[test]
fn a_stream_is_the_same_with_every_line_end_a_mark_and_comments() {
    for api in Api::ALL {
        let body = String::from_utf8(stream(api, 3, "é\"\n")).unwrap().replace("\r\n", "\n");
        let plain = format!("{:?}", outcome(api, body.as_bytes()).events);
        let bodies = [
            body.replace('\n', "\r\n"),
            body.replace('\n', "\r"),
            format!("\u{feff}{body}"),
            body.replace("\n\n", "\n\n: keep-alive\n\n: \u{1F600}\r\r"),
            body.replace("data: ", "data:"),
            body.replace("data: ", "id: 1\nretry: 5\nfoo: bar\ndata: "),
        ];
        for body in bodies {
            assert_eq!(format!("{:?}", every_way(api, &body).events), plain, "{api:?}");
        }
    }
}

#[test]
fn a_body_of_another_kind_is_no_answer() {
    for api in Api::ALL {
        for body in [
            "",
            "\n\n",
            "<html>{\"a\":1}</html>",
            "null",
            "{}",
            "[]",
            "[[[[",
            "data: \n\n",
            "data: {}\n\n",
            "plain text",
        ] {
            assert!(every_way(api, body).is_truncated(), "{api:?} {body}");
        }
        // Deep nesting is refused before it can hurt.
        let deep = format!("data: {}\n\n", "[".repeat(500_000));
        assert!(!outcome(api, deep.as_bytes()).events.is_empty());
        let deep = format!("data: {}\n\n", "{\"response\":".repeat(100_000));
        assert!(!outcome(api, deep.as_bytes()).events.is_empty());
        assert!(!outcome(api, "[".repeat(500_000).as_bytes()).events.is_empty());
    }
}

proptest! {
    #[test]
    fn text_out_is_text_in(api in api(), deltas in 1..20usize, text in ".{1,40}") {
        let outcome = outcome(api, &stream(api, deltas, &text));
        prop_assert_eq!(outcome.text(), text.repeat(deltas));
        outcome.finish();
    }

    #[test]
    fn any_chunking_gives_the_same_events(
        api in api(),
        deltas in 1..6usize,
        text in "\\PC{1,10}",
        sizes in prop::collection::vec(1..200usize, 1..20),
    ) {
        let body = stream(api, deltas, &text);
        let whole = events(api, [&body[..]]);
        prop_assert_eq!(format!("{:?}", events(api, cut(&body, &sizes))), format!("{whole:?}"));
    }

    #[test]
    fn arbitrary_bytes_end_once_and_last(api in api(), bytes: Vec<u8>, sizes in prop::collection::vec(1..50usize, 1..5)) {
        events(api, cut(&bytes, &sizes));
    }

    #[test]
    fn a_damaged_stream_ends_once_and_last_and_the_same_in_any_chunks(
        api in api(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
        sizes in prop::collection::vec(1..200usize, 1..20),
    ) {
        let mut body = stream(api, 3, "text");
        for (at, byte, how) in damage {
            let at = at.index(body.len());
            match how {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => drop(body.remove(at)),
            }
        }
        let whole = events(api, [&body[..]]);
        prop_assert_eq!(format!("{:?}", events(api, cut(&body, &sizes))), format!("{whole:?}"));
    }

    #[test]
    fn a_stream_that_is_cut_keeps_what_had_come(api in api(), at in any::<prop::sample::Index>()) {
        let body = stream(api, 10, "ab");
        let outcome = outcome(api, &body[..at.index(body.len())]);
        prop_assert!("ab".repeat(10).starts_with(&outcome.text()));
    }
}
