//! What the store costs over hand-written SQL on a file of the same schema, at the same durability, in the same run.
//!
//! `cargo bench -p maestro-store-sqlite --bench store [-- WORD…]`: all lines, or those whose group has one of the words
//! in its name. `docs/performance-storage.md` holds the figures and what they mean.
//!
//! This is no criterion bench. A sync of the disk takes 0.06 to 5 ms as others use it, and criterion measures one side
//! after the other; here both sides take turns, so that what slows one slows the other too.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may fail by panicking, and is there to print"
)]

mod asynchronous;
mod data;
mod floor;
mod lines;
mod measure;
mod throughput;

use tokio::runtime::{Builder, Runtime};

/// Measures some lines and prints them.
type Group = fn(&Runtime);

fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = Builder::new_multi_thread().worker_threads(8).enable_all().build().unwrap();
    let groups: [(&str, Group); 8] = [
        ("append", lines::append),
        ("bytes", lines::bytes),
        ("load", lines::load),
        ("fork", lines::fork),
        ("journal", lines::journal),
        ("lookup", lines::lookup),
        ("pages", lines::pages),
        ("throughput", throughput::all),
    ];
    measure::head();
    for (name, group) in groups {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            group(&runtime);
        }
    }
}
