//! Sessions: `sessions`, `session_maps`, `session_items`.

use std::fmt::Display;

use maestro_core::{
    Id,
    conversations::{ItemUse, NewSession, OpenSession, Session, SessionChange, SessionQuery},
    page::{Cursor, CursorKey, Page, PageRequest, Total},
    refusal::{self, operation},
    revision::Revision,
    supplied_context::ItemVersionNumber,
    time::Timestamp,
};
use rusqlite::{Connection, named_params, params};
use uuid::Uuid;

use super::{entries, threads};
use crate::{
    auth,
    error::{Outcome, or_taken},
    rows::{Fields, all, exists, first, run, to_json},
    supplied_context,
};

/// The number of a session within the file.
pub(super) type SessionNo = i64;

pub(super) fn create(tx: &Connection, new: &NewSession) -> Outcome<Session> {
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
    check_references(tx, operation::SESSION_CREATE, session.id, &session)?;
    let root = threads::next_no(tx)?;
    let no = insert(tx, &session, root)?;
    threads::insert_root(tx, root, session.root_thread_id, no, new.now)?;
    insert_maps(tx, no, &session)?;
    insert_items(tx, no, &session)?;
    Ok(session)
}

pub(super) fn get(
    tx: &Connection,
    operation: &'static str,
    id: Id<Session>,
) -> Outcome<(SessionNo, Session)> {
    let found = first(
        tx,
        concat!(
            "select ",
            columns!(),
            "
             from sessions s
             join session_maps m on m.session_no = s.no
             where s.id = ?1"
        ),
        [id.as_bytes()],
        from_row,
    )?;
    let (no, session) = found.ok_or_else(|| refusal::missing(operation, id))?;
    Ok((no, with_items(tx, no, session)?))
}

pub(super) fn open(tx: &Connection, id: Id<Session>) -> Outcome<OpenSession> {
    let (_, session) = get(tx, operation::SESSION_OPEN, id)?;
    let auth = match session.auth_id {
        Some(auth_id) => auth::get(tx, auth_id)?,
        None => None,
    };
    Ok(OpenSession { session, auth })
}

pub(super) fn list(
    tx: &Connection,
    query: &SessionQuery,
    page: &PageRequest,
    before: Option<(i64, Uuid)>,
) -> Outcome<Page<Session>> {
    // Only what is asked for stands in the statement, so that each has an index that fits.
    let mut wanted = String::from("true");
    if query.name.is_some() {
        wanted.push_str(" and s.name = :name");
    }
    if query.auth_id.is_some() {
        wanted.push_str(" and s.auth_id = :auth_id");
    }
    let mut filters: Vec<(&str, &dyn rusqlite::ToSql)> = Vec::new();
    let name = query.name.as_ref().map(|name| name.as_str());
    let auth_id = query.auth_id.map(|id| *id.as_bytes());
    if name.is_some() {
        filters.push((":name", &name));
    }
    if auth_id.is_some() {
        filters.push((":auth_id", &auth_id));
    }
    let total = match page.total {
        Total::Skip => None,
        Total::Count => first(
            tx,
            &format!(
                "select count(*)
                 from sessions s
                 where {wanted}"
            ),
            &*filters,
            |row| row.number(),
        )?,
    };
    let (before_time, before_id) = before.map_or((0, Uuid::nil()), |before| before);
    let before_id = *before_id.as_bytes();
    let limit = page.limit.get() + 1;
    if before.is_some() {
        wanted.push_str(" and (s.last_used_at, s.id) < (:before_time, :before_id)");
        filters.push((":before_time", &before_time));
        filters.push((":before_id", &before_id));
    }
    filters.push((":limit", &limit));
    let sessions = all(
        tx,
        &format!(
            "select {}
             from sessions s
             cross join session_maps m on m.session_no = s.no
             where {wanted}
             order by s.last_used_at desc, s.id desc
             limit :limit",
            columns!()
        ),
        &*filters,
        from_row,
    )?;
    let sessions =
        sessions.into_iter().map(|(no, session)| with_items(tx, no, session)).collect::<Outcome<Vec<_>>>()?;
    Ok(Page::from_rows(sessions, page.limit, total, |session| {
        Cursor::at(CursorKey::Number(session.last_used_at.micros()), session.id.uuid())
    }))
}

pub(super) fn update(
    tx: &Connection,
    id: Id<Session>,
    expected: Revision,
    change: &SessionChange,
    now: Timestamp,
) -> Outcome<Session> {
    let (no, session) = get(tx, operation::SESSION_UPDATE, id)?;
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
    check_references(tx, operation::SESSION_UPDATE, session.id, &session)?;
    run(
        tx,
        "update sessions
         set name = ?2,
             auth_id = ?3,
             model_id = ?4,
             revision = ?5,
             updated_at = ?6
         where no = ?1",
        params![
            no,
            session.name.as_str(),
            session.auth_id.map(|id| *id.as_bytes()),
            session.model_id.as_ref().map(|model| model.as_str()),
            session.revision.get(),
            session.updated_at.micros(),
        ],
    )?;
    insert_maps(tx, no, &session)?;
    if items_change {
        run(
            tx,
            "delete from session_items
             where session_no = ?1",
            [no],
        )?;
        insert_items(tx, no, &session)?;
    }
    Ok(session)
}

pub(super) fn delete(tx: &Connection, id: Id<Session>) -> Outcome<()> {
    let no: SessionNo = first(
        tx,
        "select no
         from sessions
         where id = ?1",
        [id.as_bytes()],
        |row| row.integer(),
    )?
    .ok_or_else(|| refusal::missing(operation::SESSION_DELETE, id))?;
    let threads = all(
        tx,
        "select no
         from threads
         where session_no = ?1
         order by no",
        [no],
        |row| row.integer(),
    )?;
    for thread in threads {
        threads::delete_contents(tx, thread)?;
    }
    run(
        tx,
        "delete from threads
         where session_no = ?1",
        [no],
    )?;
    // Its maps and items go with it.
    run(
        tx,
        "delete from sessions
         where no = ?1",
        [no],
    )?;
    Ok(())
}

/// Moves the latest entry, and with it the last use, of a session.
pub(super) fn touch(tx: &Connection, no: SessionNo, entry: entries::EntryNo, now: Timestamp) -> Outcome<()> {
    run(
        tx,
        "update sessions
         set latest_entry_no = ?2,
             last_used_at = ?3
         where no = ?1",
        params![no, entry.get(), now.micros()],
    )?;
    Ok(())
}

/// Moves the latest entry of a session back to `entry`, if it lies within the numbers `from` to `to`.
pub(super) fn retreat(
    tx: &Connection,
    no: SessionNo,
    (from, to): (entries::EntryNo, entries::EntryNo),
    entry: Option<entries::EntryNo>,
) -> Outcome<()> {
    run(
        tx,
        "update sessions
         set latest_entry_no = :entry
         where no = :no
           and latest_entry_no between :from and :to",
        named_params! {
            ":no": no,
            ":entry": entry.map(entries::EntryNo::get),
            ":from": from.get(),
            ":to": to.get(),
        },
    )?;
    Ok(())
}

/// Everything that a session refers to must exist: its authentication first, then its persona, then its prompts in
/// order. The foreign keys say the same, but not which.
pub(super) fn check_references(
    tx: &Connection,
    operation: &'static str,
    on: impl Display + Copy,
    session: &Session,
) -> Outcome<()> {
    if let Some(auth_id) = session.auth_id
        && !auth::is_there(tx, auth_id)?
    {
        return Err(refusal::authentication_missing(operation, on, auth_id).into());
    }
    for used in session.persona.iter().chain(&session.system_prompts) {
        if !supplied_context::has_version(tx, *used)? {
            return Err(refusal::item_missing(operation, on, *used).into());
        }
    }
    Ok(())
}

/// The columns that [`from_row`] reads.
macro_rules! columns {
    () => {
        "s.no, s.id, s.name, s.auth_id, s.model_id, m.memory, m.tools, m.mcps, m.working_dir,
         (select t.id from threads t where t.no = s.root_thread_no),
         (select e.id from entries e where e.no = s.latest_entry_no),
         s.last_used_at, s.revision, s.inserted_at, s.updated_at"
    };
}
use columns;

/// A session, as yet without its items, and its number.
fn from_row(row: &mut Fields<'_>) -> Outcome<(SessionNo, Session)> {
    let no = row.integer()?;
    let session = Session {
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
    Ok((no, session))
}

fn with_items(tx: &Connection, no: SessionNo, mut session: Session) -> Outcome<Session> {
    let items = all(
        tx,
        "select place, item_id, version
         from session_items
         where session_no = ?1
         order by place",
        [no],
        |row| {
            let place = row.integer()?;
            Ok((place, ItemUse { item_id: row.id()?, version: ItemVersionNumber::new(row.number()?) }))
        },
    )?;
    for (place, used) in items {
        if place == 0 {
            session.persona = Some(used);
        } else {
            session.system_prompts.push(used);
        }
    }
    Ok(session)
}

pub(super) fn insert(tx: &Connection, session: &Session, root_thread_no: i64) -> Outcome<SessionNo> {
    let inserted = run(
        tx,
        "insert into sessions (
           id, name, auth_id, model_id, root_thread_no, last_used_at, revision, inserted_at, updated_at
         )
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            session.id.as_bytes(),
            session.name.as_str(),
            session.auth_id.map(|id| *id.as_bytes()),
            session.model_id.as_ref().map(|model| model.as_str()),
            root_thread_no,
            session.last_used_at.micros(),
            session.revision.get(),
            session.inserted_at.micros(),
            session.updated_at.micros(),
        ],
    );
    or_taken(inserted, || Ok(refusal::id_taken(operation::SESSION_CREATE, session.id)))?;
    Ok(tx.last_insert_rowid())
}

pub(super) fn insert_maps(tx: &Connection, no: SessionNo, session: &Session) -> Outcome<()> {
    run(
        tx,
        "insert into session_maps (session_no, working_dir, memory, tools, mcps)
         values (?1, ?2, ?3, ?4, ?5)
         on conflict (session_no) do update
         set working_dir = excluded.working_dir,
             memory = excluded.memory,
             tools = excluded.tools,
             mcps = excluded.mcps",
        params![
            no,
            session.working_dir,
            to_json(&session.memory)?,
            to_json(&session.tools)?,
            to_json(&session.mcps)?,
        ],
    )?;
    Ok(())
}

pub(super) fn insert_items(tx: &Connection, no: SessionNo, session: &Session) -> Outcome<()> {
    let persona = session.persona.iter().map(|used| (0, used));
    let prompts = (1_i64..).zip(&session.system_prompts);
    for (place, used) in persona.chain(prompts) {
        run(
            tx,
            "insert into session_items (session_no, place, item_id, version)
             values (?1, ?2, ?3, ?4)",
            params![no, place, used.item_id.as_bytes(), used.version.get()],
        )?;
    }
    Ok(())
}

/// Whether there is a session with this id.
pub(super) fn is_there(tx: &Connection, id: Id<Session>) -> Outcome<bool> {
    exists(
        tx,
        "select 1
         from sessions
         where id = ?1",
        [id.as_bytes()],
    )
}
