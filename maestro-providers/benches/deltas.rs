//! A fixed number of deltas from bytes to events, to count instructions of.
//!
//! `valgrind --tool=callgrind target/release/deps/deltas-* chat 6000` less the same with 1000, with `floor` in front for
//! framing alone; the difference, by the number of deltas, is what a delta takes. Build it with
//! `cargo bench -p maestro-providers --bench deltas --no-run`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench may fail")]

use maestro_core::{
    Result,
    stream::{Events, Parser, SseFrame, StreamDecoder},
};
use maestro_providers::{anthropic, gemini, openai, openai_compatible};
use maestro_testkit::streams;

struct Floor;

impl StreamDecoder for Floor {
    fn push(&mut self, _: SseFrame<'_>, _: &mut Events) -> Result<()> {
        Ok(())
    }

    fn stray(&mut self, _: &str, _: &mut Events) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut Events) -> Result<()> {
        Ok(())
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (floor, words) = words.strip_prefix(&["floor"]).map_or((false, &words[..]), |words| (true, words));
    let [protocol, rest @ ..] = words else { return };
    let deltas = rest.first().and_then(|number| number.parse().ok()).unwrap_or(1000);
    // The same thousand again and again, so that making them does not count.
    let make: fn(usize, &str) -> Vec<bytes::Bytes> = match *protocol {
        "chat" => streams::chat,
        "responses" => streams::responses,
        "anthropic" => streams::anthropic,
        _ => streams::gemini,
    };
    let events = make(1000, "twelve bytes");
    for _ in 0..deltas / 1000 {
        let decoder: Box<dyn StreamDecoder> = match *protocol {
            _ if floor => Box::new(Floor),
            "chat" => Box::new(openai_compatible::Decoder::new()),
            "responses" => Box::new(openai::Decoder::new()),
            "anthropic" => Box::new(anthropic::Decoder::new()),
            _ => Box::new(gemini::Decoder::new()),
        };
        let mut parser = Parser::new(decoder);
        for event in &events {
            parser.push(event);
            while parser.next_event().is_some() {}
        }
        parser.finish();
    }
}
