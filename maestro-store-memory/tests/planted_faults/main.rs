//! The model test can fail: stores with one fault each are found out, and what is told of them is short.

mod faulty;

use std::sync::Arc;

use maestro_core::Store;
use maestro_store_memory::MemoryStore;
use maestro_testkit::model::{Difference, coverage, find_difference};

use crate::faulty::{Fault, Faulty};

/// How many programs a fault may take to be found.
const CASES: u32 = 400;

async fn healthy() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

fn found(fault: Fault) -> Option<Difference> {
    find_difference(CASES, healthy, async || {
        let store: Arc<dyn Store> = Arc::new(Faulty::new(fault));
        (store, ())
    })
}

#[test]
fn every_planted_fault_is_found_and_shrunk_to_a_few_calls() {
    for fault in Fault::ALL {
        let difference =
            found(fault).unwrap_or_else(|| panic!("{fault:?} was not found in {CASES} programs"));
        assert!(difference.calls <= 7, "{fault:?} took {} calls:\n{difference}", difference.calls);
        println!("{fault:?}\n{}\n", difference.program);
    }
}

#[test]
fn what_is_told_of_a_difference_reads_like_a_program() {
    let difference = found(Fault::LostMark).unwrap();
    let lines: Vec<_> = difference.program.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("session_create(session: s"), "{difference}");
    assert!(lines.iter().any(|line| line.starts_with("chunk_mark(thread: t")), "{difference}");
    assert!(
        difference.what.contains("reference: ") && difference.what.contains("candidate: "),
        "{difference}"
    );
    assert!(!difference.to_string().contains("-0000-"), "an id is not shortened: {difference}");
}

#[test]
fn a_store_that_is_right_is_not_told_from_itself() {
    assert_eq!(find_difference(CASES, healthy, healthy), None);
}

/// What a method promises to refuse, the draws must come to.
#[test]
fn programs_come_to_every_success_and_every_refusal() {
    let counted = coverage(3_000, healthy);
    let refusals: &[(&[&str], &[&str])] = &[
        (
            &[
                "auth_get",
                "auth_find",
                "auth_delete",
                "auth_release",
                "session_get",
                "session_open",
                "session_delete",
            ],
            &["not_found"],
        ),
        (&["auth_create"], &["conflict"]),
        (&["auth_update"], &["not_found", "stale", "conflict"]),
        (&["auth_lease"], &["not_found", "stale", "in_use"]),
        (&["session_create"], &["conflict", "not_found", "invalid"]),
        (&["session_update"], &["not_found", "stale", "invalid"]),
        (&["thread_fork"], &["not_found", "in_use", "conflict"]),
        (&["thread_edit"], &["not_found", "in_use", "conflict", "invalid"]),
        (
            &["thread_get", "thread_list", "thread_label", "entry_get", "entry_journal", "lineage"],
            &["not_found"],
        ),
        (&["thread_delete"], &["not_found", "in_use"]),
        (&["entry_append"], &["not_found", "stale", "in_use", "conflict", "invalid"]),
        (&["entry_begin"], &["not_found", "stale", "in_use", "conflict"]),
        (&["entry_extend"], &["not_found", "stale"]),
        (&["entry_finish"], &["not_found", "stale", "invalid"]),
        (&["entry_page", "chunk_mark", "item_get", "item_versions"], &["not_found"]),
        (&["entry_delete"], &["not_found", "stale", "in_use"]),
        (&["item_create"], &["conflict", "invalid"]),
        (&["item_search", "auth_list"], &["invalid"]),
        (&["item_update"], &["not_found", "stale", "conflict", "invalid"]),
        (&["item_delete_many"], &["in_use"]),
    ];
    for (method, outcomes) in &counted {
        assert!(
            outcomes.get("done").is_some_and(|done| *done >= 20),
            "{method} is hardly ever done: {outcomes:?}"
        );
    }
    for method in
        refusals.iter().flat_map(|(methods, kinds)| methods.iter().map(move |method| (method, kinds)))
    {
        let (method, kinds) = method;
        for kind in *kinds {
            let times = counted[method].get(kind).copied().unwrap_or_default();
            assert!(times >= 3, "{method} is hardly ever refused as {kind}: {:?}", counted[method]);
        }
    }
}
