//! Step 2, the part that SQL cannot say: names for authentications that have none.

use maestro_core::auth::{AuthName, AuthType};
use rusqlite::{Connection, params};

use crate::{
    error::Outcome,
    rows::{all, exists, run},
};

/// Names every authentication that has no name, the oldest first, by the rule of [`AuthName::default_for`], and writes
/// down which. Nothing else of a row changes, its revision neither: it is no change of the credential.
pub(super) fn fill(tx: &Connection) -> Outcome<()> {
    let unnamed = all(
        tx,
        "select id, provider, auth_type
         from authentications
         where name is null
         order by inserted_at, id",
        [],
        |row| Ok((row.bytes()?.to_vec(), row.text()?.to_owned(), row.parsed::<AuthType>()?)),
    )?;
    for (id, provider, auth_type) in unnamed {
        let name = free_name(tx, &provider, auth_type)?;
        run(
            tx,
            "update authentications
             set name = ?2
             where id = ?1",
            params![id, name.as_str()],
        )?;
        run(
            tx,
            "insert into backfilled_names (auth_id, name)
             values (?1, ?2)",
            params![id, name.as_str()],
        )?;
    }
    Ok(())
}

/// The first default name that no authentication of this provider and kind has.
fn free_name(tx: &Connection, provider: &str, auth_type: AuthType) -> Outcome<AuthName> {
    let mut attempt = 1;
    loop {
        let name = AuthName::default_for(provider, auth_type, attempt);
        let taken = exists(
            tx,
            "select 1
             from authentications
             where provider = ?1
               and auth_type = ?2
               and name = ?3",
            params![provider, auth_type.as_str(), name.as_str()],
        )?;
        if !taken {
            return Ok(name);
        }
        attempt += 1;
    }
}
