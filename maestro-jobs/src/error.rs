//! From what sqlx and apalis report to the one error of Maestro. No text holds a statement, a value or a password.

use std::fmt;

use maestro_core::{Error, ErrorKind};

/// What an error of the database, or of the way to it, means.
pub(crate) fn of_database(operation: &'static str, error: &sqlx::Error) -> Error {
    let code = match error {
        sqlx::Error::Database(error) => error.code().map(|code| code.into_owned()),
        _ => None,
    };
    let told = match (error, code.as_deref()) {
        (_, Some("42501")) => Error::new(ErrorKind::Forbidden, operation)
            .because("the user of the database lacks a right")
            .advise("a queue makes a schema `apalis` and the extensions pgcrypto and hstore: let their owner run the worker once, or grant create on the database"),
        // SQLite: busy and locked. Postgres: it is starting, stopping, or has no more connections.
        (_, Some("5" | "6" | "261" | "517" | "57P01" | "57P02" | "57P03" | "53300")) => {
            Error::new(ErrorKind::Unavailable, operation).because("the database is busy").advise("try again")
        }
        (sqlx::Error::Database(_), _) => Error::new(ErrorKind::Internal, operation).because("the database refused it"),
        _ => Error::new(ErrorKind::Unavailable, operation)
            .because("the database cannot be reached")
            .advise("try again"),
    };
    told.caused_by(Told::of(error, code))
}

/// What ended a worker of apalis.
pub(crate) fn of_worker(operation: &'static str, error: &apalis::prelude::WorkerError) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .because("the queue could not be worked on")
        .caused_by(Told(error.to_string()))
}

/// The words of an error, without the error: texts of a database can quote values, so only its code is told.
#[derive(Debug)]
struct Told(String);

impl Told {
    fn of(error: &sqlx::Error, code: Option<String>) -> Self {
        match (error, code) {
            (sqlx::Error::Database(_), Some(code)) => Self(format!("error {code} of the database")),
            (sqlx::Error::Database(_), None) => Self("an error of the database".to_owned()),
            (sqlx::Error::Io(error), _) => Self(error.kind().to_string()),
            (sqlx::Error::PoolTimedOut, _) => Self("no connection came free in time".to_owned()),
            (sqlx::Error::Migrate(_), _) => Self("its tables could not be brought up to date".to_owned()),
            _ => Self("the connection failed".to_owned()),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}
