//! Whole records, counts and the check: each method of the trait is one job.

mod check;
mod records;
mod stats;

use std::sync::Arc;

use async_trait::async_trait;
use maestro_core::{
    Result,
    archive::{Archive, Record, RecordKey, RecordKind, Restored, StoreStats, Violation},
    page::PageLimit,
    refusal::{self, operation},
};

use crate::SqliteStore;

#[async_trait]
impl Archive for SqliteStore {
    async fn record_keys(
        &self,
        kind: RecordKind,
        after: Option<RecordKey>,
        limit: PageLimit,
    ) -> Result<Vec<RecordKey>> {
        if let Some(after) = after.filter(|after| after.kind() != kind) {
            return Err(refusal::key_of_another_kind(kind, after));
        }
        self.read(operation::RECORD_KEYS, move |tx| records::keys(tx, kind, after, limit)).await
    }

    async fn record_get(&self, key: RecordKey) -> Result<Record> {
        self.read(operation::RECORD_GET, move |tx| {
            records::get(tx, key)?.ok_or_else(|| refusal::missing(operation::RECORD_GET, key).into())
        })
        .await
    }

    async fn record_restore(&self, records: &[Record]) -> Result<Restored> {
        records.iter().try_for_each(Record::validate)?;
        // Written as JSON here, so that the one thread that writes does not have to.
        let bodies = records::bodies(records)?;
        let records: Arc<[Record]> = records.into();
        self.write(operation::RECORD_RESTORE, move |tx| records::restore(tx, &records, &bodies)).await
    }

    async fn stats(&self) -> Result<StoreStats> {
        self.read(operation::STATS, stats::read).await
    }

    /// It looks at the pages (SQLite's own check), at references, at what no constraint can say, and reads every record.
    /// It takes as long as reading the file does, and keeps nobody from writing meanwhile.
    async fn check(&self) -> Result<Vec<Violation>> {
        self.read(operation::CHECK, check::read).await
    }
}
