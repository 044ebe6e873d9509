//! Any bytes, through any decoder, cut anywhere: exactly one end, last, and the same events whatever the chunks.
//!
//! The first byte chooses the protocol, the second the size of the chunks; the rest is the body.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maestro_core::{
    chat::StreamEvent,
    stream::{Parser, StreamDecoder},
};
use maestro_providers::{anthropic, gemini, openai, openai_compatible};

fn decoder(choice: u8) -> Box<dyn StreamDecoder> {
    match choice % 4 {
        0 => Box::new(anthropic::Decoder::new()),
        1 => Box::new(openai::Decoder::new()),
        2 => Box::new(openai_compatible::Decoder::new()),
        _ => Box::new(gemini::Decoder::new()),
    }
}

fn events<'a>(choice: u8, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<StreamEvent> {
    let mut parser = Parser::new(decoder(choice));
    let mut events = Vec::new();
    for chunk in chunks {
        parser.push(chunk);
        events.extend(std::iter::from_fn(|| parser.next_event()));
    }
    parser.finish();
    events.extend(std::iter::from_fn(|| parser.next_event()));
    events
}

fuzz_target!(|input: &[u8]| {
    let [choice, size, body @ ..] = input else { return };
    let whole = events(*choice, std::iter::once(body));
    assert!(whole.iter().rev().skip(1).all(|event| !event.is_end()));
    assert!(whole.last().is_some_and(StreamEvent::is_end));
    let cut = events(*choice, body.chunks(usize::from(*size).max(1)));
    assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
});
