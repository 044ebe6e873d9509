//! The embedded store of Maestro: every context in one SQLite file.
//!
//! ```
//! use maestro_core::{conversations::{Conversations as _, NewSession, SessionName}, time::Timestamp};
//! use maestro_store_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> maestro_core::Result<()> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("maestro.db");
//! let store = SqliteStore::open(&path).await?;
//! let session = store.session_create(NewSession::new(SessionName::new("first")?, Timestamp::from_micros(0))).await?;
//! drop(store);
//!
//! let store = SqliteStore::open(&path).await?;
//! assert_eq!(store.session_get(session.id).await?, session);
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - A method that has returned is on the disk (`synchronous = full`), and survives a crash of the program or of the
//!   machine. [`Synchronous::Normal`] gives the second half of that up for speed.
//! - One method promises less: [`entry_extend`](maestro_core::conversations::Conversations::entry_extend) survives a
//!   crash of the program, `kill -9` included, but does not wait for the disk. After a power cut the journal of an
//!   answer that was streaming can lack its latest chunks; what is left has no holes, and the end of the answer, once
//!   acknowledged, is on the disk with everything before it.
//! - Several programs may use one file at once, on one machine. A network file system does not keep that promise.
//! - No method blocks the runtime that it is called on: the file is read and written by threads of the store's own.
//! - A future that is dropped takes nothing back: what was handed over is done.
//!
//! # Files
//!
//! Beside `maestro.db` there are `maestro.db-wal` and `maestro.db-shm` while it is open; a copy of the first without
//! the others can lack the latest entries. `maestro.db-writers/` holds a lock for each program that is streaming an
//! answer, which is how the next program sees at once that one has died.
//!
//! | file | holds |
//! |---|---|
//! | `auth.rs` | saved authentications and their leases |
//! | `conversations/` | sessions, threads, entries, journals, lineages, chunk marks |
//! | `supplied_context.rs` | the library of personas and system prompts |
//! | `archive/` | whole records, counts, the check of everything that must hold in a file |
//! | `pool.rs` | the thread that writes and those that read |
//! | `writers.rs` | who is streaming, and whether they live |
//! | `migrations.rs`, `migrations/` | the schema |
//! | `rows.rs`, `error.rs` | columns to fields, SQLite's errors to ours |

mod archive;
mod auth;
mod conversations;
mod error;
mod migrations;
mod pool;
mod rows;
mod supplied_context;
mod writers;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use maestro_core::{Error, ErrorKind, FieldError, Result, Retry};
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use crate::{
    error::{Failure, Outcome},
    pool::{Durability, Pool},
    writers::Writers,
};

pub use crate::migrations::Migrated;

/// What most errors of a file are told about.
const OPEN: &str = "open store";

/// A store in a SQLite file. Clones share its threads and connections; when the last one is dropped, what was asked
/// for is finished, the log is folded into the file, and the file is closed.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    // Declared before the writers: what is under way may still begin an entry.
    pool: Pool,
    writers: Arc<Writers>,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the store at `path`, with what [`SqliteStoreBuilder`] chooses by itself.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(path).open().await
    }

    /// A store at `path`, to be opened in another way.
    pub fn builder(path: impl Into<PathBuf>) -> SqliteStoreBuilder {
        SqliteStoreBuilder {
            path: path.into(),
            synchronous: Synchronous::Full,
            readers: std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4),
            busy_timeout: Duration::from_secs(10),
        }
    }

    /// The version of the schema that this program writes. A file of an older one is brought up to date when it is
    /// opened.
    pub const SCHEMA_VERSION: u32 = migrations::VERSION;

    /// The version of the schema that the file has now: [`SCHEMA_VERSION`](Self::SCHEMA_VERSION), unless another
    /// program has taken it back since it was opened.
    pub async fn schema_version(&self) -> Result<u32> {
        const OPERATION: &str = "read schema version";
        self.read(OPERATION, |tx| Ok(migrations::version(tx, OPERATION)?)).await
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl Fn(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.write_as(Durability::Machine, operation, work).await
    }

    async fn write_as<T: Send + 'static>(
        &self,
        durability: Durability,
        operation: &'static str,
        work: impl Fn(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.pool.write(operation, durability, work).await.map_err(|error| self.named(error))
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.pool.read(operation, work).await.map_err(|error| self.named(error))
    }

    /// Says of an error of the file, which has no other entity, which file it is.
    fn named(&self, error: Error) -> Error {
        if error.entity().is_none() && matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal) {
            error.on(self.inner.path.display())
        } else {
            error
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// How far a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Until the disk says that it has it. Nothing that was acknowledged is lost when the power fails, save the latest
    /// chunks of answers that are still streaming: those wait as under [`Synchronous::Normal`], because an answer has
    /// a hundred of them and a sync takes as long as everything else about a chunk, many times over.
    #[default]
    Full,
    /// Until the operating system has it. When the power fails the latest commits can be lost, but the file stays whole;
    /// a crash of the program alone loses nothing.
    Normal,
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    synchronous: Synchronous,
    readers: usize,
    busy_timeout: Duration,
}

impl SqliteStoreBuilder {
    /// How far a commit waits for the disk; [`Synchronous::Full`] when nothing is said.
    #[must_use]
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How many connections read at once, 1 at the least; as many as there are processors, 2 to 4, when nothing is
    /// said.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// How long a write waits for another program's before it fails with [`ErrorKind::Unavailable`]; ten seconds when
    /// nothing is said.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Opens the store. A file that does not exist is made, in a directory that must exist; one of an older version
    /// is brought up to date.
    ///
    /// [`ErrorKind::Invalid`] when the path is a directory or no file's; [`ErrorKind::Unavailable`] when the file cannot
    /// be opened or written; [`ErrorKind::Unsupported`] when it is not a SQLite file, belongs to another program, or was
    /// written by a newer version of this one; [`ErrorKind::Internal`] when it is damaged.
    pub async fn open(self) -> Result<SqliteStore> {
        self.check_path(OPEN).map_err(|error| error.on(self.path.display()))?;
        let (options, reader_options) = (self.clone(), self.clone());
        let pool = Pool::start(
            self.readers,
            move || options.open_current().map_err(|error| error.on(options.path.display())),
            move || reader_options.open_reader().map_err(|error| error.on(reader_options.path.display())),
        )
        .await?;
        // The same file must have the same name for every program, whatever way led to it.
        let path = self.path.canonicalize().unwrap_or(self.path);
        let writers = Arc::new(Writers::beside(&path));
        Ok(SqliteStore { inner: Arc::new(Inner { pool, writers, path }) })
    }

    /// Brings the schema of the file to `version`, one step after the other in one transaction, without opening it as a
    /// store: forward to prepare an upgrade, back to return to an older program. What a step back takes away is what the
    /// step had added, and nothing that was written since (`docs/data-model.md`). Stop the programs that use the file
    /// before you go back; a program that opens it afterwards goes forward again.
    ///
    /// A file that does not exist is made. Nothing happens to one that has that version already.
    ///
    /// [`ErrorKind::Invalid`] when there is no such version, from 1 to [`SqliteStore::SCHEMA_VERSION`]; the other errors
    /// are those of [`open`](Self::open).
    pub async fn migrate_to(self, version: u32) -> Result<Migrated> {
        const OPERATION: &str = "migrate store";
        self.check_path(OPERATION).map_err(|error| error.on(self.path.display()))?;
        pool::once(OPERATION, move || {
            let migrate = || migrations::migrate(&self.open_writer(OPERATION)?, OPERATION, version);
            migrate().map_err(|error| error.on(self.path.display()))
        })
        .await
    }

    fn check_path(&self, operation: &'static str) -> Result<()> {
        let problem = if self.path.is_dir() {
            "is a directory, not a file"
        } else if self.path.file_name().is_none() || self.path.as_os_str() == ":memory:" {
            "is not the path of a file"
        } else if self.path.parent().is_some_and(|parent| !parent.as_os_str().is_empty() && !parent.is_dir())
        {
            return Err(Error::new(ErrorKind::Unavailable, operation)
                .because("its directory does not exist")
                .advise("make the directory, or name another file")
                .with_retry(Retry::Never));
        } else {
            return Ok(());
        };
        Err(Error::invalid(operation, [FieldError::new("path", problem)]))
    }

    /// The connection that writes, to a file of the version that this program writes.
    fn open_current(&self) -> Result<Connection> {
        let connection = self.open_writer(OPEN)?;
        migrations::migrate(&connection, OPEN, migrations::VERSION)?;
        Ok(connection)
    }

    fn open_writer(&self, operation: &'static str) -> Result<Connection> {
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let connection = self.connect(flags)?;
            if connection.is_readonly(MAIN_DB)? {
                return Err(error::read_only(operation).into());
            }
            // Before anything is written: a file of somebody else stays as it is.
            migrations::version(&connection, operation)?;
            use_log(&connection, self.busy_timeout, operation)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(
                None,
                "synchronous",
                match self.synchronous {
                    Synchronous::Full => "full",
                    Synchronous::Normal => "normal",
                },
            )?;
            Ok(connection)
        };
        open().map_err(|failure: Failure| failure.into_error(operation))
    }

    fn open_reader(&self) -> Result<Connection> {
        let open = || -> Result<_, Failure> {
            let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        };
        open().map_err(|failure: Failure| failure.into_error(OPEN))
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, Failure> {
        let connection = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(128);
        // Sorting and the like in memory; 8 MiB of pages for each connection.
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", -8_192)?;
        Ok(connection)
    }
}

/// Turns the write-ahead log on, which stays with the file. SQLite does not always wait for its lock while it does so,
/// and several programs may open a new file at the same moment; so this waits instead.
fn use_log(connection: &Connection, timeout: Duration, operation: &'static str) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        let mode: rusqlite::Result<String> =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(Error::new(ErrorKind::Unsupported, operation)
                    .because("SQLite cannot keep a write-ahead log there")
                    .advise("keep the file on a local disk")
                    .into());
            }
            Err(error) if error::is_busy(&error) && begun.elapsed() < timeout => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
