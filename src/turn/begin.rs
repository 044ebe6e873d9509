//! From what is said to the first event of an answer.

use std::collections::VecDeque;

use maestro_core::{
    Error, ErrorKind, FieldError, Id, Result, Store,
    chat::{Message, Origin, Role, TranslationReport},
    conversations::{
        ChatEntry, EntryContent, EntryState, JournalSeq, Lineage, LineageRange, NewChatEntry,
        NewStreamedEntry, OpenSession, Session, Thread, ThreadHead, WriterLease,
    },
    page::PageLimit,
    provider::ModelId,
    stream::{Collector, journal::JournalWriter},
    time::Timestamp,
};

use super::{Phase, Turn, TurnBuilder, drive::LEASE};
use crate::Maestro;

impl TurnBuilder {
    /// Writes down what is said and reserves the place of the answer. Without anything said, what stands at the end of
    /// the thread is answered, as after an edit. The model is asked by the first
    /// [`next`](Turn::next).
    ///
    /// When the provider then refuses, or cannot be reached, before any event of an answer, what this turn had written
    /// is taken back and the session is as it was before. A crash in between leaves what was said, and an answer that
    /// is interrupted before its first word.
    ///
    /// [`ErrorKind::Invalid`] when nothing is said and nothing waits for an answer, or no model is named; [`ErrorKind::NotFound`] for an unknown
    /// session, thread or provider; [`ErrorKind::Unauthenticated`] when neither the session nor the turn has
    /// credentials; [`ErrorKind::InUse`] while another answer of the thread is being written; [`ErrorKind::Stale`] when
    /// another writer was faster.
    pub async fn start(mut self) -> Result<Turn> {
        let maestro = self.maestro.clone();
        let store = maestro.store();
        let open = store.session_open(self.session).await?;
        let target = match self.target.take() {
            Some(target) => target,
            None => maestro.session_target(&open)?,
        };
        let model = self.choose_model(&open.session)?;
        let api = maestro.registry().chat(&target.provider)?.api();
        let thread = self.choose_thread(store, &open).await?;
        let lineage = settled_lineage(&maestro, self.session, thread).await?;

        let mut request = self.request(model.clone());
        request.system = maestro.inner.library.instructions(store, &open.session).await?;
        request.messages = lineage.context();
        let says = !self.parts.is_empty();
        if says {
            request.messages.push(Message::new(self.actor, self.parts.clone()));
        } else if !lineage.entries.last().is_some_and(|entry| matches!(entry.actor, Role::User | Role::Tool))
        {
            return Err(Error::invalid(
                "start a turn",
                [FieldError::new("parts", "are missing: say something first")],
            ));
        }
        request.cache_key = Some(thread.to_string().into());

        let origin = Origin {
            provider: target.provider.clone(),
            auth_type: target.auth_type(),
            api,
            model_asked: model.as_str().into(),
            model_served: None,
            response_id: None,
        };
        let now = maestro.now();
        let said = says.then(|| NewChatEntry::new(self.actor, std::mem::take(&mut self.parts), now));
        let (said, answer) = write(&maestro, lineage.thread.head(), said, &origin, now).await?;
        let asking = {
            let maestro = maestro.clone();
            async move { maestro.stream_chat(&target, request).await }
        };
        Ok(Turn {
            session: self.session,
            said,
            answer: head(&answer),
            entry: answer.id,
            origin,
            report: TranslationReport::default(),
            phase: Phase::Asking(Box::pin(asking)),
            work: None,
            collector: Collector::new(),
            journal: JournalWriter::new(),
            seq: JournalSeq::FIRST,
            flushed_at: now,
            ready: VecDeque::new(),
            outcome: None,
            maestro,
        })
    }

    fn choose_model(&mut self, session: &Session) -> Result<ModelId> {
        self.model.take().or_else(|| session.model_id.clone()).ok_or_else(|| {
            Error::invalid(
                "start a turn",
                [FieldError::new("model", "is missing: name one for the turn or the session")],
            )
        })
    }

    async fn choose_thread(&self, store: &dyn Store, open: &OpenSession) -> Result<Id<Thread>> {
        match (self.thread, open.session.latest_chat_entry_id) {
            (Some(thread), _) => Ok(thread),
            (None, Some(latest)) => Ok(store.entry_get(latest).await?.thread_id),
            (None, None) => Ok(open.session.root_thread_id),
        }
    }
}

/// The conversation of a thread, after an answer that a crash left behind has been ended.
async fn settled_lineage(maestro: &Maestro, session: Id<Session>, thread: Id<Thread>) -> Result<Lineage> {
    let store = maestro.store();
    let lineage = store.lineage(thread, LineageRange::All).await?;
    if lineage.thread.session_id != session {
        return Err(Error::not_found("find thread", format_args!("{thread} of session {session}")));
    }
    let is_streaming =
        |lineage: &Lineage| lineage.entries.last().is_some_and(|entry| entry.state == EntryState::Streaming);
    if !is_streaming(&lineage) {
        return Ok(lineage);
    }
    store.entry_recover(Some(session), maestro.now(), PageLimit::default()).await?;
    let lineage = store.lineage(thread, LineageRange::All).await?;
    if is_streaming(&lineage) {
        return Err(Error::new(ErrorKind::InUse, "start a turn")
            .on(format_args!("on thread {thread}"))
            .because("another answer is being written on it")
            .advise("wait for its end, or fork the thread"));
    }
    Ok(lineage)
}

/// Writes what is said, if anything is, and the entry that the answer will stream into.
async fn write(
    maestro: &Maestro,
    behind: ThreadHead,
    said: Option<NewChatEntry>,
    origin: &Origin,
    now: Timestamp,
) -> Result<(Option<ThreadHead>, ChatEntry)> {
    let store = maestro.store();
    let said = match said {
        Some(said) => Some(head(&store.entry_append(behind, said).await?)),
        None => None,
    };
    let new = NewStreamedEntry {
        id: Id::new(),
        actor: Role::Assistant,
        content: EntryContent { origin: Some(origin.clone()), ..EntryContent::default() },
        writer: WriterLease { holder: maestro.inner.holder, until: now.saturating_add(LEASE) },
        now,
    };
    match store.entry_begin(said.unwrap_or(behind), new).await {
        Ok(answer) => Ok((said, answer)),
        Err(error) => {
            if let Some(said) = said {
                // Whoever was faster appended behind what was said; then it stays.
                let _ = store.entry_delete(said).await;
            }
            Err(error)
        }
    }
}

const fn head(entry: &ChatEntry) -> ThreadHead {
    ThreadHead { thread_id: entry.thread_id, entry_id: Some(entry.id) }
}
