//! A schema as statements that make it again, to be read by people too.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::fresh::Fresh;

/// What stands in a dump for the name of the schema.
const OURS: &str = "maestro.";

/// A column of a table.
struct Column {
    name: String,
    sql: String,
    kind: String,
    is_identity: bool,
}

/// Makes a schema as a dump says.
pub(crate) async fn load(fresh: &Fresh, dump: &str) {
    let statements = dump.replace(OURS, &format!("{}.", fresh.name));
    let statements = format!("create schema {};\n{statements}", fresh.name);
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The statements that make the tables, their conditions and their indexes, without what is in them.
pub(crate) async fn schema(fresh: &Fresh) -> Vec<String> {
    let mut from = From::open(fresh).await;
    let mut statements = Vec::new();
    for table in from.tables().await {
        let columns = from.columns(&table).await;
        statements.push(from.table(&table, &columns).await);
    }
    statements.extend(from.conditions().await);
    statements
}

/// The statements that make the schema and everything in it again.
pub(crate) async fn dump(fresh: &Fresh) -> String {
    let mut from = From::open(fresh).await;
    let mut text = String::new();
    for table in from.tables().await {
        let columns = from.columns(&table).await;
        writeln!(text, "{};", from.table(&table, &columns).await).unwrap();
        from.rows(&table, &columns, &mut text).await;
        text.push('\n');
    }
    for condition in from.conditions().await {
        writeln!(text, "{condition};").unwrap();
    }
    text
}

/// The schema that is dumped.
struct From {
    connection: PgConnection,
    schema: String,
}

impl From {
    async fn open(fresh: &Fresh) -> Self {
        let connection = PgConnection::connect(&fresh.url).await.unwrap();
        Self { connection, schema: fresh.name.to_string() }
    }

    /// The answer to a question about the schema, `$1`, and a table of it, `$2`.
    async fn ask(&mut self, sql: &'static str, table: &str) -> Vec<sqlx::postgres::PgRow> {
        let query = sqlx::query(sql).bind(&self.schema).bind(table);
        query.fetch_all(&mut self.connection).await.unwrap()
    }

    /// The one that tells the version first, the others by name.
    async fn tables(&mut self) -> Vec<String> {
        let rows = self.ask(
            "select c.relname::text
             from pg_class c
             where c.relnamespace = $1::regnamespace
               and c.relkind = 'r'
               and $2 = ''
             order by c.relname = 'maestro_migrations' desc, c.relname collate \"C\"",
            "",
        );
        rows.await.iter().map(|row| row.get(0)).collect()
    }

    async fn columns(&mut self, table: &str) -> Vec<Column> {
        let rows = self.ask(
            "select a.attname::text,
                    concat(
                      a.attname, ' ', format_type(a.atttypid, a.atttypmod),
                      case when a.attcollation <> t.typcollation
                        then (select format(' collate \"%s\"', o.collname) from pg_collation o where o.oid = a.attcollation)
                      end,
                      case when a.attnotnull then ' not null' end,
                      case when a.attidentity = 'a' then ' generated always as identity' end,
                      (
                        select ' default ' || pg_get_expr(d.adbin, d.adrelid)
                        from pg_attrdef d
                        where d.adrelid = a.attrelid and d.adnum = a.attnum
                      )
                    ),
                    t.typname::text,
                    a.attidentity <> ''
             from pg_attribute a
             join pg_type t on t.oid = a.atttypid
             where a.attrelid = format('%I.%I', $1, $2)::regclass
               and a.attnum > 0
               and not a.attisdropped
             order by a.attnum",
            table,
        );
        let column = |row: &sqlx::postgres::PgRow| Column {
            name: row.get(0),
            sql: row.get(1),
            kind: row.get(2),
            is_identity: row.get(3),
        };
        rows.await.iter().map(column).collect()
    }

    async fn table(&mut self, table: &str, columns: &[Column]) -> String {
        let options = self.ask(
            "select coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '')
             from pg_class c
             where c.oid = format('%I.%I', $1, $2)::regclass",
            table,
        );
        let options: String = options.await[0].get(0);
        let columns: Vec<_> = columns.iter().map(|column| column.sql.as_str()).collect();
        format!("create table {OURS}{table} (\n  {}\n){options}", columns.join(",\n  "))
    }

    /// Keys first, because others point at them; then the indexes that are no keys.
    async fn conditions(&mut self) -> Vec<String> {
        let rows = self.ask(
            "select format('alter table %s add constraint %s %s', n.conrelid::regclass, n.conname, pg_get_constraintdef(n.oid))
             from pg_constraint n
             where n.connamespace = $1::regnamespace
               and n.contype in ('p', 'u', 'c', 'f')
               and $2 = ''
             order by position(n.contype::text in 'pucf'), n.conrelid::regclass::text collate \"C\",
                      n.conname collate \"C\"",
            "",
        );
        let mut conditions: Vec<String> = rows.await.iter().map(|row| row.get(0)).collect();
        let rows = self.ask(
            "select pg_get_indexdef(i.indexrelid)
             from pg_index i
             join pg_class c on c.oid = i.indexrelid
             where c.relnamespace = $1::regnamespace
               and $2 = ''
               and not exists (select from pg_constraint n where n.conindid = i.indexrelid)
             order by c.relname collate \"C\"",
            "",
        );
        conditions.extend(rows.await.iter().map(|row| row.get::<String, _>(0)));
        let named = format!("{}.", self.schema);
        conditions.iter().map(|condition| condition.replace(&named, OURS)).collect()
    }

    async fn rows(&mut self, table: &str, columns: &[Column], text: &mut String) {
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let as_texts: Vec<_> = names.iter().map(|name| format!("{name}::text")).collect();
        let sql = format!("select {} from {}.{table} t order by t.*", as_texts.join(", "), self.schema);
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await.unwrap();
        let identity = columns.iter().position(|column| column.is_identity);
        let overriding = if identity.is_some() { " overriding system value" } else { "" };
        let mut separator =
            format!("insert into {OURS}{table} ({}){overriding} values\n  ", names.join(", "));
        for row in &rows {
            let values = columns.iter().enumerate().map(|(at, column)| literal(&column.kind, row.get(at)));
            write!(text, "{separator}({})", values.collect::<Vec<_>>().join(", ")).unwrap();
            separator = ",\n  ".to_owned();
        }
        if !rows.is_empty() {
            text.push_str(";\n");
        }
        if let Some(identity) = identity {
            let numbers = rows.iter().map(|row| row.get::<String, _>(identity).parse::<i64>().unwrap());
            let next = numbers.max().unwrap_or(0) + 1;
            writeln!(text, "alter table {OURS}{table} alter column {} restart with {next};", names[identity])
                .unwrap();
        }
    }
}

fn literal(kind: &str, value: Option<String>) -> String {
    match value {
        None => "null".to_owned(),
        Some(value) if kind == "int8" || kind == "bool" => value,
        Some(value) => {
            assert!(!value.contains(OURS), "it would be taken for the name of the schema: {value}");
            format!("'{}'", value.replace('\'', "''"))
        }
    }
}
