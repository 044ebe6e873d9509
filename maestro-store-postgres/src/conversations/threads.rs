//! Threads, forks and edits: `threads`.

use maestro_core::{
    Error, Id,
    conversations::{
        ChatEntry, EntryState, NewEdit, NewFork, Session, Thread, ThreadHead, ThreadLabel, TurnIndex,
    },
    refusal::{self, ThreadUse, operation},
    time::Timestamp,
};

use super::{
    entries::{self, Place},
    sessions::{self, SessionNo},
};
use crate::{
    error::Outcome,
    rows::{Db, Fields, params},
};

/// The number of a thread within the schema.
pub(super) type ThreadNo = i64;

/// A thread and where it is stored.
pub(super) struct Stored {
    pub(super) no: ThreadNo,
    pub(super) session_no: SessionNo,
    /// Whether its head is streaming.
    pub(super) is_streaming: bool,
    pub(super) thread: Thread,
}

/// Makes a thread in one statement. The locks on the entry and its thread, in this order, keep both from being deleted
/// until the new thread can be seen; a deletion that came first leaves nothing to be locked.
pub(super) async fn fork(db: &mut Db<'_>, fork: &NewFork) -> Outcome<Option<Thread>> {
    let forked = db.first(
        "with f as (
           select t.no as parent_no, t.id as parent_id, t.session_no, e.turn_index
           from maestro.entries e
           join maestro.threads t on t.no = e.thread_no
           where e.id = $2
             and e.state <> 'streaming'
           for key share of t, e
         ), n as (
           insert into maestro.threads (
             id, session_no, parent_no, fork_turn, fork_entry_id, label, head_turn, head_entry_id, inserted_at,
             updated_at
           )
           select $1, f.session_no, f.parent_no, f.turn_index, $2, $3, f.turn_index, $2, $4, $4
           from f
         )
         select s.id, f.parent_id, f.turn_index
         from f
         join maestro.sessions s on s.no = f.session_no",
        params![fork.id.uuid(), fork.from.uuid(), fork.label.as_ref().map(ThreadLabel::as_str), fork.now.micros()],
        |row| {
            let session_id = row.id()?;
            let parent_thread_id = row.id_optional()?;
            let from = Some((fork.from, TurnIndex::new(row.number()?)));
            Ok(going_on(fork.id, session_id, parent_thread_id, from, fork.label.clone(), fork.now))
        },
    );
    forked.await
}

pub(super) async fn why_not_forked(db: &mut Db<'_>, fork: &NewFork) -> Outcome<Option<Error>> {
    if let Some(refusal) = why_not_gone_on(db, operation::THREAD_FORK, fork.from).await? {
        return Ok(Some(refusal));
    }
    Ok(is_there(db, fork.id).await?.then(|| refusal::id_taken(operation::THREAD_FORK, fork.id)))
}

/// Makes a thread with its first entry in one statement. The entry before the edited one cannot go while the edited one
/// is there, so only that one and its thread are locked.
pub(super) async fn edit(db: &mut Db<'_>, edit: &NewEdit, body: &str) -> Outcome<Option<(Thread, Place)>> {
    let new = &edit.entry;
    let edited = db.first(
        "with f as (
           select t.no, t.session_no, t.parent_no, t.fork_turn, t.fork_entry_id, e.turn_index, e.edit_version
           from maestro.entries e
           join maestro.threads t on t.no = e.thread_no
           where e.id = $1
             and e.state <> 'streaming'
           for key share of t, e
         ), b as (
           select f.session_no, f.turn_index, least(f.edit_version + 1, 4294967295) as edit_version,
                  case when f.turn_index - 1 > f.fork_turn then f.no else f.parent_no end as parent_no,
                  case when f.turn_index - 1 > f.fork_turn
                    then (
                      select p.id
                      from maestro.entries p
                      where p.thread_no = f.no
                        and p.turn_index = f.turn_index - 1
                    )
                    else f.fork_entry_id
                  end as fork_entry_id
           from f
         ), n as (
           insert into maestro.threads (
             id, session_no, parent_no, fork_turn, fork_entry_id, label, head_turn, head_entry_id, inserted_at,
             updated_at
           )
           select $2, b.session_no, b.parent_no, b.turn_index - 1, b.fork_entry_id, $3, b.turn_index, $4, $5, $5
           from b
           returning no
         ), e as (
           insert into maestro.entries (
             thread_no, turn_index, id, actor, state, edit_version, inserted_at, updated_at, provider, body
           )
           select n.no, b.turn_index, $4, $6, $7, b.edit_version, $5, $5, $8, $9
           from n
           cross join b
         )
         update maestro.sessions s
         set latest_entry_id = $4,
             last_used_at = $5
         from b
         where s.no = b.session_no
         returning s.id, (select p.id from maestro.threads p where p.no = b.parent_no), b.fork_entry_id, b.turn_index,
                   b.edit_version",
        params![
            edit.edited.uuid(),
            edit.thread_id.uuid(),
            edit.label.as_ref().map(ThreadLabel::as_str),
            new.id.uuid(),
            new.now.micros(),
            new.actor.as_str(),
            new.state.as_str(),
            entries::provider_of(&new.content),
            body,
        ],
        |row| {
            let session_id = row.id()?;
            let parent_thread_id = row.id_optional()?;
            let fork_entry_id: Option<Id<ChatEntry>> = row.id_optional()?;
            let turn_index = TurnIndex::new(row.number()?);
            let place = Place { session_id, thread_id: edit.thread_id, turn_index, edit_version: row.number()? };
            let from = fork_entry_id.map(|id| (id, turn_index.previous()));
            let label = edit.label.clone();
            let thread = Thread {
                head_entry_id: Some(new.id),
                head_turn: turn_index,
                ..going_on(edit.thread_id, session_id, parent_thread_id, from, label, new.now)
            };
            Ok((thread, place))
        },
    );
    edited.await
}

pub(super) async fn why_not_edited(db: &mut Db<'_>, edit: &NewEdit) -> Outcome<Option<Error>> {
    if let Some(refusal) = why_not_gone_on(db, operation::THREAD_EDIT, edit.edited).await? {
        return Ok(Some(refusal));
    }
    if is_there(db, edit.thread_id).await? {
        return Ok(Some(refusal::id_taken(operation::THREAD_EDIT, edit.thread_id)));
    }
    let is_taken = entries::state_of(db, edit.entry.id).await?.is_some();
    Ok(is_taken.then(|| refusal::id_taken(operation::THREAD_EDIT, edit.entry.id)))
}

/// Why no thread can go on from an entry, or from before it.
async fn why_not_gone_on(
    db: &mut Db<'_>,
    operation: &'static str,
    from: Id<ChatEntry>,
) -> Outcome<Option<Error>> {
    Ok(match entries::state_of(db, from).await? {
        None => Some(refusal::missing(operation, from)),
        Some(EntryState::Streaming) => Some(refusal::streaming(operation, from, from)),
        Some(_) => None,
    })
}

/// The thread with this id.
pub(super) async fn get(db: &mut Db<'_>, operation: &'static str, id: Id<Thread>) -> Outcome<Stored> {
    let found = db.first(
        concat!(
            "select ",
            columns!(),
            "
             from maestro.threads t
             join maestro.sessions s on s.no = t.session_no
             left join maestro.threads p on p.no = t.parent_no
             where t.id = $1"
        ),
        params![id.uuid()],
        from_row,
    );
    found.await?.ok_or_else(|| refusal::missing(operation, id).into())
}

/// The thread with this id, which nobody else writes to, goes on from or deletes until the transaction ends.
pub(super) async fn lock(db: &mut Db<'_>, operation: &'static str, id: Id<Thread>) -> Outcome<Stored> {
    let found = db.first(
        concat!(
            "select ",
            columns!(),
            "
             from maestro.threads t
             join maestro.sessions s on s.no = t.session_no
             left join maestro.threads p on p.no = t.parent_no
             where t.id = $1
             for update of t"
        ),
        params![id.uuid()],
        from_row,
    );
    found.await?.ok_or_else(|| refusal::missing(operation, id).into())
}

pub(super) async fn list(db: &mut Db<'_>, session: Id<Session>) -> Outcome<Vec<Thread>> {
    let threads = db.all(
        concat!(
            "select ",
            columns!(),
            "
             from maestro.sessions s
             join maestro.threads t on t.session_no = s.no
             left join maestro.threads p on p.no = t.parent_no
             where s.id = $1
             order by t.inserted_at, t.id"
        ),
        params![session.uuid()],
        |row| Ok(from_row(row)?.thread),
    );
    let threads = threads.await?;
    // Every session has its first thread.
    if threads.is_empty() {
        return Err(refusal::missing(operation::THREAD_LIST, session).into());
    }
    Ok(threads)
}

pub(super) async fn label(
    db: &mut Db<'_>,
    id: Id<Thread>,
    label: Option<&ThreadLabel>,
    now: Timestamp,
) -> Outcome<Option<Thread>> {
    let labelled = db.first(
        concat!(
            "with t as (
               update maestro.threads
               set label = $2,
                   updated_at = $3
               where id = $1
               returning *
             )
             select ",
            columns!(),
            "
             from t
             join maestro.sessions s on s.no = t.session_no
             left join maestro.threads p on p.no = t.parent_no"
        ),
        params![id.uuid(), label.map(ThreadLabel::as_str), now.micros()],
        |row| Ok(from_row(row)?.thread),
    );
    labelled.await
}

pub(super) async fn delete(db: &mut Db<'_>, id: Id<Thread>) -> Outcome<Option<()>> {
    let stored = lock(db, operation::THREAD_DELETE, id).await?;
    let is_root = db.exists(
        "select 1
         from maestro.sessions
         where no = $1
           and root_thread_id = $2",
        params![stored.session_no, id.uuid()],
    );
    if is_root.await? {
        return Err(refusal::thread_in_use(operation::THREAD_DELETE, id, ThreadUse::Root).into());
    }
    let is_continued = db.exists(
        "select 1
         from maestro.threads
         where parent_no = $1
         limit 1",
        params![stored.no],
    );
    if is_continued.await? {
        return Err(refusal::thread_in_use(operation::THREAD_DELETE, id, ThreadUse::Continued).into());
    }
    // Nothing can be behind an entry that is streaming, so only the head can be one.
    if let Some(head) = stored.thread.head_entry_id.filter(|_| stored.is_streaming) {
        return Err(refusal::streaming(operation::THREAD_DELETE, id, head).into());
    }
    let before = stored.thread.fork_from_entry_id.map(|id| id.uuid());
    sessions::retreat(db, stored.session_no, (stored.no, 0), before).await?;
    for contents in [
        "delete from maestro.chunk_marks
         where thread_no = $1",
        "delete from maestro.entries
         where thread_no = $1",
        "delete from maestro.threads
         where no = $1",
    ] {
        db.run(contents, params![stored.no]).await?;
    }
    Ok(Some(()))
}

/// Whether there is a thread with this id.
pub(super) async fn is_there(db: &mut Db<'_>, id: Id<Thread>) -> Outcome<bool> {
    let found = db.exists(
        "select 1
         from maestro.threads
         where id = $1",
        params![id.uuid()],
    );
    found.await
}

/// Why no entry could be put behind `expected`, if there is still a reason.
pub(super) async fn why_not_behind(
    db: &mut Db<'_>,
    operation: &'static str,
    expected: ThreadHead,
) -> Outcome<Option<Error>> {
    let stored = get(db, operation, expected.thread_id).await?;
    let found = stored.thread.head();
    if found != expected {
        return Ok(Some(refusal::head_moved(operation, expected, found)));
    }
    if let Some(head) = found.entry_id.filter(|_| stored.is_streaming) {
        return Ok(Some(refusal::streaming(operation, expected.thread_id, head)));
    }
    let is_full = stored.thread.head_turn == TurnIndex::MAX;
    Ok(is_full.then(|| refusal::thread_full(operation, expected.thread_id)))
}

/// A thread that goes on from an entry, or from nothing.
fn going_on(
    id: Id<Thread>,
    session_id: Id<Session>,
    parent_thread_id: Option<Id<Thread>>,
    from: Option<(Id<ChatEntry>, TurnIndex)>,
    label: Option<ThreadLabel>,
    now: Timestamp,
) -> Thread {
    let fork_turn = from.map_or(TurnIndex::ZERO, |(_, turn)| turn);
    let fork_from_entry_id = from.map(|(id, _)| id);
    Thread {
        id,
        session_id,
        parent_thread_id,
        fork_from_entry_id,
        fork_turn,
        label,
        head_entry_id: fork_from_entry_id,
        head_turn: fork_turn,
        inserted_at: now,
        updated_at: now,
    }
}

/// The columns that [`from_row`] reads.
macro_rules! columns {
    () => {
        "t.no, t.session_no, t.head_streaming, t.id, s.id, p.id, t.fork_entry_id, t.fork_turn, t.label,
         t.head_entry_id, t.head_turn, t.inserted_at, t.updated_at"
    };
}
pub(super) use columns;

pub(super) fn from_row(row: &mut Fields<'_>) -> Outcome<Stored> {
    Ok(Stored {
        no: row.integer()?,
        session_no: row.integer()?,
        is_streaming: row.flag()?,
        thread: Thread {
            id: row.id()?,
            session_id: row.id()?,
            parent_thread_id: row.id_optional()?,
            fork_from_entry_id: row.id_optional()?,
            fork_turn: TurnIndex::new(row.number()?),
            label: row.parsed_optional()?,
            head_entry_id: row.id_optional()?,
            head_turn: TurnIndex::new(row.number()?),
            inserted_at: row.time()?,
            updated_at: row.time()?,
        },
    })
}
