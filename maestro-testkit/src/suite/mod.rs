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
//! # fn main() {}
//! ```
//!
//! That makes one `#[test]` for each promise, named after it, on a store of its own. What a store cannot keep is left
//! out in sight: `store_suite!(fresh, ignore = { a_search_folds_accents => "there is no search yet" })` makes that
//! test say *ignored*, with the reason. `store_suite!(fresh, needs = postgres)` makes all of them say so where there is no
//! server; [`postgres`](crate::postgres) describes the build script for that. `docs/adding-a-store.md` shows the way from
//! there.
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
//! | [`archive`] | whole records, moved from one store to another: a list of its own, [`archive_suite!`](crate::archive_suite) |
//!
//! No promise sleeps or reads a clock: stores are given the time.

// A promise that is not in the list below is never used, and so does not compile.
#![deny(dead_code)]
#![expect(
    clippy::unwrap_used,
    reason = "promises are tests: what must not fail may panic, which names its line"
)]

pub mod archive;
mod auth;
mod chunks;
mod concurrency;
mod entries;
mod given;
mod leases;
mod limits;
mod lineage;
mod pages;
mod recovery;
mod round_trips;
mod search;
mod sessions;
mod streamed_entries;
mod supplied_context;
mod threads;

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
            every_id_of_a_deleted_session_is_free,
        }
        threads {
            a_fork_goes_on_from_its_entry,
            a_fork_and_its_parent_go_separate_ways,
            a_fork_of_an_empty_fork_goes_on_from_the_owner,
            threads_are_listed_in_order_of_creation,
            a_missing_thread_is_not_found_and_named,
            a_missing_entry_is_neither_forked_nor_edited,
            a_fork_needs_a_free_thread_id,
            an_edit_needs_a_free_entry_id,
            an_edit_stands_in_the_place_of_its_entry,
            an_edit_of_the_first_entry_goes_on_from_nothing,
            an_edit_of_an_edit_counts_on,
            an_edit_of_the_first_entry_of_a_fork_goes_on_from_its_parent,
            an_edit_is_never_streaming,
            a_streaming_entry_is_neither_forked_nor_edited,
            a_thread_is_labelled_and_unlabelled,
            a_deleted_thread_takes_its_own_entries_along,
            a_new_thread_inherits_nothing_from_a_deleted_one,
            a_deleted_thread_moves_the_latest_entry_back,
            the_first_thread_of_a_session_stays,
            a_thread_from_which_others_go_on_stays,
            a_thread_that_is_written_to_stays,
        }
        entries {
            an_appended_entry_is_read_back_as_it_was,
            entries_count_on_along_their_thread,
            every_actor_and_every_end_is_kept,
            an_appended_entry_is_never_streaming,
            an_append_behind_an_old_head_is_stale_and_names_both_heads,
            nothing_is_appended_behind_a_streaming_entry,
            an_entry_id_is_taken_once,
            an_append_moves_the_session_to_it,
            a_missing_entry_is_not_found_and_named,
            the_last_entry_of_a_thread_can_be_deleted,
            deleting_an_entry_moves_the_latest_only_if_it_was_that,
            only_the_head_of_a_thread_can_be_deleted,
            an_entry_from_which_a_thread_goes_on_stays,
            a_streaming_entry_is_not_deleted,
            a_combined_chat_ends_with_its_entry,
        }
        streamed_entries {
            a_begun_entry_takes_the_next_turn,
            a_journal_keeps_its_chunks_in_order,
            a_chunk_renews_the_lease_of_its_writer,
            a_chunk_must_have_the_next_number,
            only_its_writer_writes_an_entry,
            a_writer_goes_on_after_its_lease_until_it_is_recovered,
            a_finished_entry_is_its_end,
            an_ended_entry_is_written_no_more,
            an_end_is_never_streaming,
            a_missing_entry_is_neither_extended_nor_finished,
            the_conversation_goes_on_behind_a_finished_entry,
            one_writer_streams_on_several_threads,
        }
        recovery {
            an_abandoned_entry_keeps_what_had_arrived,
            a_living_writer_is_left_alone,
            a_writer_that_was_given_up_is_told_so,
            an_entry_is_recovered_once,
            recovery_goes_by_id_up_to_its_limit,
            recovery_of_one_session_leaves_the_others,
            an_entry_abandoned_before_its_first_chunk_is_empty,
        }
        lineage {
            an_empty_thread_has_an_empty_lineage,
            a_lineage_is_what_was_appended,
            a_lineage_is_read_from_either_end,
            a_fork_of_a_fork_inherits_from_both,
            a_lineage_goes_through_a_hundred_forks,
            a_lineage_holds_nothing_else,
            entry_pages_go_along_the_lineage_from_either_end,
            an_empty_thread_has_one_empty_page,
            an_empty_fork_has_the_lineage_of_its_entry,
        }
        chunks {
            an_excluded_piece_is_not_sent_and_stays_in_history,
            the_last_mark_of_a_piece_counts,
            marks_are_inherited_by_forks,
            the_nearest_mark_decides,
            a_mark_does_not_reach_other_threads,
            an_edit_is_not_excluded_with_what_it_replaces,
            a_range_tells_the_marks_of_its_entries,
            only_a_piece_of_the_conversation_can_be_marked,
            a_mark_changes_nothing_else,
            marks_go_with_their_entry,
        }
        supplied_context {
            a_new_item_is_found_again_by_id_and_by_name,
            an_item_name_is_taken_once_per_type,
            an_item_id_is_taken_once,
            a_missing_item_is_not_found_and_named,
            a_text_that_differs_makes_a_version,
            only_a_text_that_differs_makes_a_version,
            texts_differ_by_their_bytes,
            an_item_change_of_an_old_revision_is_stale,
            an_item_is_renamed_only_to_a_free_name,
            items_are_deleted_together,
            items_in_use_keep_all_from_being_deleted,
            a_session_keeps_the_version_that_it_uses,
        }
        search {
            no_words_match_everything,
            words_are_found_in_name_text_and_tags,
            a_word_matches_the_beginning_of_words,
            every_word_must_be_found,
            a_search_folds_accents,
            a_search_folds_special_letters,
            a_search_reads_many_scripts,
            a_search_reads_scripts_without_spaces,
            a_query_is_never_read_as_code,
            a_changed_item_is_found_by_its_new_words,
            a_tag_filter_wants_every_tag_with_its_value,
            all_filters_of_a_search_hold_together,
            a_very_long_word_is_found_by_its_beginning,
        }
        pages {
            items_come_in_every_order_from_both_ends,
            sessions_come_by_last_use_over_pages,
            authentications_come_by_name_over_pages,
            a_total_is_told_when_it_is_asked_for,
            a_total_is_the_same_on_every_page,
            a_cursor_stays_good_while_rows_are_added,
            a_cursor_outlives_its_row,
            every_cursor_outlives_its_row,
            a_conversation_may_grow_and_shrink_between_pages,
            a_cursor_of_another_order_is_refused,
            a_cursor_may_be_anywhere,
            a_page_holds_up_to_its_limit,
            a_session_used_between_pages_moves_to_the_front,
        }
        limits {
            the_longest_names_are_kept,
            names_may_hold_any_character_of_a_line,
            the_largest_item_text_is_kept,
            the_most_and_longest_tags_are_kept,
            a_text_of_sixteen_mebibytes_is_kept,
            large_and_many_chunks_are_kept,
            every_character_is_kept_in_texts_of_parts,
            every_character_is_kept_in_maps,
            arguments_are_kept_to_the_letter,
            numbers_in_arguments_are_kept_to_the_digit,
            native_json_may_be_nested_deeply,
            maps_are_kept_down_to_their_depth,
            a_map_that_is_too_deep_is_refused,
            a_directory_with_a_nul_is_refused,
            an_entry_has_any_number_of_parts,
        }
        round_trips {
            every_part_and_everything_beside_it_is_kept,
            a_streamed_entry_keeps_everything_too,
            every_finish_is_kept,
            every_moment_is_kept,
            every_moment_has_its_place_in_the_order,
            sealed_credentials_are_kept_byte_for_byte,
            any_uuid_is_an_id,
            numbers_in_maps_are_kept,
            what_a_session_names_is_kept,
            every_way_of_reading_gives_the_same,
        }
        ; shared concurrency {
            only_one_of_many_concurrent_updates_wins,
            no_update_is_lost,
            only_one_of_many_takes_a_name,
            only_one_of_many_is_renamed_to_a_name,
            only_one_of_many_takes_an_id,
            only_one_of_many_takes_a_lease,
            only_one_of_many_appends_behind_a_head,
            only_one_of_many_begins_behind_a_head,
            no_entry_is_lost_or_doubled,
            threads_of_one_session_do_not_disturb_each_other,
            only_one_of_many_adds_a_chunk,
            an_entry_is_recovered_by_one_only,
            an_entry_ends_once,
            an_item_is_used_or_deleted,
            a_thread_is_deleted_or_gone_on_from,
            a_session_is_opened_at_one_moment,
            a_lineage_is_read_at_one_moment,
        }
    } };
}

/// What is made of the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_suite {
    (exports; $($file:ident { $($name:ident),* $(,)? })* ; shared $($shared:ident { $($racing:ident),* $(,)? })*) => {
        /// Every promise under its name, for a store that wants to run one by hand.
        pub mod promises {
            $(pub use super::$file::{$($name),*};)*
            $(pub use super::$shared::{$($racing),*};)*
        }
    };
    (tests $fresh:ident; $($file:ident { $($name:ident),* $(,)? })* ; shared $($shared:ident { $($racing:ident),* $(,)? })*) => {
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
    (ignore ($dollar:tt) $needs:ident $($name:ident => $reason:literal),*) => {
        macro_rules! __promise_test {
            $(($name, $dollar($test:tt)*) => { #[ignore = $reason] $dollar($test)* };)*
            ($dollar kept:ident, $dollar($test:tt)*) => { $crate::__store_needs! { $needs $dollar($test)* } };
        }
        // Only what is a promise can be left out.
        $(const _: () = { let _ = $crate::suite::promises::$name; };)*
    };
}

/// What a test of the suite needs.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_needs {
    (nothing $($test:tt)*) => { $($test)* };
    (postgres $($test:tt)*) => { $crate::needs_postgres! { $($test)* } };
}

/// Makes a test of each promise of the [conformance suite](crate::suite), for the stores that `fresh` makes.
///
/// `fresh` is an `async fn() -> (Arc<dyn Store>, Guard)` in the same module; the guard is dropped after the store.
///
/// `needs = postgres` and then `ignore = { promise => "reason" }` may follow, either or both.
#[macro_export]
macro_rules! store_suite {
    ($fresh:ident $(,)?) => { $crate::store_suite!($fresh, needs = nothing, ignore = {}); };
    ($fresh:ident, needs = $needs:ident $(,)?) => { $crate::store_suite!($fresh, needs = $needs, ignore = {}); };
    ($fresh:ident, ignore = $ignored:tt $(,)?) => {
        $crate::store_suite!($fresh, needs = nothing, ignore = $ignored);
    };
    ($fresh:ident, needs = $needs:ident, ignore = { $($name:ident => $reason:literal),* $(,)? } $(,)?) => {
        $crate::__store_suite! { ignore ($) $needs $($name => $reason),* }
        $crate::__store_promises! { tests $fresh }
    };
}

__store_promises! { exports }
