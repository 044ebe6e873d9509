//! How much the schema holds.

use maestro_core::archive::{StoreStats, TableStats};

use crate::{
    error::Outcome,
    rows::{Db, params},
};

pub(super) async fn read(db: &mut Db<'_>) -> Outcome<StoreStats> {
    let schema = db.schema.name().clone();
    let sizes = db.all(
        "select c.relname::text, pg_total_relation_size(c.oid)
         from pg_catalog.pg_class c
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = $1
           and c.relkind = 'r'
         order by c.relname collate \"C\"",
        params![schema.as_str()],
        |row| Ok((row.text()?.to_owned(), row.number::<u64>()?)),
    );
    let mut tables = Vec::new();
    for (name, bytes) in sizes.await? {
        // Names come from the catalogue and are quoted, so that they are names and no more.
        let count = format!("select count(*) from \"{schema}\".\"{}\"", name.replace('"', "\"\""));
        let rows = db.all_of(count, params![], |row| row.number()).await?.pop().unwrap_or(0);
        tables.push(TableStats { name, rows, bytes: Some(bytes) });
    }
    let counts = db.first(
        "select (select coalesce(max(number), 0) from maestro.maestro_migrations),
                count(*),
                count(*) filter (where actor = 'user'),
                count(*) filter (where state = 'streaming')
         from maestro.entries",
        params![],
        |row| Ok((row.number()?, row.number()?, row.number()?, row.number()?)),
    );
    let (schema_version, entries, turns, streaming) = counts.await?.unwrap_or_default();
    let bytes = tables.iter().filter_map(|table| table.bytes).sum();
    Ok(StoreStats { schema_version, tables, entries, turns, streaming, bytes: Some(bytes) })
}
