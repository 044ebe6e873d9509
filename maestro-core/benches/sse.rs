//! SSE framing against the parsers that can be had, in one run on the same bytes.
//!
//! `cargo bench -p maestro-core --bench sse`
//!
//! Each row is one way to cut one body; `maestro` must lead each. The rivals are given the same work: every event is
//! looked at, by the length of its data.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench may fail")]

use std::{hint::black_box, pin::pin, time::Duration};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventsource_stream::Eventsource as _;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use maestro_core::{
    Result,
    stream::{Events, SseFrame, SseFramer, SseLimits, StreamDecoder},
};
use sse_core::{SseDecoder, SseEvent};

/// Adds up the lengths of the data.
#[derive(Default)]
struct Count(usize);

impl StreamDecoder for Count {
    fn push(&mut self, frame: SseFrame<'_>, _: &mut Events) -> Result<()> {
        self.0 += frame.data.len();
        Ok(())
    }

    fn stray(&mut self, _: &str, _: &mut Events) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut Events) -> Result<()> {
        Ok(())
    }
}

fn maestro(chunks: &[Bytes]) -> usize {
    let (mut framer, mut count, mut out) =
        (SseFramer::new(SseLimits::default()), Count::default(), Events::new());
    for chunk in chunks {
        framer.push(chunk, &mut count, &mut out).expect("the body has no fault");
    }
    count.0
}

fn sse_core(chunks: &[Bytes]) -> usize {
    let mut decoder = SseDecoder::with_limit(std::num::NonZeroUsize::MAX);
    let mut count = 0;
    for chunk in chunks {
        let mut bytes = chunk.clone();
        while let Some(event) = decoder.next(&mut bytes) {
            if let Ok(SseEvent::Message(event)) = event {
                count += event.data.len();
            }
        }
    }
    count
}

fn eventsource(chunks: &[Bytes]) -> usize {
    let body = stream::iter(chunks.iter().cloned().map(Ok::<_, std::convert::Infallible>));
    let mut events = pin!(body.eventsource());
    let mut count = 0;
    while let Some(Some(Ok(event))) = events.next().now_or_never() {
        count += event.data.len();
    }
    count
}

/// Events of 220 bytes, blank line and all.
fn events(number: usize) -> Vec<u8> {
    format!("data: {}\n\n", "x".repeat(212)).repeat(number).into_bytes()
}

fn cut(body: &[u8], size: usize) -> Vec<Bytes> {
    body.chunks(size).map(Bytes::copy_from_slice).collect()
}

fn rows() -> Vec<(&'static str, Vec<Bytes>, u64)> {
    let bulk = events(10_000);
    let lines = format!("data: {}\n\n", "x".repeat(64 << 10)).repeat(40).into_bytes();
    let large = format!("data: {}\n\n", "x".repeat(1 << 20)).into_bytes();
    let named = format!("event: content_block_delta\r\ndata: {}\r\n\r\n", "x".repeat(180))
        .repeat(10_000)
        .into_bytes();
    vec![
        ("220 B events in bulk", cut(&bulk, 64 << 10), 10_000),
        ("220 B events in 1460 B", cut(&bulk, 1460), 10_000),
        ("220 B events one by one", cut(&bulk, 220), 10_000),
        ("220 B events in 64 B", cut(&bulk, 64), 10_000),
        ("named events with CRLF in 1460 B", cut(&named, 1460), 10_000),
        ("64 KiB lines in 1460 B", cut(&lines, 1460), 40),
        ("one 1 MiB event in 1 KiB", cut(&large, 1 << 10), 1),
    ]
}

fn framing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(20);
    for (row, chunks, number) in rows() {
        assert_eq!(maestro(&chunks), sse_core(&chunks), "{row}");
        group.throughput(Throughput::Elements(number));
        let mut bench = |name: &str, parse: fn(&[Bytes]) -> usize| {
            group.bench_with_input(BenchmarkId::new(name, row), &chunks, |bencher, chunks| {
                bencher.iter(|| black_box(parse(chunks)));
            });
        };
        bench("maestro", maestro);
        bench("sse-core", sse_core);
        // It is quadratic: a large event takes it a second.
        if !row.contains("1 MiB") {
            bench("eventsource-stream", eventsource);
        }
    }
    group.finish();
}

criterion_group!(benches, framing);
criterion_main!(benches);
