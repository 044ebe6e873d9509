//! From columns to fields, and the few statements that every context uses.

use std::{fmt, str::FromStr};

use maestro_core::{Error, ErrorKind, Id, time::Timestamp};
use rusqlite::{Connection, Params, Row, types::ValueRef};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::error::Outcome;

/// Reads the columns of a row one after the other, in the order in which the statement lists them.
pub(crate) struct Fields<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(row: &'a Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    fn value(&mut self) -> Outcome<ValueRef<'a>> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        Ok(value)
    }

    pub(crate) fn id<T>(&mut self) -> Outcome<Id<T>> {
        self.id_optional()?.ok_or_else(|| unreadable("an id").into())
    }

    pub(crate) fn id_optional<T>(&mut self) -> Outcome<Option<Id<T>>> {
        match self.value()? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => {
                Ok(Some(Id::from_uuid(Uuid::from_slice(bytes).map_err(|_| unreadable("an id"))?)))
            }
            _ => Err(unreadable("an id").into()),
        }
    }

    pub(crate) fn integer(&mut self) -> Outcome<i64> {
        self.integer_optional()?.ok_or_else(|| unreadable("a number").into())
    }

    pub(crate) fn integer_optional(&mut self) -> Outcome<Option<i64>> {
        match self.value()? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(number)),
            _ => Err(unreadable("a number").into()),
        }
    }

    pub(crate) fn number<N: TryFrom<i64>>(&mut self) -> Outcome<N> {
        N::try_from(self.integer()?).map_err(|_| unreadable("a number").into())
    }

    pub(crate) fn time(&mut self) -> Outcome<Timestamp> {
        self.integer().map(Timestamp::from_micros)
    }

    pub(crate) fn time_optional(&mut self) -> Outcome<Option<Timestamp>> {
        Ok(self.integer_optional()?.map(Timestamp::from_micros))
    }

    pub(crate) fn bytes(&mut self) -> Outcome<&'a [u8]> {
        match self.value()? {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(unreadable("a run of bytes").into()),
        }
    }

    pub(crate) fn text(&mut self) -> Outcome<&'a str> {
        self.text_optional()?.ok_or_else(|| unreadable("a text").into())
    }

    pub(crate) fn text_optional(&mut self) -> Outcome<Option<&'a str>> {
        match self.value()? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => Ok(Some(str::from_utf8(bytes).map_err(|_| unreadable("a text"))?)),
            _ => Err(unreadable("a text").into()),
        }
    }

    pub(crate) fn parsed<T: FromStr>(&mut self) -> Outcome<T> {
        self.text()?.parse().map_err(|_| unreadable("a text").into())
    }

    pub(crate) fn parsed_optional<T: FromStr>(&mut self) -> Outcome<Option<T>> {
        match self.text_optional()? {
            Some(text) => Ok(Some(text.parse().map_err(|_| unreadable("a text"))?)),
            None => Ok(None),
        }
    }

    /// Whatever stands there, for people.
    pub(crate) fn shown(&mut self) -> Outcome<String> {
        Ok(match self.value()? {
            ValueRef::Null => "null".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            ValueRef::Blob(bytes) => match Uuid::from_slice(bytes) {
                Ok(id) => id.to_string(),
                Err(_) => format!("{} bytes", bytes.len()),
            },
        })
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Outcome<T> {
        serde_json::from_str(self.text()?).map_err(|error| unreadable("a JSON text").caused_by(error).into())
    }
}

/// A column does not hold what this version writes there.
fn unreadable(what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, "read a row")
        .because(format!("{what} is stored in a form that is not known"))
        .advise("check the database file; another program may have written to it")
}

/// A map as it is stored.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Outcome<String> {
    serde_json::to_string(value).map_err(|error| {
        Error::new(ErrorKind::Internal, "write a row")
            .because("a map cannot be written as JSON")
            .caused_by(error)
            .into()
    })
}

/// The first row that a statement gives, if there is one.
pub(crate) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&mut Fields<'_>) -> Outcome<T>,
) -> Outcome<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    match rows.next()? {
        Some(row) => read(&mut Fields::of(row)).map(Some),
        None => Ok(None),
    }
}

/// All rows that a statement gives.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&mut Fields<'_>) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    all_of(connection, sql, params, 0, read)
}

/// All rows that a statement gives, of which there will be about `expected`.
pub(crate) fn all_of<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    expected: usize,
    mut read: impl FnMut(&mut Fields<'_>) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::with_capacity(expected);
    while let Some(row) = rows.next()? {
        found.push(read(&mut Fields::of(row))?);
    }
    Ok(found)
}

/// Whether a statement gives a row.
pub(crate) fn exists(connection: &Connection, sql: &str, params: impl Params) -> Outcome<bool> {
    Ok(connection.prepare_cached(sql)?.exists(params)?)
}

/// Runs a statement that gives no rows, and tells how many it changed.
pub(crate) fn run(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params)
}
