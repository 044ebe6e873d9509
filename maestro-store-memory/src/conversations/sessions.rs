//! Sessions.

use std::fmt::Display;

use maestro_core::{
    Id, Result,
    auth::SavedAuthentication,
    conversations::{ItemUse, NewSession, OpenSession, Session, SessionChange, SessionQuery},
    page::{Cursor, CursorKey, Page, PageRequest, Total},
    refusal::{self, operation},
    revision::Revision,
    time::Timestamp,
};

use super::{State, threads::Line};
use crate::{auth, supplied_context};

impl State {
    pub(super) fn session_create(
        &mut self,
        new: NewSession,
        auth: &auth::State,
        items: &supplied_context::State,
    ) -> Result<Session> {
        let session = Session {
            id: new.id,
            name: new.name,
            auth_id: new.auth_id,
            model_id: new.model_id,
            persona: new.persona,
            system_prompts: new.system_prompts,
            memory: new.memory,
            tools: new.tools,
            mcps: new.mcps,
            working_dir: new.working_dir,
            root_thread_id: new.root_thread_id,
            latest_chat_entry_id: None,
            last_used_at: new.now,
            revision: Revision::FIRST,
            inserted_at: new.now,
            updated_at: new.now,
        };
        check_references(operation::SESSION_CREATE, session.id, &session, auth, items)?;
        if self.sessions.contains_key(&session.id) {
            return Err(refusal::id_taken(operation::SESSION_CREATE, session.id));
        }
        if self.threads.contains_key(&session.root_thread_id) {
            return Err(refusal::id_taken(operation::SESSION_CREATE, session.root_thread_id));
        }
        self.threads.insert(session.root_thread_id, Line::root(session.root_thread_id, session.id, new.now));
        self.sessions.insert(session.id, session.clone());
        Ok(session)
    }

    pub(super) fn session_get(&self, id: Id<Session>) -> Result<Session> {
        self.sessions.get(&id).cloned().ok_or_else(|| refusal::missing(operation::SESSION_GET, id))
    }

    pub(super) fn session_open(&self, id: Id<Session>, auth: &auth::State) -> Result<OpenSession> {
        let session =
            self.sessions.get(&id).cloned().ok_or_else(|| refusal::missing(operation::SESSION_OPEN, id))?;
        let auth = session.auth_id.and_then(|id| auth.rows.get(&id).cloned());
        Ok(OpenSession { session, auth })
    }

    pub(super) fn session_list(&self, query: &SessionQuery, page: &PageRequest) -> Result<Page<Session>> {
        let before = match &page.after {
            Some(cursor) => Some((Timestamp::from_micros(cursor.number()?), Id::from_uuid(cursor.id()))),
            None => None,
        };
        let mut sessions: Vec<_> = (self.sessions.values())
            .filter(|session| query.name.as_ref().is_none_or(|name| session.name == *name))
            .filter(|session| query.auth_id.is_none_or(|auth_id| session.auth_id == Some(auth_id)))
            .collect();
        let total = (page.total == Total::Count).then_some(sessions.len() as u64);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
        let sessions = (sessions.into_iter())
            .filter(|session| before.is_none_or(|before| (session.last_used_at, session.id) < before))
            .take(page.limit.get() + 1)
            .cloned()
            .collect();
        Ok(Page::from_rows(sessions, page.limit, total, |session| {
            Cursor::at(CursorKey::Number(session.last_used_at.micros()), session.id.uuid())
        }))
    }

    pub(super) fn session_update(
        &mut self,
        id: Id<Session>,
        expected: Revision,
        change: SessionChange,
        now: Timestamp,
        auth: &auth::State,
        items: &supplied_context::State,
    ) -> Result<Session> {
        let session =
            self.sessions.get(&id).ok_or_else(|| refusal::missing(operation::SESSION_UPDATE, id))?;
        if session.revision != expected {
            return Err(refusal::revision_passed(operation::SESSION_UPDATE, id, expected, session.revision));
        }
        let session = session.clone();
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
        check_references(operation::SESSION_UPDATE, session.id, &session, auth, items)?;
        self.sessions.insert(id, session.clone());
        Ok(session)
    }

    pub(crate) fn session_delete(&mut self, id: Id<Session>) -> Result<()> {
        if self.sessions.remove(&id).is_none() {
            return Err(refusal::missing(operation::SESSION_DELETE, id));
        }
        self.threads.retain(|_, line| line.thread.session_id != id);
        self.marks.retain(|thread, _| self.threads.contains_key(thread));
        self.entries.retain(|_, entry| entry.session_id != id);
        self.journals.retain(|entry, _| self.entries.contains_key(entry));
        Ok(())
    }

    /// The items that any session refers to.
    pub(crate) fn item_uses(&self) -> impl Iterator<Item = ItemUse> + '_ {
        self.sessions
            .values()
            .flat_map(|session| session.persona.into_iter().chain(session.system_prompts.iter().copied()))
    }
}

/// Everything that a session refers to must exist: its authentication first, then its persona, then its prompts in
/// order.
pub(super) fn check_references(
    operation: &'static str,
    on: impl Display + Copy,
    session: &Session,
    auth: &auth::State,
    items: &supplied_context::State,
) -> Result<()> {
    if let Some(auth_id) = session.auth_id.filter(|id| !auth.rows.contains_key::<Id<SavedAuthentication>>(id))
    {
        return Err(refusal::authentication_missing(operation, on, auth_id));
    }
    let mut used = session.persona.iter().chain(&session.system_prompts);
    match used.find(|used| !items.has_version(**used)) {
        Some(missing) => Err(refusal::item_missing(operation, on, *missing)),
        None => Ok(()),
    }
}
