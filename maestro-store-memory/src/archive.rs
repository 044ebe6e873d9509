//! Whole records, counts and the check.

use async_trait::async_trait;
use maestro_core::{
    Result,
    archive::{
        Archive, ItemRecord, Record, RecordKey, RecordKind, Restored, StoreStats, TableStats, Violation,
    },
    page::PageLimit,
    refusal::{self, operation},
};
use uuid::Uuid;

use crate::{
    MemoryStore, State,
    supplied_context::{Shelved, labelled},
};

impl State {
    /// The ids of a kind, in the order of their bytes.
    fn ids(&self, kind: RecordKind) -> Box<dyn Iterator<Item = Uuid> + '_> {
        match kind {
            RecordKind::Authentication => Box::new(self.auth.rows.keys().map(|id| id.uuid())),
            RecordKind::Item => Box::new(self.items.items.keys().map(|id| id.uuid())),
            RecordKind::Session => Box::new(self.conversations.session_ids().map(|id| id.uuid())),
        }
    }

    fn record(&self, key: RecordKey) -> Option<Record> {
        match key {
            RecordKey::Authentication(id) => self.auth.rows.get(&id).cloned().map(Record::Authentication),
            RecordKey::Item(id) => self.items.items.get(&id).map(|shelved| {
                let Shelved { item, versions, .. } = shelved;
                Record::Item(ItemRecord { item: item.clone(), versions: versions.clone() })
            }),
            RecordKey::Session(id) => {
                self.conversations.session_record(id).map(|record| Record::Session(Box::new(record)))
            }
        }
    }

    /// Writes a record that is not there yet. It checks everything before it changes anything.
    fn add(&mut self, record: Record) -> Result<()> {
        let key = record.key();
        match record {
            Record::Authentication(row) => {
                let reference = row.reference();
                if self.auth.find(&reference).is_some() {
                    return Err(refusal::record_name_taken(key, reference));
                }
                self.auth.rows.insert(row.id, row);
            }
            Record::Item(ItemRecord { item, versions }) => {
                if self.items.named(item.item_type, &item.name).is_some() {
                    return Err(refusal::record_name_taken(key, labelled(item.item_type, &item.name)));
                }
                self.items.items.insert(item.id, Shelved::with_versions(item, versions));
            }
            Record::Session(record) => {
                self.conversations.session_restore(*record, &self.auth, &self.items)?;
            }
        }
        Ok(())
    }

    /// Takes a record out that nothing refers to.
    fn take_back(&mut self, key: RecordKey) {
        match key {
            RecordKey::Authentication(id) => drop(self.auth.rows.remove(&id)),
            RecordKey::Item(id) => drop(self.items.items.remove(&id)),
            // It is there, because it has been added.
            RecordKey::Session(id) => drop(self.conversations.session_delete(id)),
        }
    }

    /// Writes records, noting each that it writes.
    fn restore(&mut self, records: &[Record], written: &mut Vec<RecordKey>) -> Result<Restored> {
        let mut restored = Restored::default();
        for record in records {
            let key = record.key();
            match self.record(key) {
                Some(found) if found == *record => restored.present += 1,
                Some(_) => return Err(refusal::record_differs(key)),
                None => {
                    self.add(record.clone())?;
                    written.push(key);
                    restored.written += 1;
                }
            }
        }
        Ok(restored)
    }
}

#[async_trait]
impl Archive for MemoryStore {
    async fn record_keys(
        &self,
        kind: RecordKind,
        after: Option<RecordKey>,
        limit: PageLimit,
    ) -> Result<Vec<RecordKey>> {
        if let Some(after) = after.filter(|after| after.kind() != kind) {
            return Err(refusal::key_of_another_kind(kind, after));
        }
        let state = &*self.lock();
        let keys = state.ids(kind).map(|id| RecordKey::new(kind, id));
        Ok(keys.filter(|key| after.is_none_or(|after| *key > after)).take(limit.get()).collect())
    }

    async fn record_get(&self, key: RecordKey) -> Result<Record> {
        self.lock().record(key).ok_or_else(|| refusal::missing(operation::RECORD_GET, key))
    }

    async fn record_restore(&self, records: &[Record]) -> Result<Restored> {
        records.iter().try_for_each(Record::validate)?;
        let state = &mut *self.lock();
        let mut written = Vec::new();
        let restored = state.restore(records, &mut written);
        if restored.is_err() {
            // What was written last may refer to what was written first.
            written.into_iter().rev().for_each(|key| state.take_back(key));
        }
        restored
    }

    async fn stats(&self) -> Result<StoreStats> {
        let state = &*self.lock();
        let versions = state.items.items.values().map(|shelved| shelved.versions.len()).sum();
        let mut rows = vec![
            ("authentications", state.auth.rows.len()),
            ("items", state.items.items.len()),
            ("item_versions", versions),
        ];
        rows.extend(state.conversations.counts());
        rows.sort();
        let table = |(name, rows): (&str, usize)| TableStats {
            name: name.to_owned(),
            rows: rows as u64,
            bytes: None,
        };
        let (entries, turns, streaming) = state.conversations.entry_counts();
        Ok(StoreStats {
            schema_version: 0,
            tables: rows.into_iter().map(table).collect(),
            entries,
            turns,
            streaming,
            bytes: None,
        })
    }

    async fn check(&self) -> Result<Vec<Violation>> {
        let state = &*self.lock();
        let keys = RecordKind::ALL
            .into_iter()
            .flat_map(|kind| state.ids(kind).map(move |id| RecordKey::new(kind, id)));
        Ok(keys.filter_map(|key| state.record(key)).flat_map(|record| record.violations()).collect())
    }
}
