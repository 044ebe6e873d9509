//! Streamed entries: `entries` in the state `streaming`, and `journal`.

use maestro_core::{
    Error, Id,
    auth::HolderId,
    chat::Role,
    conversations::{
        ChatEntry, EntryEnd, EntryState, JournalChunk, JournalSeq, Session, TurnIndex, WriterLease,
    },
    page::PageLimit,
    refusal::{self, operation},
    time::Timestamp,
};
use uuid::Uuid;

use super::entries::{self, Place, columns};
use crate::{
    error::Outcome,
    rows::{Db, params, unreadable},
};

/// An entry that streamed until now, as far as its end does not say it.
pub(super) struct Streamed {
    place: Place,
    actor: Role,
    inserted_at: Timestamp,
}

impl Streamed {
    /// The whole entry.
    pub(super) fn ended(self, id: Id<ChatEntry>, end: EntryEnd) -> ChatEntry {
        let Place { session_id, thread_id, turn_index, edit_version } = self.place;
        ChatEntry {
            id,
            session_id,
            thread_id,
            turn_index,
            actor: self.actor,
            edit_version,
            state: end.state,
            writer: None,
            content: end.content,
            inserted_at: self.inserted_at,
            updated_at: end.now,
        }
    }
}

/// Appends a chunk, in one statement whose commit does not wait for the disk.
///
/// The lock on the entry keeps it from being ended until the chunk can be seen, so that none is left behind; the key of
/// the journal keeps two chunks from having one number.
pub(super) async fn extend(
    db: &mut Db<'_>,
    id: Id<ChatEntry>,
    writer: WriterLease,
    seq: JournalSeq,
    data: &str,
) -> Outcome<Option<()>> {
    let added = db.run(
        "with soon as materialized (
           select set_config('synchronous_commit', 'off', true)
         ), e as (
           select id
           from maestro.entries
           where id = $1
             and state = 'streaming'
             and writer_holder = $2
           for share
         )
         insert into maestro.journal (entry_id, seq, writer_until, data)
         select e.id, $3, $4, $5
         from e
         cross join soon
         where $3 = 1 + coalesce((select max(j.seq) from maestro.journal j where j.entry_id = $1), 0)",
        params![
            id.uuid(),
            writer.holder.uuid(),
            i64::from(seq.get()),
            writer.until.micros(),
            data.as_bytes(),
        ],
    );
    Ok((added.await? > 0).then_some(()))
}

pub(super) async fn why_not_extended(
    db: &mut Db<'_>,
    id: Id<ChatEntry>,
    writer: HolderId,
    seq: JournalSeq,
) -> Outcome<Option<Error>> {
    if let Some(refusal) = why_not_written(db, operation::ENTRY_EXTEND, id, writer).await? {
        return Ok(Some(refusal));
    }
    let last = db.first(
        "select max(seq)
         from maestro.journal
         where entry_id = $1",
        params![id.uuid()],
        |row| row.integer_optional(),
    );
    let next = match last.await?.flatten() {
        Some(last) => journal_seq(last)?.next(),
        None => JournalSeq::FIRST,
    };
    Ok((seq != next).then(|| refusal::journal_gap(operation::ENTRY_EXTEND, id, next, seq)))
}

/// Writes how an entry ended, then drops its journal: in two statements, because what the first waited for cannot be seen
/// by itself.
pub(super) async fn finish(
    db: &mut Db<'_>,
    id: Id<ChatEntry>,
    writer: HolderId,
    end: &EntryEnd,
    body: &str,
) -> Outcome<Option<Streamed>> {
    let sealed = db.first(
        "with t as (
           update maestro.threads t
           set head_streaming = false
           from maestro.entries e
           where e.id = $1
             and e.state = 'streaming'
             and e.writer_holder = $2
             and t.no = e.thread_no
             and t.head_entry_id = $1
           returning t.id, t.session_no
         )
         update maestro.entries e
         set state = $3,
             writer_holder = null,
             writer_until = null,
             updated_at = $4,
             provider = $5,
             body = $6
         from t
         join maestro.sessions s on s.no = t.session_no
         where e.id = $1
           and e.state = 'streaming'
           and e.writer_holder = $2
         returning s.id, t.id, e.turn_index, e.edit_version, e.actor, e.inserted_at",
        params![
            id.uuid(),
            writer.uuid(),
            end.state.as_str(),
            end.now.micros(),
            entries::provider_of(&end.content),
            body,
        ],
        |row| {
            let (session_id, thread_id, turn_index) = (row.id()?, row.id()?, TurnIndex::new(row.number()?));
            let place = Place { session_id, thread_id, turn_index, edit_version: row.number()? };
            Ok(Streamed { place, actor: Role::from_stored(row.text()?)?, inserted_at: row.time()? })
        },
    );
    let Some(streamed) = sealed.await? else { return Ok(None) };
    drop_journal(db, id).await?;
    Ok(Some(streamed))
}

/// Why an entry is not written by `writer`, if there is still a reason.
pub(super) async fn why_not_written(
    db: &mut Db<'_>,
    operation: &'static str,
    id: Id<ChatEntry>,
    writer: HolderId,
) -> Outcome<Option<Error>> {
    let found = db.first(
        "select state, writer_holder
         from maestro.entries
         where id = $1",
        params![id.uuid()],
        |row| Ok((EntryState::from_stored(row.text()?)?, row.id_optional()?)),
    );
    Ok(match found.await? {
        None => Some(refusal::missing(operation, id)),
        Some((state, None)) => Some(refusal::ended(operation, id, state)),
        Some((_, Some(other))) if other != writer => Some(refusal::other_writer(operation, id, other)),
        Some(_) => None,
    })
}

/// The journal of an entry, with the entry in the same statement, so that it is known to be there.
pub(super) async fn read(db: &mut Db<'_>, id: Id<ChatEntry>) -> Outcome<Vec<JournalChunk>> {
    let rows = db.all(
        "select j.seq, j.data
         from maestro.entries e
         left join maestro.journal j on j.entry_id = e.id
         where e.id = $1
         order by j.seq",
        params![id.uuid()],
        |row| match row.integer_optional()? {
            Some(seq) => Ok(Some(JournalChunk { seq: journal_seq(seq)?, data: data(row.bytes()?)? })),
            None => Ok(None),
        },
    );
    let rows = rows.await?;
    if rows.is_empty() {
        return Err(refusal::missing(operation::ENTRY_JOURNAL, id).into());
    }
    Ok(rows.into_iter().flatten().collect())
}

/// The entries that have to be recovered, each with the number of its thread; nearly always none.
pub(super) async fn abandoned(
    db: &mut Db<'_>,
    session: Option<Id<Session>>,
    now: Timestamp,
    limit: PageLimit,
) -> Outcome<Vec<(Id<ChatEntry>, i64)>> {
    let found = db.all(
        "select e.id, e.thread_no
         from maestro.entries e
         join maestro.threads t on t.no = e.thread_no
         join maestro.sessions s on s.no = t.session_no
         where e.state = 'streaming'
           and ($1::uuid is null or s.id = $1)
           and coalesce(
             (select j.writer_until from maestro.journal j where j.entry_id = e.id order by j.seq desc limit 1),
             e.writer_until
           ) <= $2
         order by e.id
         limit $3",
        params![session.map(|id| id.uuid()), now.micros(), limit.get() as i64],
        |row| Ok((row.id()?, row.integer()?)),
    );
    found.await
}

/// Ends those of the abandoned entries that still are, once nobody can write to them any more.
pub(super) async fn recover(
    db: &mut Db<'_>,
    abandoned: &[(Id<ChatEntry>, i64)],
    now: Timestamp,
) -> Outcome<Option<Vec<ChatEntry>>> {
    let ids: Vec<Uuid> = abandoned.iter().map(|(id, _)| id.uuid()).collect();
    let threads: Vec<i64> = abandoned.iter().map(|(_, thread)| *thread).collect();
    db.run(
        "select no
         from maestro.threads
         where no = any($1)
         order by no
         for no key update",
        params![threads],
    )
    .await?;
    db.run(
        "select id
         from maestro.entries
         where id = any($1)
         order by id
         for no key update",
        params![ids.clone()],
    )
    .await?;
    // A chunk that was being added when the locks were asked for can have renewed the lease.
    let gone = db.all(
        concat!(
            "select *
             from (
               select s.id as session_id, t.id as thread_id, ",
            columns!(),
            "
               from maestro.entries e
               join maestro.threads t on t.no = e.thread_no
               join maestro.sessions s on s.no = t.session_no
               where e.id = any($1)
                 and e.state = 'streaming'
               order by e.id
             ) e"
        ),
        params![ids],
        entries::from_joined_row,
    );
    let mut recovered = Vec::new();
    for entry in gone.await? {
        if entry.writer.is_none_or(|writer| writer.until <= now) {
            recovered.push(interrupt(db, entry, now).await?);
        }
    }
    Ok(Some(recovered))
}

async fn interrupt(db: &mut Db<'_>, entry: ChatEntry, now: Timestamp) -> Outcome<ChatEntry> {
    let content = entry.content.interrupted(&read(db, entry.id).await?);
    let entry = ChatEntry { state: EntryState::Interrupted, writer: None, content, updated_at: now, ..entry };
    let sealed = db.run(
        "with t as (
           update maestro.threads
           set head_streaming = false
           where head_entry_id = $1
             and id = $2
         )
         update maestro.entries
         set state = $3,
             writer_holder = null,
             writer_until = null,
             updated_at = $4,
             provider = $5,
             body = $6
         where id = $1",
        params![
            entry.id.uuid(),
            entry.thread_id.uuid(),
            entry.state.as_str(),
            now.micros(),
            entries::provider_of(&entry.content),
            entry.content.to_json()?,
        ],
    );
    sealed.await?;
    drop_journal(db, entry.id).await?;
    Ok(entry)
}

async fn drop_journal(db: &mut Db<'_>, id: Id<ChatEntry>) -> Outcome<()> {
    let dropped = db.run(
        "delete from maestro.journal
         where entry_id = $1",
        params![id.uuid()],
    );
    dropped.await?;
    Ok(())
}

pub(super) fn journal_seq(number: i64) -> Outcome<JournalSeq> {
    Ok(JournalSeq::from_stored(u32::try_from(number).map_err(|_| unreadable("a number"))?))
}

pub(super) fn data(bytes: &[u8]) -> Outcome<String> {
    Ok(str::from_utf8(bytes).map_err(|_| unreadable("a chunk"))?.to_owned())
}
