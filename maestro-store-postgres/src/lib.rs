//! The store of Maestro for many processes and machines: every context in one schema of a Postgres database.
//!
//! ```no_run
//! use maestro_core::{conversations::{Conversations as _, NewSession, SessionName}, time::Timestamp};
//! use maestro_store_postgres::PostgresStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> maestro_core::Result<()> {
//! let store = PostgresStore::connect("postgres://maestro:secret@db.example/work?sslmode=verify-full").await?;
//! let session = store.session_create(NewSession::new(SessionName::new("first")?, Timestamp::from_micros(0))).await?;
//! assert_eq!(store.session_get(session.id).await?, session);
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - A method that has returned is committed, and as durable as the server makes a commit (`synchronous_commit`).
//! - One method promises less: [`entry_extend`](maestro_core::conversations::Conversations::entry_extend) survives the end
//!   of this program, but does not wait for the server's disk. After a power cut of the server the journal of an answer
//!   that was streaming can lack its latest chunks; what is left has no holes, and the end of the answer, once
//!   acknowledged, is on the disk with everything before it.
//! - Any number of programs on any number of machines may use one schema at once. A program that dies while it streams an
//!   answer is noticed by the end of its lease.
//! - Each method that reads is one statement, and so shows one moment; only the total of a page is counted beside it. An
//!   append is one statement and one commit.
//! - A future that is dropped leaves the whole of what it was to do done, or nothing of it.
//! - When the server restarts, calls fail with [`ErrorKind::Unavailable`] meanwhile, and the store goes on by itself. A
//!   read whose connection was lost is asked again. So is a write that surely was not done; one that may have been done is
//!   told as such, with [`Retry::Never`](maestro_core::Retry::Never).
//!
//! # What the server must have
//!
//! - Postgres 13 or later (tested with 15), and a database that keeps texts as UTF8.
//! - A user who may create the schema (`grant create on database … to …`), or a schema that is there, empty and the user's
//!   own (`create schema maestro authorization …`). Once it is made, [`Migration::ByHand`] needs no right to change it.
//! - Connections: [`max_connections`](PostgresStoreBuilder::max_connections) for each program.
//!
//! # Poolers
//!
//! No state is left on a connection: every statement names its schema, and nothing is `set` but within a transaction. So
//! a pooler may hand each *transaction* to another server process (PgBouncer's `pool_mode = transaction`). Choose
//! [`Statements::Unprepared`] unless it keeps prepared statements (PgBouncer from 1.21 on does, by
//! `max_prepared_statements`). A [statement timeout](PostgresStoreBuilder::statement_timeout) is an option of the
//! connection with [`Statements::Prepared`], which a pooler must let pass (`ignore_startup_parameters = options` drops
//! it); with `Unprepared` it is set in each transaction. PgBouncer in `pool_mode = statement` cannot be used.
//!
//! | file | holds |
//! |---|---|
//! | `auth.rs` | saved authentications and their leases |
//! | `conversations/` | sessions, threads, entries, journals, lineages, chunk marks |
//! | `supplied_context.rs` | the library of personas and system prompts |
//! | `archive/` | whole records, counts, and the check of everything that must hold in a schema |
//! | `pool.rs` | connections, and what is done when one is lost |
//! | `migrations.rs`, `migrations/` | the tables |
//! | `schema.rs`, `target.rs` | which schema, which database |
//! | `rows.rs`, `error.rs` | columns to fields, Postgres' errors to ours |

mod archive;
mod auth;
mod conversations;
mod error;
mod migrations;
mod pool;
mod rows;
mod schema;
mod supplied_context;
mod target;

use std::{fmt, sync::Arc, time::Duration};

use maestro_core::{Error, ErrorKind, Result};
use sqlx::{Connection as _, PgConnection};

use crate::{
    pool::{Pool, Settings, reading},
    schema::Schema,
    target::Target,
};

pub use crate::{migrations::Migrated, schema::SchemaName};

const OPEN: &str = "open store";

/// A store in a Postgres database. Clones share its connections, which are closed when the last one is dropped.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Arc<Pool>,
}

impl PostgresStore {
    /// Opens the store in the schema `maestro` of the database at `url`, with what [`PostgresStoreBuilder`] chooses by
    /// itself.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder(url).open().await
    }

    /// A store in the database at `url`, to be opened in another way.
    ///
    /// The URL is that of libpq: `postgres://user:password@host:port/database?sslmode=verify-full`, with
    /// `?host=/var/run/postgresql` for a socket. What it does not say is taken from `PGHOST`, `PGPORT`, `PGUSER`,
    /// `PGDATABASE`, `PGPASSWORD`, `PGPASSFILE` and `PGSSLMODE`. Its password is never shown.
    pub fn builder(url: impl Into<String>) -> PostgresStoreBuilder {
        PostgresStoreBuilder {
            url: url.into(),
            schema: SchemaName::default(),
            max_connections: 10,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: None,
            statements: Statements::default(),
            migration: Migration::default(),
        }
    }

    /// The version of the schema that this program writes. An older one is brought up to date when it is opened.
    pub const SCHEMA_VERSION: u32 = migrations::VERSION;

    /// The version of the schema that the database has now: [`SCHEMA_VERSION`](Self::SCHEMA_VERSION), unless another
    /// program has taken it back since it was opened.
    pub async fn schema_version(&self) -> Result<u32> {
        const OPERATION: &str = "read schema version";
        reading!(&*self.pool, OPERATION, |db| migrations::version_in(db, OPERATION).await)
    }

    /// The schema that the store is in.
    pub fn schema(&self) -> &SchemaName {
        self.pool.schema().name()
    }

    /// Ends what is under way and closes the connections of all clones; every later call fails with
    /// [`ErrorKind::Unavailable`]. Without it they are closed when the last clone is dropped.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("target", self.pool.target())
            .field("schema", self.schema())
            .finish_non_exhaustive()
    }
}

/// Whether the server keeps statements prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statements {
    /// Each connection prepares a statement once and keeps it. For servers, and for poolers that know of prepared
    /// statements.
    #[default]
    Prepared,
    /// Nothing is kept beyond a transaction, and each call is one. For poolers that hand each transaction to another
    /// server process. It costs a round trip or three more for each call.
    Unprepared,
}

/// Whether opening a store changes its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Migration {
    /// A schema that is not there is made, and one of an older version is brought up to date.
    #[default]
    AtOpen,
    /// Nothing is changed; a schema that is not of this program's version is refused with
    /// [`ErrorKind::Unsupported`]. For programs that may not change tables:
    /// [`migrate_to`](PostgresStoreBuilder::migrate_to) does it elsewhere.
    ByHand,
}

/// How a store is opened.
#[derive(Clone)]
pub struct PostgresStoreBuilder {
    url: String,
    schema: SchemaName,
    max_connections: u32,
    acquire_timeout: Duration,
    statement_timeout: Option<Duration>,
    statements: Statements,
    migration: Migration,
}

impl PostgresStoreBuilder {
    /// The schema of the store, `maestro` when nothing is said. Several stores may share a database, each in a schema of
    /// its own.
    #[must_use]
    pub fn schema(mut self, schema: SchemaName) -> Self {
        self.schema = schema;
        self
    }

    /// How many connections the store has at the most, 1 at the least; 10 when nothing is said. One is made when it is
    /// first needed. A call takes one for as long as it lasts.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// How long a call waits for a connection, the making of a new one included, before it fails with
    /// [`ErrorKind::Unavailable`]; ten seconds when nothing is said. A server that is starting is waited for that long too.
    #[must_use]
    pub const fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// How long the server works on one statement, in whole milliseconds, before it gives up and the call fails with
    /// [`ErrorKind::Unavailable`]. What the server has been configured to when nothing is said.
    #[must_use]
    pub const fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// Whether the server keeps statements prepared; [`Statements::Prepared`] when nothing is said.
    #[must_use]
    pub const fn statements(mut self, statements: Statements) -> Self {
        self.statements = statements;
        self
    }

    /// Whether opening changes tables; [`Migration::AtOpen`] when nothing is said.
    #[must_use]
    pub const fn migration(mut self, migration: Migration) -> Self {
        self.migration = migration;
        self
    }

    /// Opens the store, over a connection that is made for it: whatever keeps programs from connecting is told here.
    ///
    /// [`ErrorKind::Invalid`] when the URL is none; [`ErrorKind::Unavailable`] when the server cannot be reached;
    /// [`ErrorKind::Unauthenticated`] when it does not accept user and password; [`ErrorKind::NotFound`] when there is no
    /// such database; [`ErrorKind::Forbidden`] when the user may not make or use the schema; [`ErrorKind::Unsupported`]
    /// when the schema belongs to something else, was written by a newer version of this program, or is older and is not
    /// to be changed.
    pub async fn open(self) -> Result<PostgresStore> {
        let (target, settings) = self.settings(OPEN)?;
        let schema = Schema::new(self.schema.clone());
        let prepare = async {
            let mut connection = settings.connect(OPEN).await?;
            match self.migration {
                Migration::AtOpen => {
                    migrations::migrate(&mut connection, &schema, OPEN, migrations::VERSION).await?;
                }
                Migration::ByHand => check_version(&mut connection, &schema).await?,
            }
            let _ = connection.close().await;
            Ok(())
        };
        prepare.await.map_err(|error| target.named(error))?;
        Ok(PostgresStore { pool: Arc::new(Pool::new(settings, schema, target)) })
    }

    /// Brings the schema to `version`, one step after the other in one transaction, without opening it as a store:
    /// forward to prepare an upgrade, back to return to an older program. What a step back takes away is what the step had
    /// added, and nothing that was written since. Stop the programs that use the schema before you go back; a program that
    /// opens it afterwards goes forward again.
    ///
    /// A schema that does not exist is made. Nothing happens to one that has that version already.
    ///
    /// [`ErrorKind::Invalid`] when there is no such version, from 1 to [`PostgresStore::SCHEMA_VERSION`]; the other errors
    /// are those of [`open`](Self::open).
    pub async fn migrate_to(self, version: u32) -> Result<Migrated> {
        const OPERATION: &str = "migrate store";
        let (target, settings) = self.settings(OPERATION)?;
        let schema = Schema::new(self.schema);
        let migrate = async {
            let mut connection = settings.connect(OPERATION).await?;
            let migrated = migrations::migrate(&mut connection, &schema, OPERATION, version).await?;
            let _ = connection.close().await;
            Ok(migrated)
        };
        migrate.await.map_err(|error| target.named(error))
    }

    /// The version of the schema that the database has, 0 when there is none; nothing is made.
    ///
    /// Errors are those of [`open`](Self::open).
    pub async fn schema_version(self) -> Result<u32> {
        const OPERATION: &str = "read schema version";
        let (target, settings) = self.settings(OPERATION)?;
        let schema = Schema::new(self.schema);
        let read = async {
            let mut connection = settings.connect(OPERATION).await?;
            let version = migrations::version(&mut connection, &schema, OPERATION).await?;
            let _ = connection.close().await;
            Ok(version)
        };
        read.await.map_err(|error| target.named(error))
    }

    fn settings(&self, operation: &'static str) -> Result<(Target, Settings)> {
        let target = Target::parse(operation, &self.url)?;
        let mut options = target.options().clone();
        match (self.statements, self.statement_timeout) {
            (Statements::Prepared, Some(timeout)) => {
                options = options.options([("statement_timeout", timeout.as_millis().max(1))]);
            }
            (Statements::Prepared, None) => {}
            (Statements::Unprepared, _) => options = options.statement_cache_capacity(0),
        }
        let settings = Settings {
            options,
            max_connections: self.max_connections,
            acquire_timeout: self.acquire_timeout,
            statement_timeout: self.statement_timeout,
            statements: self.statements,
        };
        Ok((target, settings))
    }
}

/// Without the URL, which holds a password.
impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("schema", &self.schema)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("statements", &self.statements)
            .field("migration", &self.migration)
            .finish_non_exhaustive()
    }
}

/// Refuses a schema of another version than this program's.
async fn check_version(connection: &mut PgConnection, schema: &Schema) -> Result<()> {
    let version = migrations::version(connection, schema, OPEN).await?;
    if version == migrations::VERSION {
        return Ok(());
    }
    let name = schema.name();
    Err(Error::new(ErrorKind::Unsupported, OPEN)
        .because(format!(
            "the schema {name} is at version {version}; this program needs {}",
            migrations::VERSION
        ))
        .advise("migrate it first, or let opening do it (`Migration::AtOpen`)"))
}
