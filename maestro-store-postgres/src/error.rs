//! From what Postgres and sqlx report to the one error of Maestro.
//!
//! No text holds a statement or a value: of what the server says, its code is told, and its words only where they name
//! nothing but tables and rights.

use std::{fmt, io};

use maestro_core::{Error, ErrorKind, FieldError, Retry};
use sqlx::postgres::PgDatabaseError;

/// Why a job did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A context refuses it.
    #[error(transparent)]
    Refused(#[from] Error),
    /// Postgres could not do it, or could not be asked.
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
    /// The connection was lost before a transaction was to end, so nothing of it was done.
    #[error(transparent)]
    CutShort(sqlx::Error),
}

/// What a job comes to.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// What is known of a statement whose connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It was not done, and so can be asked again.
    NotDone,
    /// It may have been done; the answer did not come.
    Unknown,
}

impl Failure {
    /// The error that callers see, while `operation` was attempted.
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Postgres(ref error) if self.loss() == Some(Loss::Unknown) => {
                outcome_unknown(operation, error)
            }
            Self::Postgres(error) | Self::CutShort(error) => from_postgres(operation, &error),
        }
    }

    /// The same failure, of a transaction whose commit was not yet asked for.
    pub(crate) fn before_the_end(self) -> Self {
        match self {
            Self::Postgres(error) if is_lost(&error) => Self::CutShort(error),
            failure => failure,
        }
    }

    /// Whether a key was there already, or something that was referred to was not. The statement that met it says which.
    pub(crate) fn is_violation(&self) -> bool {
        matches!(self.code(), Some("23505" | "23503"))
    }

    /// Whether others were in the way, so that it can be tried again: a deadlock, or a snapshot that has passed.
    pub(crate) fn is_contended(&self) -> bool {
        matches!(self.code(), Some("40P01" | "40001"))
    }

    /// Whether the connection was lost, and what that says of the statement that was under way.
    ///
    /// A backend that is told to end says so (57P01) only where it rolls back. A write into a socket that is closed fails
    /// before the last message of a statement has left, without which nothing is committed.
    pub(crate) fn loss(&self) -> Option<Loss> {
        match self {
            Self::CutShort(_) => Some(Loss::NotDone),
            Self::Postgres(sqlx::Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Some(Loss::NotDone)
            }
            Self::Postgres(error) if code(error) == Some("57P01") => Some(Loss::NotDone),
            Self::Postgres(error) if is_lost(error) => Some(Loss::Unknown),
            Self::Postgres(_) | Self::Refused(_) => None,
        }
    }

    fn code(&self) -> Option<&str> {
        match self {
            Self::Postgres(error) | Self::CutShort(error) => code(error),
            Self::Refused(_) => None,
        }
    }
}

fn code(error: &sqlx::Error) -> Option<&str> {
    let sqlx::Error::Database(error) = error else { return None };
    error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code)
}

fn is_lost(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_))
        || code(error).is_some_and(|code| matches!(code, "57P01" | "57P02") || code.starts_with("08"))
}

/// A write was under way when the connection was lost, and may have been done.
fn outcome_unknown(operation: &'static str, error: &sqlx::Error) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .because("the connection was lost before the answer came; it may have been done")
        .advise("read what is there before you try again")
        .with_retry(Retry::Never)
        .caused_by(Told::of(error))
}

/// Others kept changing the same things.
pub(crate) fn contended(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .because("others kept changing the same rows")
        .advise("try again")
}

/// What an error of Postgres or of the way to it means.
pub(crate) fn from_postgres(operation: &'static str, error: &sqlx::Error) -> Error {
    let unavailable = |problem: &str| Error::new(ErrorKind::Unavailable, operation).because(problem);
    let told = match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => from_server(operation, error),
            None => Error::new(ErrorKind::Internal, operation).because("the database failed"),
        },
        sqlx::Error::Io(error) => from_io(operation, error),
        sqlx::Error::Tls(_) => unavailable("no encrypted connection could be agreed on")
            .advise("check `sslmode` and `sslrootcert` of the URL against what the server offers")
            .with_retry(Retry::Never),
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            unavailable("no connection became free in time")
                .advise("try again; allow the store more connections if this goes on")
        }
        sqlx::Error::Configuration(_) => Error::invalid(
            operation,
            [FieldError::new("url", "names options that do not fit together, or a file that cannot be read")],
        ),
        sqlx::Error::Protocol(_) => Error::new(ErrorKind::Protocol, operation)
            .because("the other side does not speak the protocol of Postgres as it should")
            .advise("check that host and port are those of a Postgres server or of a pooler for one"),
        _ => {
            Error::new(ErrorKind::Internal, operation).because("a row does not have the form that it should")
        }
    };
    told.caused_by(Told::of(error))
}

fn from_io(operation: &'static str, error: &io::Error) -> Error {
    let unavailable = |problem: &str| Error::new(ErrorKind::Unavailable, operation).because(problem);
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            unavailable("no server listens there").advise("start the server, or check host and port")
        }
        io::ErrorKind::PermissionDenied => unavailable("the socket may not be opened")
            .advise("check the rights on the socket and its directory")
            .with_retry(Retry::Never),
        io::ErrorKind::TimedOut => unavailable("the server did not answer in time")
            .advise("check host and port, and what lies between"),
        _ => unavailable("the connection to the server failed").advise("try again"),
    }
}

/// The server has said what is wrong. Appendix A of Postgres' manual lists the codes.
fn from_server(operation: &'static str, error: &PgDatabaseError) -> Error {
    let new = |kind, problem: &str| Error::new(kind, operation).because(problem);
    let unavailable = |problem: &str| new(ErrorKind::Unavailable, problem);
    match error.code() {
        "28P01" | "28000" => {
            new(ErrorKind::Unauthenticated, "the server does not accept the user or its password").advise(
                "check them in the URL, or PGUSER and PGPASSWORD or PGPASSFILE, and the server's pg_hba.conf",
            )
        }
        "3D000" => new(ErrorKind::NotFound, "there is no such database")
            .advise("make it with `createdb`, or name another one in the URL"),
        "42501" => new(ErrorKind::Forbidden, error.message())
            .advise("grant the user the right, or connect as one who has it"),
        "42P01" | "42703" | "3F000" => new(ErrorKind::Unsupported, "the schema lacks a table or a column")
            .advise("another program has changed or dropped it; open the store again to bring it up to date"),
        "26000" | "42P05" => {
            new(ErrorKind::Unsupported, "something between here and the server loses prepared statements")
                .advise("choose `Statements::Unprepared` for this pooler, or let it keep prepared statements")
        }
        "53300" => unavailable("the server has no connection left").advise(
            "try again; allow the server more (max_connections), the store fewer, or put a pooler between",
        ),
        "53100" => unavailable("the disk of the server is full; nothing was written")
            .advise("make room on it, then try again")
            .with_retry(Retry::Never),
        "57P01" | "57P02" | "57P03" => unavailable("the server is stopping or starting").advise("try again"),
        "57014" => unavailable("the server gave up, because it took longer than the statement timeout")
            .advise("try again, or allow more time"),
        "25006" => unavailable("the server may only be read; it is a standby")
            .advise("name the primary in the URL")
            .with_retry(Retry::Never),
        "40P01" | "40001" | "55P03" => contended(operation),
        "54000" => Error::invalid(
            operation,
            [FieldError::new("content", "is larger than the database can hold (about 1 GB)")],
        ),
        code if code.starts_with("08") || code.starts_with("53") || code.starts_with("58") => {
            unavailable(&format!("the server cannot do it at the moment ({code})")).advise("try again")
        }
        code => new(ErrorKind::Internal, &format!("the database failed: {}", Told::server(error)))
            .advise(format!("look for {code} in the log of the server")),
    }
}

/// What of an error may be told: the code, and words that hold no value and no statement.
struct Told(String);

impl Told {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => Self::server(error),
                None => Self("a database that is not Postgres".to_owned()),
            },
            sqlx::Error::Io(error) => Self(error.to_string()),
            sqlx::Error::Tls(error) => Self(error.to_string()),
            sqlx::Error::Protocol(what) => Self(what.clone()),
            sqlx::Error::ColumnDecode { index, .. } => Self(format!("column {index}")),
            sqlx::Error::PoolTimedOut => Self("the pool timed out".to_owned()),
            _ => Self("sqlx failed".to_owned()),
        }
    }

    /// Classes 22 (data) and 42 (syntax) quote values and statements; 42501 (rights) does not.
    fn server(error: &PgDatabaseError) -> Self {
        let code = error.code();
        let quotes = (code.starts_with("22") || code.starts_with("42")) && code != "42501";
        Self(if quotes {
            format!("SQLSTATE {code}")
        } else {
            format!("{} (SQLSTATE {code})", error.message())
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}
