//! The schema, step by step. Each step is a numbered file that is never changed once it has been released.
//!
//! A step that can be taken back has a second file, `.back.sql`, and what SQL cannot say is a function that runs behind
//! the statements, in the same transaction.

mod names;

use maestro_core::{Error, ErrorKind, FieldError, Result};
use sqlx::{Connection as _, PgConnection, raw_sql};

use crate::{
    error::{Failure, Outcome},
    rows::{Db, params},
    schema::Schema,
};

/// A step from one version of the schema to the next.
struct Step {
    name: &'static str,
    statements: &'static str,
    then: Then,
    /// How it is taken back; empty for the first, because there is no version 0 to go to.
    back: &'static str,
}

/// What runs behind the statements of a step.
enum Then {
    Nothing,
    FillNames,
}

/// The steps in order. The number of a step is its place, from 1.
const STEPS: &[Step] = &[
    Step {
        name: "foundation",
        statements: include_str!("migrations/0001_foundation.sql"),
        then: Then::Nothing,
        back: "",
    },
    Step {
        name: "named_authentications",
        statements: include_str!("migrations/0002_named_authentications.sql"),
        then: Then::FillNames,
        back: include_str!("migrations/0002_named_authentications.back.sql"),
    },
];

/// The version of the schema that this program writes.
pub(crate) const VERSION: u32 = STEPS.len() as u32;

/// From which version of the schema a database was brought to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version that it had; 0 for a schema that was made.
    pub from: u32,
    /// The version that it has.
    pub to: u32,
}

/// Brings the schema to a version, in one transaction. Several programs may do this at once: one does the work, the
/// others wait for it.
///
/// [`ErrorKind::Unsupported`] when the schema belongs to something else, or to a newer version of this program;
/// [`ErrorKind::Forbidden`] when the user may not make it; [`ErrorKind::Invalid`] when there is no such version.
pub(crate) async fn migrate(
    connection: &mut PgConnection,
    schema: &Schema,
    operation: &'static str,
    to: u32,
) -> Result<Migrated> {
    if !(1..=VERSION).contains(&to) {
        let problem = format!("must be 1 to {VERSION}, not {to}");
        return Err(Error::invalid(operation, [FieldError::new("version", problem)]));
    }
    let migrated = async {
        let mut transaction = connection.begin().await?;
        // Not kept by the server: each is asked once.
        let mut db = Db { connection: &mut transaction, schema, keep: false };
        // Most of the time there is nothing to do, and no need for the lock.
        if version_in(&mut db, operation).await? == to {
            return Ok(Migrated { from: to, to });
        }
        db.run(
            "select pg_advisory_xact_lock(hashtextextended('maestro store ' || $1, 0))",
            params![schema.name().as_str()],
        )
        .await?;
        let from = version_in(&mut db, operation).await?;
        if from != to {
            walk(&mut db, from, to).await?;
        }
        transaction.commit().await?;
        Ok(Migrated { from, to })
    };
    migrated.await.map_err(|failure: Failure| may_not(failure.into_error(operation), schema))
}

/// The version of the schema, 0 for one that is not there or is empty. It writes nothing.
///
/// [`ErrorKind::Unsupported`] as at [`migrate`].
pub(crate) async fn version(
    connection: &mut PgConnection,
    schema: &Schema,
    operation: &'static str,
) -> Result<u32> {
    let read = async {
        let mut transaction = connection.begin().await?;
        let mut db = Db { connection: &mut transaction, schema, keep: false };
        let version = version_in(&mut db, operation).await?;
        transaction.commit().await?;
        Ok(version)
    };
    read.await.map_err(|failure: Failure| may_not(failure.into_error(operation), schema))
}

/// The same within a transaction, which keeps a pooler from handing its statements to several server processes.
pub(crate) async fn version_in(db: &mut Db<'_>, operation: &'static str) -> Outcome<u32> {
    let unsupported = |problem: String| Error::new(ErrorKind::Unsupported, operation).because(problem);
    let name = db.schema.name().clone();
    let refusal = match found(db).await? {
        Found::Nothing => return Ok(0),
        Found::Version(version) if version <= VERSION => return Ok(version),
        Found::Encoding(encoding) => {
            unsupported(format!("the database keeps texts as {encoding}, not as UTF8"))
                .advise("make a database with `createdb --encoding=UTF8 --template=template0`")
        }
        Found::SomethingElse => unsupported(format!("the schema {name} belongs to something else"))
            .advise("name another schema, or one that does not exist yet"),
        Found::Version(version) => unsupported(format!(
            "the schema {name} was written by a newer version of Maestro (schema {version}; this one knows {VERSION})"
        ))
        .advise("update this program, or name another schema"),
    };
    Err(refusal.into())
}

/// What there is in a database.
enum Found {
    Nothing,
    Encoding(String),
    SomethingElse,
    Version(u32),
}

async fn found(db: &mut Db<'_>) -> Outcome<Found> {
    let name = db.schema.name().clone();
    let looked = db.first(
        "select current_setting('server_encoding'),
                count(*) filter (where c.relname = 'maestro_migrations'),
                count(*)
         from pg_catalog.pg_class c
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = $1
           and c.relkind in ('r', 'p', 'v', 'm', 'f')",
        params![name.as_str()],
        |row| Ok((row.text()?.to_owned(), row.integer()?, row.integer()?)),
    );
    match looked.await? {
        Some((encoding, ..)) if encoding != "UTF8" => Ok(Found::Encoding(encoding)),
        Some((_, 1, _)) => {
            let newest = db.first(
                "select coalesce(max(number), 0)
                 from maestro.maestro_migrations",
                params![],
                |row| row.number(),
            );
            Ok(Found::Version(newest.await?.unwrap_or(0)))
        }
        Some((_, _, others)) if others > 0 => Ok(Found::SomethingElse),
        _ => Ok(Found::Nothing),
    }
}

/// Applies the steps behind `from` up to `to`, or takes back those beyond it, and writes that down.
async fn walk(db: &mut Db<'_>, from: u32, to: u32) -> Outcome<()> {
    if from == 0 {
        make_schema(db).await?;
    }
    let numbered = (1_u32..).zip(STEPS);
    for (number, step) in numbered.clone().filter(|(number, _)| (from + 1..=to).contains(number)) {
        tracing::info!(number, name = step.name, "migrating the Postgres store");
        run_all(db, step.statements).await?;
        match step.then {
            Then::Nothing => {}
            Then::FillNames => names::fill(db).await?,
        }
        db.run(
            "insert into maestro.maestro_migrations (number, name, applied_at)
             values ($1, $2, (extract(epoch from clock_timestamp()) * 1000000)::bigint)",
            params![i64::from(number), step.name],
        )
        .await?;
    }
    let beyond: Vec<_> = numbered.filter(|(number, _)| (to + 1..=from).contains(number)).collect();
    for (number, step) in beyond.into_iter().rev() {
        tracing::info!(number, name = step.name, "taking back a step of the Postgres store");
        run_all(db, step.back).await?;
        db.run(
            "delete from maestro.maestro_migrations
             where number = $1",
            params![i64::from(number)],
        )
        .await?;
    }
    Ok(())
}

/// Makes the schema, unless an administrator has made it already, and the table of its steps.
async fn make_schema(db: &mut Db<'_>) -> Outcome<()> {
    let name = db.schema.name().clone();
    let is_there =
        db.exists("select 1 from pg_catalog.pg_namespace where nspname = $1", params![name.as_str()]);
    // `create schema if not exists` asks for the right even when it exists.
    if !is_there.await? {
        let create = db.schema.sql_of(format!("create schema \"{name}\""));
        raw_sql(create).execute(&mut *db.connection).await?;
    }
    run_all(
        db,
        "create table if not exists maestro.maestro_migrations (
           number bigint not null primary key,
           name text not null,
           applied_at bigint not null
         )",
    )
    .await
}

/// Several statements, which have no parameters.
async fn run_all(db: &mut Db<'_>, statements: &'static str) -> Outcome<()> {
    raw_sql(db.schema.sql(statements)).execute(&mut *db.connection).await?;
    Ok(())
}

/// Says of a lack of rights what is to be granted.
fn may_not(error: Error, schema: &Schema) -> Error {
    if error.kind() != ErrorKind::Forbidden {
        return error;
    }
    let name = schema.name();
    error.advise(format!(
        "let an administrator run `create schema {name} authorization USER`, or `grant create on database DATABASE to USER`"
    ))
}
