//! How many allocations a delta takes, from bytes to events.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use maestro_core::stream::Parser;
use maestro_testkit::streams;
use support::Api;

const DELTAS: usize = 2000;

/// Allocations for each delta of this text, one chunk for each event.
fn allocations(api: Api, text: &str) -> f64 {
    let make = match api {
        Api::Anthropic => streams::anthropic,
        Api::Responses => streams::responses,
        Api::Chat => streams::chat,
        Api::Gemini => streams::gemini,
    };
    let events = make(DELTAS, text);
    let mut parser = Parser::new(api.decoder());
    let counted = allocation_counter::measure(|| {
        for event in &events {
            parser.push(event);
            while parser.next_event().is_some() {}
        }
        parser.finish();
    });
    counted.count_total as f64 / DELTAS as f64
}

#[test]
fn a_short_delta_allocates_nothing() {
    for api in Api::ALL {
        for text in ["a", "twelve bytes", "exactly twenty-four byte", "a\\n \"\n\u{e9} \\"] {
            let each = allocations(api, text);
            assert!(each <= 0.05, "{api:?} {text:?}: {each}");
        }
    }
}

#[test]
fn a_long_delta_allocates_once() {
    for api in Api::ALL {
        for text in ["more than twenty-four bytes", &"with\n\"escapes\" ".repeat(20)] {
            let each = allocations(api, text);
            assert!(each <= 1.05, "{api:?} {text:?}: {each}");
        }
    }
}
