//! The conformance suite of stores: every promise of the context traits as one small test.
//!
//! A store keeps the contract when each of these holds on it, errors included; two stores that keep it cannot be told
//! apart. The whole test file of a store says how a fresh, empty one is made, and names the macro:
//!
//! ```
//! use std::sync::Arc;
//!
//! use maestro_core::Store;
//! # #[derive(Default)] struct MyStore;
//! # impl MyStore { fn into_store(self) -> Arc<dyn Store> { unimplemented!() } }
//!
//! /// A store, and whatever must outlive it, such as the directory that it is in.
//! async fn fresh() -> (Arc<dyn Store>, ()) {
//!     (MyStore::default().into_store(), ())
//! }
//!
//! maestro_testkit::store_suite!(fresh);
//! ```
//!
//! That makes one `#[test]` for each promise, named after it, on a store of its own. What a store cannot keep is left
//! out in sight: `store_suite!(fresh, ignore = { a_search_folds_accents => "there is no search yet" })` makes that
//! test say *ignored*, with the reason. `docs/adding-a-store.md` shows the way from there.
//!
//! | file | what it proves |
//! |---|---|
//! | `auth.rs`, `leases.rs` | saved authentications; the refresh lease |
//! | `sessions.rs` | sessions and what they refer to |
//! | `threads.rs` | forks, edits, labels, what may be deleted |
//! | `entries.rs`, `streamed_entries.rs`, `recovery.rs` | entries whole, streamed, and of writers that are gone |
//! | `lineage.rs`, `chunks.rs` | what a thread's conversation is, and what of it is sent |
//! | `supplied_context.rs`, `search.rs` | the library, its versions, how it is found |
//! | `pages.rs` | pages from both ends, under inserts and deletes |
//! | `concurrency.rs` | exactly one of many writers wins |
//! | `limits.rs`, `round_trips.rs` | the longest and the strangest values, and all of them kept exactly |
//!
//! No promise sleeps or reads a clock: stores are given the time.

// A promise that is not in the list below is never used, and so does not compile.
#![deny(dead_code)]
#![expect(
    clippy::unwrap_used,
    reason = "promises are tests: what must not fail may panic, which names its line"
)]

mod auth;
#[allow(dead_code)]
mod given;
mod leases;
mod sessions;

use std::{future::Future, sync::Arc};

use maestro_core::Store;
use tokio::runtime::Builder;

/// Runs one promise on a fresh store, which is gone before its guard. What [`store_suite!`](crate::store_suite) calls.
pub fn keeps<G>(fresh: impl Future<Output = (Arc<dyn Store>, G)>, promise: impl AsyncFnOnce(Arc<dyn Store>)) {
    // Two threads, so that tasks that race do race.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, _guard) = fresh.await;
        promise(store).await;
    });
}

/// The list of all promises, by file. Those under `shared` start tasks and take the store in an `Arc`.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_promises {
    ($($for:tt)*) => { $crate::__store_suite! { $($for)* ;
        auth {
            a_new_authentication_is_found_again_by_id_and_by_name,
            a_name_is_taken_once_per_provider_and_kind,
            an_authentication_id_is_taken_once,
            a_missing_authentication_is_not_found_and_named,
            authentications_are_listed_by_name_in_byte_order,
            authentications_are_filtered_by_each_field,
            an_update_changes_what_it_names_and_keeps_the_rest,
            an_update_counts_the_revision_up_even_when_nothing_differs,
            an_update_of_an_old_revision_is_stale,
            an_authentication_is_renamed_only_to_a_free_name,
            a_failed_rename_changes_nothing,
            a_deleted_authentication_is_gone_and_its_name_free,
            a_session_outlives_its_authentication,
            due_authentications_come_by_expiry,
            what_never_expires_is_never_due,
        }
        leases {
            a_lease_changes_neither_revision_nor_time,
            a_live_lease_keeps_others_away_and_names_its_holder,
            a_lease_is_over_at_its_end,
            a_holder_takes_its_own_lease_again,
            a_lease_needs_the_present_revision,
            a_lease_given_back_is_free_at_once,
            only_the_holder_gives_a_lease_back,
            an_update_ends_the_lease,
        }
        sessions {
            a_new_session_has_one_empty_thread,
            a_session_opens_with_its_authentication,
            a_session_without_authentication_opens_without,
            a_missing_session_is_not_found_and_named,
            sessions_may_share_a_name,
            a_session_id_is_taken_once,
            a_thread_id_is_taken_once,
            a_session_refers_only_to_an_authentication_that_exists,
            a_session_refers_only_to_item_versions_that_exist,
            a_refused_session_leaves_no_thread_behind,
            session_changes_replace_what_they_name,
            session_changes_take_things_away,
            a_session_change_of_an_old_revision_is_stale,
            a_refused_session_change_changes_nothing,
            a_session_may_use_one_prompt_twice,
            sessions_are_filtered_by_name_and_authentication,
            using_a_session_moves_it_to_the_front,
            using_a_session_is_no_change_of_its_settings,
            a_deleted_session_takes_everything_along,
            deleting_one_session_leaves_the_others,
        }
    } };
}

/// What is made of the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_suite {
    (exports; $($file:ident { $($name:ident),* $(,)? })* $(shared $shared:ident { $($racing:ident),* $(,)? })*) => {
        /// Every promise under its name, for a store that wants to run one by hand.
        pub mod promises {
            $(pub use super::$file::{$($name),*};)*
            $(pub use super::$shared::{$($racing),*};)*
        }
    };
    (tests $fresh:ident; $($file:ident { $($name:ident),* $(,)? })* $(shared $shared:ident { $($racing:ident),* $(,)? })*) => {
        $(mod $file {
            $(__promise_test! { $name,
                #[test]
                fn $name() {
                    $crate::suite::keeps(super::$fresh(), async |store| {
                        $crate::suite::promises::$name(&*store).await;
                    });
                }
            })*
        })*
        $(mod $shared {
            $(__promise_test! { $racing,
                #[test]
                fn $racing() {
                    $crate::suite::keeps(super::$fresh(), $crate::suite::promises::$racing);
                }
            })*
        })*
    };
    // The arms of the ignored names come first, so that they win over the one for all others.
    (ignore ($dollar:tt) $($name:ident => $reason:literal),*) => {
        macro_rules! __promise_test {
            $(($name, $dollar($test:tt)*) => { #[ignore = $reason] $dollar($test)* };)*
            ($dollar kept:ident, $dollar($test:tt)*) => { $dollar($test)* };
        }
        // Only what is a promise can be left out.
        $(const _: () = { let _ = $crate::suite::promises::$name; };)*
    };
}

/// Makes a test of each promise of the [conformance suite](crate::suite), for the stores that `fresh` makes.
///
/// `fresh` is an `async fn() -> (Arc<dyn Store>, Guard)` in the same module; the guard is dropped after the store.
#[macro_export]
macro_rules! store_suite {
    ($fresh:ident $(,)?) => { $crate::store_suite!($fresh, ignore = {}); };
    ($fresh:ident, ignore = { $($name:ident => $reason:literal),* $(,)? } $(,)?) => {
        $crate::__store_suite! { ignore ($) $($name => $reason),* }
        $crate::__store_promises! { tests $fresh }
    };
}

__store_promises! { exports }
