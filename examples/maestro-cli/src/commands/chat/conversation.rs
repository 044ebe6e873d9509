//! The session that is talked in, and a turn of it.

use maestro::{
    Error, Id, Turn,
    core::{
        chat::{Effort, Part, StreamEvent, Usage},
        conversations::{
            ConversationsExt as _, ItemUse, Lineage, LineageRange, NewFork, NewSession, Session,
            SessionChange, SessionName, SessionQuery, Thread, ThreadLabel,
        },
        provider::ModelId,
        supplied_context::{ItemName, ItemType},
    },
};

use super::{
    Args,
    view::{Beginning, View},
};
use crate::{
    app::App,
    commands::{context, session, thread::current_thread},
    credentials::{self, Before, Found},
    exit::{Exit, Failure, Result, invalid},
    interrupt::Interrupts,
    model, picture,
};

/// How many characters of the first message name a session.
const NAME_CHARS: usize = 50;

/// How many entries are looked through for the latest answer.
const LOOK_BACK: u32 = 8;

/// A session that is talked in. A new one is only written with its first turn.
pub(super) struct Conversation<'a> {
    app: &'a App,
    session: Option<Session>,
    thread: Option<Id<Thread>>,
    found: Found,
    model: ModelId,
    /// The name of a session that is still to be written.
    name: Option<SessionName>,
    persona: Option<ItemUse>,
    system: Vec<ItemUse>,
    /// What the command line changes of a session that is there; written with the next turn.
    change: Option<SessionChange>,
    effort: Option<Effort>,
    max_tokens: Option<u32>,
    /// Pictures for the next message.
    pictures: Vec<Part>,
}

impl<'a> Conversation<'a> {
    /// Finds the session, whom to ask and what with. Nothing is written.
    pub(super) async fn open(app: &'a App, args: Args) -> Result<Self> {
        let pictures = args.images.iter().map(|path| picture::read(path)).collect::<Result<_, _>>()?;
        let persona = match &args.persona {
            Some(name) => Some(item(app, ItemType::Persona, name).await?),
            None => None,
        };
        let mut system = Vec::new();
        for name in &args.system {
            system.push(item(app, ItemType::SystemPrompt, name).await?);
        }
        let (session, name) = find_session(app, &args).await?;
        let before = match &session {
            Some(session) => before(app, session, args.thread).await?,
            None => Before::default(),
        };
        let found = credentials::find(app, &args.whom, &before).await?;
        let of_session = session.as_ref().and_then(|session| session.model_id.clone());
        let model = model::choose(app, &found, args.model.clone(), of_session, &before).await?;
        let change = session.as_ref().and_then(|_| {
            let change = SessionChange {
                auth_id: args.whom.auth.as_ref().and(found.auth.as_ref()).map(|auth| Some(auth.id)),
                model_id: (args.model.is_some() || args.whom.auth.is_some()).then(|| Some(model.clone())),
                persona: persona.map(Some),
                system_prompts: (!system.is_empty()).then(|| system.clone()),
                ..SessionChange::default()
            };
            (change != SessionChange::default()).then_some(change)
        });
        Ok(Self {
            app,
            session,
            thread: args.thread,
            found,
            model,
            name,
            persona,
            system,
            change,
            effort: args.effort,
            max_tokens: args.max_tokens,
            pictures,
        })
    }

    /// The session, once it has been written.
    pub(super) const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The model that is asked.
    pub(super) const fn model(&self) -> &ModelId {
        &self.model
    }

    /// Whom is asked, in a word.
    pub(super) fn whom(&self) -> String {
        match (&self.found.sandbox, &self.found.auth) {
            (Some(_), _) => "the sandbox".to_owned(),
            (None, Some(auth)) => format!("{} ({})", auth.provider, auth.name),
            (None, None) => self.found.target.provider.to_string(),
        }
    }

    /// Asks another model from now on.
    pub(super) fn set_model(&mut self, model: ModelId) {
        self.model = model.clone();
        let change = self.change.get_or_insert_with(SessionChange::default);
        change.model_id = Some(Some(model));
    }

    /// Goes on in a thread of its own from here.
    pub(super) async fn fork(&mut self, label: Option<ThreadLabel>) -> Result<Id<Thread>> {
        let lineage = self.lineage(LineageRange::Last(std::num::NonZeroU32::MIN)).await?;
        let from = lineage.and_then(|lineage| lineage.thread.head_entry_id).ok_or_else(nothing_said)?;
        let store = self.app.store().await?;
        let now = self.app.maestro().await?.now();
        let thread = store.thread_fork(NewFork { id: Id::new(), from, label, now }).await?;
        self.thread = Some(thread.id);
        Ok(thread.id)
    }

    /// The conversation so far; absent before the first turn.
    pub(super) async fn lineage(&self, range: LineageRange) -> Result<Option<Lineage>> {
        let Some(session) = &self.session else { return Ok(None) };
        let thread = match self.thread {
            Some(thread) => thread,
            None => current_thread(self.app, session).await?,
        };
        Ok(Some(self.app.store().await?.lineage(thread, range).await?))
    }

    /// What all answers took together.
    pub(super) async fn usage(&self) -> Result<Usage> {
        let lineage = self.lineage(LineageRange::All).await?;
        let entries = lineage.into_iter().flat_map(|lineage| lineage.entries);
        Ok(entries.filter_map(|entry| entry.content.usage).fold(Usage::default(), Usage::plus))
    }

    /// Says something and shows the answer. An error means that nothing was written.
    ///
    /// When the provider refuses before any event, a session that was made for this turn, and a change of settings that
    /// came with it, are taken back.
    pub(super) async fn turn(
        &mut self,
        message: String,
        view: &mut dyn View,
        interrupts: &mut Interrupts,
    ) -> Result<Exit> {
        let before = self.present_session().await?;
        let session = match &before {
            None => self.create_session(&message).await?,
            Some(session) => self.change_session(session).await?,
        };
        let mut has_begun = false;
        let answered = self.answer(session.id, message, view, interrupts, &mut has_begun).await;
        if answered.is_err() && !has_begun {
            self.session = self.take_back(before, session).await;
            return answered;
        }
        // What a turn appends moves no revision, so this is the session as it will be found.
        self.session = Some(session);
        self.change = None;
        self.pictures.clear();
        answered
    }

    /// The session as it is; read anew where it is to be changed, since others may have changed it meanwhile.
    async fn present_session(&self) -> Result<Option<Session>> {
        match &self.session {
            Some(session) if self.change.is_some() => {
                Ok(Some(self.app.store().await?.session_get(session.id).await?))
            }
            session => Ok(session.clone()),
        }
    }

    async fn create_session(&self, message: &str) -> Result<Session> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => name_after(message)?,
        };
        let mut new = NewSession::new(name, self.app.maestro().await?.now());
        new.auth_id = self.found.auth.as_ref().map(|auth| auth.id);
        new.model_id = Some(self.model.clone());
        new.persona = self.persona;
        new.system_prompts.clone_from(&self.system);
        new.working_dir = std::env::current_dir().ok().and_then(|path| path.to_str().map(str::to_owned));
        Ok(self.app.store().await?.session_create(new).await?)
    }

    async fn change_session(&self, session: &Session) -> Result<Session> {
        let Some(change) = &self.change else { return Ok(session.clone()) };
        let store = self.app.store().await?;
        let now = self.app.maestro().await?.now();
        Ok(store.session_update(session.id, session.revision, change.clone(), now).await?)
    }

    async fn answer(
        &mut self,
        session: Id<Session>,
        message: String,
        view: &mut dyn View,
        interrupts: &mut Interrupts,
        has_begun: &mut bool,
    ) -> Result<Exit> {
        let mut turn = self.start(session, message).await?;
        let mut exit = Exit::Done;
        loop {
            let next = tokio::select! {
                biased;
                () = interrupts.next() => None,
                event = turn.next() => Some(event),
            };
            let event = match next {
                None => {
                    *has_begun = true;
                    self.thread = Some(turn.thread_id());
                    view.end(&turn.cancel().await?)?;
                    return Ok(Exit::Interrupted);
                }
                Some(None) => break,
                Some(Some(event)) => event?,
            };
            let shown = if *has_begun { Ok(()) } else { self.begin(&turn, view) };
            *has_begun = true;
            match &event {
                StreamEvent::Truncated(_) => exit = Exit::Truncated,
                StreamEvent::Failed(_) => exit = Exit::Provider,
                _ => {}
            }
            if let Err(error) = shown.and_then(|()| view.event(&event)) {
                // Nobody looks any more; what came is kept all the same.
                turn.cancel().await?;
                return Err(Failure::Output(error));
            }
        }
        self.thread = Some(turn.thread_id());
        view.end(&turn.into_outcome()?.entry)?;
        Ok(exit)
    }

    async fn start(&self, session: Id<Session>, message: String) -> Result<Turn> {
        let mut turn = self.app.maestro().await?.turn(session);
        for picture in &self.pictures {
            turn = turn.part(picture.clone());
        }
        turn = turn.user(message).target(self.found.target.clone()).model(self.model.clone());
        if let Some(thread) = self.thread {
            turn = turn.thread(thread);
        }
        if let Some(effort) = self.effort {
            turn = turn.effort(effort);
        }
        if let Some(tokens) = self.max_tokens {
            turn = turn.max_output_tokens(tokens);
        }
        Ok(turn.start().await?)
    }

    fn begin(&self, turn: &Turn, view: &mut dyn View) -> std::io::Result<()> {
        view.begin(&Beginning {
            session: turn.session_id(),
            thread: turn.thread_id(),
            entry: turn.entry_id(),
            provider: &self.found.target.provider,
            model: &self.model,
            report: turn.report(),
        })
    }

    /// Makes the store as it was before the turn, and returns the session as it is then. Where that fails, the session
    /// stays as it was written.
    async fn take_back(&self, before: Option<Session>, written: Session) -> Option<Session> {
        let id = written.id;
        let taken_back = async {
            let store = self.app.store().await?;
            match before {
                None => store.session_delete(id).await.map(|()| None),
                Some(before) if before.revision == written.revision => Ok(Some(before)),
                Some(before) => {
                    let old = SessionChange {
                        auth_id: Some(before.auth_id),
                        model_id: Some(before.model_id),
                        persona: Some(before.persona),
                        system_prompts: Some(before.system_prompts),
                        ..SessionChange::default()
                    };
                    let now = self.app.maestro().await?.now();
                    store.session_update(id, written.revision, old, now).await.map(Some)
                }
            }
            .map_err(Failure::from)
        };
        taken_back.await.unwrap_or_else(|error| {
            tracing::warn!(?error, session = %id, "a session could not be put back as it was");
            Some(written)
        })
    }
}

/// The session that the command line names, or the name of one that is to be made.
async fn find_session(app: &App, args: &Args) -> Result<(Option<Session>, Option<SessionName>)> {
    let store = app.store().await?;
    if args.latest {
        return match store.session_latest(&SessionQuery::default()).await? {
            Some(session) => Ok((Some(session), None)),
            None => Err(Error::not_found("find session", "that was last used")
                .because("there is no session yet")
                .advise("begin one with `maestro chat`")
                .into()),
        };
    }
    let session = match &args.session {
        Some(wanted) => match session::find_optional(app, wanted).await? {
            None => return Ok((None, Some(SessionName::new(wanted)?))),
            found => found,
        },
        None => None,
    };
    let Some(thread) = args.thread else { return Ok((session, None)) };
    let thread = store.thread_get(thread).await?;
    match session {
        Some(session) if session.id != thread.session_id => Err(invalid(
            "find thread",
            "thread",
            format!("belongs to another session, {}", thread.session_id),
        )
        .into()),
        Some(session) => Ok((Some(session), None)),
        None => Ok((Some(store.session_get(thread.session_id).await?), None)),
    }
}

/// With what a session was held so far.
async fn before(app: &App, session: &Session, thread: Option<Id<Thread>>) -> Result<Before> {
    let store = app.store().await?;
    let auth = store.session_open(session.id).await?.auth;
    let thread = match thread {
        Some(thread) => thread,
        None => current_thread(app, session).await?,
    };
    let range = std::num::NonZeroU32::new(LOOK_BACK).map_or(LineageRange::All, LineageRange::Last);
    let entries = store.lineage(thread, range).await?.entries;
    let origin = entries.into_iter().rev().find_map(|entry| entry.content.origin);
    Ok(Before { auth, origin })
}

async fn item(app: &App, item_type: ItemType, name: &ItemName) -> Result<ItemUse> {
    let item = context::find(app, Some(item_type), name).await?;
    Ok(ItemUse { item_id: item.id, version: item.version })
}

/// A name for a session: the beginning of its first message, on one line.
fn name_after(message: &str) -> Result<SessionName> {
    let line: String = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = line.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
    Ok(SessionName::new(if name.trim().is_empty() { "conversation" } else { &name })?)
}

fn nothing_said() -> Error {
    invalid("fork", "conversation", "has not begun: say something first")
}
