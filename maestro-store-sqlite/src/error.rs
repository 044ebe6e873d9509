//! From what SQLite reports to the one error of Maestro.

use maestro_core::{Error, ErrorKind, FieldError, Retry};
use rusqlite::{ErrorCode, ffi};

/// Why a job did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A context refuses it.
    #[error(transparent)]
    Refused(#[from] Error),
    /// SQLite could not do it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// What a job comes to.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// The error that callers see, while `operation` was attempted.
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(error) => from_sqlite(operation, &error).caused_by(error),
        }
    }
}

/// What SQLite's error means. Its message names tables and columns at the most, never a value.
pub(crate) fn from_sqlite(operation: &'static str, error: &rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return Error::new(ErrorKind::Internal, operation)
            .because("a row does not have the form that it should");
    };
    let unavailable = |problem: &str| Error::new(ErrorKind::Unavailable, operation).because(problem);
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            unavailable("another program has kept the database locked for too long").advise("try again")
        }
        ErrorCode::DiskFull => unavailable("the disk is full; nothing was written")
            .advise("make room on the disk, then try again")
            .with_retry(Retry::Never),
        ErrorCode::ReadOnly => read_only(operation),
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => unavailable("the file cannot be opened")
            .advise("check that its directory exists, and that this program may write there")
            .with_retry(Retry::Never),
        // A file that ends before its pages do has been cut off; the disk is not to blame.
        ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ => {
            damaged(operation)
        }
        ErrorCode::SystemIoFailure => unavailable("the disk reported an error")
            .advise("check the disk, then try again")
            .with_retry(Retry::Never),
        ErrorCode::NotADatabase => Error::new(ErrorKind::Unsupported, operation)
            .because("the file is not a SQLite database")
            .advise("name another file, or one that does not exist yet"),
        ErrorCode::DatabaseCorrupt => damaged(operation),
        ErrorCode::TooBig => Error::invalid(
            operation,
            [FieldError::new("content", "is larger than the database can hold (about 1 GB)")],
        ),
        _ => Error::new(ErrorKind::Internal, operation).because(format!("the database failed: {error}")),
    }
}

fn damaged(operation: &'static str) -> Error {
    Error::new(ErrorKind::Internal, operation)
        .because("the database is damaged")
        .advise("restore it from a backup, or save what `sqlite3 FILE .recover` still finds")
}

/// The file can be read and not written.
pub(crate) fn read_only(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .because("the database may only be read")
        .advise("give this program the right to write the file and its directory")
        .with_retry(Retry::Never)
}

/// Whether a statement failed because a key is there already.
pub(crate) fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|failure| {
        matches!(
            failure.extended_code,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID
        )
    })
}

/// Whether a statement failed because another program holds the lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The refusal when a key is there already; any other error as it is.
pub(crate) fn or_taken<T>(
    result: rusqlite::Result<T>,
    refusal: impl FnOnce() -> Outcome<Error>,
) -> Outcome<T> {
    match result {
        Ok(value) => Ok(value),
        Err(error) if is_taken(&error) => Err(refusal()?.into()),
        Err(error) => Err(error.into()),
    }
}
