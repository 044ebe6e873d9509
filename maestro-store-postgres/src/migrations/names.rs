//! Step 2, the part that SQL cannot say: names for authentications that have none.

use maestro_core::{
    Id,
    auth::{AuthName, AuthType, SavedAuthentication},
};

use crate::{
    error::Outcome,
    rows::{Db, params},
};

/// Names every authentication that has no name, the oldest first, by the rule of [`AuthName::default_for`], and writes
/// down which; from then on there can be none without. Nothing else of a row changes, its revision neither: it is no
/// change of the credential.
pub(super) async fn fill(db: &mut Db<'_>) -> Outcome<()> {
    // An older program that is still running must not add rows behind this.
    db.run("lock table maestro.authentications in share row exclusive mode", params![]).await?;
    let unnamed = db.all(
        "select id, provider, auth_type
         from maestro.authentications
         where name is null
         order by inserted_at, id",
        params![],
        |row| Ok((row.id::<SavedAuthentication>()?, row.text()?.to_owned(), row.parsed::<AuthType>()?)),
    );
    for (id, provider, auth_type) in unnamed.await? {
        let name = free_name(db, &provider, auth_type).await?;
        give(db, id, &name).await?;
    }
    db.run("alter table maestro.authentications alter column name set not null", params![]).await?;
    Ok(())
}

async fn give(db: &mut Db<'_>, id: Id<SavedAuthentication>, name: &AuthName) -> Outcome<()> {
    let given = db.run(
        "with named as (
           update maestro.authentications
           set name = $2
           where id = $1
         )
         insert into maestro.backfilled_names (auth_id, name)
         values ($1, $2)",
        params![id.uuid(), name.as_str()],
    );
    given.await?;
    Ok(())
}

/// The first default name that no authentication of this provider and kind has.
async fn free_name(db: &mut Db<'_>, provider: &str, auth_type: AuthType) -> Outcome<AuthName> {
    let mut attempt = 1;
    loop {
        let name = AuthName::default_for(provider, auth_type, attempt);
        let taken = db.exists(
            "select 1
             from maestro.authentications
             where provider = $1
               and auth_type = $2
               and name = $3",
            params![provider, auth_type.as_str(), name.as_str()],
        );
        if !taken.await? {
            return Ok(name);
        }
        attempt += 1;
    }
}
