//! The same work in SQL by hand: the statements that a program would write that knows the schema, keeps the numbers of
//! its threads in memory, and has one connection and no runtime. Statements are prepared once; pragmas are the store's.

use std::path::Path;

use maestro_core::conversations::NewChatEntry;
use rusqlite::{Connection, params};
use serde::Deserialize;
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

/// A row of a conversation, with its body as `T`.
#[expect(dead_code, reason = "it is read to be measured")]
pub(crate) struct Row<T> {
    pub(crate) no: i64,
    pub(crate) id: Uuid,
    pub(crate) actor: String,
    pub(crate) state: String,
    pub(crate) times: (i64, i64),
    pub(crate) body: T,
}

/// The entries of a thread (`?1`) along its lineage, from a turn index (`?2`) on.
pub(crate) const CONVERSATION: &str = "
with recursive segments (no, parent_no, fork_turn, last) as (
  select no, parent_no, fork_turn, 2147483647 from threads where no = ?1
  union all
  select t.no, t.parent_no, t.fork_turn, min(s.last, s.fork_turn)
  from segments s join threads t on t.no = s.parent_no
  where s.fork_turn >= ?2
)
select e.no, e.id, e.actor, e.state, e.inserted_at, e.updated_at, e.body
from segments s
cross join entries e
where e.no between (s.no << 32 | ?2) and (s.no << 32 | s.last)";

pub(crate) struct Floor(pub(crate) Connection);

impl Floor {
    pub(crate) fn open(path: &Path, synchronous: &str) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.set_prepared_statement_cache_capacity(64);
        for (name, value) in [
            ("journal_mode", "wal"),
            ("synchronous", synchronous),
            ("foreign_keys", "on"),
            ("temp_store", "memory"),
            ("cache_size", "-8192"),
            ("busy_timeout", "10000"),
        ] {
            connection.pragma_update_and_check(None, name, value, |_| Ok(())).ok();
        }
        Self(connection)
    }

    pub(crate) fn run(&self, sql: &str) {
        self.0.prepare_cached(sql).unwrap().execute([]).unwrap();
    }

    /// One entry, one commit.
    pub(crate) fn append(&self, thread: i64, turn: i64, entry: &NewChatEntry) {
        self.run("begin immediate");
        self.put(thread, turn, entry, &serde_json::to_string(&entry.content).unwrap());
        self.run("commit");
    }

    /// One entry within a transaction. That its place is free is what the key of the table says.
    pub(crate) fn put(&self, thread: i64, turn: i64, entry: &NewChatEntry, body: &str) {
        let no = thread << 32 | turn;
        self.0
            .prepare_cached(
                "insert into entries (no, id, actor, state, edit_version, inserted_at, updated_at, body)
                 values (?1, ?2, ?3, 'complete', 1, ?4, ?4, ?5)",
            )
            .unwrap()
            .execute(params![no, entry.id.as_bytes(), entry.actor.as_str(), entry.now.micros(), body])
            .unwrap();
        self.0
            .prepare_cached(
                "update sessions set latest_entry_no = ?2, last_used_at = ?3
                 where no = (select session_no from threads where no = ?1)",
            )
            .unwrap()
            .execute(params![thread, no, entry.now.micros()])
            .unwrap();
    }

    /// The conversation of a thread from a turn on.
    pub(crate) fn load<T>(&self, thread: i64, first: i64, decode: impl Fn(&str) -> T) -> Vec<Row<T>> {
        let mut statement = self.0.prepare_cached(CONVERSATION).unwrap();
        let rows = statement.query_map([thread, first], |row| {
            Ok(Row {
                no: row.get(0)?,
                id: Uuid::from_slice(row.get_ref(1)?.as_blob()?).unwrap(),
                actor: row.get(2)?,
                state: row.get(3)?,
                times: (row.get(4)?, row.get(5)?),
                body: decode(row.get_ref(6)?.as_str()?),
            })
        });
        let mut rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
        rows.sort_by_key(|row| row.no & 0xffff_ffff);
        rows
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.0.prepare_cached(sql).unwrap().query_row([], |row| row.get(0)).unwrap()
    }

    /// How large the file is when everything is in it.
    pub(crate) fn bytes(&self) -> i64 {
        self.0.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
        self.number("pragma page_count") * self.number("pragma page_size")
    }
}

pub(crate) fn decode(body: &str) -> Body {
    serde_json::from_str(body).unwrap()
}
