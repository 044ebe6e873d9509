//! Entries: `entries`.

use maestro_core::{
    Error, Id,
    chat::Role,
    conversations::{
        ChatEntry, EntryContent, EntryState, NewChatEntry, NewStreamedEntry, Session, Thread, ThreadHead,
        TurnIndex, WriterLease,
    },
    refusal::{self, operation},
};

use super::{sessions, threads};
use crate::{
    error::Outcome,
    rows::{Db, Fields, params},
};

/// Where an entry stands.
pub(super) struct Place {
    pub(super) session_id: Id<Session>,
    pub(super) thread_id: Id<Thread>,
    pub(super) turn_index: TurnIndex,
    pub(super) edit_version: u32,
}

impl Place {
    /// A whole entry at this place.
    pub(super) fn whole(self, new: NewChatEntry) -> ChatEntry {
        ChatEntry {
            id: new.id,
            session_id: self.session_id,
            thread_id: self.thread_id,
            turn_index: self.turn_index,
            actor: new.actor,
            edit_version: self.edit_version,
            state: new.state,
            writer: None,
            content: new.content,
            inserted_at: new.now,
            updated_at: new.now,
        }
    }

    /// An entry that begins to stream at this place.
    pub(super) fn streamed(self, new: NewStreamedEntry) -> ChatEntry {
        ChatEntry {
            id: new.id,
            session_id: self.session_id,
            thread_id: self.thread_id,
            turn_index: self.turn_index,
            actor: new.actor,
            edit_version: self.edit_version,
            state: EntryState::Streaming,
            writer: Some(new.writer),
            content: new.content,
            inserted_at: new.now,
            updated_at: new.now,
        }
    }
}

/// Puts an entry behind `head` and moves the thread's head and the session's latest entry and last use to it, in one
/// statement.
///
/// The row of the thread decides. Of several that are behind the same head, the first changes it; each of the others waits
/// for that row, looks at it anew and changes nothing. What the statement sees of other tables is older than that, and so
/// must not be asked.
pub(super) async fn append(
    db: &mut Db<'_>,
    head: ThreadHead,
    new: &NewChatEntry,
    body: &str,
) -> Outcome<Option<Place>> {
    let put = db.first(
        PUT,
        params![
            head.thread_id.uuid(),
            head.entry_id.map(|id| id.uuid()),
            new.id.uuid(),
            new.actor.as_str(),
            new.state.as_str(),
            None::<uuid::Uuid>,
            None::<i64>,
            new.now.micros(),
            provider_of(&new.content),
            body,
        ],
        |row| place_from_row(head, row),
    );
    put.await
}

/// As [`append`], for an entry that will stream in.
pub(super) async fn begin(
    db: &mut Db<'_>,
    head: ThreadHead,
    new: &NewStreamedEntry,
    body: &str,
) -> Outcome<Option<Place>> {
    let put = db.first(
        PUT,
        params![
            head.thread_id.uuid(),
            head.entry_id.map(|id| id.uuid()),
            new.id.uuid(),
            new.actor.as_str(),
            EntryState::Streaming.as_str(),
            Some(new.writer.holder.uuid()),
            Some(new.writer.until.micros()),
            new.now.micros(),
            provider_of(&new.content),
            body,
        ],
        |row| place_from_row(head, row),
    );
    put.await
}

const PUT: &str = "with t as (
   update maestro.threads
   set head_turn = head_turn + 1,
       head_entry_id = $3,
       head_streaming = $5 = 'streaming'
   where id = $1
     and head_entry_id is not distinct from $2
     and not head_streaming
     and head_turn < 2147483647
   returning no, session_no, head_turn
 ), e as (
   insert into maestro.entries (
     thread_no, turn_index, id, actor, state, edit_version, writer_holder, writer_until, inserted_at, updated_at,
     provider, body
   )
   select t.no, t.head_turn, $3, $4, $5, 1, $6, $7, $8, $8, $9, $10
   from t
 )
 update maestro.sessions s
 set latest_entry_id = $3,
     last_used_at = $8
 from t
 where s.no = t.session_no
 returning s.id, t.head_turn";

fn place_from_row(head: ThreadHead, row: &mut Fields<'_>) -> Outcome<Place> {
    Ok(Place {
        session_id: row.id()?,
        thread_id: head.thread_id,
        turn_index: TurnIndex::new(row.number()?),
        edit_version: 1,
    })
}

/// Why an entry could not be put behind `head`, if there is still a reason: of the thread first.
pub(super) async fn why_not_put(
    db: &mut Db<'_>,
    operation: &'static str,
    head: ThreadHead,
    id: Id<ChatEntry>,
) -> Outcome<Option<Error>> {
    if let Some(refusal) = threads::why_not_behind(db, operation, head).await? {
        return Ok(Some(refusal));
    }
    Ok(state_of(db, id).await?.map(|_| refusal::id_taken(operation, id)))
}

/// The provider of an entry, which stands beside the body so that it can be asked for.
pub(super) fn provider_of(content: &EntryContent) -> Option<&str> {
    content.origin.as_ref().map(|origin| origin.provider.as_str())
}

/// The entry with this id.
pub(super) async fn get(db: &mut Db<'_>, operation: &'static str, id: Id<ChatEntry>) -> Outcome<ChatEntry> {
    let found = db.first(
        concat!(
            "select s.id, t.id, ",
            columns!(),
            "
             from maestro.entries e
             join maestro.threads t on t.no = e.thread_no
             join maestro.sessions s on s.no = t.session_no
             where e.id = $1"
        ),
        params![id.uuid()],
        from_joined_row,
    );
    found.await?.ok_or_else(|| refusal::missing(operation, id).into())
}

/// How far the entry with this id is, if there is one.
pub(super) async fn state_of(db: &mut Db<'_>, id: Id<ChatEntry>) -> Outcome<Option<EntryState>> {
    let found = db.first(
        "select state
         from maestro.entries
         where id = $1",
        params![id.uuid()],
        |row| Ok(EntryState::from_stored(row.text()?)?),
    );
    found.await
}

pub(super) async fn delete(db: &mut Db<'_>, head: ThreadHead) -> Outcome<Option<()>> {
    let stored = threads::lock(db, operation::ENTRY_DELETE, head.thread_id).await?;
    let found = stored.thread.head();
    if found != head {
        return Err(refusal::head_moved(operation::ENTRY_DELETE, head, found).into());
    }
    let own = head.entry_id.filter(|_| stored.thread.head_turn > stored.thread.fork_turn);
    let Some(last) = own else {
        return Err(refusal::head_inherited(operation::ENTRY_DELETE, head).into());
    };
    if stored.is_streaming {
        return Err(refusal::streaming(operation::ENTRY_DELETE, head.thread_id, last).into());
    }
    let turn = i64::from(stored.thread.head_turn.get());
    let is_continued = db.exists(
        "select 1
         from maestro.threads
         where parent_no = $1
           and fork_turn = $2
         limit 1",
        params![stored.no, turn],
    );
    if is_continued.await? {
        return Err(refusal::entry_continued(operation::ENTRY_DELETE, head.thread_id, last).into());
    }
    let moved = db.first(
        "update maestro.threads t
         set head_turn = t.head_turn - 1,
             head_entry_id = coalesce(
               (select e.id from maestro.entries e where e.thread_no = t.no and e.turn_index = t.head_turn - 1),
               t.fork_entry_id
             )
         where t.no = $1
         returning t.head_entry_id",
        params![stored.no],
        |row| row.id_optional::<ChatEntry>(),
    );
    let before = moved.await?.flatten().map(|id| id.uuid());
    sessions::retreat(db, stored.session_no, (stored.no, turn), before).await?;
    db.run(
        "delete from maestro.chunk_marks
         where thread_no = $1
           and entry_id = $2",
        params![stored.no, last.uuid()],
    )
    .await?;
    db.run(
        "delete from maestro.entries
         where thread_no = $1
           and turn_index = $2",
        params![stored.no, turn],
    )
    .await?;
    Ok(Some(()))
}

/// The columns that [`from_row`] reads. The last chunk of the journal says until when its writer is believed to live.
macro_rules! columns {
    () => {
        "e.turn_index, e.id, e.actor, e.edit_version, e.state, e.writer_holder,
         case when e.state = 'streaming' then coalesce(
           (select j.writer_until from maestro.journal j where j.entry_id = e.id order by j.seq desc limit 1),
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
) -> Outcome<ChatEntry> {
    Ok(ChatEntry {
        session_id,
        thread_id,
        turn_index: TurnIndex::new(row.number()?),
        id: row.id()?,
        actor: Role::from_stored(row.text()?)?,
        edit_version: row.number()?,
        state: EntryState::from_stored(row.text()?)?,
        writer: match (row.id_optional()?, row.time_optional()?) {
            (Some(holder), Some(until)) => Some(WriterLease { holder, until }),
            _ => None,
        },
        content: EntryContent::from_json(row.text()?)?,
        inserted_at: row.time()?,
        updated_at: row.time()?,
    })
}

/// An entry with its session and thread before it.
pub(super) fn from_joined_row(row: &mut Fields<'_>) -> Outcome<ChatEntry> {
    let (session_id, thread_id) = (row.id()?, row.id()?);
    from_row(row, session_id, thread_id)
}
