//! How much the file holds.

use std::collections::BTreeMap;

use maestro_core::archive::{StoreStats, TableStats};
use rusqlite::Connection;

use crate::{
    error::Outcome,
    rows::{all, first},
};

pub(super) fn read(tx: &Connection) -> Outcome<StoreStats> {
    // Names come from the schema and are quoted, so that they are names and no more.
    let names: Vec<String> = all(
        tx,
        "select name
         from pragma_table_list
         where schema = 'main'
           and type in ('table', 'virtual')
           and name not like 'sqlite!_%' escape '!'
         order by name",
        [],
        |row| row.shown(),
    )?;
    let bytes = bytes_by_table(tx, &names)?;
    let table = |name: String| {
        let quoted = name.replace('"', "\"\"");
        let rows = number(tx, &format!("select count(*) from \"{quoted}\""))?;
        Ok(TableStats {
            rows,
            bytes: bytes.as_ref().map(|bytes| bytes.get(&name).copied().unwrap_or(0)),
            name,
        })
    };
    let tables = names.into_iter().map(table).collect::<Outcome<Vec<_>>>()?;
    let (entries, turns, streaming) = first(
        tx,
        "select count(*), count(*) filter (where actor = 'user'), count(*) filter (where state = 'streaming')
         from entries",
        [],
        |row| Ok((row.number()?, row.number()?, row.number()?)),
    )?
    .unwrap_or_default();
    let pages = number(tx, "pragma page_count")?;
    Ok(StoreStats {
        schema_version: u32::try_from(number(tx, "pragma user_version")?).unwrap_or(u32::MAX),
        tables,
        entries,
        turns,
        streaming,
        bytes: Some(pages * number(tx, "pragma page_size")?),
    })
}

/// Bytes of each table with those of its indexes, and of a virtual table with those of the tables behind it. Absent
/// where SQLite was built without `dbstat`.
fn bytes_by_table(tx: &Connection, names: &[String]) -> Outcome<Option<BTreeMap<String, u64>>> {
    let is_built_in = first(
        tx,
        "select 1
         from pragma_module_list
         where name = 'dbstat'",
        [],
        |row| row.integer(),
    )?;
    if is_built_in.is_none() {
        return Ok(None);
    }
    let sizes = all(
        tx,
        "select s.tbl_name, sum(d.pgsize)
         from dbstat d
         join sqlite_schema s on s.name = d.name
         where d.aggregate = true
         group by 1",
        [],
        |row| Ok((row.text()?.to_owned(), row.number::<u64>()?)),
    )?;
    let mut bytes: BTreeMap<String, u64> = BTreeMap::new();
    for (table, size) in sizes {
        // FTS5 keeps what it indexes in tables of its own, named after it.
        let owner = names.iter().find(|name| {
            !names.contains(&table)
                && table.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('_'))
        });
        *bytes.entry(owner.unwrap_or(&table).clone()).or_default() += size;
    }
    Ok(Some(bytes))
}

fn number(tx: &Connection, sql: &str) -> Outcome<u64> {
    Ok(first(tx, sql, [], |row| row.number())?.unwrap_or(0))
}
