use serde_json::{Value, json};

use super::*;
use crate::{
    archive::fixture::{all, at, authentication, item, session},
    conversations::{JournalSeq, WriterLease},
    supplied_context::{ItemText, ItemVersionNumber},
};

/// The fields that are wrong after a change of the session of the fixture: a fork (streaming), the root, an edit.
fn wrong(change: impl FnOnce(&mut SessionRecord)) -> Vec<String> {
    let mut record = session();
    change(&mut record);
    fields(Record::Session(Box::new(record)))
}

fn fields(record: Record) -> Vec<String> {
    let error = record.validate().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Invalid);
    assert_eq!(error.entity(), Some(record.key().to_string().as_str()));
    assert_eq!(record.violations().len(), error.fields().len());
    error.fields().iter().map(|field| field.field.clone()).collect()
}

fn deep(levels: usize) -> JsonMap {
    let value = (1..levels).fold(json!(1), |value, _| json!([value]));
    JsonMap::from_iter([(String::new(), value)])
}

#[test]
fn a_sound_record_is_valid() {
    for record in all() {
        record.validate().unwrap();
        assert_eq!(record.violations(), []);
    }
}

#[test]
fn turn_indexes_go_on_right_behind_the_fork() {
    let turn = |turn| {
        move |record: &mut SessionRecord| {
            record.threads[0].entries[0].entry.turn_index = TurnIndex::new(turn);
        }
    };
    for number in [0, 1, 2, 4, u32::MAX] {
        let wrong = wrong(turn(number));
        assert!(wrong.contains(&"threads[0].entries[0].turn_index".to_owned()), "{number}: {wrong:?}");
    }
    let hole = wrong(|record| drop(record.threads[1].entries.remove(0)));
    assert!(hole.contains(&"threads[1].entries[0].turn_index".to_owned()), "{hole:?}");
}

#[test]
fn a_thread_goes_on_from_an_entry_that_its_parent_owns() {
    let foreign =
        wrong(|record| record.threads[0].thread.parent_thread_id = Some(record.threads[2].thread.id));
    assert!(foreign.contains(&"threads[0].fork_from_entry_id".to_owned()), "{foreign:?}");
    let elsewhere = wrong(|record| record.threads[0].thread.fork_from_entry_id = Some(Id::new()));
    assert_eq!(elsewhere, ["threads[0].fork_from_entry_id"]);
    let nowhere = wrong(|record| record.threads[0].thread.fork_from_entry_id = None);
    assert!(nowhere.contains(&"threads[0].parent_thread_id".to_owned()), "{nowhere:?}");
    let turn = wrong(|record| record.threads[0].thread.fork_turn = TurnIndex::FIRST);
    assert!(turn.contains(&"threads[0].fork_turn".to_owned()), "{turn:?}");
    let from_nothing = wrong(|record| record.threads[2].thread.fork_turn = TurnIndex::FIRST);
    assert!(from_nothing.contains(&"threads[2].fork_turn".to_owned()), "{from_nothing:?}");
    let streaming = wrong(|record| {
        let fork = record.threads[0].entries[0].entry.clone();
        let thread = &mut record.threads[2].thread;
        thread.parent_thread_id = Some(fork.thread_id);
        thread.fork_from_entry_id = Some(fork.id);
        thread.fork_turn = fork.turn_index;
    });
    assert!(streaming.contains(&"threads[2].fork_from_entry_id".to_owned()), "{streaming:?}");
}

#[test]
fn threads_lead_back_to_one_that_goes_on_from_nothing() {
    let lost = wrong(|record| record.threads[0].thread.parent_thread_id = Some(Id::new()));
    assert!(lost.contains(&"threads[0].parent_thread_id".to_owned()), "{lost:?}");
    let circle = wrong(|record| {
        let (fork, edit) = (record.threads[0].thread.id, record.threads[2].thread.id);
        record.threads[0].thread.parent_thread_id = Some(edit);
        record.threads[2].thread.parent_thread_id = Some(fork);
        record.marks.clear();
    });
    for index in [0, 2] {
        assert!(circle.contains(&format!("threads[{index}].parent_thread_id")), "{circle:?}");
    }
    let itself =
        wrong(|record| record.threads[0].thread.parent_thread_id = Some(record.threads[0].thread.id));
    assert!(itself.contains(&"threads[0].parent_thread_id".to_owned()), "{itself:?}");
}

#[test]
fn a_session_has_its_root_and_its_latest_entry() {
    for root in [Id::new(), session().session.root_thread_id] {
        assert_eq!(wrong(|record| record.session.root_thread_id = root), ["root_thread_id"]);
    }
    assert_eq!(
        wrong(|record| record.session.root_thread_id = record.threads[0].thread.id),
        ["root_thread_id"],
        "a fork is no root"
    );
    let latest = wrong(|record| record.session.latest_chat_entry_id = Some(Id::new()));
    assert_eq!(latest, ["latest_chat_entry_id"]);
}

#[test]
fn heads_are_those_of_the_last_entry_or_the_fork() {
    assert_eq!(wrong(|record| record.threads[1].thread.head_entry_id = None), ["threads[1].head_entry_id"]);
    let turn = wrong(|record| record.threads[1].thread.head_turn = TurnIndex::FIRST);
    assert_eq!(turn, ["threads[1].head_turn"]);
    let mut empty = session();
    empty.threads[0].entries.clear();
    empty.session.latest_chat_entry_id = None;
    let fields = fields(Record::Session(Box::new(empty.clone())));
    assert_eq!(fields, ["threads[0].head_entry_id", "threads[0].head_turn"]);
    let thread = &mut empty.threads[0].thread;
    (thread.head_entry_id, thread.head_turn) = (thread.fork_from_entry_id, thread.fork_turn);
    Record::Session(Box::new(empty)).validate().unwrap();
}

#[test]
fn ids_within_are_those_of_what_is_around_and_come_once() {
    let other = Id::new();
    assert_eq!(wrong(|record| record.threads[2].thread.session_id = other)[0], "threads[2].session_id");
    let entry = wrong(|record| record.threads[1].entries[1].entry.session_id = other);
    assert_eq!(entry, ["threads[1].entries[1].session_id"]);
    let thread = wrong(|record| record.threads[2].entries[0].entry.thread_id = Id::new());
    assert!(thread.contains(&"threads[2].entries[0].thread_id".to_owned()), "{thread:?}");
    let twice = wrong(|record| record.threads.push(record.threads[2].clone()));
    for field in ["threads[3].id", "threads[3].entries[0].id", "threads[3]"] {
        assert!(twice.contains(&field.to_owned()), "{twice:?}");
    }
}

#[test]
fn only_a_head_streams_and_only_what_streams_has_a_writer_and_a_journal() {
    assert_eq!(
        wrong(|record| record.threads[0].entries[0].entry.writer = None),
        ["threads[0].entries[0].writer"]
    );
    let ended = wrong(|record| record.threads[0].entries[0].entry.state = EntryState::Complete);
    assert_eq!(ended, ["threads[0].entries[0].writer", "threads[0].entries[0].journal"]);
    let middle = wrong(|record| {
        let entry = &mut record.threads[1].entries[0].entry;
        entry.state = EntryState::Streaming;
        entry.writer = Some(WriterLease { holder: Id::new(), until: at(1) });
    });
    assert_eq!(middle, ["threads[1].entries[0].state"]);
    let hole = wrong(|record| {
        record.threads[0].entries[0].journal[1].seq = JournalSeq::from_stored(3);
    });
    assert_eq!(hole, ["threads[0].entries[0].journal[1].seq"]);
    let version = wrong(|record| record.threads[1].entries[0].entry.edit_version = 0);
    assert_eq!(version, ["threads[1].entries[0].edit_version"]);
}

#[test]
fn marks_refer_to_the_conversation_of_their_thread_in_order() {
    let foreign = |record: &mut SessionRecord| {
        // The edit of the first entry goes on from nothing, so the second is not in it.
        let (edit, second) = (record.threads[2].thread.id, record.threads[1].entries[1].entry.id);
        record.marks.retain(|mark| mark.thread_id == edit);
        record.marks[0].chunk.entry_id = second;
    };
    assert_eq!(wrong(foreign), ["marks[0].chunk.entry_id"]);
    let part = wrong(|record| record.marks[1].chunk.part = u32::MAX);
    assert_eq!(part, ["marks[1].chunk.part"]);
    assert_eq!(wrong(|record| record.marks.swap(0, 1)), ["marks[1]"]);
    assert_eq!(wrong(|record| record.marks[1] = record.marks[0]), ["marks[1]"], "each once");
    assert_eq!(wrong(|record| record.threads.swap(1, 2)), ["threads[2]"]);
}

#[test]
fn versions_count_from_one_and_end_with_the_text() {
    let wrong = |change: fn(&mut ItemRecord)| {
        let mut record = item();
        change(&mut record);
        fields(Record::Item(record))
    };
    assert_eq!(wrong(|record| record.versions.clear()), ["versions"]);
    assert_eq!(
        wrong(|record| record.versions[0].version = ItemVersionNumber::new(0)),
        ["versions[0].version"]
    );
    assert_eq!(wrong(|record| record.versions[0].item_id = Id::new()), ["versions[0].item_id"]);
    assert_eq!(wrong(|record| record.item.version = ItemVersionNumber::FIRST), ["version"]);
    assert_eq!(wrong(|record| record.item.text = ItemText::new("other").unwrap()), ["text"]);
}

#[test]
fn numbers_and_maps_are_what_a_store_can_keep() {
    for number in [0, u64::MAX] {
        let mut row = authentication();
        row.revision = Revision::from_stored(number);
        assert_eq!(fields(Record::Authentication(row)), ["revision"]);
    }
    let mut record = session();
    record.session.memory = deep(JSON_MAP_DEPTH);
    Record::Session(Box::new(record.clone())).validate().unwrap();
    record.session.memory = deep(JSON_MAP_DEPTH + 1);
    record.session.mcps = JsonMap::from_iter([("a".to_owned(), Value::Object(deep(JSON_MAP_DEPTH)))]);
    assert_eq!(fields(Record::Session(Box::new(record))), ["memory", "mcps"]);
}

#[test]
fn a_record_that_is_all_wrong_names_no_more_than_fifty_fields() {
    let mut record = session();
    let entry = record.threads[1].entries[0].clone();
    record.threads[1].entries = vec![entry; 200];
    let record = Record::Session(Box::new(record));
    assert_eq!(record.validate().unwrap_err().fields().len(), NAMED_MAX);
    assert!(record.violations().len() > NAMED_MAX);
}
