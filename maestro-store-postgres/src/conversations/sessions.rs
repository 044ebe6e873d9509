//! Sessions: `sessions`, `session_maps`, `session_items`.

use std::fmt;

use maestro_core::{
    Error, Id,
    auth::SavedAuthentication,
    conversations::{ItemUse, NewSession, OpenSession, Session, SessionChange, SessionQuery},
    page::{Cursor, CursorKey, Page, PageRequest, Total},
    provider::ModelId,
    refusal::{self, operation},
    revision::Revision,
    supplied_context::ItemVersionNumber,
    time::Timestamp,
};
use sqlx::Arguments as _;
use uuid::Uuid;

use super::threads;
use crate::{
    auth,
    error::Outcome,
    rows::{Db, Fields, params, stored, to_json, unreadable},
    supplied_context,
};

/// The number of a session within the schema.
pub(super) type SessionNo = i64;

/// Writes a new session. What it refers to is checked by the foreign keys; [`why_not_created`] says which did not hold.
pub(super) async fn create(db: &mut Db<'_>, new: &NewSession) -> Outcome<Option<Session>> {
    let session = Session {
        id: new.id,
        name: new.name.clone(),
        auth_id: new.auth_id,
        model_id: new.model_id.clone(),
        persona: new.persona,
        system_prompts: new.system_prompts.clone(),
        memory: new.memory.clone(),
        tools: new.tools.clone(),
        mcps: new.mcps.clone(),
        working_dir: new.working_dir.clone(),
        root_thread_id: new.root_thread_id,
        latest_chat_entry_id: None,
        last_used_at: new.now,
        revision: Revision::FIRST,
        inserted_at: new.now,
        updated_at: new.now,
    };
    insert(db, &session).await?;
    Ok(Some(session))
}

/// Writes a session with its first thread, its maps and its items, in one statement.
pub(super) async fn insert(db: &mut Db<'_>, session: &Session) -> Outcome<SessionNo> {
    let (places, items, versions) = item_columns(session);
    let created = db.first(
        "with s as (
           insert into maestro.sessions (
             id, name, auth_id, model_id, root_thread_id, latest_entry_id, last_used_at, revision, inserted_at, updated_at
           )
           values ($1, $2, $3, $4, $5, $17, $16, $7, $6, $15)
           returning no
         ), t as (
           insert into maestro.threads (id, session_no, fork_turn, head_turn, inserted_at, updated_at)
           select $5, s.no, 0, 0, $6, $6
           from s
         ), m as (
           insert into maestro.session_maps (session_no, working_dir, memory, tools, mcps)
           select s.no, $8, $9, $10, $11
           from s
         ), i as (
           insert into maestro.session_items (session_no, place, item_id, version)
           select s.no, u.place, u.item_id, u.version
           from s
           cross join unnest($12::bigint[], $13::uuid[], $14::bigint[]) u (place, item_id, version)
         )
         select no
         from s",
        params![
            session.id.uuid(),
            session.name.as_str(),
            session.auth_id.map(|id| id.uuid()),
            session.model_id.as_ref().map(ModelId::as_str),
            session.root_thread_id.uuid(),
            session.inserted_at.micros(),
            stored(session.revision.get()),
            session.working_dir.as_deref(),
            to_json(&session.memory)?,
            to_json(&session.tools)?,
            to_json(&session.mcps)?,
            places,
            items,
            versions,
            session.updated_at.micros(),
            session.last_used_at.micros(),
            session.latest_chat_entry_id.map(|id| id.uuid()),
        ],
        |row| row.integer(),
    );
    created.await?.ok_or_else(|| unreadable("a new row").into())
}

pub(super) async fn why_not_created(db: &mut Db<'_>, new: &NewSession) -> Outcome<Option<Error>> {
    let used = new.persona.iter().chain(&new.system_prompts);
    if let Some(refusal) = missing_reference(db, operation::SESSION_CREATE, new.id, new.auth_id, used).await?
    {
        return Ok(Some(refusal));
    }
    if number(db, new.id).await?.is_some() {
        return Ok(Some(refusal::id_taken(operation::SESSION_CREATE, new.id)));
    }
    let is_taken = threads::is_there(db, new.root_thread_id).await?;
    Ok(is_taken.then(|| refusal::id_taken(operation::SESSION_CREATE, new.root_thread_id)))
}

pub(super) async fn get(
    db: &mut Db<'_>,
    operation: &'static str,
    id: Id<Session>,
) -> Outcome<(SessionNo, Session)> {
    let found = db.first(
        concat!(
            "select ",
            columns!(),
            "
             from maestro.sessions s
             join maestro.session_maps m on m.session_no = s.no
             where s.id = $1"
        ),
        params![id.uuid()],
        from_row,
    );
    found.await?.ok_or_else(|| refusal::missing(operation, id).into())
}

pub(super) async fn open(db: &mut Db<'_>, id: Id<Session>) -> Outcome<OpenSession> {
    let found = db.first(
        concat!(
            "select ",
            columns!(),
            ", ",
            auth::columns!("a"),
            "
             from maestro.sessions s
             join maestro.session_maps m on m.session_no = s.no
             left join maestro.authentications a on a.id = s.auth_id
             where s.id = $1"
        ),
        params![id.uuid()],
        |row| {
            let (_, session) = from_row(row)?;
            let auth = match row.id_optional()? {
                Some(id) => Some(auth::rest_from_row(id, row)?),
                None => None,
            };
            Ok(OpenSession { session, auth })
        },
    );
    found.await?.ok_or_else(|| refusal::missing(operation::SESSION_OPEN, id).into())
}

pub(super) async fn list(
    db: &mut Db<'_>,
    query: &SessionQuery,
    page: &PageRequest,
    before: Option<(i64, Uuid)>,
) -> Outcome<Page<Session>> {
    // Only what is asked for stands in the statement, so that each has an index that fits.
    let mut wanted = String::from("true");
    let mut values = params![];
    let mut add = |condition: &str| wanted.push_str(condition);
    let encode = sqlx::Error::Encode;
    if let Some(name) = &query.name {
        values.add(name.as_str()).map_err(encode)?;
        add(&format!(" and s.name = ${}", values.len()));
    }
    if let Some(auth_id) = query.auth_id {
        values.add(auth_id.uuid()).map_err(encode)?;
        add(&format!(" and s.auth_id = ${}", values.len()));
    }
    let total = match page.total {
        Total::Skip => None,
        Total::Count => {
            let count = format!(
                "select count(*)
                 from maestro.sessions s
                 where {wanted}"
            );
            db.all_of(count, values.clone(), |row| row.number()).await?.pop()
        }
    };
    if let Some((time, id)) = before {
        values.add(time).map_err(encode)?;
        values.add(id).map_err(encode)?;
        let last = values.len();
        wanted.push_str(&format!(" and (s.last_used_at, s.id) < (${}, ${last})", last - 1));
    }
    values.add(page.limit.get() as i64 + 1).map_err(encode)?;
    // Cut off before maps and items are looked up.
    let select = format!(
        "select {}
         from (
           select *
           from maestro.sessions s
           where {wanted}
           order by s.last_used_at desc, s.id desc
           limit ${}
         ) s
         join maestro.session_maps m on m.session_no = s.no
         order by s.last_used_at desc, s.id desc",
        columns!(),
        values.len(),
    );
    let sessions = db.all_of(select, values, |row| Ok(from_row(row)?.1)).await?;
    Ok(Page::from_rows(sessions, page.limit, total, |session| {
        Cursor::at(CursorKey::Number(session.last_used_at.micros()), session.id.uuid())
    }))
}

/// Changes the settings under a lock on the row, so that what was read is what is changed.
pub(super) async fn update(
    db: &mut Db<'_>,
    id: Id<Session>,
    expected: Revision,
    change: &SessionChange,
    now: Timestamp,
) -> Outcome<Option<Session>> {
    let found = db.first(
        concat!(
            "select ",
            columns!(),
            "
             from maestro.sessions s
             join maestro.session_maps m on m.session_no = s.no
             where s.id = $1
             for no key update of s"
        ),
        params![id.uuid()],
        from_row,
    );
    let (no, session) = found.await?.ok_or_else(|| refusal::missing(operation::SESSION_UPDATE, id))?;
    if session.revision != expected {
        return Err(
            refusal::revision_passed(operation::SESSION_UPDATE, id, expected, session.revision).into()
        );
    }
    let change = change.clone();
    let items_change = change.persona.is_some() || change.system_prompts.is_some();
    let session = Session {
        name: change.name.unwrap_or(session.name),
        auth_id: change.auth_id.unwrap_or(session.auth_id),
        model_id: change.model_id.unwrap_or(session.model_id),
        persona: change.persona.unwrap_or(session.persona),
        system_prompts: change.system_prompts.unwrap_or(session.system_prompts),
        memory: change.memory.unwrap_or(session.memory),
        tools: change.tools.unwrap_or(session.tools),
        mcps: change.mcps.unwrap_or(session.mcps),
        working_dir: change.working_dir.unwrap_or(session.working_dir),
        revision: session.revision.next(),
        updated_at: now,
        ..session
    };
    write_settings(db, no, &session).await?;
    if items_change {
        replace_items(db, no, &session).await?;
    }
    Ok(Some(session))
}

pub(super) async fn why_not_updated(
    db: &mut Db<'_>,
    id: Id<Session>,
    change: &SessionChange,
) -> Outcome<Option<Error>> {
    let persona = change.persona.flatten();
    let prompts = change.system_prompts.iter().flatten();
    let used = persona.iter().chain(prompts);
    missing_reference(db, operation::SESSION_UPDATE, id, change.auth_id.flatten(), used).await
}

/// Removes a session and all that is below. Whoever writes to one of its threads is waited for, and finds the thread gone
/// afterwards.
pub(super) async fn delete(db: &mut Db<'_>, id: Id<Session>) -> Outcome<Option<()>> {
    let Some(no) = number(db, id).await? else {
        return Err(refusal::missing(operation::SESSION_DELETE, id).into());
    };
    // Threads come before their session, as everywhere; a thread that is forked off meanwhile is met by the session's lock.
    let threads = "select no
                   from maestro.threads
                   where session_no = $1
                   order by no
                   for update";
    db.run(threads, params![no]).await?;
    let is_there = db.exists(
        "select 1
         from maestro.sessions
         where no = $1
         for update",
        params![no],
    );
    if !is_there.await? {
        return Err(refusal::missing(operation::SESSION_DELETE, id).into());
    }
    db.run(threads, params![no]).await?;
    // A chunk that is being added is waited for, so that it can be seen and goes too.
    db.run(
        "select e.id
         from maestro.threads t
         join maestro.entries e on e.thread_no = t.no and e.state = 'streaming'
         where t.session_no = $1
         for update of e",
        params![no],
    )
    .await?;
    for contents in [
        "delete from maestro.journal
         where entry_id in (
           select e.id
           from maestro.threads t
           join maestro.entries e on e.thread_no = t.no
           where t.session_no = $1
             and e.state = 'streaming'
         )",
        "delete from maestro.chunk_marks
         where thread_no in (select no from maestro.threads where session_no = $1)",
        "delete from maestro.entries
         where thread_no in (select no from maestro.threads where session_no = $1)",
        "delete from maestro.threads
         where session_no = $1",
        // Its maps and items go with it.
        "delete from maestro.sessions
         where no = $1",
    ] {
        db.run(contents, params![no]).await?;
    }
    Ok(Some(()))
}

/// Moves the latest entry of a session back to `entry`, if it is one of those that `thread` has from `turn` on.
pub(super) async fn retreat(
    db: &mut Db<'_>,
    no: SessionNo,
    (thread, turn): (threads::ThreadNo, i64),
    entry: Option<Uuid>,
) -> Outcome<()> {
    let moved = db.run(
        "update maestro.sessions
         set latest_entry_id = $4
         where no = $1
           and latest_entry_id in (
             select id
             from maestro.entries
             where thread_no = $2
               and turn_index >= $3
           )",
        params![no, thread, turn, entry],
    );
    moved.await?;
    Ok(())
}

/// Whether there is a session with this id, and which.
pub(super) async fn number(db: &mut Db<'_>, id: Id<Session>) -> Outcome<Option<SessionNo>> {
    let found = db.first(
        "select no
         from maestro.sessions
         where id = $1",
        params![id.uuid()],
        |row| row.integer(),
    );
    found.await
}

/// What a session refers to and does not exist: its authentication first, then its persona, then its prompts in order.
/// The foreign keys say the same, but not which.
pub(super) async fn missing_reference(
    db: &mut Db<'_>,
    operation: &'static str,
    session: impl fmt::Display,
    auth_id: Option<Id<SavedAuthentication>>,
    items: impl Iterator<Item = &ItemUse>,
) -> Outcome<Option<Error>> {
    if let Some(auth_id) = auth_id
        && !auth::is_there(db, auth_id).await?
    {
        return Ok(Some(refusal::authentication_missing(operation, session, auth_id)));
    }
    for used in items {
        if !supplied_context::has_version(db, *used).await? {
            return Ok(Some(refusal::item_missing(operation, session, *used)));
        }
    }
    Ok(None)
}

/// The columns that [`from_row`] reads.
macro_rules! columns {
    () => {
        "s.no, s.id, s.name, s.auth_id, s.model_id, m.memory, m.tools, m.mcps, m.working_dir, s.root_thread_id,
         s.latest_entry_id, s.last_used_at, s.revision, s.inserted_at, s.updated_at,
         array(select u.place from maestro.session_items u where u.session_no = s.no order by u.place),
         array(select u.item_id from maestro.session_items u where u.session_no = s.no order by u.place),
         array(select u.version from maestro.session_items u where u.session_no = s.no order by u.place)"
    };
}
use columns;

/// A session and its number.
fn from_row(row: &mut Fields<'_>) -> Outcome<(SessionNo, Session)> {
    let no = row.integer()?;
    let mut session = Session {
        id: row.id()?,
        name: row.parsed()?,
        auth_id: row.id_optional()?,
        model_id: row.parsed_optional()?,
        persona: None,
        system_prompts: Vec::new(),
        memory: row.json()?,
        tools: row.json()?,
        mcps: row.json()?,
        working_dir: row.text_optional()?.map(str::to_owned),
        root_thread_id: row.id()?,
        latest_chat_entry_id: row.id_optional()?,
        last_used_at: row.time()?,
        revision: Revision::from_stored(row.number()?),
        inserted_at: row.time()?,
        updated_at: row.time()?,
    };
    let (places, items, versions) = (row.integers()?, row.ids()?, row.integers()?);
    for ((place, item), version) in places.into_iter().zip(items).zip(versions) {
        let version = ItemVersionNumber::new(u32::try_from(version).unwrap_or(u32::MAX));
        let used = ItemUse { item_id: Id::from_uuid(item), version };
        if place == 0 {
            session.persona = Some(used);
        } else {
            session.system_prompts.push(used);
        }
    }
    Ok((no, session))
}

async fn write_settings(db: &mut Db<'_>, no: SessionNo, session: &Session) -> Outcome<()> {
    let written = db.run(
        "with s as (
           update maestro.sessions
           set name = $2,
               auth_id = $3,
               model_id = $4,
               revision = $5,
               updated_at = $6
           where no = $1
         )
         update maestro.session_maps
         set working_dir = $7,
             memory = $8,
             tools = $9,
             mcps = $10
         where session_no = $1",
        params![
            no,
            session.name.as_str(),
            session.auth_id.map(|id| id.uuid()),
            session.model_id.as_ref().map(ModelId::as_str),
            stored(session.revision.get()),
            session.updated_at.micros(),
            session.working_dir.as_deref(),
            to_json(&session.memory)?,
            to_json(&session.tools)?,
            to_json(&session.mcps)?,
        ],
    );
    written.await?;
    Ok(())
}

async fn replace_items(db: &mut Db<'_>, no: SessionNo, session: &Session) -> Outcome<()> {
    let removed = db.run(
        "delete from maestro.session_items
         where session_no = $1",
        params![no],
    );
    removed.await?;
    let (places, items, versions) = item_columns(session);
    let inserted = db.run(
        "insert into maestro.session_items (session_no, place, item_id, version)
         select $1, u.place, u.item_id, u.version
         from unnest($2::bigint[], $3::uuid[], $4::bigint[]) u (place, item_id, version)",
        params![no, places, items, versions],
    );
    inserted.await?;
    Ok(())
}

/// The items of a session as columns of their table: places, items, versions.
fn item_columns(session: &Session) -> (Vec<i64>, Vec<Uuid>, Vec<i64>) {
    let persona = session.persona.iter().map(|used| (0, used));
    let prompts = (1_i64..).zip(&session.system_prompts);
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (place, used) in persona.chain(prompts) {
        columns.0.push(place);
        columns.1.push(used.item_id.uuid());
        columns.2.push(i64::from(used.version.get()));
    }
    columns
}
