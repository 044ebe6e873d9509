//! The check of everything that must hold in a file and that no constraint can say.

use maestro_core::{
    archive::{RecordKind, Violation},
    page::PageLimit,
};
use rusqlite::Connection;

use super::records;
use crate::{
    error::{Failure, Outcome},
    rows::all,
};

/// What must give no rows, and what a row of it means. Each statement gives one text.
const RULES: &[(&str, &str)] = &[
    (
        "an authentication has no name",
        "select hex(id)
         from authentications
         where name is null",
    ),
    (
        "the first entry of a thread does not stand right behind its fork",
        "select t.id
         from threads t
         join (select no >> 32 as thread_no, min(no & 4294967295) as first from entries group by 1) e
           on e.thread_no = t.no
         where e.first <> t.fork_turn + 1",
    ),
    (
        "the turn indexes of a thread have holes",
        "select t.id
         from threads t
         join (select no >> 32 as thread_no, count(*) as entries, max(no) - min(no) + 1 as places
               from entries
               group by 1) e
           on e.thread_no = t.no
         where e.entries <> e.places",
    ),
    (
        "an entry belongs to no thread",
        "select e.id
         from entries e
         where not exists (select 1 from threads t where t.no = e.no >> 32)",
    ),
    (
        "a thread goes on from an entry that does not exist",
        "select t.id
         from threads t
         where t.parent_no is not null
           and not exists (select 1 from entries e where e.no = (t.parent_no << 32 | t.fork_turn))",
    ),
    (
        "a thread goes on from nothing at a turn other than zero",
        "select id
         from threads
         where parent_no is null
           and fork_turn <> 0",
    ),
    (
        "a thread goes on from a thread of another session, or from a later one",
        "select t.id
         from threads t
         join threads p on p.no = t.parent_no
         where p.session_no <> t.session_no
            or p.no >= t.no",
    ),
    (
        "a thread goes on from an entry that is streaming",
        "select t.id
         from threads t
         join entries e on e.no = (t.parent_no << 32 | t.fork_turn)
         where e.state = 'streaming'",
    ),
    (
        "an entry is streaming and is not the head of its thread",
        "select e.id
         from entries e
         where e.state = 'streaming'
           and exists (select 1 from entries n where n.no = e.no + 1)",
    ),
    (
        "a session has lost its first thread",
        "select s.id
         from sessions s
         where not exists (
           select 1 from threads t
           where t.no = s.root_thread_no and t.session_no = s.no and t.parent_no is null
         )",
    ),
    (
        "the latest entry of a session is not one of its own",
        "select s.id
         from sessions s
         where s.latest_entry_no is not null
           and not exists (
             select 1 from entries e
             join threads t on t.no = e.no >> 32
             where e.no = s.latest_entry_no and t.session_no = s.no
           )",
    ),
    (
        "a session has lost its maps",
        "select s.id
         from sessions s
         where not exists (select 1 from session_maps m where m.session_no = s.no)",
    ),
    (
        "a journal belongs to an entry that is not streaming",
        "select distinct j.entry_no
         from journal j
         where not exists (select 1 from entries e where e.no = j.entry_no and e.state = 'streaming')",
    ),
    (
        "a journal has holes",
        "select entry_no
         from journal
         group by entry_no
         having min(seq) <> 1
             or max(seq) <> count(*)",
    ),
    (
        "a mark belongs to an entry that does not exist",
        "select distinct m.entry_no
         from chunk_marks m
         where not exists (select 1 from entries e where e.no = m.entry_no)",
    ),
    (
        "an item has lost its present text",
        "select i.id
         from items i
         where not exists (select 1 from item_versions v where v.item_id = i.id and v.version = i.version)",
    ),
    (
        "the versions of an item have holes",
        "select item_id
         from item_versions
         group by item_id
         having min(version) <> 1
             or max(version) <> count(*)",
    ),
    (
        "an item cannot be found by its words",
        "select i.id
         from items i
         where not exists (select 1 from item_words w where w.rowid = i.no)",
    ),
];

pub(super) fn read(tx: &Connection) -> Outcome<Vec<Violation>> {
    let mut violations = pages(tx)?;
    violations.extend(references(tx)?);
    for (rule, statement) in RULES {
        let broken = all(tx, statement, [], |row| row.shown())?;
        violations.extend(broken.into_iter().map(|row| Violation { rule: (*rule).to_owned(), row }));
    }
    for kind in RecordKind::ALL {
        records_of(tx, kind, &mut violations)?;
    }
    Ok(violations)
}

fn pages(tx: &Connection) -> Outcome<Vec<Violation>> {
    let told = all(tx, "pragma integrity_check(100)", [], |row| row.shown())?;
    let damage = |row| Violation { rule: "the file is damaged".to_owned(), row };
    Ok(told.into_iter().filter(|line| line != "ok").map(damage).collect())
}

fn references(tx: &Connection) -> Outcome<Vec<Violation>> {
    all(tx, "pragma foreign_key_check", [], |row| {
        let (table, rowid, parent) = (row.shown()?, row.shown()?, row.shown()?);
        let rule = format!("a row of {table} refers to a row of {parent} that does not exist");
        Ok(Violation { rule, row: format!("rowid {rowid}") })
    })
}

/// Reads every record of a kind, one at a time.
fn records_of(tx: &Connection, kind: RecordKind, violations: &mut Vec<Violation>) -> Outcome<()> {
    let mut after = None;
    loop {
        let keys = records::keys(tx, kind, after, PageLimit::default())?;
        for key in &keys {
            match records::get(tx, *key) {
                Ok(Some(record)) => violations.extend(record.violations()),
                Ok(None) => {}
                Err(Failure::Refused(error)) => {
                    violations
                        .push(Violation { rule: format!("cannot be read: {error}"), row: key.to_string() });
                }
                Err(failure) => return Err(failure),
            }
        }
        match keys.last() {
            Some(last) => after = Some(*last),
            None => return Ok(()),
        }
    }
}
