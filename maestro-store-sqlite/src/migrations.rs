//! The schema, step by step. Each step is a numbered file that is never changed once it has been released.

use maestro_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, params};

use crate::{
    error::{Failure, Outcome},
    rows,
};

/// The steps in order: name and statements. The number of a step is its place, from 1.
const STEPS: &[(&str, &str)] = &[("foundation", include_str!("migrations/0001_foundation.sql"))];

/// Says in the header of the file whose it is: "MSTR".
pub(crate) const APPLICATION_ID: i64 = 0x4d53_5452;

/// The version of the schema that this program writes, kept as `user_version` in the header of the file.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

const OPERATION: &str = "open store";

/// Brings the schema up to date. Several programs may do this at once: one does the work, the others wait for it.
///
/// [`ErrorKind::Unsupported`] when the file belongs to another kind of program, or to a newer version of this one.
pub(crate) fn migrate(connection: &Connection) -> Result<()> {
    // Most of the time there is nothing to do, and no need for the lock that writing takes.
    if state(connection)? == State::Current {
        return Ok(());
    }
    let migrated = rows::run(connection, "begin immediate", []).map_err(Failure::from).and_then(|_| {
        if state(connection)? == State::Behind {
            apply(connection)?;
        }
        Ok(rows::run(connection, "commit", [])?)
    });
    match migrated {
        Ok(_) => Ok(()),
        Err(failure) => {
            if !connection.is_autocommit() {
                let _ = rows::run(connection, "rollback", []);
            }
            Err(failure.into_error(OPERATION))
        }
    }
}

/// Refuses a file that belongs to another kind of program, or to a newer version of this one, and writes nothing.
pub(crate) fn check_owner(connection: &Connection) -> Result<()> {
    state(connection).map(|_| ())
}

#[derive(PartialEq, Eq)]
enum State {
    Current,
    Behind,
}

fn state(connection: &Connection) -> Result<State> {
    let pragma = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(Failure::from);
    let read = || Ok::<_, Failure>((pragma("pragma application_id")?, pragma("pragma user_version")?));
    let (application, version) = read().map_err(|failure| failure.into_error(OPERATION))?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => Ok(State::Current),
        (APPLICATION_ID, version) if version > VERSION => Err(Error::new(ErrorKind::Unsupported, OPERATION)
            .because(format!(
                "the file was written by a newer version of Maestro (schema {version}; this one knows {VERSION})"
            ))
            .advise("update this program, or name another file")),
        // A file without an owner is new, or is shared with a program that writes nothing into the header.
        (APPLICATION_ID, _) | (0, 0) => Ok(State::Behind),
        (0, version) => Err(Error::new(ErrorKind::Unsupported, OPERATION)
            .because(format!("the file belongs to another program, which counts its versions (at {version})"))
            .advise("name another file, or one that does not exist yet")),
        (other, _) => Err(Error::new(ErrorKind::Unsupported, OPERATION)
            .because(format!("the file belongs to another program (application id {other:#010x})"))
            .advise("name another file, or one that does not exist yet")),
    }
}

/// Applies the steps that are not written down as done, and writes them down.
fn apply(connection: &Connection) -> Outcome<()> {
    connection.execute_batch(
        "create table if not exists maestro_migrations (
           number integer primary key,
           name text not null,
           applied_at integer not null
         ) strict",
    )?;
    let done: i64 = connection.query_row(
        "select coalesce(max(number), 0)
         from maestro_migrations",
        [],
        |row| row.get(0),
    )?;
    for ((name, statements), number) in STEPS.iter().zip(1_i64..).skip_while(|(_, number)| *number <= done) {
        tracing::info!(number, name, "migrating the SQLite store");
        connection.execute_batch(statements)?;
        connection.execute(
            "insert into maestro_migrations (number, name, applied_at)
             values (?1, ?2, cast(unixepoch('subsec') * 1000000 as integer))",
            params![number, name],
        )?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}
