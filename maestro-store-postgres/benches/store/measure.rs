//! Two sides that take turns, and the middle of what each took.

use std::time::{Duration, Instant};

pub(crate) fn head() {
    println!("| line | floor | maestro | ratio |\n|---|---|---|---|");
}

/// Runs both sides in turns, `rounds` times, after a tenth of that to warm up, and prints the medians.
pub(crate) fn compare(line: &str, rounds: usize, mut floor: impl FnMut(), mut ours: impl FnMut()) {
    let (mut floors, mut all_ours) = (Vec::new(), Vec::new());
    for round in 0..rounds + rounds / 10 {
        // Who goes first changes, because the second finds the disk and the caches as the first has left them.
        let (of_floor, of_ours) = if round % 2 == 0 {
            let first = time(&mut floor);
            (first, time(&mut ours))
        } else {
            let first = time(&mut ours);
            (time(&mut floor), first)
        };
        if round >= rounds / 10 {
            floors.push(of_floor);
            all_ours.push(of_ours);
        }
    }
    print(line, middle(floors), middle(all_ours));
}

fn time(work: &mut impl FnMut()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn print(line: &str, floor: Duration, ours: Duration) {
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    println!("| {line} | {} | {} | {ratio:.2} |", micros(floor), micros(ours));
}

fn micros(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1_000.0 { format!("{micros:.1} µs") } else { format!("{:.2} ms", micros / 1e3) }
}
