//! Saved authentications.

use async_trait::async_trait;
use maestro_core::{
    Error, Id, Result,
    auth::{
        Auth, AuthChange, AuthName, AuthQuery, AuthRef, HolderId, Lease, NewAuthentication,
        SavedAuthentication, SealedCredentials,
    },
    page::{Cursor, CursorKey, Page, PageLimit, PageRequest, Total},
    refusal::{self, operation},
    revision::Revision,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    PostgresStore,
    error::Outcome,
    pool::{reading, writing},
    rows::{Db, Fields, comparable, params, stored},
};

#[async_trait]
impl Auth for PostgresStore {
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
        writing!(
            &*self.pool,
            operation::AUTH_CREATE,
            |db| {
                insert(db, &row).await?;
                Ok(Some(row.clone()))
            },
            |db| why_taken(db, &row).await,
        )
    }

    async fn auth_get(&self, id: Id<SavedAuthentication>) -> Result<SavedAuthentication> {
        reading!(&*self.pool, operation::AUTH_GET, |db| {
            get(db, id).await?.ok_or_else(|| refusal::missing(operation::AUTH_GET, id).into())
        })
    }

    async fn auth_find(&self, reference: &AuthRef) -> Result<SavedAuthentication> {
        reading!(&*self.pool, operation::AUTH_FIND, |db| {
            find(db, reference).await?.ok_or_else(|| refusal::missing(operation::AUTH_FIND, reference).into())
        })
    }

    async fn auth_list(&self, query: &AuthQuery, page: PageRequest) -> Result<Page<SavedAuthentication>> {
        let after = match &page.after {
            Some(cursor) => Some((comparable(cursor.text()?), cursor.id())),
            None => None,
        };
        reading!(&*self.pool, "list authentications", |db| list(db, query, &page, after.as_ref()).await)
    }

    async fn auth_update(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        change: AuthChange,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        writing!(
            &*self.pool,
            operation::AUTH_UPDATE,
            |db| update(db, id, expected, &change, now).await,
            |db| why_not_updated(db, id, expected, change.name.as_ref()).await,
        )
    }

    async fn auth_delete(&self, id: Id<SavedAuthentication>) -> Result<()> {
        writing!(
            &*self.pool,
            operation::AUTH_DELETE,
            // Sessions that used it are told by their foreign key, which sets null.
            |db| {
                let deleted = db.run(
                    "delete from maestro.authentications
                     where id = $1",
                    params![id.uuid()],
                );
                Ok((deleted.await? > 0).then_some(()))
            },
            |_| Ok(Some(refusal::missing(operation::AUTH_DELETE, id))),
        )
    }

    async fn auth_lease(
        &self,
        id: Id<SavedAuthentication>,
        expected: Revision,
        holder: HolderId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<SavedAuthentication> {
        writing!(
            &*self.pool,
            operation::AUTH_LEASE,
            |db| lease(db, id, expected, Lease { holder, until }, now).await,
            |db| why_not_leased(db, id, expected, holder, now).await,
        )
    }

    async fn auth_release(&self, id: Id<SavedAuthentication>, holder: HolderId) -> Result<()> {
        writing!(
            &*self.pool,
            operation::AUTH_RELEASE,
            |db| {
                let found = db.first(
                    "with released as (
                       update maestro.authentications
                       set lease_holder = null,
                           lease_until = null
                       where id = $1
                         and lease_holder = $2
                     )
                     select id
                     from maestro.authentications
                     where id = $1",
                    params![id.uuid(), holder.uuid()],
                    |_| Ok(()),
                );
                found.await
            },
            |_| Ok(Some(refusal::missing(operation::AUTH_RELEASE, id))),
        )
    }

    async fn auth_due(&self, before: Timestamp, limit: PageLimit) -> Result<Vec<SavedAuthentication>> {
        reading!(&*self.pool, "find authentications to refresh", |db| {
            let due = db.all(
                concat!(
                    "select ",
                    columns!("a"),
                    "
                     from maestro.authentications a
                     where a.auth_type = 'oauth'
                       and a.expires_at < $1
                     order by a.expires_at, a.id
                     limit $2"
                ),
                params![before.micros(), limit.get() as i64],
                from_row,
            );
            due.await
        })
    }
}

/// The columns that [`from_row`] reads, of the table that is called so in the statement.
macro_rules! columns {
    ($table:literal) => {
        concat!(
            $table,
            ".id, ",
            $table,
            ".provider, ",
            $table,
            ".auth_type, ",
            $table,
            ".name, ",
            $table,
            ".credentials, ",
            $table,
            ".expires_at, ",
            $table,
            ".lease_holder, ",
            $table,
            ".lease_until, ",
            $table,
            ".revision, ",
            $table,
            ".inserted_at, ",
            $table,
            ".updated_at"
        )
    };
}
pub(crate) use columns;

pub(crate) fn from_row(row: &mut Fields<'_>) -> Outcome<SavedAuthentication> {
    let id = row.id()?;
    rest_from_row(id, row)
}

/// The columns behind the id.
pub(crate) fn rest_from_row(
    id: Id<SavedAuthentication>,
    row: &mut Fields<'_>,
) -> Outcome<SavedAuthentication> {
    Ok(SavedAuthentication {
        id,
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
pub(crate) async fn get(
    db: &mut Db<'_>,
    id: Id<SavedAuthentication>,
) -> Outcome<Option<SavedAuthentication>> {
    let found = db.first(
        concat!(
            "select ",
            columns!("a"),
            "
             from maestro.authentications a
             where a.id = $1"
        ),
        params![id.uuid()],
        from_row,
    );
    found.await
}

pub(crate) async fn find(db: &mut Db<'_>, reference: &AuthRef) -> Outcome<Option<SavedAuthentication>> {
    let found = db.first(
        concat!(
            "select ",
            columns!("a"),
            "
             from maestro.authentications a
             where a.provider = $1
               and a.auth_type = $2
               and a.name = $3"
        ),
        params![reference.provider.as_str(), reference.auth_type.as_str(), reference.name.as_str()],
        from_row,
    );
    found.await
}

async fn list(
    db: &mut Db<'_>,
    query: &AuthQuery,
    page: &PageRequest,
    after: Option<&(String, Uuid)>,
) -> Outcome<Page<SavedAuthentication>> {
    let (provider, auth_type, name) = (
        query.provider.as_ref().map(|provider| provider.as_str()),
        query.auth_type.map(|auth_type| auth_type.as_str()),
        query.name.as_ref().map(AuthName::as_str),
    );
    let total = match page.total {
        Total::Skip => None,
        Total::Count => {
            let counted = db.first(
                "select count(*)
                 from maestro.authentications
                 where ($1::text is null or provider = $1)
                   and ($2::text is null or auth_type = $2)
                   and ($3::text is null or name = $3)",
                params![provider, auth_type, name],
                |row| row.number(),
            );
            counted.await?
        }
    };
    let rows = db.all(
        concat!(
            "select ",
            columns!("a"),
            "
             from maestro.authentications a
             where ($1::text is null or a.provider = $1)
               and ($2::text is null or a.auth_type = $2)
               and ($3::text is null or a.name = $3)
               and (a.name, a.id) > ($4, $5)
             order by a.name, a.id
             limit $6"
        ),
        params![
            provider,
            auth_type,
            name,
            // Every name is greater than the empty one.
            after.map_or("", |(name, _)| name),
            after.map_or(Uuid::nil(), |(_, id)| *id),
            page.limit.get() as i64 + 1,
        ],
        from_row,
    );
    Ok(Page::from_rows(rows.await?, page.limit, total, |row| {
        Cursor::at(CursorKey::Text(row.name.to_string()), row.id.uuid())
    }))
}

pub(crate) async fn insert(db: &mut Db<'_>, row: &SavedAuthentication) -> Outcome<()> {
    let inserted = db.run(
        "insert into maestro.authentications (
           id, provider, auth_type, name, credentials, expires_at, lease_holder, lease_until, revision, inserted_at,
           updated_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            row.id.uuid(),
            row.provider.as_str(),
            row.auth_type.as_str(),
            row.name.as_str(),
            row.credentials.to_bytes(),
            row.expires_at.map(Timestamp::micros),
            row.lease.map(|lease| lease.holder.uuid()),
            row.lease.map(|lease| lease.until.micros()),
            stored(row.revision.get()),
            row.inserted_at.micros(),
            row.updated_at.micros(),
        ],
    );
    inserted.await?;
    Ok(())
}

/// Which of its two keys an insert met: the name counts first.
async fn why_taken(db: &mut Db<'_>, row: &SavedAuthentication) -> Outcome<Option<Error>> {
    let reference = row.reference();
    if find(db, &reference).await?.is_some() {
        return Ok(Some(refusal::name_taken(operation::AUTH_CREATE, reference)));
    }
    Ok(get(db, row.id).await?.map(|_| refusal::id_taken(operation::AUTH_CREATE, row.id)))
}

async fn update(
    db: &mut Db<'_>,
    id: Id<SavedAuthentication>,
    expected: Revision,
    change: &AuthChange,
    now: Timestamp,
) -> Outcome<Option<SavedAuthentication>> {
    let updated = db.first(
        concat!(
            "update maestro.authentications a
             set name = coalesce($3, a.name),
                 credentials = coalesce($4, a.credentials),
                 expires_at = case when $5 then $6 else a.expires_at end,
                 lease_holder = null,
                 lease_until = null,
                 revision = a.revision + 1,
                 updated_at = $7
             where a.id = $1
               and a.revision = $2
             returning ",
            columns!("a")
        ),
        params![
            id.uuid(),
            stored(expected.get()),
            change.name.as_ref().map(AuthName::as_str),
            change.credentials.as_ref().map(SealedCredentials::to_bytes),
            change.expires_at.is_some(),
            change.expires_at.flatten().map(Timestamp::micros),
            now.micros(),
        ],
        from_row,
    );
    updated.await
}

async fn why_not_updated(
    db: &mut Db<'_>,
    id: Id<SavedAuthentication>,
    expected: Revision,
    name: Option<&AuthName>,
) -> Outcome<Option<Error>> {
    let Some(row) = get(db, id).await? else {
        return Ok(Some(refusal::missing(operation::AUTH_UPDATE, id)));
    };
    if row.revision != expected {
        return Ok(Some(refusal::revision_passed(operation::AUTH_UPDATE, id, expected, row.revision)));
    }
    let Some(name) = name else { return Ok(None) };
    let wanted = AuthRef::new(row.provider, row.auth_type, name.clone());
    let taken = find(db, &wanted).await?.filter(|other| other.id != id);
    Ok(taken.map(|_| refusal::name_taken(operation::AUTH_UPDATE, wanted)))
}

async fn lease(
    db: &mut Db<'_>,
    id: Id<SavedAuthentication>,
    expected: Revision,
    lease: Lease,
    now: Timestamp,
) -> Outcome<Option<SavedAuthentication>> {
    let leased = db.first(
        concat!(
            "update maestro.authentications a
             set lease_holder = $3,
                 lease_until = $4
             where a.id = $1
               and a.revision = $2
               and (a.lease_holder is null or a.lease_holder = $3 or a.lease_until <= $5)
             returning ",
            columns!("a")
        ),
        params![id.uuid(), stored(expected.get()), lease.holder.uuid(), lease.until.micros(), now.micros(),],
        from_row,
    );
    leased.await
}

async fn why_not_leased(
    db: &mut Db<'_>,
    id: Id<SavedAuthentication>,
    expected: Revision,
    holder: HolderId,
    now: Timestamp,
) -> Outcome<Option<Error>> {
    let Some(row) = get(db, id).await? else {
        return Ok(Some(refusal::missing(operation::AUTH_LEASE, id)));
    };
    if row.revision != expected {
        return Ok(Some(refusal::revision_passed(operation::AUTH_LEASE, id, expected, row.revision)));
    }
    let others = row.lease.filter(|lease| lease.holder != holder && lease.is_live(now));
    Ok(others.map(|lease| refusal::leased(operation::AUTH_LEASE, id, lease)))
}

/// Whether there is a row with this id.
pub(crate) async fn is_there(db: &mut Db<'_>, id: Id<SavedAuthentication>) -> Outcome<bool> {
    let found = db.exists(
        "select 1
         from maestro.authentications
         where id = $1",
        params![id.uuid()],
    );
    found.await
}
