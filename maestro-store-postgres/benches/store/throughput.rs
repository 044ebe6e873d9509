//! Many sessions that append at once.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use maestro_core::conversations::{Conversations as _, NewChatEntry};
use tokio::runtime::Runtime;

use crate::{
    data::{open, schema, session, turn},
    floor::Floor,
};

const SESSIONS: usize = 32;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1_500);

/// 32 sessions on 8 workers, each of which appends entry after entry, over ten connections on both sides.
pub(crate) fn all(runtime: &Runtime, url: &str) {
    let schemas = [schema(), schema()];
    let store = runtime.block_on(open(url, &schemas[0]));
    let other = runtime.block_on(open(url, &schemas[1]));
    let heads: Vec<_> = (0..SESSIONS).map(|name| runtime.block_on(session(&store, name))).collect();
    for name in 0..SESSIONS {
        runtime.block_on(session(&other, name));
    }
    drop(other);
    let floor = Arc::new(Floor::open(url, &schemas[1]));
    let heads = Arc::new(heads.into_iter().map(Mutex::new).collect::<Vec<_>>());
    let turns = Arc::new((0..SESSIONS).map(|_| Mutex::new(0)).collect::<Vec<_>>());
    let (mut of_floor, mut of_ours) = (Measured::default(), Measured::default());
    for _ in 0..ROUNDS {
        let (floor, turns) = (Arc::clone(&floor), Arc::clone(&turns));
        of_floor.add(runtime.block_on(run(move |at, entry| {
            let (floor, turns) = (Arc::clone(&floor), Arc::clone(&turns));
            async move {
                let turn = {
                    let mut turn = turns[at].lock().unwrap();
                    *turn += 1;
                    *turn
                };
                floor.append(at as i64 + 1, turn, &entry).await;
            }
        })));
        let (store, heads) = (store.clone(), Arc::clone(&heads));
        of_ours.add(runtime.block_on(run(move |at, entry| {
            let (store, heads) = (store.clone(), Arc::clone(&heads));
            async move {
                let head = *heads[at].lock().unwrap();
                let written = store.entry_append(head, entry).await.unwrap();
                heads[at].lock().unwrap().entry_id = Some(written.id);
            }
        })));
    }
    let ratio = of_ours.rate() / of_floor.rate();
    println!(
        "| 32 sessions, 8 workers: entries a second | {:.0} | {:.0} | {ratio:.2} |",
        of_floor.rate(),
        of_ours.rate()
    );
    let (floor, ours) = (of_floor.percentile(99), of_ours.percentile(99));
    println!("| the same: p99 of an entry | {floor:.1} ms | {ours:.1} ms | {:.2} |", ours / floor);
    let (least, most) = of_ours.spread();
    println!("| the same: entries of the slowest and the fastest session | | {least} / {most} | |");
}

#[derive(Default)]
struct Measured {
    millis: Vec<f64>,
    of_each: Vec<usize>,
}

impl Measured {
    fn add(&mut self, of_each: Vec<Vec<Duration>>) {
        self.of_each.resize(of_each.len(), 0);
        for (count, times) in self.of_each.iter_mut().zip(of_each) {
            *count += times.len();
            self.millis.extend(times.iter().map(|time| time.as_secs_f64() * 1e3));
        }
    }

    fn rate(&self) -> f64 {
        self.millis.len() as f64 / (ROUND * ROUNDS as u32).as_secs_f64()
    }

    fn percentile(&mut self, percent: usize) -> f64 {
        self.millis.sort_by(f64::total_cmp);
        self.millis[self.millis.len() * percent / 100]
    }

    fn spread(&self) -> (usize, usize) {
        (*self.of_each.iter().min().unwrap(), *self.of_each.iter().max().unwrap())
    }
}

/// Lets every session write for a while; gives the times that each one's entries took.
async fn run<F>(write: impl Fn(usize, NewChatEntry) -> F + Clone + Send + 'static) -> Vec<Vec<Duration>>
where
    F: Future<Output = ()> + Send,
{
    let until = Instant::now() + ROUND;
    let mut running = Vec::new();
    for at in 0..SESSIONS {
        let write = write.clone();
        running.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                for entry in turn() {
                    let begun = Instant::now();
                    write(at, entry).await;
                    times.push(begun.elapsed());
                }
            }
            times
        }));
    }
    let mut all = Vec::new();
    for session in running {
        all.push(session.await.unwrap());
    }
    all
}
