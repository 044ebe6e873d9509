//! Sessions as whole records, each read with six statements, however many threads it has.

use std::collections::BTreeMap;

use maestro_core::{
    Id,
    archive::{EntryRecord, MarkRecord, RecordKey, SessionRecord, ThreadRecord},
    conversations::{ChatEntry, ChunkRef, ChunkState, JournalChunk, JournalSeq, Session, Thread, TurnIndex},
    refusal::{self, operation},
};
use rusqlite::Connection;

use super::{
    chunks,
    entries::{self, EntryNo, columns},
    journal, sessions,
    sessions::SessionNo,
    threads,
    threads::ThreadNo,
};
use crate::{
    error::{Outcome, or_taken},
    rows::all,
};

/// The bodies of the entries that are to be written, as JSON.
pub(crate) type Bodies = BTreeMap<Id<ChatEntry>, String>;

/// Whether there is a session with this id.
pub(crate) fn is_there(tx: &Connection, id: Id<Session>) -> Outcome<bool> {
    sessions::is_there(tx, id)
}

/// The session with this id and everything in it.
pub(crate) fn read(tx: &Connection, id: Id<Session>) -> Outcome<SessionRecord> {
    let (no, session) = sessions::get(tx, operation::RECORD_GET, id)?;
    let mut entries = entries_of(tx, no, id)?;
    let ids: BTreeMap<_, _> =
        entries.values().flatten().map(|(entry_no, record)| (*entry_no, record.entry.id)).collect();
    let marks = marks_of(tx, no, &ids)?;
    let mut threads = Vec::new();
    for (thread_no, fork, mut thread) in threads_of(tx, no, id)? {
        thread.fork_from_entry_id = fork.map(|fork| find(&ids, fork)).transpose()?;
        let own = entries.remove(&thread_no).unwrap_or_default();
        let entries: Vec<_> = own.into_iter().map(|(_, record)| record).collect();
        let last = entries.last().map(|record| &record.entry);
        thread.head_entry_id = last.map_or(thread.fork_from_entry_id, |last| Some(last.id));
        thread.head_turn = last.map_or(thread.fork_turn, |last| last.turn_index);
        threads.push(ThreadRecord { thread, entries });
    }
    Ok(SessionRecord { session, threads, marks })
}

/// Writes a session that is not there yet, as it is.
pub(crate) fn restore(tx: &Connection, record: &SessionRecord, bodies: &Bodies) -> Outcome<()> {
    let SessionRecord { session, marks, .. } = record;
    let key = RecordKey::Session(session.id);
    sessions::check_references(tx, operation::RECORD_RESTORE, key, session)?;
    // In this order a thread's number is greater than that of the one from which it goes on.
    let threads = record.threads_parents_first();
    let numbers: BTreeMap<_, _> =
        threads.iter().map(|record| record.thread.id).zip(threads::next_no(tx)?..).collect();
    let mut places = BTreeMap::new();
    let no = sessions::insert(tx, session, number_of(&numbers, session.root_thread_id)?)?;
    for ThreadRecord { thread, entries } in threads {
        let thread_no = number_of(&numbers, thread.id)?;
        let parent = thread.parent_thread_id.map(|parent| number_of(&numbers, parent)).transpose()?;
        or_taken(threads::insert(tx, thread_no, thread, no, parent), || {
            Ok(refusal::record_id_taken(key, "thread", thread.id))
        })?;
        for EntryRecord { entry, journal } in entries {
            let entry_no = EntryNo::new(thread_no, entry.turn_index);
            let body = bodies.get(&entry.id).map_or("", String::as_str);
            or_taken(entries::insert(tx, entry_no, entry, body), || {
                Ok(refusal::record_id_taken(key, "entry", entry.id))
            })?;
            if let Some(writer) = entry.writer {
                for chunk in journal {
                    journal::insert(tx, entry_no, chunk.seq, writer.until, &chunk.data)?;
                }
            }
            places.insert(entry.id, entry_no);
        }
    }
    if let Some(latest) = session.latest_chat_entry_id.and_then(|latest| places.get(&latest)) {
        sessions::touch(tx, no, *latest, session.last_used_at)?;
    }
    sessions::insert_maps(tx, no, session)?;
    sessions::insert_items(tx, no, session)?;
    for MarkRecord { thread_id, chunk, state, marked_at } in marks {
        if let Some(entry_no) = places.get(&chunk.entry_id) {
            chunks::put(tx, number_of(&numbers, *thread_id)?, *entry_no, chunk.part, (*state, *marked_at))?;
        }
    }
    Ok(())
}

/// The threads of a session in order of creation, heads and forks left open, with their numbers and the numbers of the
/// entries from which they go on.
fn threads_of(
    tx: &Connection,
    no: SessionNo,
    session_id: Id<Session>,
) -> Outcome<Vec<(ThreadNo, Option<EntryNo>, Thread)>> {
    all(
        tx,
        "select t.no, t.parent_no, t.id, p.id, t.fork_turn, t.label, t.inserted_at, t.updated_at
         from threads t
         left join threads p on p.no = t.parent_no
         where t.session_no = ?1
         order by t.inserted_at, t.id",
        [no],
        |row| {
            let no = row.integer()?;
            let parent_no = row.integer_optional()?;
            let thread = Thread {
                id: row.id()?,
                session_id,
                parent_thread_id: row.id_optional()?,
                fork_from_entry_id: None,
                fork_turn: TurnIndex::new(row.number()?),
                label: row.parsed_optional()?,
                head_entry_id: None,
                head_turn: TurnIndex::ZERO,
                inserted_at: row.time()?,
                updated_at: row.time()?,
            };
            Ok((no, parent_no.map(|parent| EntryNo::new(parent, thread.fork_turn)), thread))
        },
    )
}

/// The entries of a session by the number of their thread, each with its journal.
fn entries_of(
    tx: &Connection,
    no: SessionNo,
    session_id: Id<Session>,
) -> Outcome<BTreeMap<ThreadNo, Vec<(EntryNo, EntryRecord)>>> {
    let mut journals: BTreeMap<EntryNo, Vec<JournalChunk>> = BTreeMap::new();
    let chunks = all(
        tx,
        "select j.entry_no, j.seq, j.data
         from threads t
         cross join journal j on j.entry_no between (t.no << 32) and (t.no << 32 | 2147483647)
         where t.session_no = ?1",
        [no],
        |row| {
            let entry_no = EntryNo::from_stored(row.integer()?);
            let seq = JournalSeq::from_stored(row.number()?);
            Ok((entry_no, JournalChunk { seq, data: row.text()?.to_owned() }))
        },
    )?;
    for (entry_no, chunk) in chunks {
        journals.entry(entry_no).or_default().push(chunk);
    }
    let entries = all(
        tx,
        concat!(
            "select t.id, ",
            columns!(),
            "
             from threads t
             cross join entries e on e.no between (t.no << 32) and (t.no << 32 | 2147483647)
             where t.session_no = ?1"
        ),
        [no],
        |row| {
            let thread_id = row.id()?;
            entries::from_row(row, session_id, thread_id)
        },
    )?;
    // Of each thread they come in order: one range of the table after the other.
    let mut by_thread: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (entry_no, entry) in entries {
        let journal = journals.remove(&entry_no).unwrap_or_default();
        by_thread.entry(entry_no.thread()).or_default().push((entry_no, EntryRecord { entry, journal }));
    }
    Ok(by_thread)
}

fn marks_of(
    tx: &Connection,
    no: SessionNo,
    ids: &BTreeMap<EntryNo, Id<ChatEntry>>,
) -> Outcome<Vec<MarkRecord>> {
    let marks = all(
        tx,
        "select t.id, m.entry_no, m.part, m.state, m.marked_at
         from threads t
         cross join chunk_marks m on m.thread_no = t.no
         where t.session_no = ?1",
        [no],
        |row| {
            let thread_id = row.id()?;
            let entry_no = EntryNo::from_stored(row.integer()?);
            let part = row.number()?;
            let is_excluded = row.text()? == chunks::to_stored(ChunkState::Excluded);
            let state = if is_excluded { ChunkState::Excluded } else { ChunkState::Included };
            let chunk = ChunkRef { entry_id: find(ids, entry_no)?, part };
            Ok(MarkRecord { thread_id, chunk, state, marked_at: row.time()? })
        },
    );
    let mut marks = marks?;
    marks.sort_by_key(|mark| (mark.thread_id, mark.chunk));
    Ok(marks)
}

/// The id of the entry with a number, which the file names and must therefore have.
fn find(ids: &BTreeMap<EntryNo, Id<ChatEntry>>, no: EntryNo) -> Outcome<Id<ChatEntry>> {
    let lost =
        || refusal::unreadable(operation::RECORD_GET, "a session that refers to an entry it does not have");
    Ok(*ids.get(&no).ok_or_else(lost)?)
}

/// The number that a thread has been given. A valid record names no thread that it does not have.
fn number_of(numbers: &BTreeMap<Id<Thread>, ThreadNo>, id: Id<Thread>) -> Outcome<ThreadNo> {
    let lost =
        || refusal::unreadable(operation::RECORD_RESTORE, "a session that names a thread it does not have");
    Ok(*numbers.get(&id).ok_or_else(lost)?)
}
