//! What the public event stream costs over a bare body loop on the same bytes, in CPU time of the client's thread.
//!
//! `cargo bench -p maestro --bench streaming`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run stops")]

mod client;
mod cpu;
mod loopback;

use std::sync::atomic::Ordering;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use crate::{
    client::{BareLoop, PROTOCOLS, ThroughMaestro},
    cpu::ThreadCpu,
    loopback::{Delivery, Loopback},
};

const DELTAS: usize = 2_000;

fn deltas(criterion: &mut Criterion<ThreadCpu>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for protocol in &PROTOCOLS {
        for (delivery, how) in [(Delivery::ChunkPerEvent, "chunk-per-event"), (Delivery::Bulk, "bulk")] {
            let server = Loopback::serve(&(protocol.events)(DELTAS, " hello"), delivery);
            let mut group = criterion.benchmark_group(format!("{}/{how}", protocol.name));
            group.throughput(Throughput::Elements(DELTAS as u64));
            let floor = BareLoop::new(&server);
            group.bench_function("loop", |bencher| bencher.iter(|| runtime.block_on(floor.read())));
            let maestro = ThroughMaestro::new(protocol, &server);
            assert_eq!(runtime.block_on(maestro.read()), DELTAS * " hello".len());
            group.bench_function("maestro", |bencher| bencher.iter(|| runtime.block_on(maestro.read())));
            group.finish();
        }
    }
}

fn short_calls(criterion: &mut Criterion<ThreadCpu>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for protocol in &PROTOCOLS {
        let server = Loopback::serve(&(protocol.events)(10, " hello"), Delivery::ChunkPerEvent);
        let mut group = criterion.benchmark_group(format!("{}/call-of-10", protocol.name));
        let floor = BareLoop::new(&server);
        group.bench_function("loop", |bencher| bencher.iter(|| runtime.block_on(floor.read())));
        let maestro = ThroughMaestro::new(protocol, &server);
        let before = server.connections.load(Ordering::Relaxed);
        group.bench_function("maestro", |bencher| bencher.iter(|| runtime.block_on(maestro.read())));
        assert_eq!(server.connections.load(Ordering::Relaxed), before + 1, "one connection serves all calls");
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(ThreadCpu)
        .sample_size(40)
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(3));
    targets = deltas, short_calls
}
criterion_main!(benches);
