//! The keys of a kind, one page after the other.

use std::collections::VecDeque;

use maestro_core::{
    Result,
    archive::{Archive, RecordKey, RecordKind},
    page::{PAGE_LIMIT_MAX, PageLimit},
};

/// The keys of a kind in their order; no more than a page of them is held.
pub(super) struct Keys<'a> {
    store: &'a dyn Archive,
    kind: RecordKind,
    page: VecDeque<RecordKey>,
    after: Option<RecordKey>,
    is_last: bool,
}

impl<'a> Keys<'a> {
    pub(super) fn of(store: &'a dyn Archive, kind: RecordKind) -> Self {
        Self { store, kind, page: VecDeque::new(), after: None, is_last: false }
    }

    /// The key that comes next, which stays the next one.
    pub(super) async fn peek(&mut self) -> Result<Option<RecordKey>> {
        if self.page.is_empty() && !self.is_last {
            let limit = PageLimit::new(PAGE_LIMIT_MAX)?;
            self.page = self.store.record_keys(self.kind, self.after, limit).await?.into();
            self.is_last = self.page.len() < limit.get();
            self.after = self.page.back().copied().or(self.after);
        }
        Ok(self.page.front().copied())
    }

    /// The key that comes next.
    pub(super) async fn next(&mut self) -> Result<Option<RecordKey>> {
        let next = self.peek().await?;
        self.page.pop_front();
        Ok(next)
    }
}

/// How many records of a kind there are.
pub(super) async fn count(store: &dyn Archive, kind: RecordKind) -> Result<u64> {
    let mut keys = Keys::of(store, kind);
    let mut count = 0;
    while keys.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}
