//! The model test of stores: random programs, on a reference and on a candidate side by side.
//!
//! The [suite](crate::suite) holds a store to each promise by itself. This holds it to all of them at once, in whatever
//! order: a program calls any methods of the three contexts, forks of forks, edits, marks, streams, recoveries, searches,
//! pages with cursors that were kept while things changed. After each call the answers of both stores must be equal:
//! results, orders, cursors, the kind of a refusal and its words. At the end everything is read in every way.
//!
//! ```
//! use std::sync::Arc;
//!
//! use maestro_core::Store;
//! # #[derive(Default)] struct MemoryStore;
//! # impl MemoryStore { fn into_store(self) -> Arc<dyn Store> { unimplemented!() } }
//! # type MyStore = MemoryStore;
//!
//! /// The store that is right by definition.
//! async fn reference() -> (Arc<dyn Store>, ()) {
//!     (MemoryStore::default().into_store(), ())
//! }
//!
//! /// The one that is tested, and whatever must outlive it.
//! async fn fresh() -> (Arc<dyn Store>, ()) {
//!     (MyStore::default().into_store(), ())
//! }
//!
//! maestro_testkit::store_model!(reference, fresh);
//! # fn main() {}
//! ```
//!
//! A program that tells the stores apart is shrunk to the calls and values that it takes, and printed one call a line
//! with short ids:
//!
//! ```text
//!     session_create(session: s1, root: t1, name: "talk")
//!     entry_append(thread: t1, entry: e1, says: ..)
//!     chunk_mark(thread: t1, entry: e1, state: Excluded)
//! ```
//!
//! | variable | means |
//! |---|---|
//! | `MAESTRO_MODEL_CASES` | how many programs are run, in place of what the test says |
//! | `MAESTRO_MODEL_SEED` | the one program to run, as a failure names it |
//!
//! Why it is built as it is: `docs/decisions/0004-model-test.md`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what must not fail may panic, which fails the test and names its line"
)]

mod answer;
mod draw;
mod field;
mod names;
mod op;
mod perform;
mod shrink;
mod sweep;

use std::{collections::BTreeMap, env, fmt, future::Future, sync::Arc};

use maestro_core::Store;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use tokio::runtime::{Builder, Runtime};

use answer::{Answer, Cursors};
use names::shorten;
use op::{Op, Program};
use shrink::Programs;

/// How many programs a test runs when nothing is said.
pub const CASES: u32 = 500;

/// Where two stores differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The number of the program, to run it again (`MAESTRO_MODEL_SEED`).
    pub seed: u64,
    /// The smallest program that was found to show it, one call a line.
    pub program: String,
    /// How many calls that has.
    pub calls: usize,
    /// The call whose answers differ, and both answers.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the stores differ after this program:\n\n{}\n{}\n\nMAESTRO_MODEL_SEED={} runs the program again that this \
             was found with",
            self.program, self.what, self.seed
        )
    }
}

/// Runs random programs on stores that `reference` and `fresh` make, and fails with the smallest one that tells them
/// apart. What [`store_model!`](crate::store_model) calls.
///
/// # Panics
///
/// When the stores differ.
pub fn agree<R, C, RG, CG>(cases: u32, reference: impl Fn() -> R, fresh: impl Fn() -> C)
where
    R: Future<Output = (Arc<dyn Store>, RG)>,
    C: Future<Output = (Arc<dyn Store>, CG)>,
{
    let number =
        |name| env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value}?")));
    let cases =
        number("MAESTRO_MODEL_CASES").map_or(cases, |cases: u64| u32::try_from(cases).unwrap_or(u32::MAX));
    let runner = match number("MAESTRO_MODEL_SEED") {
        Some(seed) => (1, Some(seed)),
        None => (cases, None),
    };
    let config = Config { cases: runner.0, ..config() };
    if let Err(difference) = run(TestRunner::new(config), runner.1, reference, fresh) {
        panic!("{difference}");
    }
}

/// The first difference within `cases` programs, which are the same ones every time: to prove that a store with a known
/// fault would be found out.
pub fn find_difference<R, C, RG, CG>(
    cases: u32,
    reference: impl Fn() -> R,
    fresh: impl Fn() -> C,
) -> Option<Difference>
where
    R: Future<Output = (Arc<dyn Store>, RG)>,
    C: Future<Output = (Arc<dyn Store>, CG)>,
{
    let config = Config { cases, ..config() };
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    run(TestRunner::new_with_rng(config, rng), None, reference, fresh).err()
}

/// What `cases` programs come to on a store, the same ones every time: for each method how often it was done, under
/// `done`, and how often it was refused, under the kind.
pub fn coverage<C, G>(
    cases: u32,
    fresh: impl Fn() -> C,
) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>>
where
    C: Future<Output = (Arc<dyn Store>, G)>,
{
    let mut counted: BTreeMap<_, BTreeMap<_, u64>> =
        Op::METHODS.iter().map(|method| (*method, BTreeMap::new())).collect();
    runtime().block_on(async {
        for seed in 0..u64::from(cases) {
            let ((store, _guard), mut cursors) = (fresh().await, Cursors::new());
            for op in draw::program(seed).0 {
                let seen = op.look(&*store).await;
                let answer = op.perform(&*store, &seen, &cursors).await;
                op.keep(&answer, &mut cursors);
                let outcome = answer.map_or_else(|refusal| refusal.kind.as_str(), |_| "done");
                *counted.entry(op.method()).or_default().entry(outcome).or_default() += 1;
            }
        }
    });
    counted
}

/// Runs the program of a number on a store, whatever it answers: to fill the store with what programs can leave there.
pub async fn fill(seed: u64, store: &dyn Store) {
    let mut cursors = Cursors::new();
    for op in draw::program(seed).0 {
        let seen = op.look(store).await;
        let answer = op.perform(store, &seen, &cursors).await;
        op.keep(&answer, &mut cursors);
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn config() -> Config {
    Config { max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() }
}

fn run<R, C, RG, CG>(
    mut runner: TestRunner,
    seed: Option<u64>,
    reference: impl Fn() -> R,
    fresh: impl Fn() -> C,
) -> Result<(), Difference>
where
    R: Future<Output = (Arc<dyn Store>, RG)>,
    C: Future<Output = (Arc<dyn Store>, CG)>,
{
    let runtime = runtime();
    let outcome = runner.run(&Programs { seed }, |drawn| {
        runtime.block_on(async {
            let ((reference, _first), (candidate, _second)) = (reference().await, fresh().await);
            compare(&drawn.program, &*reference, &*candidate).await.map_err(TestCaseError::fail)
        })
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(TestError::Fail(what, drawn)) => Err(Difference {
            seed: drawn.seed,
            program: format!("{:?}", drawn.program),
            calls: drawn.program.0.len(),
            what: what.message().to_owned(),
        }),
        Err(TestError::Abort(why)) => panic!("the programs could not be run: {why}"),
    }
}

/// Runs a program on both stores, then reads everything there is from both.
async fn compare(program: &Program, reference: &dyn Store, candidate: &dyn Store) -> Result<(), String> {
    let mut cursors = Cursors::new();
    for op in &program.0 {
        call(op, reference, candidate, &mut cursors).await?;
    }
    for op in sweep::sweep(program) {
        let goes_on = op.page().and_then(|page| page.after) == Some(sweep::PLACE);
        if goes_on && !cursors.contains_key(&sweep::PLACE) {
            continue;
        }
        call(&op, reference, candidate, &mut cursors).await?;
    }
    Ok(())
}

async fn call(
    op: &Op,
    reference: &dyn Store,
    candidate: &dyn Store,
    cursors: &mut Cursors,
) -> Result<(), String> {
    let seen = op.look(reference).await;
    let expected = op.perform(reference, &seen, cursors).await;
    let found = op.perform(candidate, &seen, cursors).await;
    if expected != found {
        let shown = |answer: &Answer| shorten(&format!("{answer:#?}")).replace('\n', "\n        ");
        return Err(format!(
            "    {op}\n      reference: {}\n      candidate: {}",
            shown(&expected),
            shown(&found)
        ));
    }
    op.keep(&expected, cursors);
    Ok(())
}

/// Makes a test that runs random programs on the stores that `reference` and `fresh` make, see [`model`](crate::model).
///
/// Both are an `async fn() -> (Arc<dyn Store>, Guard)` in the same module, called once for each program, so they should
/// be quick. `cases = 2_000` runs so many programs in place of [`CASES`](crate::model::CASES), and `needs = postgres` before
/// it makes the test say *ignored* where there is no Postgres.
#[macro_export]
macro_rules! store_model {
    ($reference:ident, $fresh:ident $(,)?) => {
        $crate::store_model!($reference, $fresh, cases = $crate::model::CASES);
    };
    ($reference:ident, $fresh:ident, cases = $cases:expr $(,)?) => {
        $crate::store_model!($reference, $fresh, needs = nothing, cases = $cases);
    };
    ($reference:ident, $fresh:ident, needs = $needs:ident, cases = $cases:expr $(,)?) => {
        mod model {
            $crate::__store_needs! { $needs
                #[test]
                fn random_programs_cannot_tell_the_store_from_the_reference() {
                    $crate::model::agree($cases, super::$reference, super::$fresh);
                }
            }
        }
    };
}
