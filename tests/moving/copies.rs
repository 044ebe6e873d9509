//! Copying and comparing stores.

use futures_util::FutureExt as _;
use maestro::{
    MemoryStore,
    archive::{
        Archive as _, Compared, Copied, CopyOptions, CopyProgress, Difference, OntoExisting, RecordKey,
        RecordKind, Verifying, copy, verify,
    },
    core::{
        conversations::{NewChatEntry, SessionChange},
        supplied_context::ItemChange,
    },
    prelude::*,
};
use tokio::sync::mpsc;

use crate::world::{are_equal, at, authentication, copied, filled, keys, persona, session, sqlite};

fn merging(batch_records: usize) -> CopyOptions {
    CopyOptions { onto: OntoExisting::Merge, batch_records, ..CopyOptions::default() }
}

/// The differences between two stores, and what the comparison came to.
async fn differences(first: &MemoryStore, second: &MemoryStore) -> (Vec<Difference>, Compared) {
    let mut found = Vec::new();
    let mut told = |told| {
        if let Verifying::Differs(difference) = told {
            found.push(difference);
        }
    };
    let compared = verify(first, second, &mut told).await.unwrap();
    assert_eq!(compared.differences, found.len() as u64);
    (found, compared)
}

#[tokio::test]
async fn a_copy_holds_the_same() {
    let from = MemoryStore::new();
    filled(&from).await;
    let (to, _directory) = sqlite().await;
    let mut told: Vec<CopyProgress> = Vec::new();
    let options = CopyOptions { batch_records: 4, ..CopyOptions::default() };
    let done = copy(&from, &to, &options, &mut |progress| told.push(progress)).await.unwrap();
    assert_eq!((done.written, done.present, done.vanished), (25, 0, 0));
    assert!(told.is_sorted_by_key(|progress| progress.done));
    assert!(told.iter().all(|progress| progress.records == 25));
    assert_eq!(told.last().map(|progress| (progress.done, progress.bytes)), Some((25, done.bytes)));
    assert!(are_equal(&from, &to).await);
    assert_eq!(to.check().await.unwrap(), []);
}

#[tokio::test]
async fn batches_are_bounded_by_count_and_by_bytes() {
    let from = MemoryStore::new();
    filled(&from).await;
    for options in [
        CopyOptions { batch_records: 1, ..CopyOptions::default() },
        CopyOptions { batch_records: 0, ..CopyOptions::default() },
        CopyOptions { batch_bytes: 1, ..CopyOptions::default() },
    ] {
        let mut steps = Vec::new();
        let to = MemoryStore::new();
        copy(&from, &to, &options, &mut |progress| steps.push(progress.done)).await.unwrap();
        steps.dedup();
        assert_eq!(steps, (1..=25).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_target_that_holds_something_is_refused_unless_it_is_merged_into() {
    let from = MemoryStore::new();
    filled(&from).await;
    let to = MemoryStore::new();
    let there = persona(&to, "alone", "I was here before.").await;
    let error = copy(&from, &to, &CopyOptions::default(), &mut |_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&there.id.to_string()), "{error}");
    assert_eq!(to.stats().await.unwrap().entries, 0);

    let done = copy(&from, &to, &merging(10), &mut |_| ()).await.unwrap();
    assert_eq!((done.written, done.present), (25, 0));
    assert_eq!(to.item_get(there.id).await.unwrap(), there);
    let again = copy(&from, &to, &merging(10), &mut |_| ()).await.unwrap();
    assert_eq!(again, Copied { present: 25, ..Copied::default() });
}

#[tokio::test]
async fn a_name_that_is_taken_stops_a_merge_and_says_whose() {
    let (from, to) = (MemoryStore::new(), MemoryStore::new());
    let (taken, _) = (authentication(&from, "work").await, authentication(&to, "work").await);
    let error = copy(&from, &to, &merging(10), &mut |_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&taken.id.to_string()), "{error}");
}

#[tokio::test]
async fn a_copy_that_was_stopped_is_taken_up_again() {
    let from = MemoryStore::new();
    filled(&from).await;
    let (to, _directory) = sqlite().await;
    for stop_at in [1, 3, 9, 20] {
        let (tell, mut told) = mpsc::unbounded_channel();
        let options = merging(1);
        let mut progress = move |progress: CopyProgress| {
            // Nobody listens any more once it is to be stopped.
            let _ = tell.send(progress.done);
        };
        let stopped = async { while told.recv().await.is_some_and(|done| done < stop_at) {} };
        tokio::select! {
            biased;
            () = stopped => {}
            done = copy(&from, &to, &options, &mut progress) => panic!("it was to be stopped: {done:?}"),
        }
        assert_eq!(to.check().await.unwrap(), [], "whole records and no half ones");
    }
    let there = to.stats().await.unwrap().entries;
    assert!(there > 0 && there < from.stats().await.unwrap().entries, "{there}");
    let done = copy(&from, &to, &merging(5), &mut |_| ()).await.unwrap();
    assert!(done.present >= 20 && done.present + done.written == 25, "{done:?}");
    assert!(are_equal(&from, &to).await);
}

#[tokio::test]
async fn what_changes_behind_a_copy_is_found_by_comparing() {
    let (from, to) = (MemoryStore::new(), MemoryStore::new());
    let first = session(&from, None, None, 1).await;
    let second = session(&from, None, None, 1).await;
    let third = session(&from, None, None, 1).await;
    let (store, mut changed) = (from.clone(), false);
    // The first has been written when this is told, and the keys of the others are known.
    let mut meanwhile = |progress: CopyProgress| {
        if progress.done == 1 && !changed {
            changed = true;
            let change = SessionChange { name: Some("renamed".parse().unwrap()), ..SessionChange::default() };
            store.session_update(first.id, first.revision, change, at(9)).now_or_never().unwrap().unwrap();
            store.session_delete(second.id).now_or_never().unwrap().unwrap();
        }
    };
    let options = CopyOptions { batch_records: 1, ..CopyOptions::default() };
    let done = copy(&from, &to, &options, &mut meanwhile).await.unwrap();
    assert_eq!((done.written, done.vanished), (2, 1));
    let (found, _) = differences(&from, &to).await;
    let at = ["name", "revision", "updated_at"].join(", ");
    assert_eq!(found, [Difference::Record { key: RecordKey::Session(first.id), at: vec![at] }]);
    assert_eq!(keys(&to, RecordKind::Session).await.len(), 2);
    assert!(to.session_get(third.id).await.is_ok());
}

#[tokio::test]
async fn a_session_whose_persona_came_behind_the_copy_is_told_so() {
    let (from, to) = (MemoryStore::new(), MemoryStore::new());
    persona(&from, "first", "x").await;
    let store = from.clone();
    let mut meanwhile = |progress: CopyProgress| {
        if progress.kind == RecordKind::Item && progress.done == 1 {
            let late = async {
                let item = persona(&store, "late", "y").await;
                session(&store, None, Some(&item), 0).await;
            };
            late.now_or_never().unwrap();
        }
    };
    let error = copy(&from, &to, &CopyOptions::default(), &mut meanwhile).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.advice().is_some_and(|advice| advice.contains("once more")), "{error}");
    copy(&from, &to, &merging(9), &mut |_| ()).await.unwrap();
    assert!(are_equal(&from, &to).await);
}

#[tokio::test]
async fn differences_are_named_by_record_and_field() {
    let from = MemoryStore::new();
    let item = persona(&from, "teacher", "one").await;
    let auth = authentication(&from, "work").await;
    let talk = session(&from, Some(&auth), Some(&item), 2).await;
    let gone = session(&from, None, None, 0).await;
    let to = copied(&from).await;
    let (none, compared) = differences(&from, &to).await;
    assert_eq!(none, []);
    for kind in &compared.kinds {
        assert_eq!(kind.records.0, kind.records.1);
        assert_eq!(kind.hashes.0, kind.hashes.1);
    }

    to.session_delete(gone.id).await.unwrap();
    let come = session(&to, None, None, 0).await;
    let change = ItemChange { text: Some(ItemText::new("two").unwrap()), ..ItemChange::default() };
    to.item_update(item.id, item.revision, change, at(5)).await.unwrap();
    let head = to.thread_get(talk.root_thread_id).await.unwrap().head();
    let entry =
        to.entry_append(head, NewChatEntry::new(Role::User, vec![Part::text("more")], at(6))).await.unwrap();
    let (found, compared) = differences(&from, &to).await;
    let in_item =
        vec!["revision, updated_at, version".to_owned(), "version 2: only in the second".to_owned()];
    let in_session = vec![
        "last_used_at, latest_chat_entry_id".to_owned(),
        format!("thread {}: head_entry_id, head_turn", talk.root_thread_id),
        format!("entry {}: only in the second", entry.id),
    ];
    assert_eq!(
        found,
        [
            Difference::Record { key: RecordKey::Item(item.id), at: in_item },
            Difference::Record { key: RecordKey::Session(talk.id), at: in_session },
            Difference::OnlyInFirst(RecordKey::Session(gone.id)),
            Difference::OnlyInSecond(RecordKey::Session(come.id)),
        ]
    );
    let hashes: Vec<_> = compared.kinds.iter().map(|kind| kind.hashes.0 == kind.hashes.1).collect();
    assert_eq!(hashes, [true, false, false]);
}
