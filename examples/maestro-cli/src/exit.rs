//! How the program ends: exit codes, and the failures that lead to them.

use std::{io, process::ExitCode};

use maestro::{Error, ErrorKind};

/// The exit codes. They are part of the command line's contract: scripts decide by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: any other failure.
    Failed,
    /// 2: bad usage or invalid input; also a recorded stream that cannot be decoded.
    Invalid,
    /// 3: the answer ended before its end; what had come is kept.
    Truncated,
    /// 4: the provider reported a failure.
    Provider,
    /// 5: no key, or one that is refused.
    Unauthenticated,
    /// 6: the thing asked for does not exist.
    NotFound,
    /// 7: the name is taken, the thing is in use, or it changed meanwhile.
    Conflict,
    /// 8: nobody answers, or the store cannot be opened.
    Unavailable,
    /// 130: stopped by Ctrl-C or SIGTERM; what had come is kept.
    Interrupted,
}

/// The exit codes as `maestro --help` shows them.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    any other failure
  2    bad usage or invalid input
  3    the answer was cut off (what had come is kept)
  4    the provider failed or refused
  5    no key, or a refused one
  6    not found
  7    name taken, in use, or changed meanwhile
  8    unreachable: network or store
  130  stopped by Ctrl-C (what had come is kept)";

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::Truncated => 3,
            Self::Provider => 4,
            Self::Unauthenticated => 5,
            Self::NotFound => 6,
            Self::Conflict => 7,
            Self::Unavailable => 8,
            Self::Interrupted => 130,
        }
    }

    /// The exit code of an error. An error that the provider itself reported (it has an HTTP status) is the
    /// provider's, unless a script can do something about its kind.
    pub(crate) fn of(error: &Error) -> Self {
        let by_provider = error.status().is_some();
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unsupported if by_provider => Self::Provider,
            ErrorKind::Invalid | ErrorKind::Unsupported => Self::Invalid,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict | ErrorKind::InUse | ErrorKind::Stale => Self::Conflict,
            ErrorKind::Unauthenticated | ErrorKind::Forbidden => Self::Unauthenticated,
            ErrorKind::Unavailable if by_provider => Self::Provider,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Interrupted => Self::Truncated,
            ErrorKind::Cancelled => Self::Interrupted,
            ErrorKind::RateLimited
            | ErrorKind::QuotaExhausted
            | ErrorKind::ContextTooLong
            | ErrorKind::Filtered
            | ErrorKind::Protocol => Self::Provider,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of Maestro, to be told and to end by its kind.
    Error(Error),
    /// The store cannot be opened, whatever the kind of the error.
    Store(Error),
    /// Nothing more can be written to standard output: its reader is gone, or the disk is full.
    Output(io::Error),
}

/// The result of everything in this program that can fail.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// An error about one field of the input.
pub(crate) fn invalid(operation: &'static str, field: &str, problem: impl Into<String>) -> Error {
    Error::invalid(operation, [maestro::FieldError::new(field, problem)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Invalid,
            Exit::Truncated,
            Exit::Provider,
            Exit::Unauthenticated,
            Exit::NotFound,
            Exit::Conflict,
            Exit::Unavailable,
            Exit::Interrupted,
        ] {
            assert!(HELP.contains(&format!("\n  {} ", exit.code())), "{exit:?}");
        }
    }

    #[test]
    fn a_server_that_fails_is_the_providers_and_one_that_is_silent_is_unavailable() {
        let error = || Error::new(ErrorKind::Unavailable, "ask");
        assert_eq!(Exit::of(&error()), Exit::Unavailable);
        assert_eq!(Exit::of(&error().with_status(503)), Exit::Provider);
    }
}
