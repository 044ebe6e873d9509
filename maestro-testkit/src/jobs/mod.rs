//! The conformance suite of job queues: every promise of a [`JobQueue`] as one small test.
//!
//! ```
//! use std::sync::Arc;
//!
//! use maestro_core::jobs::JobQueue;
//! # struct MyQueue;
//! # impl MyQueue { async fn open() -> Arc<dyn JobQueue> { unimplemented!() } }
//!
//! /// An empty queue that is looked at often, and whatever must outlive it.
//! async fn fresh() -> (Arc<dyn JobQueue>, ()) {
//!     (MyQueue::open().await, ())
//! }
//!
//! maestro_testkit::job_suite!(fresh);
//! # fn main() {}
//! ```
//!
//! Queues go by the machine's clock, so these tests do too: what is to be done is put into the past, and what is to wait far
//! into the future. `job_suite!(fresh, needs = postgres)` makes all say *ignored* where there is no server.

// A promise that is not in the list below is never used, and so does not compile.
#![deny(dead_code)]
#![expect(
    clippy::unwrap_used,
    reason = "promises are tests: what must not fail may panic, which names its line"
)]

mod given;
mod keeping;
mod working;

use std::{future::Future, sync::Arc};

use maestro_core::jobs::JobQueue;
use tokio::runtime::Builder;

/// Runs one promise on a fresh queue, which is gone before its guard. What [`job_suite!`](crate::job_suite) calls.
pub fn keeps<G>(
    fresh: impl Future<Output = (Arc<dyn JobQueue>, G)>,
    promise: impl AsyncFnOnce(Arc<dyn JobQueue>),
) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (queue, _guard) = fresh.await;
        promise(queue).await;
    });
}

/// The list of all promises, by file.
#[doc(hidden)]
#[macro_export]
macro_rules! __job_promises {
    ($($for:tt)*) => { $crate::__job_suite! { $($for)* ;
        keeping {
            a_job_is_there_once_however_often_it_is_put,
            jobs_are_told_apart_by_whose_tokens_which_tokens_and_attempt,
            an_empty_queue_has_nothing,
            waiting_jobs_come_by_their_moment,
            counts_tell_what_is_due_from_what_waits,
            the_jobs_of_one_authentication_are_taken_back,
            a_job_that_was_taken_back_stays_so,
            what_ended_long_ago_is_forgotten,
            moments_are_kept_to_the_microsecond,
        }
        working {
            a_due_job_is_done_and_its_text_kept,
            a_job_that_is_not_due_waits,
            a_failed_job_keeps_its_reason_and_is_not_done_again,
            a_job_that_is_for_nothing_ends_as_cancelled,
            a_job_that_breaks_down_fails_and_the_next_is_done,
            a_job_put_while_a_worker_runs_is_done,
            each_job_is_done_by_one_of_many_workers,
            a_worker_that_is_to_stop_finishes_what_it_has_begun,
            what_runs_is_not_taken_back,
            workers_are_known_while_they_work,
            ended_jobs_come_after_the_others,
        }
    } };
}

/// What is made of the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __job_suite {
    (exports; $($file:ident { $($name:ident),* $(,)? })*) => {
        /// Every promise under its name, for a queue that wants to run one by hand.
        pub mod promises {
            $(pub use super::$file::{$($name),*};)*
        }
    };
    (tests $fresh:ident $needs:ident; $($file:ident { $($name:ident),* $(,)? })*) => {
        $(mod $file {
            $($crate::__store_needs! { $needs
                #[test]
                fn $name() {
                    $crate::jobs::keeps(super::$fresh(), async |queue| {
                        $crate::jobs::promises::$name(queue).await;
                    });
                }
            })*
        })*
    };
}

/// Makes a test of each promise of the [suite of job queues](crate::jobs), for the queues that `fresh` makes.
///
/// `fresh` is an `async fn() -> (Arc<dyn JobQueue>, Guard)` in the same module; the guard is dropped after the queue.
#[macro_export]
macro_rules! job_suite {
    ($fresh:ident $(,)?) => {
        $crate::job_suite!($fresh, needs = nothing);
    };
    ($fresh:ident, needs = $needs:ident $(,)?) => {
        $crate::__job_promises! { tests $fresh $needs }
    };
}

__job_promises! { exports }
