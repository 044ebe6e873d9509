//! Records, read and written within one transaction.

use maestro_core::{
    Result,
    archive::{EntryRecord, ItemRecord, Record, RecordKey, RecordKind, Restored},
    page::PageLimit,
    refusal::{self, operation},
};
use rusqlite::{Connection, params};

use crate::{
    auth,
    conversations::records::{self as sessions, Bodies},
    error::Outcome,
    rows::all,
    supplied_context as items,
};

pub(super) fn keys(
    tx: &Connection,
    kind: RecordKind,
    after: Option<RecordKey>,
    limit: PageLimit,
) -> Outcome<Vec<RecordKey>> {
    let statement = match kind {
        RecordKind::Authentication => "select id from authentications where id > ?1 order by id limit ?2",
        RecordKind::Item => "select id from items where id > ?1 order by id limit ?2",
        RecordKind::Session => "select id from sessions where id > ?1 order by id limit ?2",
    };
    let after = after.map(|after| after.uuid());
    // Every id is greater than no bytes at all.
    let after = after.as_ref().map_or(&[][..], |after| after.as_bytes());
    all(tx, statement, params![after, limit.get()], |row| {
        Ok(RecordKey::new(kind, row.id::<Record>()?.uuid()))
    })
}

/// The record with this key, if there is one.
pub(super) fn get(tx: &Connection, key: RecordKey) -> Outcome<Option<Record>> {
    Ok(match key {
        RecordKey::Authentication(id) => auth::get(tx, id)?.map(Record::Authentication),
        RecordKey::Item(id) if items::is_there(tx, id)? => {
            let (_, item) = items::get(tx, operation::RECORD_GET, id)?;
            Some(Record::Item(ItemRecord { item, versions: items::versions(tx, id)? }))
        }
        RecordKey::Session(id) if sessions::is_there(tx, id)? => {
            Some(Record::Session(Box::new(sessions::read(tx, id)?)))
        }
        RecordKey::Item(_) | RecordKey::Session(_) => None,
    })
}

/// The bodies of all entries of these records.
pub(super) fn bodies(records: &[Record]) -> Result<Bodies> {
    let sessions = records.iter().filter_map(|record| match record {
        Record::Session(record) => Some(record),
        Record::Authentication(_) | Record::Item(_) => None,
    });
    let entries = sessions.flat_map(|record| &record.threads).flat_map(|thread| &thread.entries);
    entries.map(|EntryRecord { entry, .. }| Ok((entry.id, entry.content.to_json()?))).collect()
}

pub(super) fn restore(tx: &Connection, records: &[Record], bodies: &Bodies) -> Outcome<Restored> {
    let mut restored = Restored::default();
    for record in records {
        let key = record.key();
        match get(tx, key)? {
            Some(found) if found == *record => restored.present += 1,
            Some(_) => return Err(refusal::record_differs(key).into()),
            None => {
                add(tx, record, bodies)?;
                restored.written += 1;
            }
        }
    }
    Ok(restored)
}

/// Writes a record that is not there yet.
fn add(tx: &Connection, record: &Record, bodies: &Bodies) -> Outcome<()> {
    let key = record.key();
    match record {
        Record::Authentication(row) => {
            let reference = row.reference();
            if auth::find(tx, &reference)?.is_some() {
                return Err(refusal::record_name_taken(key, reference).into());
            }
            auth::insert(tx, row)?;
        }
        Record::Item(ItemRecord { item, versions }) => {
            let no = items::insert(tx, item, || {
                let name = format_args!("{} \"{}\"", item.item_type, item.name).to_string();
                Ok(refusal::record_name_taken(key, name))
            })?;
            versions.iter().try_for_each(|version| items::insert_version(tx, version))?;
            items::insert_search(tx, no, item)?;
        }
        Record::Session(record) => sessions::restore(tx, record, bodies)?,
    }
    Ok(())
}
