//! Entries: `entries`.

use maestro_core::{
    Id,
    auth::HolderId,
    chat::Role,
    conversations::{
        ChatEntry, EntryContent, EntryState, NewChatEntry, NewStreamedEntry, Session, Thread, ThreadHead,
        TurnIndex, WriterLease,
    },
    refusal::{self, operation},
};
use rusqlite::{Connection, params};

use super::{
    sessions::{self, SessionNo},
    threads::{self, ThreadNo},
};
use crate::{
    error::{Outcome, or_taken},
    rows::{Fields, exists, first, run},
};

/// Where an entry is stored: the number of its thread, then its turn index. So a thread's entries lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryNo(i64);

impl EntryNo {
    pub(super) const fn new(thread: ThreadNo, turn: TurnIndex) -> Self {
        Self(thread << 32 | turn.get() as i64)
    }

    pub(super) const fn from_stored(number: i64) -> Self {
        Self(number)
    }

    /// The first and the last number that an entry of a thread can have.
    pub(super) const fn all_of(thread: ThreadNo) -> (Self, Self) {
        (Self::new(thread, TurnIndex::ZERO), Self::new(thread, TurnIndex::MAX))
    }

    pub(super) const fn get(self) -> i64 {
        self.0
    }

    pub(super) const fn thread(self) -> ThreadNo {
        self.0 >> 32
    }

    pub(super) const fn turn(self) -> TurnIndex {
        TurnIndex::new(self.0 as u32)
    }
}

/// An entry and where it is stored.
pub(super) struct Stored {
    pub(super) no: EntryNo,
    pub(super) session_no: SessionNo,
    pub(super) entry: ChatEntry,
}

/// Of an entry, what can be read without its body.
pub(super) struct Brief {
    pub(super) no: EntryNo,
    pub(super) id: Id<ChatEntry>,
    pub(super) state: EntryState,
}

/// Where an entry goes.
pub(super) struct Place {
    pub(super) no: EntryNo,
    pub(super) session_no: SessionNo,
    pub(super) session_id: Id<Session>,
    pub(super) thread_id: Id<Thread>,
    pub(super) edit_version: u32,
}

impl Place {
    /// A whole entry at this place.
    pub(super) fn whole(&self, new: &NewChatEntry) -> ChatEntry {
        ChatEntry {
            id: new.id,
            session_id: self.session_id,
            thread_id: self.thread_id,
            turn_index: self.no.turn(),
            actor: new.actor,
            edit_version: self.edit_version,
            state: new.state,
            writer: None,
            content: new.content.clone(),
            inserted_at: new.now,
            updated_at: new.now,
        }
    }

    /// An entry that begins to stream at this place.
    pub(super) fn streamed(&self, new: &NewStreamedEntry) -> ChatEntry {
        ChatEntry {
            id: new.id,
            session_id: self.session_id,
            thread_id: self.thread_id,
            turn_index: self.no.turn(),
            actor: new.actor,
            edit_version: self.edit_version,
            state: EntryState::Streaming,
            writer: Some(new.writer),
            content: new.content.clone(),
            inserted_at: new.now,
            updated_at: new.now,
        }
    }
}

pub(super) fn append(
    tx: &Connection,
    head: ThreadHead,
    new: &NewChatEntry,
    body: &str,
) -> Outcome<ChatEntry> {
    let place = threads::behind(tx, operation::ENTRY_APPEND, head)?;
    put(tx, operation::ENTRY_APPEND, &place, place.whole(new), body)
}

/// Writes an entry whose content is `body` as JSON, and moves the session's latest entry and last use to it.
pub(super) fn put(
    tx: &Connection,
    operation: &'static str,
    place: &Place,
    entry: ChatEntry,
    body: &str,
) -> Outcome<ChatEntry> {
    or_taken(insert(tx, place.no, &entry, body), || Ok(refusal::id_taken(operation, entry.id)))?;
    sessions::touch(tx, place.session_no, place.no, entry.inserted_at)?;
    Ok(entry)
}

/// Writes the row of an entry as it is.
pub(super) fn insert(tx: &Connection, no: EntryNo, entry: &ChatEntry, body: &str) -> rusqlite::Result<usize> {
    run(
        tx,
        "insert into entries (
           no, id, actor, state, edit_version, writer_holder, writer_until, inserted_at, updated_at, body
         )
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            no.get(),
            entry.id.as_bytes(),
            entry.actor.as_str(),
            entry.state.as_str(),
            entry.edit_version,
            entry.writer.map(|writer| *writer.holder.as_bytes()),
            entry.writer.map(|writer| writer.until.micros()),
            entry.inserted_at.micros(),
            entry.updated_at.micros(),
            body,
        ],
    )
}

/// The entry with this id.
pub(super) fn get(tx: &Connection, operation: &'static str, id: Id<ChatEntry>) -> Outcome<Stored> {
    first(
        tx,
        concat!(
            "select t.session_no, s.id, t.id, ",
            columns!(),
            "
             from entries e
             join threads t on t.no = e.no >> 32
             join sessions s on s.no = t.session_no
             where e.id = ?1"
        ),
        [id.as_bytes()],
        from_joined_row,
    )?
    .ok_or_else(|| refusal::missing(operation, id).into())
}

/// The entry before another one along its lineage.
pub(super) fn before(tx: &Connection, operation: &'static str, stored: &Stored) -> Outcome<Option<Stored>> {
    let thread = threads::get(tx, operation, stored.entry.thread_id)?;
    let turn = stored.entry.turn_index.previous();
    let no = if turn > thread.thread.fork_turn { Some(EntryNo::new(thread.no, turn)) } else { thread.fork() };
    match no {
        Some(no) => first(
            tx,
            concat!(
                "select t.session_no, s.id, t.id, ",
                columns!(),
                "
                 from entries e
                 join threads t on t.no = e.no >> 32
                 join sessions s on s.no = t.session_no
                 where e.no = ?1"
            ),
            [no.get()],
            from_joined_row,
        ),
        None => Ok(None),
    }
}

/// The last entry that a thread owns.
pub(super) fn last_of(tx: &Connection, thread: ThreadNo) -> Outcome<Option<Brief>> {
    let (from, to) = EntryNo::all_of(thread);
    first(
        tx,
        "select no, id, state
         from entries
         where no between ?1 and ?2
         order by no desc
         limit 1",
        [from.get(), to.get()],
        brief_from_row,
    )
}

/// The entry at a place, without its body.
pub(super) fn brief(tx: &Connection, no: EntryNo) -> Outcome<Option<Brief>> {
    first(
        tx,
        "select no, id, state
         from entries
         where no = ?1",
        [no.get()],
        brief_from_row,
    )
}

pub(super) fn delete(tx: &Connection, head: ThreadHead) -> Outcome<()> {
    let stored = threads::get(tx, operation::ENTRY_DELETE, head.thread_id)?;
    let found = stored.thread.head();
    if found != head {
        return Err(refusal::head_moved(operation::ENTRY_DELETE, head, found).into());
    }
    let Some(last) = last_of(tx, stored.no)? else {
        return Err(refusal::head_inherited(operation::ENTRY_DELETE, head).into());
    };
    if last.state == EntryState::Streaming {
        return Err(refusal::streaming(operation::ENTRY_DELETE, head.thread_id, last.id).into());
    }
    let is_continued = exists(
        tx,
        "select 1
         from threads
         where parent_no = ?1
           and fork_turn = ?2",
        params![stored.no, last.no.turn().get()],
    )?;
    if is_continued {
        return Err(refusal::entry_continued(operation::ENTRY_DELETE, head.thread_id, last.id).into());
    }
    let turn = last.no.turn().previous();
    let before =
        if turn > stored.thread.fork_turn { Some(EntryNo::new(stored.no, turn)) } else { stored.fork() };
    sessions::retreat(tx, stored.session_no, (last.no, last.no), before)?;
    run(
        tx,
        "delete from chunk_marks
         where thread_no = ?1
           and entry_no = ?2",
        [stored.no, last.no.get()],
    )?;
    run(
        tx,
        "delete from entries
         where no = ?1",
        [last.no.get()],
    )?;
    Ok(())
}

/// The columns that [`from_row`] reads. The last chunk of the journal says until when its writer is believed to live.
macro_rules! columns {
    () => {
        "e.no, e.id, e.actor, e.edit_version, e.state, e.writer_holder,
         case when e.state = 'streaming' then coalesce(
           (select j.writer_until from journal j where j.entry_no = e.no order by j.seq desc limit 1),
           e.writer_until
         ) end,
         e.body, e.inserted_at, e.updated_at"
    };
}
pub(super) use columns;

/// An entry of a thread and a session that are known.
pub(super) fn from_row(
    row: &mut Fields<'_>,
    session_id: Id<Session>,
    thread_id: Id<Thread>,
) -> Outcome<(EntryNo, ChatEntry)> {
    let no = EntryNo::from_stored(row.integer()?);
    let entry = ChatEntry {
        id: row.id()?,
        session_id,
        thread_id,
        turn_index: no.turn(),
        actor: Role::from_stored(row.text()?)?,
        edit_version: row.number()?,
        state: EntryState::from_stored(row.text()?)?,
        writer: match (row.id_optional::<maestro_core::auth::Holder>()?, row.time_optional()?) {
            (Some(holder), Some(until)) => {
                Some(WriterLease { holder: HolderId::from_uuid(holder.uuid()), until })
            }
            _ => None,
        },
        content: EntryContent::from_json(row.text()?)?,
        inserted_at: row.time()?,
        updated_at: row.time()?,
    };
    Ok((no, entry))
}

/// An entry with its session and thread before it.
pub(super) fn from_joined_row(row: &mut Fields<'_>) -> Outcome<Stored> {
    let session_no = row.integer()?;
    let (session_id, thread_id) = (row.id()?, row.id()?);
    let (no, entry) = from_row(row, session_id, thread_id)?;
    Ok(Stored { no, session_no, entry })
}

fn brief_from_row(row: &mut Fields<'_>) -> Outcome<Brief> {
    Ok(Brief {
        no: EntryNo::from_stored(row.integer()?),
        id: row.id()?,
        state: EntryState::from_stored(row.text()?)?,
    })
}
