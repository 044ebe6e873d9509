//! The schema, step by step. Each step is a numbered file that is never changed once it has been released.
//!
//! A step that can be taken back has a second file, `.back.sql`, and what SQL cannot say is a function that runs behind
//! the statements, in the same transaction.

mod names;

use maestro_core::{Error, ErrorKind, FieldError, Result};
use rusqlite::{Connection, params};

use crate::{
    error::{Failure, Outcome},
    rows,
};

/// A step from one version of the schema to the next.
struct Step {
    name: &'static str,
    statements: &'static str,
    then: fn(&Connection) -> Outcome<()>,
    /// How it is taken back; empty for the first, because there is no version 0 to go to.
    back: &'static str,
}

/// The steps in order. The number of a step is its place, from 1.
const STEPS: &[Step] = &[
    Step {
        name: "foundation",
        statements: include_str!("migrations/0001_foundation.sql"),
        then: |_| Ok(()),
        back: "",
    },
    Step {
        name: "named_authentications",
        statements: include_str!("migrations/0002_named_authentications.sql"),
        then: names::fill,
        back: include_str!("migrations/0002_named_authentications.back.sql"),
    },
];

/// Says in the header of the file whose it is: "MSTR".
pub(crate) const APPLICATION_ID: i64 = 0x4d53_5452;

/// The version of the schema that this program writes, kept as `user_version` in the header of the file.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// From which version of the schema a file was brought to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version that it had; 0 for a file that was made.
    pub from: u32,
    /// The version that it has.
    pub to: u32,
}

/// Brings the schema to a version, in one transaction. Several programs may do this at once: one does the work, the
/// others wait for it.
///
/// [`ErrorKind::Unsupported`] when the file belongs to another kind of program, or to a newer version of this one;
/// [`ErrorKind::Invalid`] when there is no such version.
pub(crate) fn migrate(connection: &Connection, operation: &'static str, to: u32) -> Result<Migrated> {
    if !(1..=VERSION).contains(&to) {
        let problem = format!("must be 1 to {VERSION}, not {to}");
        return Err(Error::invalid(operation, [FieldError::new("version", problem)]));
    }
    // Most of the time there is nothing to do, and no need for the lock that writing takes.
    if version(connection, operation)? == to {
        return Ok(Migrated { from: to, to });
    }
    let migrated = rows::run(connection, "begin immediate", []).map_err(Failure::from).and_then(|_| {
        let from = version(connection, operation)?;
        if from != to {
            walk(connection, to)?;
        }
        rows::run(connection, "commit", [])?;
        Ok(Migrated { from, to })
    });
    migrated.map_err(|failure| {
        if !connection.is_autocommit() {
            let _ = rows::run(connection, "rollback", []);
        }
        failure.into_error(operation)
    })
}

/// The version of the schema that a file has, 0 for one without any. It writes nothing.
///
/// [`ErrorKind::Unsupported`] as at [`migrate`].
pub(crate) fn version(connection: &Connection, operation: &'static str) -> Result<u32> {
    let (application, version) = header(connection).map_err(|failure| failure.into_error(operation))?;
    let unsupported = |problem: String| Error::new(ErrorKind::Unsupported, operation).because(problem);
    match (application, u32::try_from(version)) {
        // A file without an owner is new, or is shared with a program that writes nothing into the header.
        (0, Ok(0)) => Ok(0),
        (APPLICATION_ID, Ok(version)) if version <= VERSION => Ok(version),
        (APPLICATION_ID, _) => Err(unsupported(format!(
            "the file was written by a newer version of Maestro (schema {version}; this one knows {VERSION})"
        ))
        .advise("update this program, or name another file")),
        (0, _) => Err(unsupported(format!(
            "the file belongs to another program, which counts its versions (at {version})"
        ))
        .advise("name another file, or one that does not exist yet")),
        (other, _) => {
            Err(unsupported(format!("the file belongs to another program (application id {other:#010x})"))
                .advise("name another file, or one that does not exist yet"))
        }
    }
}

/// Application id and version in the header of the file, as they are at one moment: without the savepoint another
/// program's commit could fall between them, and a file that is just being made would look like somebody else's.
fn header(connection: &Connection) -> Outcome<(i64, i64)> {
    let pragma = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    rows::run(connection, "savepoint header", [])?;
    let read = pragma("pragma application_id").and_then(|owner| Ok((owner, pragma("pragma user_version")?)));
    let released = rows::run(connection, "release header", []);
    let header = read?;
    released?;
    Ok(header)
}

/// Applies the steps up to `to` that are not written down as done and writes them down; takes back those beyond.
fn walk(connection: &Connection, to: u32) -> Outcome<()> {
    connection.execute_batch(
        "create table if not exists maestro_migrations (
           number integer primary key,
           name text not null,
           applied_at integer not null
         ) strict",
    )?;
    let done: u32 = connection.query_row(
        "select coalesce(max(number), 0)
         from maestro_migrations",
        [],
        |row| row.get(0),
    )?;
    let numbered: Vec<_> = (1_u32..).zip(STEPS).collect();
    for (number, step) in numbered.iter().filter(|(number, _)| (done + 1..=to).contains(number)) {
        tracing::info!(number, name = step.name, "migrating the SQLite store");
        connection.execute_batch(step.statements)?;
        (step.then)(connection)?;
        connection.execute(
            "insert into maestro_migrations (number, name, applied_at)
             values (?1, ?2, cast(unixepoch('subsec') * 1000000 as integer))",
            params![number, step.name],
        )?;
    }
    for (number, step) in numbered.iter().rev().filter(|(number, _)| (to + 1..=done).contains(number)) {
        tracing::info!(number, name = step.name, "taking back a step of the SQLite store");
        connection.execute_batch(step.back)?;
        connection.execute(
            "delete from maestro_migrations
             where number = ?1",
            [number],
        )?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", to)?;
    Ok(())
}

#[cfg(test)]
mod tests;
