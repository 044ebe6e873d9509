//! Saved authentications.

use async_trait::async_trait;
use maestro_core::{
    Error, Id, Result,
    auth::{
        Auth, AuthChange, AuthQuery, AuthRef, HolderId, Lease, NewAuthentication, SavedAuthentication,
        SealedCredentials,
    },
    page::{Cursor, CursorKey, Page, PageLimit, PageRequest, Total},
    refusal::{self, operation},
    revision::Revision,
    time::Timestamp,
};
use rusqlite::{Connection, named_params, params};

use crate::{
    SqliteStore,
    error::{Outcome, or_taken},
    rows::{Fields, all, exists, first, run},
};

#[async_trait]
impl Auth for SqliteStore {
    async fn auth_create(&self, new: NewAuthentication) -> Result<SavedAuthentication> {
        let row = SavedAuthentication {
            id: new.id,
            provider: new.reference.provider,
            auth_type: new.reference.auth_type,
            name: new.reference.name,
            credentials: new.credentials,
            expires_at: new.expires_at,
            lease: None,
            revision: Revision::FIRST,
            inserted_at: new.now,
            updated_at: new.now,
        };
        self.write(operation::AUTH_CREATE, move |tx| {
            or_taken(insert(tx, &row), || name_or_id_taken(tx, &row))?;
            Ok(row.clone())
        })
        .await
    }

    async fn auth_get(&self, id: Id<SavedAuthentication>) -> Result<SavedAuthentication> {
        self.read(operation::AUTH_GET, move |tx| {
            get(tx, id)?.ok_or_else(|| refusal::missing(operation::AUTH_GET, id).into())
        })
        .await
    }

    async fn auth_find(&self, reference: &AuthRef) -> Result<SavedAuthentication> {
        let reference = reference.clone();
        self.read(operation::AUTH_FIND, move |tx| {
            find(tx, &reference)?.ok_or_else(|| refusal::missing(operation::AUTH_FIND, &reference).into())
        })
        .await
    }

    async fn auth_list(&self, query: &AuthQuery, page: PageRequest) -> Result<Page<SavedAuthentication>> {
        let after = match &page.after {
            Some(cursor) => Some((cursor.text()?.to_owned(), cursor.id())),
            None => None,
        };
        let query = query.clone();
        self.read("list authentications", move |tx| list(tx, &query, &page, after.as_ref())).await
    }

    async fn auth_update(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        change: AuthChange,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        self.write(operation::AUTH_UPDATE, move |tx| {
            let row = at_revision(tx, operation::AUTH_UPDATE, id, expected)?;
            let change = change.clone();
            let row = SavedAuthentication {
                name: change.name.unwrap_or(row.name),
                credentials: change.credentials.unwrap_or(row.credentials),
                expires_at: change.expires_at.unwrap_or(row.expires_at),
                lease: None,
                revision: row.revision.next(),
                updated_at: now,
                ..row
            };
            update(tx, &row)?;
            Ok(row)
        })
        .await
    }

    async fn auth_delete(&self, id: Id<SavedAuthentication>) -> Result<()> {
        self.write(operation::AUTH_DELETE, move |tx| {
            // Sessions that used it are told by their foreign key, which sets null.
            let deleted = run(
                tx,
                "delete from authentications
                 where id = ?1",
                [id.as_bytes()],
            )?;
            if deleted == 0 {
                return Err(refusal::missing(operation::AUTH_DELETE, id).into());
            }
            Ok(())
        })
        .await
    }

    async fn auth_lease(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        holder: HolderId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        self.write(operation::AUTH_LEASE, move |tx| {
            let mut row = at_revision(tx, operation::AUTH_LEASE, id, expected)?;
            if let Some(lease) = row.lease.filter(|lease| lease.holder != holder && lease.is_live(now)) {
                return Err(refusal::leased(operation::AUTH_LEASE, id, lease).into());
            }
            row.lease = Some(Lease { holder, until });
            run(
                tx,
                "update authentications
                 set lease_holder = ?2,
                     lease_until = ?3
                 where id = ?1",
                params![id.as_bytes(), holder.as_bytes(), until.micros()],
            )?;
            Ok(row)
        })
        .await
    }

    async fn auth_release(&self, id: Id<SavedAuthentication>, holder: HolderId) -> Result<()> {
        self.write(operation::AUTH_RELEASE, move |tx| {
            let released = run(
                tx,
                "update authentications
                 set lease_holder = null,
                     lease_until = null
                 where id = ?1
                   and lease_holder = ?2",
                params![id.as_bytes(), holder.as_bytes()],
            )?;
            if released == 0 && get(tx, id)?.is_none() {
                return Err(refusal::missing(operation::AUTH_RELEASE, id).into());
            }
            Ok(())
        })
        .await
    }

    async fn auth_due(&self, before: Timestamp, limit: PageLimit) -> Result<Vec<SavedAuthentication>> {
        self.read("find authentications to refresh", move |tx| {
            all(
                tx,
                concat!(
                    "select ",
                    columns!(),
                    "
                     from authentications
                     where auth_type = 'oauth'
                       and expires_at < ?1
                     order by expires_at, id
                     limit ?2"
                ),
                params![before.micros(), limit.get()],
                from_row,
            )
        })
        .await
    }
}

/// The columns that [`from_row`] reads.
macro_rules! columns {
    () => {
        "id, provider, auth_type, name, credentials, expires_at, lease_holder, lease_until, revision, inserted_at,
         updated_at"
    };
}
use columns;

fn from_row(row: &mut Fields<'_>) -> Outcome<SavedAuthentication> {
    Ok(SavedAuthentication {
        id: row.id()?,
        provider: row.parsed()?,
        auth_type: row.parsed()?,
        name: row.parsed()?,
        credentials: SealedCredentials::from_bytes(row.bytes()?)?,
        expires_at: row.time_optional()?,
        lease: match (row.id_optional()?, row.time_optional()?) {
            (Some(holder), Some(until)) => Some(Lease { holder, until }),
            _ => None,
        },
        revision: Revision::from_stored(row.number()?),
        inserted_at: row.time()?,
        updated_at: row.time()?,
    })
}

/// The row with this id.
pub(crate) fn get(tx: &Connection, id: Id<SavedAuthentication>) -> Outcome<Option<SavedAuthentication>> {
    first(
        tx,
        concat!(
            "select ",
            columns!(),
            "
             from authentications
             where id = ?1"
        ),
        [id.as_bytes()],
        from_row,
    )
}

/// The row with this name.
pub(crate) fn find(tx: &Connection, reference: &AuthRef) -> Outcome<Option<SavedAuthentication>> {
    first(
        tx,
        concat!(
            "select ",
            columns!(),
            "
             from authentications
             where provider = ?1
               and auth_type = ?2
               and name = ?3"
        ),
        params![reference.provider.as_str(), reference.auth_type.as_str(), reference.name.as_str()],
        from_row,
    )
}

fn at_revision(
    tx: &Connection,
    operation: &'static str,
    id: Id<SavedAuthentication>,
    expected: Revision,
) -> Outcome<SavedAuthentication> {
    let row = get(tx, id)?.ok_or_else(|| refusal::missing(operation, id))?;
    if row.revision == expected {
        Ok(row)
    } else {
        Err(refusal::revision_passed(operation, id, expected, row.revision).into())
    }
}

fn list(
    tx: &Connection,
    query: &AuthQuery,
    page: &PageRequest,
    after: Option<&(String, uuid::Uuid)>,
) -> Outcome<Page<SavedAuthentication>> {
    let wanted = "(:provider is null or provider = :provider)
               and (:auth_type is null or auth_type = :auth_type)
               and (:name is null or name = :name)";
    let (provider, auth_type, name) = (
        query.provider.as_ref().map(|provider| provider.as_str()),
        query.auth_type.map(|auth_type| auth_type.as_str()),
        query.name.as_ref().map(|name| name.as_str()),
    );
    let total = match page.total {
        Total::Skip => None,
        Total::Count => first(
            tx,
            &format!(
                "select count(*)
                 from authentications
                 where {wanted}"
            ),
            named_params! { ":provider": provider, ":auth_type": auth_type, ":name": name },
            |row| row.number(),
        )?,
    };
    let rows = all(
        tx,
        &format!(
            "select {}
             from authentications
             where {wanted}
               and (name, id) > (:after_name, :after_id)
             order by name, id
             limit :limit",
            columns!()
        ),
        named_params! {
            ":provider": provider,
            ":auth_type": auth_type,
            ":name": name,
            // Every name is greater than the empty one.
            ":after_name": after.map_or("", |(name, _)| name),
            ":after_id": after.map_or(&[][..], |(_, id)| id.as_bytes()),
            ":limit": page.limit.get() + 1,
        },
        from_row,
    )?;
    Ok(Page::from_rows(rows, page.limit, total, |row| {
        Cursor::at(CursorKey::Text(row.name.to_string()), row.id.uuid())
    }))
}

/// Writes a row as it is.
pub(crate) fn insert(tx: &Connection, row: &SavedAuthentication) -> rusqlite::Result<usize> {
    run(
        tx,
        "insert into authentications (
           id, provider, auth_type, name, credentials, expires_at, lease_holder, lease_until, revision, inserted_at,
           updated_at
         )
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            row.id.as_bytes(),
            row.provider.as_str(),
            row.auth_type.as_str(),
            row.name.as_str(),
            row.credentials.to_bytes(),
            row.expires_at.map(Timestamp::micros),
            row.lease.map(|lease| *lease.holder.as_bytes()),
            row.lease.map(|lease| lease.until.micros()),
            row.revision.get(),
            row.inserted_at.micros(),
            row.updated_at.micros(),
        ],
    )
}

/// Which of its two keys an insert met: the name counts first.
fn name_or_id_taken(tx: &Connection, row: &SavedAuthentication) -> Outcome<Error> {
    let reference = row.reference();
    Ok(match find(tx, &reference)? {
        Some(_) => refusal::name_taken(operation::AUTH_CREATE, reference),
        None => refusal::id_taken(operation::AUTH_CREATE, row.id),
    })
}

fn update(tx: &Connection, row: &SavedAuthentication) -> Outcome<()> {
    let updated = run(
        tx,
        "update authentications
         set name = ?2,
             credentials = ?3,
             expires_at = ?4,
             lease_holder = null,
             lease_until = null,
             revision = ?5,
             updated_at = ?6
         where id = ?1",
        params![
            row.id.as_bytes(),
            row.name.as_str(),
            row.credentials.to_bytes(),
            row.expires_at.map(Timestamp::micros),
            row.revision.get(),
            row.updated_at.micros(),
        ],
    );
    or_taken(updated, || Ok(refusal::name_taken(operation::AUTH_UPDATE, row.reference())))?;
    Ok(())
}

/// Whether there is a row with this id.
pub(crate) fn is_there(tx: &Connection, id: Id<SavedAuthentication>) -> Outcome<bool> {
    exists(
        tx,
        "select 1
         from authentications
         where id = ?1",
        [id.as_bytes()],
    )
}
