//! Records, read and written within one transaction.

use maestro_core::{
    archive::{ItemRecord, Record, RecordKey, RecordKind, Restored},
    page::PageLimit,
    refusal::{self, operation},
};
use uuid::Uuid;

use crate::{
    auth,
    conversations::records as sessions,
    error::{Failure, Outcome},
    rows::{Db, params},
    supplied_context as items,
};

pub(super) async fn keys(
    db: &mut Db<'_>,
    kind: RecordKind,
    after: Option<RecordKey>,
    limit: PageLimit,
) -> Outcome<Vec<RecordKey>> {
    let statement = match kind {
        RecordKind::Authentication => {
            "select id from maestro.authentications where $1::uuid is null or id > $1 order by id limit $2"
        }
        RecordKind::Item => {
            "select id from maestro.items where $1::uuid is null or id > $1 order by id limit $2"
        }
        RecordKind::Session => {
            "select id from maestro.sessions where $1::uuid is null or id > $1 order by id limit $2"
        }
    };
    let after: Option<Uuid> = after.map(|after| after.uuid());
    let keys = db.all(statement, params![after, limit.get() as i64], |row| {
        Ok(RecordKey::new(kind, row.id::<Record>()?.uuid()))
    });
    keys.await
}

/// The record with this key, if there is one.
pub(super) async fn get(db: &mut Db<'_>, key: RecordKey) -> Outcome<Option<Record>> {
    Ok(match key {
        RecordKey::Authentication(id) => auth::get(db, id).await?.map(Record::Authentication),
        RecordKey::Item(id) if items::is_there(db, id).await? => {
            let item = items::get(db, operation::RECORD_GET, id).await?;
            Some(Record::Item(ItemRecord { item, versions: items::versions(db, id).await? }))
        }
        RecordKey::Session(id) if sessions::is_there(db, id).await? => {
            Some(Record::Session(Box::new(sessions::read(db, id).await?)))
        }
        RecordKey::Item(_) | RecordKey::Session(_) => None,
    })
}

pub(super) async fn restore(db: &mut Db<'_>, records: &[Record]) -> Outcome<Restored> {
    let mut restored = Restored::default();
    for record in records {
        if is_present(db, record).await? {
            restored.present += 1;
            continue;
        }
        match add(db, record).await {
            Ok(()) => restored.written += 1,
            // Each statement sees what has been committed by then: what is in the way can be the record itself, which
            // another program has written since it was looked for. Nothing of it has been written here.
            Err(Failure::Refused(refusal)) => {
                if !is_present(db, record).await? {
                    return Err(refusal.into());
                }
                restored.present += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(restored)
}

/// Whether this record is there. It is refused when another with its key is.
async fn is_present(db: &mut Db<'_>, record: &Record) -> Outcome<bool> {
    let key = record.key();
    match get(db, key).await? {
        None => Ok(false),
        Some(found) if found == *record => Ok(true),
        Some(_) => Err(refusal::record_differs(key).into()),
    }
}

/// Writes a record that is not there yet. What refuses it is looked up before anything is written.
async fn add(db: &mut Db<'_>, record: &Record) -> Outcome<()> {
    let key = record.key();
    match record {
        Record::Authentication(row) => {
            let reference = row.reference();
            if auth::find(db, &reference).await?.is_some() {
                return Err(refusal::record_name_taken(key, reference).into());
            }
            auth::insert(db, row).await
        }
        Record::Item(ItemRecord { item, versions }) => {
            if items::is_named(db, item).await? {
                let name = format_args!("{} \"{}\"", item.item_type, item.name).to_string();
                return Err(refusal::record_name_taken(key, name).into());
            }
            let no = items::insert(db, item).await?;
            for version in versions {
                items::insert_version(db, version).await?;
            }
            items::insert_search(db, no, item).await
        }
        Record::Session(record) => sessions::restore(db, record).await,
    }
}
