//! The check of everything that must hold in a schema and that no constraint says.

use maestro_core::{
    archive::{RecordKind, Violation},
    page::PageLimit,
};

use super::records;
use crate::{
    error::{Failure, Outcome},
    rows::{Db, params},
};

/// What must give no rows, and what a row of it means. Each statement gives one text.
const RULES: &[(&str, &str)] = &[
    (
        "the first entry of a thread does not stand right behind its fork",
        "select t.id::text
         from maestro.threads t
         join (select thread_no, min(turn_index) as first from maestro.entries group by 1) e on e.thread_no = t.no
         where e.first <> t.fork_turn + 1",
    ),
    (
        "the turn indexes of a thread have holes",
        "select t.id::text
         from maestro.threads t
         join (
           select thread_no, count(*) as entries, max(turn_index) - min(turn_index) + 1 as places
           from maestro.entries
           group by 1
         ) e on e.thread_no = t.no
         where e.entries <> e.places",
    ),
    (
        "the head of a thread is not its last entry",
        "select t.id::text
         from maestro.threads t
         left join lateral (
           select e.id, e.turn_index, e.state
           from maestro.entries e
           where e.thread_no = t.no
           order by e.turn_index desc
           limit 1
         ) e on true
         where t.head_entry_id is distinct from coalesce(e.id, t.fork_entry_id)
            or t.head_turn <> coalesce(e.turn_index, t.fork_turn)
            or t.head_streaming <> (coalesce(e.state, '') = 'streaming')",
    ),
    (
        "an entry belongs to no thread",
        "select e.id::text
         from maestro.entries e
         where not exists (select 1 from maestro.threads t where t.no = e.thread_no)",
    ),
    (
        "a thread goes on from an entry that does not exist",
        "select t.id::text
         from maestro.threads t
         where t.parent_no is not null
           and not exists (
             select 1
             from maestro.entries e
             where e.thread_no = t.parent_no and e.turn_index = t.fork_turn and e.id = t.fork_entry_id
           )",
    ),
    (
        "a thread goes on from a thread of another session, or from a later one",
        "select t.id::text
         from maestro.threads t
         join maestro.threads p on p.no = t.parent_no
         where p.session_no <> t.session_no
            or p.no >= t.no",
    ),
    (
        "a thread goes on from an entry that is streaming",
        "select t.id::text
         from maestro.threads t
         join maestro.entries e on e.id = t.fork_entry_id
         where e.state = 'streaming'",
    ),
    (
        "an entry is streaming and is not the head of its thread",
        "select e.id::text
         from maestro.entries e
         where e.state = 'streaming'
           and not exists (
             select 1 from maestro.threads t where t.no = e.thread_no and t.head_entry_id = e.id and t.head_streaming
           )",
    ),
    (
        "a session has lost its first thread",
        "select s.id::text
         from maestro.sessions s
         where not exists (
           select 1
           from maestro.threads t
           where t.id = s.root_thread_id and t.session_no = s.no and t.parent_no is null
         )",
    ),
    (
        "the latest entry of a session is not one of its own",
        "select s.id::text
         from maestro.sessions s
         where s.latest_entry_id is not null
           and not exists (
             select 1
             from maestro.entries e
             join maestro.threads t on t.no = e.thread_no
             where e.id = s.latest_entry_id and t.session_no = s.no
           )",
    ),
    (
        "a session has lost its maps",
        "select s.id::text
         from maestro.sessions s
         where not exists (select 1 from maestro.session_maps m where m.session_no = s.no)",
    ),
    (
        "a journal belongs to an entry that is not streaming",
        "select distinct j.entry_id::text
         from maestro.journal j
         where not exists (select 1 from maestro.entries e where e.id = j.entry_id and e.state = 'streaming')",
    ),
    (
        "a journal has holes",
        "select entry_id::text
         from maestro.journal
         group by entry_id
         having min(seq) <> 1
             or max(seq) <> count(*)",
    ),
    (
        "a mark belongs to an entry that does not exist",
        "select distinct m.entry_id::text
         from maestro.chunk_marks m
         where not exists (select 1 from maestro.entries e where e.id = m.entry_id)",
    ),
    (
        "an item has lost its present text",
        "select i.id::text
         from maestro.items i
         where not exists (
           select 1 from maestro.item_versions v where v.item_id = i.id and v.version = i.version
         )",
    ),
    (
        "the versions of an item have holes",
        "select item_id::text
         from maestro.item_versions
         group by item_id
         having min(version) <> 1
             or max(version) <> count(*)",
    ),
    (
        "an item cannot be found by its words",
        "select i.id::text
         from maestro.items i
         where not exists (select 1 from maestro.item_words w where w.item_no = i.no)",
    ),
];

pub(super) async fn read(db: &mut Db<'_>) -> Outcome<Vec<Violation>> {
    let mut violations = Vec::new();
    for (rule, statement) in RULES {
        let broken = db.all(statement, params![], |row| Ok(row.text()?.to_owned())).await?;
        violations.extend(broken.into_iter().map(|row| Violation { rule: (*rule).to_owned(), row }));
    }
    for kind in RecordKind::ALL {
        records_of(db, kind, &mut violations).await?;
    }
    Ok(violations)
}

/// Reads every record of a kind, one at a time.
async fn records_of(db: &mut Db<'_>, kind: RecordKind, violations: &mut Vec<Violation>) -> Outcome<()> {
    let mut after = None;
    loop {
        let keys = records::keys(db, kind, after, PageLimit::default()).await?;
        for key in &keys {
            match records::get(db, *key).await {
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
