//! How many instructions a delta costs over a bare body loop, counted by callgrind: the same each time, whatever else
//! the machine does.
//!
//! `cargo bench -p maestro --bench instructions` (needs valgrind)
//!
//! The program runs itself under valgrind for a short and a long answer and divides the difference, so that start-up
//! and the call itself drop out. The server is a process of its own and is not counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run stops")]
#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod client;
mod loopback;

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use crate::{
    client::{BareLoop, PROTOCOLS, ThroughMaestro},
    loopback::{Delivery, Loopback},
};

const SHORT: usize = 500;
const LONG: usize = 2_500;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    match arguments.iter().position(|argument| argument == "--role") {
        Some(at) => play(&arguments[at + 1..]),
        None => count_all(),
    }
}

fn count_all() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("not measured: valgrind is not installed");
        return;
    }
    println!("{:<12} {:>10} {:>10} {:>10}", "protocol", "loop", "maestro", "over it");
    for protocol in &PROTOCOLS {
        let loop_ = per_delta("loop", protocol.name);
        let maestro = per_delta("maestro", protocol.name);
        println!("{:<12} {loop_:>10} {maestro:>10} {:>10}", protocol.name, maestro.saturating_sub(loop_));
    }
}

fn per_delta(role: &str, protocol: &str) -> u64 {
    let [short, long] = [SHORT, LONG].map(|deltas| count(role, protocol, deltas));
    long.saturating_sub(short) / (LONG - SHORT) as u64
}

/// The instructions of one run in a role.
fn count(role: &str, protocol: &str, deltas: usize) -> u64 {
    let this = env::current_exe().expect("a running program has a path");
    let deltas = deltas.to_string();
    let mut server = Command::new(&this)
        .args(["--role", "server", protocol, &deltas])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let mut address = String::new();
    BufReader::new(server.stdout.take().expect("a pipe"))
        .read_line(&mut address)
        .expect("the server's address");
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(&this)
        .args(["--role", role, protocol, address.trim()])
        .output()
        .expect("valgrind starts");
    drop(server.stdin.take());
    server.wait().expect("the server ends with its input");
    let told = String::from_utf8_lossy(&counted.stderr);
    let collected = told.lines().find_map(|line| line.split_once("Collected : "));
    collected.map_or_else(
        || panic!("valgrind told nothing: {told}"),
        |(_, count)| count.trim().parse().expect("a number"),
    )
}

fn play(role: &[String]) {
    let protocol = PROTOCOLS.iter().find(|protocol| protocol.name == role[1]).expect("a known protocol");
    if role[0] == "server" {
        let deltas = role[2].parse().expect("a number");
        let server = Loopback::serve(&(protocol.events)(deltas, " hello"), Delivery::ChunkPerEvent);
        println!("{}", server.address);
        // Serves until its parent closes the pipe.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        return;
    }
    let server = Loopback::at(role[2].parse().expect("an address"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bytes = match role[0].as_str() {
        "loop" => runtime.block_on(BareLoop::new(&server).read()),
        _ => runtime.block_on(ThroughMaestro::new(protocol, &server).read()),
    };
    assert!(bytes > 0);
}
