//! Threads, forks and edits: `threads`.

use maestro_core::{
    Id,
    conversations::{
        ChatEntry, EntryState, NewEdit, NewFork, Session, Thread, ThreadHead, ThreadLabel, TurnIndex,
    },
    refusal::{self, ThreadUse, operation},
    time::Timestamp,
};
use rusqlite::{Connection, params};

use super::{
    entries::{self, EntryNo, Place},
    sessions::{self, SessionNo},
};
use crate::{
    error::{Outcome, or_taken},
    rows::{Fields, all, exists, first, run},
};

/// The number of a thread within the file.
pub(super) type ThreadNo = i64;

/// A thread and where it is stored.
pub(super) struct Stored {
    pub(super) no: ThreadNo,
    pub(super) session_no: SessionNo,
    pub(super) parent_no: Option<ThreadNo>,
    pub(super) thread: Thread,
}

impl Stored {
    /// The entry from which it goes on.
    pub(super) fn fork(&self) -> Option<EntryNo> {
        self.parent_no.map(|parent| EntryNo::new(parent, self.thread.fork_turn))
    }
}

pub(super) fn fork(tx: &Connection, fork: &NewFork) -> Outcome<Thread> {
    let from = entries::get(tx, operation::THREAD_FORK, fork.from)?;
    if from.entry.state == EntryState::Streaming {
        return Err(refusal::streaming(operation::THREAD_FORK, fork.from, fork.from).into());
    }
    let thread = going_on(fork.id, from.entry.session_id, Some(&from.entry), fork.label.clone(), fork.now);
    let inserted = insert(tx, next_no(tx)?, &thread, from.session_no, Some(from.no.thread()));
    or_taken(inserted, || Ok(refusal::id_taken(operation::THREAD_FORK, thread.id)))?;
    Ok(thread)
}

pub(super) fn edit(tx: &Connection, edit: &NewEdit) -> Outcome<(Thread, ChatEntry)> {
    let edited = entries::get(tx, operation::THREAD_EDIT, edit.edited)?;
    if edited.entry.state == EntryState::Streaming {
        return Err(refusal::streaming(operation::THREAD_EDIT, edit.edited, edit.edited).into());
    }
    let before = entries::before(tx, operation::THREAD_EDIT, &edited)?;
    let mut thread = going_on(
        edit.thread_id,
        edited.entry.session_id,
        before.as_ref().map(|before| &before.entry),
        edit.label.clone(),
        edit.entry.now,
    );
    let no = next_no(tx)?;
    let parent = before.map(|before| before.no.thread());
    let inserted = insert(tx, no, &thread, edited.session_no, parent);
    or_taken(inserted, || Ok(refusal::id_taken(operation::THREAD_EDIT, thread.id)))?;
    let place = Place {
        no: EntryNo::new(no, edited.entry.turn_index),
        session_no: edited.session_no,
        session_id: edited.entry.session_id,
        thread_id: edit.thread_id,
        edit_version: edited.entry.edit_version.saturating_add(1),
    };
    let body = edit.entry.content.to_json()?;
    let entry = entries::put(tx, operation::THREAD_EDIT, &place, place.whole(&edit.entry), &body)?;
    thread.head_entry_id = Some(entry.id);
    thread.head_turn = entry.turn_index;
    Ok((thread, entry))
}

/// The thread with this id. Its head is the last of its own entries, or else the one from which it goes on.
pub(super) fn get(tx: &Connection, operation: &'static str, id: Id<Thread>) -> Outcome<Stored> {
    first(
        tx,
        concat!(
            "select ",
            columns!(),
            "
             from threads t
             join sessions s on s.no = t.session_no
             where t.id = ?1"
        ),
        [id.as_bytes()],
        |row| from_row(tx, row),
    )?
    .ok_or_else(|| refusal::missing(operation, id).into())
}

pub(super) fn list(tx: &Connection, session: Id<Session>) -> Outcome<Vec<Thread>> {
    if !sessions::is_there(tx, session)? {
        return Err(refusal::missing(operation::THREAD_LIST, session).into());
    }
    all(
        tx,
        concat!(
            "select ",
            columns!(),
            "
             from sessions s
             join threads t on t.session_no = s.no
             where s.id = ?1
             order by t.inserted_at, t.id"
        ),
        [session.as_bytes()],
        |row| Ok(from_row(tx, row)?.thread),
    )
}

pub(super) fn label(
    tx: &Connection,
    id: Id<Thread>,
    label: Option<&ThreadLabel>,
    now: Timestamp,
) -> Outcome<Thread> {
    let mut stored = get(tx, operation::THREAD_LABEL, id)?;
    run(
        tx,
        "update threads
         set label = ?2,
             updated_at = ?3
         where no = ?1",
        params![stored.no, label.map(ThreadLabel::as_str), now.micros()],
    )?;
    stored.thread.label = label.cloned();
    stored.thread.updated_at = now;
    Ok(stored.thread)
}

pub(super) fn delete(tx: &Connection, id: Id<Thread>) -> Outcome<()> {
    let stored = get(tx, operation::THREAD_DELETE, id)?;
    let is_root = exists(
        tx,
        "select 1
         from sessions
         where no = ?1
           and root_thread_no = ?2",
        params![stored.session_no, stored.no],
    )?;
    if is_root {
        return Err(refusal::thread_in_use(operation::THREAD_DELETE, id, ThreadUse::Root).into());
    }
    let is_continued = exists(
        tx,
        "select 1
         from threads
         where parent_no = ?1",
        [stored.no],
    )?;
    if is_continued {
        return Err(refusal::thread_in_use(operation::THREAD_DELETE, id, ThreadUse::Continued).into());
    }
    // Nothing can be behind an entry that is streaming, so only the head can be one.
    if let Some(head) = entries::last_of(tx, stored.no)?.filter(|head| head.state == EntryState::Streaming) {
        return Err(refusal::streaming(operation::THREAD_DELETE, id, head.id).into());
    }
    sessions::retreat(tx, stored.session_no, EntryNo::all_of(stored.no), stored.fork())?;
    delete_contents(tx, stored.no)?;
    run(
        tx,
        "delete from threads
         where no = ?1",
        [stored.no],
    )?;
    Ok(())
}

/// Removes what belongs to a thread: its entries, their journals, its marks.
pub(super) fn delete_contents(tx: &Connection, no: ThreadNo) -> Outcome<()> {
    let (from, to) = EntryNo::all_of(no);
    run(
        tx,
        "delete from journal
         where entry_no between ?1 and ?2",
        [from.get(), to.get()],
    )?;
    run(
        tx,
        "delete from chunk_marks
         where thread_no = ?1",
        [no],
    )?;
    run(
        tx,
        "delete from entries
         where no between ?1 and ?2",
        [from.get(), to.get()],
    )?;
    Ok(())
}

/// The number for the next thread. Numbers are given out under the lock that writing takes.
pub(super) fn next_no(tx: &Connection) -> Outcome<ThreadNo> {
    let last: Option<i64> = first(
        tx,
        "select no
         from threads
         order by no desc
         limit 1",
        [],
        |row| row.integer(),
    )?;
    Ok(last.unwrap_or(0) + 1)
}

/// Writes the first thread of a session.
pub(super) fn insert_root(
    tx: &Connection,
    no: ThreadNo,
    id: Id<Thread>,
    session_no: SessionNo,
    now: Timestamp,
) -> Outcome<()> {
    let session_id = Id::from_uuid(uuid::Uuid::nil());
    let inserted = insert(tx, no, &going_on(id, session_id, None, None, now), session_no, None);
    or_taken(inserted, || Ok(refusal::id_taken(operation::SESSION_CREATE, id)))?;
    Ok(())
}

/// A thread that goes on from `from`, or from nothing.
fn going_on(
    id: Id<Thread>,
    session_id: Id<Session>,
    from: Option<&ChatEntry>,
    label: Option<ThreadLabel>,
    now: Timestamp,
) -> Thread {
    let fork_turn = from.map_or(TurnIndex::ZERO, |from| from.turn_index);
    Thread {
        id,
        session_id,
        parent_thread_id: from.map(|from| from.thread_id),
        fork_from_entry_id: from.map(|from| from.id),
        fork_turn,
        label,
        head_entry_id: from.map(|from| from.id),
        head_turn: fork_turn,
        inserted_at: now,
        updated_at: now,
    }
}

/// Writes the row of a thread as it is.
pub(super) fn insert(
    tx: &Connection,
    no: ThreadNo,
    thread: &Thread,
    session_no: SessionNo,
    parent_no: Option<ThreadNo>,
) -> rusqlite::Result<usize> {
    run(
        tx,
        "insert into threads (no, id, session_no, parent_no, fork_turn, label, inserted_at, updated_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            no,
            thread.id.as_bytes(),
            session_no,
            parent_no,
            thread.fork_turn.get(),
            thread.label.as_ref().map(ThreadLabel::as_str),
            thread.inserted_at.micros(),
            thread.updated_at.micros(),
        ],
    )
}

/// The columns that [`from_row`] reads.
macro_rules! columns {
    () => {
        "t.no, t.session_no, t.parent_no, t.id, s.id,
         (select p.id from threads p where p.no = t.parent_no),
         (select f.id from entries f where f.no = (t.parent_no << 32 | t.fork_turn)),
         t.fork_turn, t.label, t.inserted_at, t.updated_at"
    };
}
use columns;

fn from_row(tx: &Connection, row: &mut Fields<'_>) -> Outcome<Stored> {
    let no = row.integer()?;
    let session_no = row.integer()?;
    let parent_no = row.integer_optional()?;
    let id = row.id()?;
    let session_id = row.id()?;
    let parent_thread_id = row.id_optional()?;
    let fork_from_entry_id = row.id_optional()?;
    let fork_turn = TurnIndex::new(row.number()?);
    let own_head = entries::last_of(tx, no)?;
    let thread = Thread {
        id,
        session_id,
        parent_thread_id,
        fork_from_entry_id,
        fork_turn,
        label: row.parsed_optional()?,
        head_entry_id: own_head.as_ref().map(|head| head.id).or(fork_from_entry_id),
        head_turn: own_head.as_ref().map_or(fork_turn, |head| head.no.turn()),
        inserted_at: row.time()?,
        updated_at: row.time()?,
    };
    Ok(Stored { no, session_no, parent_no, thread })
}

/// Where the next entry of a thread goes, if `expected` is still its head and nothing streams there.
pub(super) fn behind(tx: &Connection, operation: &'static str, expected: ThreadHead) -> Outcome<Place> {
    let (no, session_no, session_id, parent_no, fork_turn) = first(
        tx,
        "select t.no, t.session_no, s.id, t.parent_no, t.fork_turn
         from threads t
         join sessions s on s.no = t.session_no
         where t.id = ?1",
        [expected.thread_id.as_bytes()],
        |row| {
            Ok((
                row.integer()?,
                row.integer()?,
                row.id()?,
                row.integer_optional()?,
                TurnIndex::new(row.number()?),
            ))
        },
    )?
    .ok_or_else(|| refusal::missing(operation, expected.thread_id))?;
    let head = match (entries::last_of(tx, no)?, parent_no) {
        (Some(own), _) => Some(own),
        (None, Some(parent_no)) => entries::brief(tx, EntryNo::new(parent_no, fork_turn))?,
        (None, None) => None,
    };
    let found = ThreadHead { thread_id: expected.thread_id, entry_id: head.as_ref().map(|head| head.id) };
    if found != expected {
        return Err(refusal::head_moved(operation, expected, found).into());
    }
    if let Some(head) = head.as_ref().filter(|head| head.state == EntryState::Streaming) {
        return Err(refusal::streaming(operation, expected.thread_id, head.id).into());
    }
    let turn = head.map_or(TurnIndex::ZERO, |head| head.no.turn());
    if turn == TurnIndex::MAX {
        return Err(refusal::thread_full(operation, expected.thread_id).into());
    }
    Ok(Place {
        no: EntryNo::new(no, turn.next()),
        session_no,
        session_id,
        thread_id: expected.thread_id,
        edit_version: 1,
    })
}
