//! What the public event stream costs over a bare body loop on the same bytes, in CPU time of the client's thread.
//!
//! `cargo bench -p maestro --bench streaming`

mod cpu;
mod loopback;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::StreamExt as _;
use maestro::{RetryPolicy, prelude::*};
use maestro_testkit::streams;

use crate::{
    cpu::ThreadCpu,
    loopback::{Delivery, Loopback},
};

const DELTAS: usize = 2_000;

struct Protocol {
    name: &'static str,
    provider: &'static str,
    base: &'static str,
    events: fn(usize, &str) -> Vec<Bytes>,
}

const PROTOCOLS: [Protocol; 4] = [
    Protocol { name: "chat", provider: "openai_compatible", base: "/v1", events: streams::chat },
    Protocol { name: "responses", provider: "openai", base: "/v1", events: streams::responses },
    Protocol { name: "anthropic", provider: "anthropic", base: "", events: streams::anthropic },
    Protocol { name: "gemini", provider: "gemini", base: "", events: streams::gemini },
];

fn maestro() -> Maestro {
    Maestro::builder()
        .store(MemoryStore::new())
        .vault(Vault::new(VaultKey::generate()))
        .retry(RetryPolicy::NEVER)
        .build()
        .expect("store and vault are given")
}

fn target(protocol: &Protocol, server: &Loopback) -> Target {
    let base = server.url(protocol.base).parse().expect("a URL");
    let credentials = Credentials::api_key(Secret::new("sandbox-key").expect("a key")).at(Some(base));
    Target::new(protocol.provider.parse().expect("a name"), Endpoint::with_credentials(credentials))
}

async fn through_maestro(maestro: &Maestro, target: &Target) -> usize {
    let request = ChatRequest::new("sandbox-small".parse().expect("a name"), vec![Message::user("hi")]);
    let mut stream = maestro.stream_chat(target, request).await.expect("an answer");
    let mut bytes = 0;
    while let Some(event) = stream.next().await {
        match event {
            StreamEvent::TextDelta { text, .. } => bytes += text.len(),
            StreamEvent::Truncated(error) | StreamEvent::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
    bytes
}

async fn bare_loop(client: &reqwest::Client, url: &str) -> usize {
    let response = client.post(url).body("{}").send().await.expect("an answer");
    let mut body = response.bytes_stream();
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        bytes += chunk.expect("a chunk").len();
    }
    bytes
}

fn deltas(criterion: &mut Criterion<ThreadCpu>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for protocol in &PROTOCOLS {
        for (delivery, how) in [(Delivery::ChunkPerEvent, "chunk-per-event"), (Delivery::Bulk, "bulk")] {
            let server = Loopback::serve(&(protocol.events)(DELTAS, " hello"), delivery);
            let mut group = criterion.benchmark_group(format!("{}/{how}", protocol.name));
            group.throughput(Throughput::Elements(DELTAS as u64));
            group.sample_size(30);
            let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
            let url = server.url("/");
            group.bench_function("loop", |bencher| {
                bencher.iter(|| runtime.block_on(bare_loop(&client, &url)))
            });
            let (maestro, target) = (maestro(), target(protocol, &server));
            assert_eq!(runtime.block_on(through_maestro(&maestro, &target)), DELTAS * " hello".len());
            group.bench_function("maestro", |bencher| {
                bencher.iter(|| runtime.block_on(through_maestro(&maestro, &target)));
            });
            group.finish();
        }
    }
}

fn short_calls(criterion: &mut Criterion<ThreadCpu>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for protocol in &PROTOCOLS {
        let server = Loopback::serve(&(protocol.events)(10, " hello"), Delivery::ChunkPerEvent);
        let mut group = criterion.benchmark_group(format!("{}/call-of-10", protocol.name));
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
        let url = server.url("/");
        group.bench_function("loop", |bencher| bencher.iter(|| runtime.block_on(bare_loop(&client, &url))));
        let (maestro, target) = (maestro(), target(protocol, &server));
        group.bench_function("maestro", |bencher| {
            bencher.iter(|| runtime.block_on(through_maestro(&maestro, &target)));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ThreadCpu);
    targets = deltas, short_calls
}
criterion_main!(benches);
