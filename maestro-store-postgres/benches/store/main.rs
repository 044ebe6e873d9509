//! What the store costs over hand-written SQL on the same tables of the same server, over a pool of the same settings, in
//! the same run.
//!
//! `cargo bench -p maestro-store-postgres --bench store [-- WORD…]`: all lines, or those whose group has one of the words
//! in its name. A server of its own is started, whose commits wait for the disk; it needs the programs of a Postgres
//! server. `docs/performance-storage.md` holds the figures and what they mean.
//!
//! This is no criterion bench. A sync of the disk takes 0.06 to 5 ms as others use it, and criterion measures one side
//! after the other; here both sides take turns, so that what slows one slows the other too.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may fail by panicking, and is there to print"
)]

mod data;
mod floor;
mod lines;
mod measure;
mod throughput;

use maestro_testkit::postgres::Postgres;
use tokio::runtime::{Builder, Runtime};

/// Measures some lines and prints them.
type Group = fn(&Runtime, &str);

fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let durable = [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("shared_buffers", "256MB"),
    ];
    let postgres = Postgres::private_with(&durable).unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(8).enable_all().build().unwrap();
    let groups: [(&str, Group); 9] = [
        ("append", lines::append),
        ("bytes", lines::bytes),
        ("load", lines::load),
        ("fork", lines::fork),
        ("journal", lines::journal),
        ("lookup", lines::lookup),
        ("pages", lines::pages),
        ("items", lines::items),
        ("throughput", throughput::all),
    ];
    // A pool looks for the runtime when it is made.
    let _within = runtime.enter();
    measure::head();
    for (name, group) in groups {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            group(&runtime, postgres.url());
        }
    }
}
