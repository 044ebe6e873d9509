//! Sessions as whole records, each read with five statements, however many threads it has.

use std::collections::{BTreeMap, BTreeSet};

use maestro_core::{
    Error, Id,
    archive::{EntryRecord, MarkRecord, RecordKey, SessionRecord, ThreadRecord},
    conversations::{ChatEntry, ChunkRef, ChunkState, JournalChunk, Session, Thread},
    refusal::{self, operation},
};
use uuid::Uuid;

use super::{
    chunks,
    entries::{self, columns},
    journal,
    sessions::{self, SessionNo},
    threads::{self, ThreadNo},
};
use crate::{
    error::Outcome,
    rows::{Db, params},
};

/// How many entries go into one statement at the most, and how many bytes of their bodies.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 16 << 20;

/// Whether there is a session with this id.
pub(crate) async fn is_there(db: &mut Db<'_>, id: Id<Session>) -> Outcome<bool> {
    Ok(sessions::number(db, id).await?.is_some())
}

/// The session with this id and everything in it.
pub(crate) async fn read(db: &mut Db<'_>, id: Id<Session>) -> Outcome<SessionRecord> {
    let (no, session) = sessions::get(db, operation::RECORD_GET, id).await?;
    let mut entries = entries_of(db, no, id).await?;
    let marks = marks_of(db, no).await?;
    let threads = threads::list(db, id).await?.into_iter().map(|thread| {
        let entries = entries.remove(&thread.id).unwrap_or_default();
        ThreadRecord { thread, entries }
    });
    Ok(SessionRecord { session, threads: threads.collect(), marks })
}

/// Writes a session that is not there yet, as it is.
pub(crate) async fn restore(db: &mut Db<'_>, record: &SessionRecord) -> Outcome<()> {
    let SessionRecord { session, marks, .. } = record;
    let key = RecordKey::Session(session.id);
    let used = session.persona.iter().chain(&session.system_prompts);
    if let Some(refusal) =
        sessions::missing_reference(db, operation::RECORD_RESTORE, key, session.auth_id, used).await?
    {
        return Err(refusal.into());
    }
    // In this order a thread's number is greater than that of the one from which it goes on.
    let threads = record.threads_parents_first();
    if let Some(refusal) = taken(db, key, &threads).await? {
        return Err(refusal.into());
    }
    let no = sessions::insert(db, session).await?;
    let mut numbers = BTreeMap::new();
    for ThreadRecord { thread, entries } in threads {
        let parent = thread.parent_thread_id.and_then(|parent| numbers.get(&parent).copied());
        let thread_no = put_thread(db, no, thread, parent, entries).await?;
        numbers.insert(thread.id, thread_no);
        for batch in batches(entries)? {
            put_entries(db, thread_no, batch).await?;
        }
        for EntryRecord { entry, journal } in entries {
            put_journal(db, entry, journal).await?;
        }
    }
    put_marks(db, marks, &numbers).await
}

/// The first id within a session that something else has, in the order in which they would be written.
async fn taken(db: &mut Db<'_>, key: RecordKey, threads: &[&ThreadRecord]) -> Outcome<Option<Error>> {
    let ids: Vec<Uuid> = threads.iter().map(|record| record.thread.id.uuid()).collect();
    let thread_ids =
        db.all("select id from maestro.threads where id = any($1)", params![ids], |row| row.id());
    let thread_ids: BTreeSet<Id<Thread>> = thread_ids.await?.into_iter().collect();
    let entries = threads.iter().flat_map(|record| &record.entries);
    let ids: Vec<Uuid> = entries.map(|record| record.entry.id.uuid()).collect();
    let entry_ids = db.all("select id from maestro.entries where id = any($1)", params![ids], |row| row.id());
    let entry_ids: BTreeSet<Id<ChatEntry>> = entry_ids.await?.into_iter().collect();
    for ThreadRecord { thread, entries } in threads {
        if thread_ids.contains(&thread.id) {
            return Ok(Some(refusal::record_id_taken(key, "thread", thread.id)));
        }
        if let Some(record) = entries.iter().find(|record| entry_ids.contains(&record.entry.id)) {
            return Ok(Some(refusal::record_id_taken(key, "entry", record.entry.id)));
        }
    }
    Ok(None)
}

/// Writes a thread with its head. The first one of a session is there already, written with it as an empty one.
async fn put_thread(
    db: &mut Db<'_>,
    session_no: SessionNo,
    thread: &Thread,
    parent_no: Option<ThreadNo>,
    entries: &[EntryRecord],
) -> Outcome<ThreadNo> {
    let is_streaming = entries.last().is_some_and(|last| last.entry.writer.is_some());
    let put = db.first(
        "insert into maestro.threads (
           id, session_no, parent_no, fork_turn, fork_entry_id, label, head_turn, head_entry_id, head_streaming,
           inserted_at, updated_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (id) do update
         set label = excluded.label,
             head_turn = excluded.head_turn,
             head_entry_id = excluded.head_entry_id,
             head_streaming = excluded.head_streaming,
             inserted_at = excluded.inserted_at,
             updated_at = excluded.updated_at
         where threads.session_no = $2
         returning no",
        params![
            thread.id.uuid(),
            session_no,
            parent_no,
            i64::from(thread.fork_turn.get()),
            thread.fork_from_entry_id.map(|id| id.uuid()),
            thread.label.as_ref().map(|label| label.as_str()),
            i64::from(thread.head_turn.get()),
            thread.head_entry_id.map(|id| id.uuid()),
            is_streaming,
            thread.inserted_at.micros(),
            thread.updated_at.micros(),
        ],
        |row| row.integer(),
    );
    put.await?.ok_or_else(|| crate::rows::unreadable("a new row").into())
}

/// Entries with their bodies as JSON, in parts that fit into a statement.
fn batches(entries: &[EntryRecord]) -> Outcome<Vec<Vec<(&ChatEntry, String)>>> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for EntryRecord { entry, .. } in entries {
        let body = entry.content.to_json()?;
        bytes += body.len();
        batch.push((entry, body));
        if batch.len() == BATCH || bytes > BATCH_BYTES {
            bytes = 0;
            batches.push(std::mem::take(&mut batch));
        }
    }
    batches.push(batch);
    Ok(batches)
}

async fn put_entries(db: &mut Db<'_>, thread: ThreadNo, batch: Vec<(&ChatEntry, String)>) -> Outcome<()> {
    if batch.is_empty() {
        return Ok(());
    }
    fn column<T>(batch: &[(&ChatEntry, String)], of: impl Fn(&ChatEntry) -> T) -> Vec<T> {
        batch.iter().map(|(entry, _)| of(entry)).collect()
    }
    let put = db.run(
        "insert into maestro.entries (
           thread_no, turn_index, id, actor, state, edit_version, writer_holder, writer_until, inserted_at,
           updated_at, provider, body
         )
         select $1, u.*
         from unnest(
           $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::uuid[], $8::bigint[], $9::bigint[],
           $10::bigint[], $11::text[], $12::text[]
         ) u",
        params![
            thread,
            column(&batch, |entry| i64::from(entry.turn_index.get())),
            column(&batch, |entry| entry.id.uuid()),
            column(&batch, |entry| entry.actor.as_str()),
            column(&batch, |entry| entry.state.as_str()),
            column(&batch, |entry| i64::from(entry.edit_version)),
            column(&batch, |entry| entry.writer.map(|writer| writer.holder.uuid())),
            column(&batch, |entry| entry.writer.map(|writer| writer.until.micros())),
            column(&batch, |entry| entry.inserted_at.micros()),
            column(&batch, |entry| entry.updated_at.micros()),
            column(&batch, |entry| entries::provider_of(&entry.content).map(str::to_owned)),
            batch.iter().map(|(_, body)| body.as_str()).collect::<Vec<_>>(),
        ],
    );
    put.await?;
    Ok(())
}

async fn put_journal(db: &mut Db<'_>, entry: &ChatEntry, chunks: &[JournalChunk]) -> Outcome<()> {
    let Some(writer) = entry.writer else { return Ok(()) };
    for JournalChunk { seq, data } in chunks {
        let put = db.run(
            "insert into maestro.journal (entry_id, seq, writer_until, data)
             values ($1, $2, $3, $4)",
            params![entry.id.uuid(), i64::from(seq.get()), writer.until.micros(), data.as_bytes()],
        );
        put.await?;
    }
    Ok(())
}

async fn put_marks(
    db: &mut Db<'_>,
    marks: &[MarkRecord],
    numbers: &BTreeMap<Id<Thread>, ThreadNo>,
) -> Outcome<()> {
    for MarkRecord { thread_id, chunk, state, marked_at } in marks {
        let put = db.run(
            "insert into maestro.chunk_marks (thread_no, entry_id, part, state, marked_at)
             values ($1, $2, $3, $4, $5)",
            params![
                numbers.get(thread_id).copied(),
                chunk.entry_id.uuid(),
                i64::from(chunk.part),
                chunks::to_stored(*state),
                marked_at.micros(),
            ],
        );
        put.await?;
    }
    Ok(())
}

/// The entries of a session by their thread, in order, each with its journal.
async fn entries_of(
    db: &mut Db<'_>,
    no: SessionNo,
    session_id: Id<Session>,
) -> Outcome<BTreeMap<Id<Thread>, Vec<EntryRecord>>> {
    let chunks = db.all(
        "select j.entry_id, j.seq, j.data
         from maestro.threads t
         join maestro.entries e on e.thread_no = t.no and e.state = 'streaming'
         join maestro.journal j on j.entry_id = e.id
         where t.session_no = $1
         order by j.entry_id, j.seq",
        params![no],
        |row| {
            let entry: Id<ChatEntry> = row.id()?;
            let seq = journal::journal_seq(row.integer()?)?;
            Ok((entry, JournalChunk { seq, data: journal::data(row.bytes()?)? }))
        },
    );
    let mut journals: BTreeMap<_, Vec<JournalChunk>> = BTreeMap::new();
    for (entry, chunk) in chunks.await? {
        journals.entry(entry).or_default().push(chunk);
    }
    let entries = db.all(
        concat!(
            "select t.id, ",
            columns!(),
            "
             from maestro.threads t
             join maestro.entries e on e.thread_no = t.no
             where t.session_no = $1
             order by e.thread_no, e.turn_index"
        ),
        params![no],
        |row| {
            let thread_id = row.id()?;
            entries::from_row(row, session_id, thread_id)
        },
    );
    let mut by_thread: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in entries.await? {
        let journal = journals.remove(&entry.id).unwrap_or_default();
        by_thread.entry(entry.thread_id).or_default().push(EntryRecord { entry, journal });
    }
    Ok(by_thread)
}

async fn marks_of(db: &mut Db<'_>, no: SessionNo) -> Outcome<Vec<MarkRecord>> {
    let marks = db.all(
        "select t.id, m.entry_id, m.part, m.state, m.marked_at
         from maestro.threads t
         join maestro.chunk_marks m on m.thread_no = t.no
         where t.session_no = $1
         order by t.id, m.entry_id, m.part",
        params![no],
        |row| {
            let thread_id = row.id()?;
            let chunk = ChunkRef { entry_id: row.id()?, part: row.number()? };
            let state =
                if chunks::is_excluded(row.text()?) { ChunkState::Excluded } else { ChunkState::Included };
            Ok(MarkRecord { thread_id, chunk, state, marked_at: row.time()? })
        },
    );
    marks.await
}
