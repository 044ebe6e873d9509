//! The conformance suite of archives: every promise of [`Archive`] as one small test.
//!
//! A store that is one names a second macro in its test file. Each promise gets two fresh stores: what is made in the
//! first by the context traits is restored in the second.
//!
//! ```
//! use std::sync::Arc;
//!
//! use maestro_core::{Store, archive::Archive};
//! # #[derive(Default)] struct MyStore;
//! # impl MyStore { fn into_archive(self) -> Arc<dyn Archive> { unimplemented!() } }
//!
//! async fn fresh_archive() -> (Arc<dyn Archive>, ()) {
//!     (MyStore::default().into_archive(), ())
//! }
//!
//! maestro_testkit::archive_suite!(fresh_archive);
//! # fn main() {}
//! ```

mod afterwards;
mod records;
mod refusals;
mod restores;
mod soundness;
mod world;

use std::{future::Future, sync::Arc};

use maestro_core::{Store, archive::Archive};
use tokio::runtime::Builder;

/// Runs one promise on two fresh stores. What [`archive_suite!`](crate::archive_suite) calls.
pub fn moves<G>(
    from: impl Future<Output = (Arc<dyn Archive>, G)>,
    to: impl Future<Output = (Arc<dyn Archive>, G)>,
    promise: impl AsyncFnOnce(Arc<dyn Archive>, Arc<dyn Archive>),
) {
    // Two threads, so that tasks that race do race.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let ((from, _from_guard), (to, _to_guard)) = (from.await, to.await);
        promise(from, to).await;
    });
}

/// Makes a small store in which every field of every record is set somewhere.
pub(crate) async fn fill(store: &dyn Store) {
    world::World::make(store).await;
}

/// The list of all promises, by file. Those under `shared` start tasks and take the stores in an `Arc`.
#[doc(hidden)]
#[macro_export]
macro_rules! __archive_promises {
    ($($for:tt)*) => { $crate::__archive_suite! { $($for)* ;
        records {
            an_empty_store_has_no_records,
            keys_come_in_the_order_of_their_bytes,
            keys_come_page_by_page,
            a_key_of_another_kind_is_refused,
            a_missing_record_is_not_found_and_named,
            a_record_is_what_the_contexts_show,
            a_record_is_valid_whatever_was_done,
        }
        restores {
            a_restored_record_is_equal,
            a_restored_store_shows_the_same,
            everything_that_an_entry_can_hold_is_restored,
            what_is_restored_twice_is_passed_over,
            an_empty_batch_writes_nothing,
            what_is_referred_to_may_come_earlier_in_the_batch,
            threads_are_restored_whatever_their_times,
            the_ends_of_time_are_restored,
            a_streaming_entry_moves_with_its_journal,
        }
        refusals {
            a_record_that_differs_is_a_conflict,
            a_batch_is_written_whole_or_not_at_all,
            an_authentication_that_is_not_there_is_not_found,
            an_item_version_that_is_not_there_is_not_found,
            a_taken_name_is_a_conflict,
            a_taken_id_within_a_session_is_a_conflict,
            a_record_that_contradicts_itself_is_refused,
        }
        afterwards {
            a_moved_writer_goes_on,
            a_moved_entry_is_recovered_when_its_writer_is_gone,
            a_restored_conversation_goes_on,
            a_restored_session_is_changed_at_its_revision,
            a_restored_item_is_found_and_gets_its_next_version,
            a_restored_lease_keeps_others_away,
            restored_marks_count,
            what_is_deleted_can_be_restored,
        }
        soundness {
            what_is_there_is_counted,
            a_sound_store_has_nothing_to_tell,
        }
        ; shared {
            soundness {
                a_session_is_read_whole_at_one_moment,
                a_record_is_restored_once,
            }
        }
    } };
}

/// What is made of the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __archive_suite {
    (exports; $($file:ident { $($name:ident),* $(,)? })* ; shared { $($shared:ident { $($racing:ident),* $(,)? })* }) => {
        /// Every promise under its name, for a store that wants to run one by hand.
        pub mod promises {
            $(pub use super::$file::{$($name),*};)*
            $(pub use super::$shared::{$($racing),*};)*
        }
    };
    (tests $fresh:ident; $($file:ident { $($name:ident),* $(,)? })* ; shared { $($shared:ident { $($racing:ident),* $(,)? })* }) => {
        mod archive {
            $($(__archive_test! { $name,
                #[test]
                fn $name() {
                    $crate::suite::archive::moves(super::$fresh(), super::$fresh(), async |from, to| {
                        $crate::suite::archive::promises::$name(&*from, &*to).await;
                    });
                }
            })*)*
            $($(__archive_test! { $racing,
                #[test]
                fn $racing() {
                    $crate::suite::archive::moves(
                        super::$fresh(),
                        super::$fresh(),
                        $crate::suite::archive::promises::$racing,
                    );
                }
            })*)*
        }
    };
    // The arms of the ignored names come first, so that they win over the one for all others.
    (ignore ($dollar:tt) $needs:ident $($name:ident => $reason:literal),*) => {
        macro_rules! __archive_test {
            $(($name, $dollar($test:tt)*) => { #[ignore = $reason] $dollar($test)* };)*
            ($dollar kept:ident, $dollar($test:tt)*) => { $crate::__store_needs! { $needs $dollar($test)* } };
        }
        // Only what is a promise can be left out.
        $(const _: () = { let _ = $crate::suite::archive::promises::$name; };)*
    };
}

/// Makes a test of each promise of the [suite of archives](crate::suite::archive), for the stores that `fresh` makes.
///
/// `fresh` is an `async fn() -> (Arc<dyn Archive>, Guard)` in the same module; the guard is dropped after the store.
///
/// `needs = postgres` and then `ignore = { promise => "reason" }` may follow, either or both.
#[macro_export]
macro_rules! archive_suite {
    ($fresh:ident $(,)?) => { $crate::archive_suite!($fresh, needs = nothing, ignore = {}); };
    ($fresh:ident, needs = $needs:ident $(,)?) => { $crate::archive_suite!($fresh, needs = $needs, ignore = {}); };
    ($fresh:ident, ignore = $ignored:tt $(,)?) => {
        $crate::archive_suite!($fresh, needs = nothing, ignore = $ignored);
    };
    ($fresh:ident, needs = $needs:ident, ignore = { $($name:ident => $reason:literal),* $(,)? } $(,)?) => {
        $crate::__archive_suite! { ignore ($) $needs $($name => $reason),* }
        $crate::__archive_promises! { tests $fresh }
    };
}

__archive_promises! { exports }
