//! Framing allocates nothing for an event.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use maestro_core::{
    Result,
    stream::{Events, SseFrame, SseFramer, SseLimits, StreamDecoder},
};

struct Nothing;

impl StreamDecoder for Nothing {
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

/// The allocations of framing a body, after as many events as it takes for the buffers to have their size.
fn allocations(body: &[u8], chunk: usize) -> u64 {
    let (mut framer, mut out) = (SseFramer::new(SseLimits::default()), Events::new());
    let mut push = |body: &[u8]| {
        for chunk in body.chunks(chunk) {
            framer.push(chunk, &mut Nothing, &mut out).unwrap();
        }
    };
    push(body);
    allocation_counter::measure(|| push(body)).count_total
}

#[test]
fn no_event_allocates_in_the_steady_state() {
    let plain = format!("data: {}\n\n", "x".repeat(212)).repeat(500);
    let named =
        format!("event: content_block_delta\r\ndata: {}\r\ndata: more\r\n\r\n: ping\r\n\r\n", "é".repeat(90))
            .repeat(500);
    for body in [plain, named] {
        for chunk in [1, 7, 64, 220, 1460, 65_536] {
            assert_eq!(allocations(body.as_bytes(), chunk), 0, "chunks of {chunk}");
        }
    }
}
