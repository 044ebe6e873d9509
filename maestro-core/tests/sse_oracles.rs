//! The framer against the parsers that can be had, on random bodies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::{num::NonZeroUsize, pin::pin};

use bytes::Bytes;
use eventsource_stream::Eventsource as _;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use maestro_core::{
    Result,
    stream::{Events, SseFrame, SseFramer, SseLimits, StreamDecoder},
};
use proptest::prelude::*;
use sse_core::{SseDecoder, SseEvent};

/// The name and the data of an event.
type Seen = (String, String);

#[derive(Default)]
struct Witness(Vec<Seen>);

impl StreamDecoder for Witness {
    fn push(&mut self, frame: SseFrame<'_>, _: &mut Events) -> Result<()> {
        if !frame.unterminated {
            self.0.push((frame.event.unwrap_or("message").to_owned(), frame.data.to_owned()));
        }
        Ok(())
    }

    fn stray(&mut self, _: &str, _: &mut Events) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut Events) -> Result<()> {
        Ok(())
    }
}

fn ours(chunks: &[Bytes]) -> Vec<Seen> {
    let (mut framer, mut witness, mut out) =
        (SseFramer::new(SseLimits::default()), Witness::default(), Events::new());
    for chunk in chunks {
        framer.push(chunk, &mut witness, &mut out).unwrap();
    }
    framer.finish(&mut witness, &mut out).unwrap();
    witness.0
}

fn sse_core(chunks: &[Bytes]) -> Vec<Seen> {
    let mut decoder = SseDecoder::with_limit(NonZeroUsize::MAX);
    let mut seen = Vec::new();
    for chunk in chunks {
        let mut bytes = chunk.clone();
        while let Some(event) = decoder.next(&mut bytes) {
            if let Ok(SseEvent::Message(event)) = event {
                seen.push((event.event.to_string(), event.data.to_string()));
            }
        }
    }
    seen
}

/// What the third parser sees, or nothing where it gives up.
fn eventsource(chunks: &[Bytes]) -> Option<Vec<Seen>> {
    let body = stream::iter(chunks.iter().cloned().map(Ok::<_, std::convert::Infallible>));
    let mut events = pin!(body.eventsource());
    let mut seen = Vec::new();
    while let Some(Some(event)) = events.next().now_or_never() {
        let event = event.ok()?;
        seen.push((event.event, event.data));
    }
    Some(seen)
}

/// Bodies made of what matters to a framer, cut anywhere.
fn chunks(tokens: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<Bytes>> {
    let body = prop::collection::vec(prop::sample::select(tokens), 0..40).prop_map(|tokens| tokens.concat());
    (body, prop::collection::vec(1..20usize, 1..40)).prop_map(|(body, sizes)| {
        let mut rest = &body[..];
        let mut chunks = Vec::new();
        for size in sizes.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            chunks.push(Bytes::copy_from_slice(chunk));
            rest = after;
        }
        chunks
    })
}

const TOKENS: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"data: a",
    b"event",
    b"event: e",
    b"event:",
    b"id: 1",
    b"id",
    b"retry: 5",
    b"error: {}",
    b"x: y",
    b"x",
    b":",
    b": c",
    b" ",
    b"\t",
    b"\n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\r\n\r\n",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xFF",
    b"\xE2\x80\xA8",
    b"\xC3",
    b"\xA9",
    b"\0",
    b"{",
    b"}",
];

/// The same without what the third parser is known to get wrong.
const PLAIN: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"data: a",
    b"event: e",
    b"id: 1",
    b"retry: 5",
    b"x: y",
    b"x",
    b": c",
    b"\n",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    "é".as_bytes(),
    "\u{2028}".as_bytes(),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_chunking_gives_the_same(chunks in chunks(TOKENS)) {
        prop_assert_eq!(ours(&chunks), ours(&[Bytes::from(chunks.concat())]));
    }

    #[test]
    fn it_agrees_with_sse_core(chunks in chunks(TOKENS)) {
        prop_assert_eq!(ours(&chunks), sse_core(&chunks));
    }

    #[test]
    fn it_agrees_with_eventsource_stream_where_that_does_not_fail(chunks in chunks(PLAIN)) {
        if let Some(seen) = eventsource(&chunks) {
            prop_assert_eq!(ours(&chunks), seen);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_fault(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let chunks: Vec<Bytes> = chunks.into_iter().map(Bytes::from).collect();
        prop_assert_eq!(ours(&chunks), sse_core(&chunks));
    }
}
