//! The context trait of saved authentications.

use async_trait::async_trait;

use super::{AuthChange, AuthQuery, AuthRef, HolderId, NewAuthentication, SavedAuthentication};
use crate::{
    error::{Error, ErrorKind, Result},
    id::Id,
    page::{Page, PageLimit, PageRequest},
    revision::Revision,
    time::Timestamp,
};

/// The context *Auth*: credentials under names (requirements M-A1 to M-A6).
///
/// It has no default bodies and takes only values that are valid already, so a store validates nothing. Each method
/// is atomic and durable when it returns. Any method may fail with [`ErrorKind::Unavailable`] when the store cannot be
/// reached and [`ErrorKind::Internal`] when what is stored cannot be read; the other kinds are told at each method.
/// Conveniences are in [`AuthExt`].
#[async_trait]
pub trait Auth: Send + Sync {
    /// Writes a new row, at [`Revision::FIRST`].
    ///
    /// [`ErrorKind::Conflict`] when (provider, kind, name) is taken, or the id is. There is no upsert here: sealed
    /// credentials are bound to the id of their row, so one sealed for a new row cannot replace one in an old row.
    async fn auth_create(&self, new: NewAuthentication) -> Result<SavedAuthentication>;

    /// The row with this id. [`ErrorKind::NotFound`] when there is none.
    async fn auth_get(&self, id: Id<SavedAuthentication>) -> Result<SavedAuthentication>;

    /// The row with this provider, kind and name. [`ErrorKind::NotFound`] when there is none.
    async fn auth_find(&self, reference: &AuthRef) -> Result<SavedAuthentication>;

    /// A page of the rows that match, sorted by name in byte order, then id.
    async fn auth_list(&self, query: &AuthQuery, page: PageRequest) -> Result<Page<SavedAuthentication>>;

    /// Changes a row that still has the revision `expected`, counts the revision up, ends its lease, and returns it.
    ///
    /// [`ErrorKind::NotFound`] when there is no row, [`ErrorKind::Stale`] when it has moved on,
    /// [`ErrorKind::Conflict`] when the new name is taken.
    async fn auth_update(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        change: AuthChange,
        now: Timestamp,
    ) -> Result<SavedAuthentication>;

    /// Removes a row. Sessions that used it stay, and refer to no authentication from then on; nothing else of them
    /// changes, their revision neither.
    ///
    /// [`ErrorKind::NotFound`] when there is none.
    async fn auth_delete(&self, id: Id<SavedAuthentication>) -> Result<()>;

    /// Takes the right to refresh a row that still has the revision `expected`, until `until`. The revision and
    /// `updated_at` stay: a lease is no change of the credential. The holder of a live lease may take it again.
    ///
    /// [`ErrorKind::NotFound`] when there is no row, [`ErrorKind::Stale`] when it has moved on, [`ErrorKind::InUse`]
    /// when another holder's lease is live at `now`; the text names holder and end.
    async fn auth_lease(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        holder: HolderId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<SavedAuthentication>;

    /// Gives a lease back. Nothing happens when `holder` does not have it.
    ///
    /// [`ErrorKind::NotFound`] when there is no row.
    async fn auth_release(&self, id: Id<SavedAuthentication>, holder: HolderId) -> Result<()>;

    /// Rows of kind `oauth` that expire before `before`, the earliest first, then by id: what to refresh next. Rows
    /// whose expiry is not known are left out.
    async fn auth_due(&self, before: Timestamp, limit: PageLimit) -> Result<Vec<SavedAuthentication>>;
}

/// What callers want besides; implemented once, over every store.
#[async_trait]
pub trait AuthExt: Auth {
    /// The row with this provider, kind and name, or none.
    async fn auth_find_optional(&self, reference: &AuthRef) -> Result<Option<SavedAuthentication>> {
        match self.auth_find(reference).await {
            Ok(row) => Ok(Some(row)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All rows that match, over all pages.
    async fn auth_list_all(&self, query: &AuthQuery) -> Result<Vec<SavedAuthentication>> {
        let mut page = PageRequest::default();
        let mut rows = Vec::new();
        loop {
            let read = self.auth_list(query, page.clone()).await?;
            rows.extend(read.items);
            match read.next {
                Some(next) => page.after = Some(next),
                None => return Ok(rows),
            }
        }
    }

    /// The one row that matches. [`ErrorKind::NotFound`] when none does, [`ErrorKind::Conflict`] when several do; the
    /// text names them.
    async fn auth_only(&self, query: &AuthQuery) -> Result<SavedAuthentication> {
        let mut rows = self.auth_list_all(query).await?;
        let wanted = query.name.as_ref().map_or_else(String::new, |name| format!("\"{name}\""));
        match rows.len() {
            1 => Ok(rows.remove(0)),
            0 => Err(Error::not_found("find authentication", wanted)),
            _ => {
                let names: Vec<_> = rows.iter().map(|row| row.reference().to_string()).collect();
                Err(Error::new(ErrorKind::Conflict, "find authentication")
                    .on(wanted)
                    .because(format!("several have this name: {}", names.join(", ")))
                    .advise("name the provider too"))
            }
        }
    }
}

impl<T: Auth + ?Sized> AuthExt for T {}
