//! The same work in SQL by hand: the statements that a program would write that knows the schema, keeps the numbers of
//! its threads in memory, and checks no head. The pool is set as the store's.

use maestro_core::conversations::NewChatEntry;
use maestro_store_postgres::SchemaName;
use serde::Deserialize;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgPool, Postgres, Row as _,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::Query,
};
use std::str::FromStr as _;
use uuid::Uuid;

/// A body, decoded as far as a program must to show it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded to be measured")]
pub(crate) struct Body {
    pub(crate) parts: Vec<BodyPart>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded to be measured")]
pub(crate) struct BodyPart {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// A row of a conversation.
#[expect(dead_code, reason = "it is read to be measured")]
pub(crate) struct Entry {
    pub(crate) turn: i64,
    pub(crate) id: Uuid,
    pub(crate) actor: String,
    pub(crate) state: String,
    pub(crate) times: (i64, i64),
    pub(crate) body: Body,
}

pub(crate) struct Floor {
    pool: PgPool,
    append: &'static str,
    load: &'static str,
    schema: String,
}

impl Floor {
    pub(crate) fn open(url: &str, schema: &SchemaName) -> Self {
        let options =
            PgConnectOptions::from_str(url).unwrap().extra_float_digits(None).disable_statement_logging();
        let pool =
            PgPoolOptions::new().max_connections(10).test_before_acquire(false).connect_lazy_with(options);
        let named = |sql: &str| -> &'static str { sql.replace("maestro.", &format!("{schema}.")).leak() };
        Self { pool, append: named(APPEND), load: named(LOAD), schema: schema.to_string() }
    }

    /// Made once and kept: as long as the bench runs.
    pub(crate) fn statement(&self, sql: &str) -> &'static str {
        sql.replace("maestro.", &format!("{}.", self.schema)).leak()
    }

    /// One entry, one statement, one commit.
    pub(crate) async fn append(&self, thread: i64, turn: i64, entry: &NewChatEntry) {
        let body = serde_json::to_string(&entry.content).unwrap();
        let query = sqlx::query(self.append).bind(thread).bind(turn).bind(entry.id.uuid());
        let query = query.bind(entry.actor.as_str()).bind(entry.now.micros()).bind(body);
        self.done(query).await;
    }

    /// The conversation of a thread from a turn index on.
    pub(crate) async fn load(&self, thread: i64, first: i64) -> Vec<Entry> {
        let rows = sqlx::query(self.load).bind(thread).bind(first).fetch_all(&self.pool).await.unwrap();
        let mut entries: Vec<_> = rows.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.turn);
        entries
    }

    pub(crate) async fn done(&self, query: Query<'_, Postgres, PgArguments>) {
        query.execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn one(&self, query: Query<'_, Postgres, PgArguments>) -> PgRow {
        query.fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = sql.replace("maestro.", &format!("{}.", self.schema));
        sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await.unwrap().get(0)
    }

    /// What the tables take with their indexes, and how much the log of the server has grown in all.
    pub(crate) async fn bytes(&self) -> (i64, i64) {
        let tables = format!(
            "select sum(pg_total_relation_size(c.oid))::bigint
             from pg_class c
             where c.relnamespace = '{}'::regnamespace and c.relkind = 'r'",
            self.schema
        );
        (self.number(&tables).await, self.number("select (pg_current_wal_lsn() - '0/0')::bigint").await)
    }
}

fn entry(row: &PgRow) -> Entry {
    Entry {
        turn: row.get(0),
        id: row.get(1),
        actor: row.get(2),
        state: row.get(3),
        times: (row.get(4), row.get(5)),
        body: serde_json::from_str(row.get(6)).unwrap(),
    }
}

const APPEND: &str = "
with e as (
  insert into maestro.entries (thread_no, turn_index, id, actor, state, edit_version, inserted_at, updated_at, body)
  values ($1, $2, $3, $4, 'complete', 1, $5, $5, $6)
)
update maestro.sessions
set latest_entry_id = $3, last_used_at = $5
where no = (select session_no from maestro.threads where no = $1)";

const LOAD: &str = "
with recursive segments (no, parent_no, fork_turn, last) as (
  select no, parent_no, fork_turn, 2147483647::bigint from maestro.threads where no = $1
  union all
  select t.no, t.parent_no, t.fork_turn, least(s.last, s.fork_turn)
  from segments s join maestro.threads t on t.no = s.parent_no
  where s.fork_turn >= $2
)
select e.turn_index, e.id, e.actor, e.state, e.inserted_at, e.updated_at, e.body
from segments s
cross join lateral (
  select * from maestro.entries e
  where e.thread_no = s.no and e.turn_index between $2 and s.last
  order by e.turn_index offset 0
) e";
