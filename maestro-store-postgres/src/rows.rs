//! From columns to fields, and the few ways of asking that every context uses.

use std::{fmt, str::FromStr};

use futures_util::TryStreamExt as _;
use maestro_core::{Error, ErrorKind, Id, time::Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Decode, PgConnection, Postgres, Row as _, Type,
    postgres::{PgArguments, PgRow},
    query_with,
};
use uuid::Uuid;

use crate::{error::Outcome, schema::Schema};

/// The values of a statement's parameters, `$1` first.
macro_rules! params {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "a statement may have no parameters")]
        let mut arguments = sqlx::postgres::PgArguments::default();
        $(sqlx::Arguments::add(&mut arguments, $value).map_err(sqlx::Error::Encode)?;)*
        arguments
    }};
}
pub(crate) use params;

/// A connection, and the schema that statements are asked of.
///
/// Statements are written for the schema `maestro`, as they can be tried by hand; [`Schema`] puts another in its place.
pub(crate) struct Db<'a> {
    pub(crate) connection: &'a mut PgConnection,
    pub(crate) schema: &'a Schema,
    /// Whether the server is to keep the statement prepared.
    pub(crate) keep: bool,
}

impl Db<'_> {
    /// The first row that a statement gives, if there is one.
    pub(crate) async fn first<T>(
        &mut self,
        sql: &'static str,
        params: PgArguments,
        read: impl FnOnce(&mut Fields<'_>) -> Outcome<T>,
    ) -> Outcome<Option<T>> {
        let mut rows = self.rows(sql, params).await?.into_iter();
        rows.next().map(|row| read(&mut Fields::of(&row))).transpose()
    }

    /// All rows that a statement gives.
    pub(crate) async fn all<T>(
        &mut self,
        sql: &'static str,
        params: PgArguments,
        mut read: impl FnMut(&mut Fields<'_>) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        let query = query_with::<Postgres, _>(self.schema.sql(sql), params).persistent(self.keep);
        let mut rows = query.fetch(&mut *self.connection);
        let mut found = Vec::new();
        // One after the other, so that a row is gone when the next one comes.
        while let Some(row) = rows.try_next().await? {
            found.push(read(&mut Fields::of(&row))?);
        }
        Ok(found)
    }

    /// All rows that a statement gives that was put together for this call.
    pub(crate) async fn all_of<T>(
        &mut self,
        sql: String,
        params: PgArguments,
        mut read: impl FnMut(&mut Fields<'_>) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        let sql = self.schema.sql_of(sql);
        let query = query_with::<Postgres, _>(sql, params).persistent(self.keep);
        let rows = query.fetch_all(&mut *self.connection).await?;
        rows.iter().map(|row| read(&mut Fields::of(row))).collect()
    }

    /// Whether a statement gives a row.
    pub(crate) async fn exists(&mut self, sql: &'static str, params: PgArguments) -> Outcome<bool> {
        Ok(!self.rows(sql, params).await?.is_empty())
    }

    /// Runs a statement that gives no rows, and tells how many it changed.
    pub(crate) async fn run(&mut self, sql: &'static str, params: PgArguments) -> Outcome<u64> {
        let query = query_with::<Postgres, _>(self.schema.sql(sql), params).persistent(self.keep);
        Ok(query.execute(&mut *self.connection).await?.rows_affected())
    }

    /// To the last row and on to the end: what a statement violates can be told behind its rows.
    async fn rows(&mut self, sql: &'static str, params: PgArguments) -> Outcome<Vec<PgRow>> {
        let query = query_with::<Postgres, _>(self.schema.sql(sql), params).persistent(self.keep);
        Ok(query.fetch(&mut *self.connection).try_collect().await?)
    }
}

/// Reads the columns of a row one after the other, in the order in which the statement lists them.
pub(crate) struct Fields<'a> {
    row: &'a PgRow,
    next: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(row: &'a PgRow) -> Self {
        Self { row, next: 0 }
    }

    /// Passes over columns that a kind of row does not have.
    pub(crate) const fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    fn value<T: Decode<'a, Postgres> + Type<Postgres>>(&mut self, what: &str) -> Outcome<Option<T>> {
        let value = self.row.try_get(self.next).map_err(|_| unreadable(what))?;
        self.next += 1;
        Ok(value)
    }

    fn some<T: Decode<'a, Postgres> + Type<Postgres>>(&mut self, what: &str) -> Outcome<T> {
        self.value(what)?.ok_or_else(|| unreadable(what).into())
    }

    pub(crate) fn id<T>(&mut self) -> Outcome<Id<T>> {
        self.some("an id").map(Id::from_uuid)
    }

    pub(crate) fn id_optional<T>(&mut self) -> Outcome<Option<Id<T>>> {
        Ok(self.value("an id")?.map(Id::from_uuid))
    }

    pub(crate) fn ids(&mut self) -> Outcome<Vec<Uuid>> {
        self.some("ids")
    }

    pub(crate) fn integer(&mut self) -> Outcome<i64> {
        self.some("a number")
    }

    pub(crate) fn integer_optional(&mut self) -> Outcome<Option<i64>> {
        self.value("a number")
    }

    pub(crate) fn integers(&mut self) -> Outcome<Vec<i64>> {
        self.some("numbers")
    }

    pub(crate) fn number<N: TryFrom<i64>>(&mut self) -> Outcome<N> {
        N::try_from(self.integer()?).map_err(|_| unreadable("a number").into())
    }

    pub(crate) fn flag(&mut self) -> Outcome<bool> {
        self.some("a flag")
    }

    pub(crate) fn time(&mut self) -> Outcome<Timestamp> {
        self.integer().map(Timestamp::from_micros)
    }

    pub(crate) fn time_optional(&mut self) -> Outcome<Option<Timestamp>> {
        Ok(self.integer_optional()?.map(Timestamp::from_micros))
    }

    pub(crate) fn bytes(&mut self) -> Outcome<&'a [u8]> {
        self.some("a run of bytes")
    }

    pub(crate) fn text(&mut self) -> Outcome<&'a str> {
        self.some("a text")
    }

    pub(crate) fn text_optional(&mut self) -> Outcome<Option<&'a str>> {
        self.value("a text")
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

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Outcome<T> {
        serde_json::from_str(self.text()?).map_err(|error| unreadable("a JSON text").caused_by(error).into())
    }
}

/// A column does not hold what this version writes there.
pub(crate) fn unreadable(what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, "read a row")
        .because(format!("{what} is stored in a form that is not known"))
        .advise("check the database; another program may have written to it")
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

/// A number as it is stored: those of Maestro that are wider never get so far.
pub(crate) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A text that is compared with names. Postgres can be told no NUL, and no name holds a control character; so the least of
/// them that it can be told stands for it, and every name has the same place before or behind it.
pub(crate) fn comparable(text: &str) -> String {
    text.replace('\0', "\u{1}")
}
