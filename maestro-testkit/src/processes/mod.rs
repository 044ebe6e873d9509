//! Several programs on one store, and programs that are killed.
//!
//! The [suite](crate::suite) tests one open store. This tests what a store keeps when programs meet on it and when they
//! die: the test binary starts itself again to play parts, races itself, and kills itself while it writes. It is for any
//! store that is found by a *locator*, a path or a URL, that another program can open:
//!
//! ```
//! use std::sync::Arc;
//!
//! use maestro_core::{Result, Store};
//! # struct MyStore;
//! # impl MyStore { async fn open(locator: &str) -> Result<Arc<dyn Store>> { unimplemented!() } }
//!
//! /// A place where no store is yet, and whatever must outlive it, such as the directory that it is in.
//! async fn place() -> (String, ()) {
//!     ("/tmp/…/my.db".to_owned(), ())
//! }
//!
//! /// Opens the store there; makes it, if there is none.
//! async fn open(locator: String) -> Result<Arc<dyn Store>> {
//!     MyStore::open(&locator).await
//! }
//!
//! maestro_testkit::store_processes!(place, open, ignore = {
//!     a_dead_writer_is_not_waited_for => "a writer's lease alone tells whether it lives",
//! });
//! # fn main() {}
//! ```
//!
//! After each kill and each race the whole store is walked through its contexts, and what does not hold is told. A store
//! that can check itself further adds that with `check = check`, an `async fn(String) -> Vec<String>` that opens the store
//! at a locator and tells what is wrong there.
//!
//! `MAESTRO_CRASH_ROUNDS=500` kills longer than the 25 times of a usual run.
//!
//! | file | holds |
//! |---|---|
//! | `together.rs` | programs that write at once |
//! | `crash.rs` | programs that are killed |
//! | `walk.rs` | what must hold in any store |
//! | `parts.rs`, `program.rs`, `given.rs` | the parts that programs play, how they are started, what they write |

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what must not fail may panic, which fails the test and names its line"
)]

mod crash;
mod given;
mod parts;
mod program;
mod together;
mod walk;

use std::{fmt, future::Future, pin::Pin, str::FromStr, sync::Arc};

use maestro_core::{
    Error, Id, Result, Store,
    auth::SavedAuthentication,
    conversations::{Session, Thread},
    time::Timestamp,
};
use tokio::runtime::{Builder, Runtime};

pub use crash::{
    a_dead_writer_is_not_waited_for, what_was_acknowledged_outlives_a_kill, what_was_streaming_is_recovered,
};
pub use program::Program;
pub use together::{
    a_new_store_is_made_once, of_programs_that_race_exactly_one_wins,
    programs_that_append_at_once_lose_nothing,
};

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Open = Box<dyn Fn(String) -> Later<Result<Arc<dyn Store>>> + Send + Sync>;
type Check = Box<dyn Fn(String) -> Later<Vec<String>> + Send + Sync>;

/// Where a store is, how it is opened, and how programs are started on it.
pub struct Place {
    locator: String,
    play: &'static str,
    open: Open,
    check: Check,
}

impl Place {
    /// The store at `locator`, which `open` opens and `check` looks through; `play` is the path of the test that calls
    /// [`play`].
    pub fn new<O, C>(
        locator: String,
        play: &'static str,
        open: fn(String) -> O,
        check: fn(String) -> C,
    ) -> Self
    where
        O: Future<Output = Result<Arc<dyn Store>>> + Send + 'static,
        C: Future<Output = Vec<String>> + Send + 'static,
    {
        Self {
            locator,
            // Tests are named without their crate.
            play: play.split_once("::").map_or(play, |(_, path)| path),
            open: Box::new(move |locator| Box::pin(open(locator))),
            check: Box::new(move |locator| Box::pin(check(locator))),
        }
    }

    /// Where the store is.
    pub fn locator(&self) -> &str {
        &self.locator
    }

    /// Opens the store.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub async fn open(&self) -> Arc<dyn Store> {
        (self.open)(self.locator.clone()).await.unwrap()
    }

    /// Starts a program that plays `part` on the store.
    pub fn start(&self, part: &str, arguments: &[String]) -> Program {
        Program::start(self.play, part, &self.locator, arguments)
    }

    /// Fails when something in the store does not hold: walks through it and asks its own check.
    ///
    /// # Panics
    ///
    /// When something does not hold.
    pub async fn assert_sound(&self, when: &str) {
        walk::assert_sound(&*self.open().await, Timestamp::from_micros(i64::MIN), when).await;
        self.assert_checked(when).await;
    }

    /// Fails when the store's own check tells of something.
    async fn assert_checked(&self, when: &str) {
        let wrong = (self.check)(self.locator.clone()).await;
        assert!(wrong.is_empty(), "{when}: {wrong:#?}");
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("locator", &self.locator).finish_non_exhaustive()
    }
}

/// What a store is held to that has no check of its own: nothing beyond what is read through its contexts.
pub async fn nothing_more(_locator: String) -> Vec<String> {
    Vec::new()
}

/// Runs a test on a store that does not exist yet. What [`store_processes!`](crate::store_processes) calls.
pub fn on<G>(
    place: impl Future<Output = (String, G)>,
    at: impl FnOnce(String) -> Place,
    test: impl AsyncFnOnce(Place),
) {
    runtime().block_on(async {
        let (locator, _guard) = place.await;
        test(at(locator)).await;
    });
}

/// Plays the part that this program was started for; nothing when it was not.
pub fn play<O>(open: fn(String) -> O)
where
    O: Future<Output = Result<Arc<dyn Store>>> + Send + 'static,
{
    let open: Open = Box::new(move |locator| Box::pin(open(locator)));
    runtime().block_on(parts::play(&open));
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Things that programs race for, as one line.
#[derive(Debug, Clone, Copy)]
struct Race {
    thread: Id<Thread>,
    session: Id<Session>,
    leased: Id<SavedAuthentication>,
    updated: Id<SavedAuthentication>,
}

impl fmt::Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.thread, self.session, self.leased, self.updated)
    }
}

impl FromStr for Race {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_default();
        Ok(Self {
            thread: next().parse()?,
            session: next().parse()?,
            leased: next().parse()?,
            updated: next().parse()?,
        })
    }
}

/// The list of the tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __process_tests {
    ($($with:tt)*) => { $crate::__store_processes! { $($with)* ;
        programs_that_append_at_once_lose_nothing,
        of_programs_that_race_exactly_one_wins,
        a_new_store_is_made_once,
        what_was_acknowledged_outlives_a_kill,
        what_was_streaming_is_recovered,
        a_dead_writer_is_not_waited_for,
    } };
}

/// What is made of the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_processes {
    (tests $place:path, $open:path, (); $($tests:tt)*) => {
        $crate::__store_processes! { tests $place, $open, ($crate::processes::nothing_more); $($tests)* }
    };
    (tests $place:path, $open:path, ($check:path); $($name:ident),* $(,)?) => {
        mod processes {
            #[test]
            #[ignore = "a part of the other tests, which start it as a program of its own"]
            fn play() {
                $crate::processes::play($open);
            }

            pub(super) fn at(locator: String) -> $crate::processes::Place {
                $crate::processes::Place::new(locator, concat!(module_path!(), "::play"), $open, $check)
            }

            $(__process_test! { $name,
                #[test]
                fn $name() {
                    $crate::processes::on($place(), at, $crate::processes::$name);
                }
            })*
        }
    };
    (all ignored $reason:literal; $($name:ident),* $(,)?) => {
        mod processes {
            $(
                #[test]
                #[ignore = $reason]
                fn $name() {
                    panic!($reason);
                }
            )*
        }
    };
    (ignore ($dollar:tt) () $($ignored:tt)*) => {
        $crate::__store_processes! { ignore ($dollar) (nothing) $($ignored)* }
    };
    // The arms of the ignored names come first, so that they win over the one for all others.
    (ignore ($dollar:tt) ($needs:ident) $($name:ident => $reason:literal),*) => {
        macro_rules! __process_test {
            $(($name, $dollar($test:tt)*) => { #[ignore = $reason] $dollar($test)* };)*
            ($dollar kept:ident, $dollar($test:tt)*) => { $crate::__store_needs! { $needs $dollar($test)* } };
        }
        // Only what is a test can be left out.
        $(const _: () = { let _ = $crate::processes::$name; };)*
    };
}

/// Makes tests of several programs on one store and of programs that are killed, see [`processes`](crate::processes).
///
/// `place` is an `async fn() -> (String, Guard)`, `open` an `async fn(String) -> Result<Arc<dyn Store>>`, both in the same
/// module. `check = check`, `needs = postgres` and `ignore = { name => "reason" }` may follow in this order, any of them:
/// `check` is an `async fn(String) -> Vec<String>` of the store's own. A store that no other program can open says so with
/// `store_processes!(ignore = "why")`.
#[macro_export]
macro_rules! store_processes {
    (ignore = $reason:literal $(,)?) => {
        $crate::__process_tests! { all ignored $reason }
    };
    (
        $place:ident, $open:ident
        $(, check = $check:ident)?
        $(, needs = $needs:ident)?
        $(, ignore = { $($name:ident => $reason:literal),* $(,)? })?
        $(,)?
    ) => {
        $crate::__store_processes! { ignore ($) ($($needs)?) $($($name => $reason),*)? }
        $crate::__process_tests! { tests super::$place, super::$open, ($(super::$check)?) }
    };
}
