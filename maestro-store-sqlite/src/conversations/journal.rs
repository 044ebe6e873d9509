//! Streamed entries: `entries` in the state `streaming`, and `journal`.

use maestro_core::{
    Id,
    auth::HolderId,
    conversations::{
        ChatEntry, EntryEnd, EntryState, JournalChunk, JournalSeq, NewStreamedEntry, Session, ThreadHead,
        WriterLease,
    },
    page::PageLimit,
    refusal::{self, operation},
    time::Timestamp,
};
use rusqlite::{Connection, params};

use super::{
    entries::{self, EntryNo, Stored, columns},
    threads,
};
use crate::{
    error::Outcome,
    rows::{all, exists, first, run},
    writers::Writers,
};

pub(super) fn begin(
    tx: &Connection,
    writers: &Writers,
    head: ThreadHead,
    new: &NewStreamedEntry,
    body: &str,
) -> Outcome<ChatEntry> {
    let place = threads::behind(tx, operation::ENTRY_BEGIN, head)?;
    // Before anybody can see the entry, so that nobody takes its writer for dead.
    writers.announce(new.writer.holder)?;
    entries::put(tx, operation::ENTRY_BEGIN, &place, place.streamed(new), body)
}

pub(super) fn extend(
    tx: &Connection,
    id: Id<ChatEntry>,
    writer: WriterLease,
    seq: JournalSeq,
    data: &str,
) -> Outcome<()> {
    let no = written_by(tx, operation::ENTRY_EXTEND, id, writer.holder)?;
    let last = first(
        tx,
        "select seq
         from journal
         where entry_no = ?1
         order by seq desc
         limit 1",
        [no.get()],
        |row| row.number(),
    )?;
    let next = last.map_or(JournalSeq::FIRST, |last| JournalSeq::from_stored(last).next());
    if seq != next {
        return Err(refusal::journal_gap(operation::ENTRY_EXTEND, id, next, seq).into());
    }
    insert(tx, no, seq, writer.until, data)
}

/// Writes the row of a chunk.
pub(super) fn insert(
    tx: &Connection,
    no: EntryNo,
    seq: JournalSeq,
    until: Timestamp,
    data: &str,
) -> Outcome<()> {
    run(
        tx,
        "insert into journal (entry_no, seq, writer_until, data)
         values (?1, ?2, ?3, ?4)",
        params![no.get(), seq.get(), until.micros(), data],
    )?;
    Ok(())
}

pub(super) fn finish(
    tx: &Connection,
    id: Id<ChatEntry>,
    writer: HolderId,
    end: &EntryEnd,
    body: &str,
) -> Outcome<ChatEntry> {
    written_by(tx, operation::ENTRY_FINISH, id, writer)?;
    let Stored { no, entry, .. } = entries::get(tx, operation::ENTRY_FINISH, id)?;
    let content = end.content.clone();
    seal(tx, no, ChatEntry { state: end.state, content, updated_at: end.now, ..entry }, body)
}

pub(super) fn read(tx: &Connection, id: Id<ChatEntry>) -> Outcome<Vec<JournalChunk>> {
    let no = first(
        tx,
        "select no
         from entries
         where id = ?1",
        [id.as_bytes()],
        |row| row.integer().map(EntryNo::from_stored),
    )?
    .ok_or_else(|| refusal::missing(operation::ENTRY_JOURNAL, id))?;
    chunks(tx, no)
}

/// Whether there is anything that could have to be recovered.
pub(super) fn any_streaming(tx: &Connection) -> Outcome<bool> {
    exists(
        tx,
        "select 1
         from entries
         where state = 'streaming'",
        [],
    )
}

pub(super) fn recover(
    tx: &Connection,
    writers: &Writers,
    session: Option<Id<Session>>,
    now: Timestamp,
    limit: PageLimit,
) -> Outcome<Vec<ChatEntry>> {
    let streaming = all(
        tx,
        concat!(
            "select t.session_no, s.id, t.id, ",
            columns!(),
            "
             from entries e
             join threads t on t.no = e.no >> 32
             join sessions s on s.no = t.session_no
             where e.state = 'streaming'
             order by e.id"
        ),
        [],
        entries::from_joined_row,
    )?;
    let gone = streaming
        .into_iter()
        .filter(|stored| session.is_none_or(|session| stored.entry.session_id == session))
        .filter(|stored| {
            stored.entry.writer.is_none_or(|writer| writer.until <= now || writers.is_dead(writer.holder))
        })
        .take(limit.get());
    let recovered = gone.map(|stored| interrupt(tx, stored, now)).collect::<Outcome<Vec<_>>>()?;
    writers.sweep();
    Ok(recovered)
}

fn interrupt(tx: &Connection, stored: Stored, now: Timestamp) -> Outcome<ChatEntry> {
    let Stored { no, entry, .. } = stored;
    let content = entry.content.interrupted(&chunks(tx, no)?);
    let body = content.to_json()?;
    seal(tx, no, ChatEntry { state: EntryState::Interrupted, content, updated_at: now, ..entry }, &body)
}

/// Writes how an entry ended, and drops its journal.
fn seal(tx: &Connection, no: EntryNo, entry: ChatEntry, body: &str) -> Outcome<ChatEntry> {
    run(
        tx,
        "update entries
         set state = ?2,
             writer_holder = null,
             writer_until = null,
             updated_at = ?3,
             body = ?4
         where no = ?1",
        params![no.get(), entry.state.as_str(), entry.updated_at.micros(), body],
    )?;
    run(
        tx,
        "delete from journal
         where entry_no = ?1",
        [no.get()],
    )?;
    Ok(ChatEntry { writer: None, ..entry })
}

/// The number of an entry that is streaming and is written by `holder`.
fn written_by(
    tx: &Connection,
    operation: &'static str,
    id: Id<ChatEntry>,
    holder: HolderId,
) -> Outcome<EntryNo> {
    let (no, state, writer) = first(
        tx,
        "select no, state, writer_holder
         from entries
         where id = ?1",
        [id.as_bytes()],
        |row| {
            let no = EntryNo::from_stored(row.integer()?);
            Ok((no, EntryState::from_stored(row.text()?)?, row.id_optional()?))
        },
    )?
    .ok_or_else(|| refusal::missing(operation, id))?;
    match writer {
        None => Err(refusal::ended(operation, id, state).into()),
        Some(writer) if writer != holder => Err(refusal::other_writer(operation, id, writer).into()),
        Some(_) => Ok(no),
    }
}

fn chunks(tx: &Connection, no: EntryNo) -> Outcome<Vec<JournalChunk>> {
    all(
        tx,
        "select seq, data
         from journal
         where entry_no = ?1
         order by seq",
        [no.get()],
        |row| Ok(JournalChunk { seq: JournalSeq::from_stored(row.number()?), data: row.text()?.to_owned() }),
    )
}
