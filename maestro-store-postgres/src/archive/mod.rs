//! Whole records, counts and the check: each method of the trait is one job.

mod check;
mod records;
mod stats;

use async_trait::async_trait;
use maestro_core::{
    Result,
    archive::{Archive, Record, RecordKey, RecordKind, Restored, StoreStats, Violation},
    page::PageLimit,
    refusal::{self, operation},
};

use crate::{
    PostgresStore,
    pool::{reading, reading_together, transacting},
};

#[async_trait]
impl Archive for PostgresStore {
    async fn record_keys(
        &self,
        kind: RecordKind,
        after: Option<RecordKey>,
        limit: PageLimit,
    ) -> Result<Vec<RecordKey>> {
        if let Some(after) = after.filter(|after| after.kind() != kind) {
            return Err(refusal::key_of_another_kind(kind, after));
        }
        reading!(&*self.pool, operation::RECORD_KEYS, |db| records::keys(db, kind, after, limit).await)
    }

    async fn record_get(&self, key: RecordKey) -> Result<Record> {
        reading_together!(&*self.pool, operation::RECORD_GET, |db| {
            records::get(db, key).await?.ok_or_else(|| refusal::missing(operation::RECORD_GET, key).into())
        })
    }

    async fn record_restore(&self, records: &[Record]) -> Result<Restored> {
        records.iter().try_for_each(Record::validate)?;
        transacting!(
            &*self.pool,
            operation::RECORD_RESTORE,
            |db| Ok(Some(records::restore(db, records).await?)),
            // What a record meets is looked up before it is written; whatever came between is met at the next attempt.
            |_| Ok(None)
        )
    }

    async fn stats(&self) -> Result<StoreStats> {
        reading_together!(&*self.pool, operation::STATS, |db| stats::read(db).await)
    }

    /// It looks at what no constraint says, and reads every record, all of it at one moment. It takes as long as reading
    /// the tables does, and keeps nobody from writing meanwhile.
    async fn check(&self) -> Result<Vec<Violation>> {
        reading_together!(&*self.pool, operation::CHECK, |db| check::read(db).await)
    }
}
