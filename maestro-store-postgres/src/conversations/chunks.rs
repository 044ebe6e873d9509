//! Marks on the pieces of a conversation: `chunk_marks`. They are read with the lineage.

use maestro_core::{
    ErrorKind, Id,
    conversations::{ChunkRef, ChunkState, Thread},
    refusal::{self, operation},
    time::Timestamp,
};

use super::{
    entries,
    lineage::{self, Range},
};
use crate::{
    error::{Failure, Outcome},
    rows::{Db, params},
};

/// Marks a piece. The lock on the thread keeps it and the entries of its lineage from being deleted meanwhile.
pub(super) async fn mark(
    db: &mut Db<'_>,
    thread: Id<Thread>,
    chunk: ChunkRef,
    state: ChunkState,
    now: Timestamp,
) -> Outcome<Option<()>> {
    let locked = db.first(
        "select no
         from maestro.threads
         where id = $1
         for key share",
        params![thread.uuid()],
        |row| row.integer(),
    );
    let no = locked.await?.ok_or_else(|| refusal::missing(operation::CHUNK_MARK, thread))?;
    if !is_there(db, thread, chunk).await? {
        return Err(refusal::chunk_missing(operation::CHUNK_MARK, thread, chunk).into());
    }
    let marked = db.run(
        "insert into maestro.chunk_marks (thread_no, entry_id, part, state, marked_at)
         values ($1, $2, $3, $4, $5)
         on conflict (thread_no, entry_id, part) do update
         set state = excluded.state,
             marked_at = excluded.marked_at",
        params![no, chunk.entry_id.uuid(), i64::from(chunk.part), to_stored(state), now.micros()],
    );
    marked.await?;
    Ok(Some(()))
}

/// Whether the entry of a chunk is in the lineage of the thread and has that part.
async fn is_there(db: &mut Db<'_>, thread: Id<Thread>, chunk: ChunkRef) -> Outcome<bool> {
    let entry = match entries::get(db, operation::CHUNK_MARK, chunk.entry_id).await {
        Ok(entry) => entry,
        Err(Failure::Refused(error)) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let found = lineage::between(db, operation::CHUNK_MARK, thread, Range::of(entry.turn_index)).await?;
    Ok(found.entries.iter().any(|found| found.id == entry.id)
        && (chunk.part as usize) < entry.content.parts.len())
}

/// Whether a stored mark takes its piece out.
pub(super) fn is_excluded(state: &str) -> bool {
    state == to_stored(ChunkState::Excluded)
}

pub(super) const fn to_stored(state: ChunkState) -> &'static str {
    match state {
        ChunkState::Included => "included",
        ChunkState::Excluded => "excluded",
    }
}
