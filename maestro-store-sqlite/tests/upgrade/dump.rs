//! A file as statements that make it again, to be read by people too.

use std::fmt::Write as _;

use maestro_core::supplied_context::search_words;
use rusqlite::{Connection, types::ValueRef};

/// The index of words, whose own tables are SQLite's business.
const WORDS: &str = "item_words";

/// The statements of the schema by what they make; those of the index of words once.
pub(crate) fn schema(connection: &Connection) -> Vec<(String, String, String)> {
    let mut statement = connection
        .prepare(
            "select type, name, sql
             from sqlite_schema
             where sql is not null
               and name not glob 'item_words_*'
             order by type desc, rowid",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The statements that make the file again.
pub(crate) fn dump(connection: &Connection) -> String {
    let pragma =
        |name: &str| connection.query_row(&format!("pragma {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
    let mut text = format!(
        "pragma foreign_keys = off;\npragma application_id = {};\npragma user_version = {};\n\nbegin;\n",
        pragma("application_id"),
        pragma("user_version"),
    );
    for (kind, name, sql) in schema(connection) {
        write!(text, "\n{sql};\n").unwrap();
        if kind == "table" && name == WORDS {
            words(connection, &mut text);
        } else if kind == "table" {
            rows(connection, &name, &mut text);
        }
    }
    text.push_str("\ncommit;\n");
    text
}

fn rows(connection: &Connection, table: &str, text: &mut String) {
    // A computed column is not listed, and cannot be written.
    let mut statement =
        connection.prepare(&format!("select name from pragma_table_info('{table}')")).unwrap();
    let columns: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let columns = columns.join(", ");
    let mut statement = connection.prepare(&format!("select {columns} from {table} order by 1, 2")).unwrap();
    let width = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut separator = format!("insert into {table} ({columns}) values\n  ");
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<_> = (0..width).map(|at| literal(row.get_ref(at).unwrap())).collect();
        write!(text, "{separator}({})", values.join(", ")).unwrap();
        separator = ",\n  ".to_owned();
    }
    if separator.starts_with(',') {
        text.push_str(";\n");
    }
}

/// The index cannot be read back, and follows from the items.
fn words(connection: &Connection, text: &mut String) {
    let sql = "select i.no, i.name, v.text, i.tags
               from items i
               join item_versions v on v.item_id = i.id and v.version = i.version
               order by i.no";
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (no, name, item, tags): (i64, String, String, String) =
            (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap(), row.get(3).unwrap());
        let tags: std::collections::BTreeMap<String, String> = serde_json::from_str(&tags).unwrap();
        let tags = tags.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        let words: Vec<_> =
            search_words([name.as_str(), item.as_str()].into_iter().chain(tags)).into_iter().collect();
        let words = literal(ValueRef::Text(words.join(" ").as_bytes()));
        writeln!(text, "insert into {WORDS} (rowid, words) values ({no}, {words});").unwrap();
    }
}

fn literal(value: ValueRef<'_>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Blob(bytes) => format!("x'{}'", hex(bytes)),
        // A literal ends at a NUL.
        ValueRef::Text(bytes) if bytes.contains(&0) => format!("cast(x'{}' as text)", hex(bytes)),
        ValueRef::Text(bytes) => format!("'{}'", str::from_utf8(bytes).unwrap().replace('\'', "''")),
    }
}
