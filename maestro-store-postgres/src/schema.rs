//! The schema that a store is in, and statements that name it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use maestro_core::{Error, FieldError, Result};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// The name of a schema: a plain identifier of 1 to 63 characters of `a-z 0-9 _`, which does not begin with a digit or with
/// `pg_` (Postgres keeps those names for itself).
///
/// ```
/// use maestro_store_postgres::SchemaName;
///
/// assert_eq!(SchemaName::default().as_str(), "maestro");
/// assert!(SchemaName::new("tenant_7").is_ok());
/// assert!(SchemaName::new("tenant 7; drop").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SchemaName(String);

impl SchemaName {
    /// Checks a name. [`ErrorKind::Invalid`](maestro_core::ErrorKind::Invalid) when it is not as above.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let plain = (1..=63).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if plain && !name.starts_with("pg_") && name != "information_schema" {
            Ok(Self(name))
        } else {
            let problem =
                "must be 1 to 63 characters of a-z 0-9 _, and begin neither with a digit nor with pg_";
            Err(Error::invalid("name a schema", [FieldError::new("schema", problem)]))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SchemaName {
    fn default() -> Self {
        Self(OURS.to_owned())
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The schema that statements are written for.
const OURS: &str = "maestro";
const OURS_IN_STATEMENTS: &str = "maestro.";

/// Puts the name of a schema into statements. A statement is made once, and kept.
pub(crate) struct Schema {
    name: SchemaName,
    /// By where the statement for our own schema lies in the program.
    made: RwLock<HashMap<(usize, usize), Arc<str>>>,
}

impl Schema {
    pub(crate) fn new(name: SchemaName) -> Self {
        Self { name, made: RwLock::default() }
    }

    pub(crate) const fn name(&self) -> &SchemaName {
        &self.name
    }

    /// A statement of the program, for this schema.
    pub(crate) fn sql(&self, statement: &'static str) -> SqlStr {
        if self.name.0 == OURS {
            return statement.into_sql_str();
        }
        let key = (statement.as_ptr().addr(), statement.len());
        let found = self.made.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let made = found.unwrap_or_else(|| {
            let made: Arc<str> = self.named(statement).into();
            self.made.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
            made
        });
        AssertSqlSafe(made).into_sql_str()
    }

    /// A statement that was put together, for this schema. No value ever stands in one.
    pub(crate) fn sql_of(&self, statement: String) -> SqlStr {
        let made = if self.name.0 == OURS { statement } else { self.named(&statement) };
        AssertSqlSafe(made).into_sql_str()
    }

    fn named(&self, statement: &str) -> String {
        statement.replace(OURS_IN_STATEMENTS, &format!("\"{}\".", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_identifiers_are_names_of_schemas() {
        for good in ["maestro", "m", "_x", "tenant_7", &"m".repeat(63)] {
            assert!(SchemaName::new(good).is_ok(), "{good:?}");
        }
        for bad in
            ["", "7m", "Maestro", "a b", "a\"b", "a.b", "pg_x", "information_schema", "é", &"m".repeat(64)]
        {
            let error = SchemaName::new(bad).unwrap_err();
            assert_eq!(error.fields()[0].field, "schema", "{bad:?}");
        }
    }

    #[test]
    fn statements_name_the_schema_of_their_store() {
        let statement = "select 1 from maestro.entries e join maestro.threads t on t.no = e.thread_no";
        let schema = |name| Schema::new(SchemaName::new(name).unwrap());
        assert_eq!(schema("maestro").sql(statement).as_str(), statement);
        let other = schema("other");
        for _ in 0..2 {
            assert_eq!(
                other.sql(statement).as_str(),
                "select 1 from \"other\".entries e join \"other\".threads t on t.no = e.thread_no"
            );
        }
    }
}
