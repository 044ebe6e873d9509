//! From bytes to events, for each protocol, over a floor that only frames.
//!
//! `cargo bench -p maestro-providers --bench decode`
//!
//! Each protocol is measured in bulk (all bytes in chunks of 64 KiB) and with one chunk for each event, as a server
//! sends it. The time of one element is that of one delta, text of 12 bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench may fail")]

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use maestro_core::{
    Result,
    chat::{Finish, StreamEvent},
    stream::{Events, Parser, SseFrame, StreamDecoder},
};
use maestro_providers::{anthropic, gemini, openai, openai_compatible};
use maestro_testkit::streams;

const DELTAS: usize = 10_000;
const TEXT: &str = "twelve bytes";

/// The floor: takes frames and makes nothing of them.
struct Floor(usize);

impl StreamDecoder for Floor {
    fn push(&mut self, frame: SseFrame<'_>, _: &mut Events) -> Result<()> {
        self.0 += frame.data.len();
        Ok(())
    }

    fn stray(&mut self, _: &str, _: &mut Events) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, out: &mut Events) -> Result<()> {
        out.push(StreamEvent::Finished { finish: Finish::Stop });
        Ok(())
    }
}

fn parse(chunks: &[Bytes], decoder: Box<dyn StreamDecoder>) -> usize {
    let mut parser = Parser::new(decoder);
    let mut text = 0;
    let mut drain = |parser: &mut Parser| {
        while let Some(event) = parser.next_event() {
            match event {
                StreamEvent::TextDelta { text: delta, .. } => text += delta.len(),
                StreamEvent::Truncated(_) | StreamEvent::Failed(_) => panic!("the stream has no fault"),
                _ => {}
            }
        }
    };
    for chunk in chunks {
        parser.push(chunk);
        drain(&mut parser);
    }
    parser.finish();
    drain(&mut parser);
    text
}

type Make = fn() -> Box<dyn StreamDecoder>;

fn decoding(criterion: &mut Criterion) {
    let protocols: [(&str, Vec<Bytes>, Make); 4] = [
        ("chat", streams::chat(DELTAS, TEXT), || Box::new(openai_compatible::Decoder::new())),
        ("responses", streams::responses(DELTAS, TEXT), || Box::new(openai::Decoder::new())),
        ("anthropic", streams::anthropic(DELTAS, TEXT), || Box::new(anthropic::Decoder::new())),
        ("gemini", streams::gemini(DELTAS, TEXT), || Box::new(gemini::Decoder::new())),
    ];
    let mut group = criterion.benchmark_group("decode");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(20);
    group.throughput(Throughput::Elements(DELTAS as u64));
    for (protocol, events, make) in protocols {
        let bulk: Vec<Bytes> = events.concat().chunks(64 << 10).map(Bytes::copy_from_slice).collect();
        assert_eq!(parse(&bulk, make()), DELTAS * TEXT.len(), "{protocol}");
        for (way, chunks) in [("bulk", &bulk), ("one by one", &events)] {
            let mut bench = |name: &str, make: Make| {
                group.bench_with_input(
                    BenchmarkId::new(format!("{protocol} {way}"), name),
                    chunks,
                    |bencher, chunks| {
                        bencher.iter(|| black_box(parse(chunks, make())));
                    },
                );
            };
            bench("floor", || Box::new(Floor(0)));
            bench("decoder", make);
        }
    }
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
