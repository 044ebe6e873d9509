//! Saved authentications.

use std::collections::BTreeMap;

use async_trait::async_trait;
use maestro_core::{
    Id, Result,
    auth::{
        Auth, AuthChange, AuthQuery, AuthRef, AuthType, HolderId, Lease, NewAuthentication,
        SavedAuthentication,
    },
    page::{Cursor, CursorKey, Page, PageLimit, PageRequest, Total},
    refusal::{self, operation},
    revision::Revision,
    time::Timestamp,
};

use crate::MemoryStore;

/// All saved authentications.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) rows: BTreeMap<Id<SavedAuthentication>, SavedAuthentication>,
}

impl State {
    pub(crate) fn find(&self, reference: &AuthRef) -> Option<&SavedAuthentication> {
        self.rows.values().find(|row| row.reference() == *reference)
    }

    fn at_revision(
        &mut self,
        operation: &'static str,
        id: Id<SavedAuthentication>,
        expected: Revision,
    ) -> Result<&mut SavedAuthentication> {
        let row = self.rows.get_mut(&id).ok_or_else(|| refusal::missing(operation, id))?;
        if row.revision == expected {
            Ok(row)
        } else {
            Err(refusal::revision_passed(operation, id, expected, row.revision))
        }
    }
}

#[async_trait]
impl Auth for MemoryStore {
    async fn auth_create(&self, new: NewAuthentication) -> Result<SavedAuthentication> {
        let auth = &mut self.lock().auth;
        if auth.find(&new.reference).is_some() {
            return Err(refusal::name_taken(operation::AUTH_CREATE, &new.reference));
        }
        if auth.rows.contains_key(&new.id) {
            return Err(refusal::id_taken(operation::AUTH_CREATE, new.id));
        }
        let AuthRef { provider, auth_type, name } = new.reference;
        let row = SavedAuthentication {
            id: new.id,
            provider,
            auth_type,
            name,
            credentials: new.credentials,
            expires_at: new.expires_at,
            lease: None,
            revision: Revision::FIRST,
            inserted_at: new.now,
            updated_at: new.now,
        };
        auth.rows.insert(row.id, row.clone());
        Ok(row)
    }

    async fn auth_get(&self, id: Id<SavedAuthentication>) -> Result<SavedAuthentication> {
        let auth = &self.lock().auth;
        auth.rows.get(&id).cloned().ok_or_else(|| refusal::missing(operation::AUTH_GET, id))
    }

    async fn auth_find(&self, reference: &AuthRef) -> Result<SavedAuthentication> {
        let auth = &self.lock().auth;
        auth.find(reference).cloned().ok_or_else(|| refusal::missing(operation::AUTH_FIND, reference))
    }

    async fn auth_list(&self, query: &AuthQuery, page: PageRequest) -> Result<Page<SavedAuthentication>> {
        let after = match &page.after {
            Some(cursor) => Some((cursor.text()?.to_owned(), Id::from_uuid(cursor.id()))),
            None => None,
        };
        let auth = &self.lock().auth;
        let mut rows: Vec<_> = (auth.rows.values())
            .filter(|row| query.provider.as_ref().is_none_or(|provider| row.provider == *provider))
            .filter(|row| query.auth_type.is_none_or(|auth_type| row.auth_type == auth_type))
            .filter(|row| query.name.as_ref().is_none_or(|name| row.name == *name))
            .collect();
        let total = (page.total == Total::Count).then_some(rows.len() as u64);
        rows.sort_by_key(|row| (row.name.as_str(), row.id));
        let rows = (rows.into_iter())
            .filter(|row| {
                after.as_ref().is_none_or(|(name, id)| (row.name.as_str(), row.id) > (name.as_str(), *id))
            })
            .take(page.limit.get() + 1)
            .cloned()
            .collect();
        Ok(Page::from_rows(rows, page.limit, total, |row| {
            Cursor::at(CursorKey::Text(row.name.to_string()), row.id.uuid())
        }))
    }

    async fn auth_update(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        change: AuthChange,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        let auth = &mut self.lock().auth;
        let row = auth.at_revision(operation::AUTH_UPDATE, id, expected)?.clone();
        let row = SavedAuthentication {
            name: change.name.unwrap_or(row.name),
            credentials: change.credentials.unwrap_or(row.credentials),
            expires_at: change.expires_at.unwrap_or(row.expires_at),
            lease: None,
            revision: row.revision.next(),
            updated_at: now,
            ..row
        };
        let reference = row.reference();
        if auth.find(&reference).is_some_and(|other| other.id != id) {
            return Err(refusal::name_taken(operation::AUTH_UPDATE, reference));
        }
        auth.rows.insert(id, row.clone());
        Ok(row)
    }

    async fn auth_delete(&self, id: Id<SavedAuthentication>) -> Result<()> {
        let state = &mut *self.lock();
        if state.auth.rows.remove(&id).is_none() {
            return Err(refusal::missing(operation::AUTH_DELETE, id));
        }
        state.conversations.forget_auth(id);
        Ok(())
    }

    async fn auth_lease(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        holder: HolderId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        let auth = &mut self.lock().auth;
        let row = auth.at_revision(operation::AUTH_LEASE, id, expected)?;
        match row.lease {
            Some(lease) if lease.holder != holder && lease.is_live(now) => {
                Err(refusal::leased(operation::AUTH_LEASE, id, lease))
            }
            _ => {
                row.lease = Some(Lease { holder, until });
                Ok(row.clone())
            }
        }
    }

    async fn auth_release(&self, id: Id<SavedAuthentication>, holder: HolderId) -> Result<()> {
        let auth = &mut self.lock().auth;
        let row = auth.rows.get_mut(&id).ok_or_else(|| refusal::missing(operation::AUTH_RELEASE, id))?;
        row.lease = row.lease.filter(|lease| lease.holder != holder);
        Ok(())
    }

    async fn auth_due(&self, before: Timestamp, limit: PageLimit) -> Result<Vec<SavedAuthentication>> {
        let auth = &self.lock().auth;
        let mut rows: Vec<_> = (auth.rows.values())
            .filter(|row| row.auth_type == AuthType::OAuth)
            .filter(|row| row.expires_at.is_some_and(|expires_at| expires_at < before))
            .collect();
        rows.sort_by_key(|row| (row.expires_at, row.id));
        Ok(rows.into_iter().take(limit.get()).cloned().collect())
    }
}
