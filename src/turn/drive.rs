//! From the question to the last event: ask, show, journal, finish.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use futures_core::Stream as _;
use futures_util::StreamExt as _;
use maestro_core::{
    Error, ErrorKind, Result,
    chat::StreamEvent,
    conversations::{ChatEntry, EntryContent, EntryEnd, EntryProblem, EntryState, WriterLease},
    stream::{Collected, Ending},
};

use super::{Flush, Phase, Turn, Work};
use crate::ChatStream;

/// How long others must believe that a silent writer still lives.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// How often a writer gives a sign of life while nothing arrives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// How many events are taken together at the most, so that a fast stream is still shown as it comes.
const TOGETHER: usize = 256;

impl Turn {
    /// The next event of the answer; absent after the last. The first call asks the model.
    ///
    /// An event is returned once it is as durable as the [`Flush`] setting says; the last one once the whole answer is
    /// stored. An error before the first event is the provider's, and the turn has been taken back; a later one is the
    /// store's, and the answer is ended by recovery. After an error nothing more comes. The future may be dropped and
    /// made again at any time: no event is lost or repeated.
    pub async fn next(&mut self) -> Option<Result<StreamEvent>> {
        loop {
            if let Err(error) = self.work_on().await {
                self.phase = Phase::Over;
                self.ready.clear();
                return Some(Err(error));
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            match &self.phase {
                Phase::Over => return None,
                Phase::Asking(_) => {
                    if let Err(error) = self.ask().await {
                        return Some(Err(error));
                    }
                }
                Phase::Streaming(_) => self.advance().await,
            }
        }
    }

    /// Stops the answer and keeps what had come, in state `cancelled`. An answer that has ended stays as it is.
    pub async fn cancel(mut self) -> Result<ChatEntry> {
        if let Some(Work::End(..)) = self.work {
            self.work_on().await?;
        }
        if let Some(entry) = self.outcome.clone() {
            return Ok(entry);
        }
        let end = self.ending(EntryState::Cancelled, Some(cancelled()));
        self.phase = Phase::Over;
        self.maestro.store().entry_finish(self.entry, self.maestro.inner.holder, end).await
    }

    /// Completes a write that is under way.
    async fn work_on(&mut self) -> Result<()> {
        match &mut self.work {
            None => Ok(()),
            Some(Work::Journal(writing)) => {
                let written = writing.await;
                self.work = None;
                written
            }
            Some(Work::End(writing, _)) => {
                let written = writing.await;
                if let (Ok(entry), Some(Work::End(_, event))) = (&written, self.work.take()) {
                    self.outcome = Some(entry.clone());
                    self.ready.push_back(event);
                }
                written.map(|_| ())
            }
        }
    }

    /// Waits for the answer to begin, with signs of life.
    async fn ask(&mut self) -> Result<()> {
        let Phase::Asking(asking) = &mut self.phase else { return Ok(()) };
        match tokio::time::timeout(SIGN_OF_LIFE, asking).await {
            Err(_elapsed) => self.write_journal(),
            Ok(Ok(stream)) => {
                self.report = stream.report().clone();
                self.phase = Phase::Streaming(Box::new(stream));
            }
            Ok(Err(error)) => {
                self.phase = Phase::Over;
                self.take_back(&error).await;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Waits for events, takes all that are there, and begins to make them durable.
    async fn advance(&mut self) {
        let flush = self.maestro.inner.flush;
        let patience =
            if self.journal.is_empty() { SIGN_OF_LIFE } else { flush.patience().unwrap_or(SIGN_OF_LIFE) };
        let Phase::Streaming(stream) = &mut self.phase else { return };
        match tokio::time::timeout(patience, stream.next()).await {
            Err(_elapsed) => return self.write_journal(),
            Ok(Some(event)) if event.is_end() => return self.end(event),
            Ok(Some(event)) => self.note(event),
            Ok(None) => {
                // A stream ends with its last event; this is for one from outside that breaks the promise.
                let error = Error::new(ErrorKind::Interrupted, "read an answer")
                    .because("the stream ended without an end");
                return self.end(StreamEvent::Truncated(error));
            }
        }
        while self.ready.len() < TOGETHER {
            let Phase::Streaming(stream) = &mut self.phase else { break };
            match next_if_ready(stream).await {
                Some(event) if event.is_end() => return self.end(event),
                Some(event) => self.note(event),
                None => break,
            }
        }
        if flush.is_due(self.journal.len(), self.flushed_at, self.maestro.now()) {
            self.write_journal();
        }
    }

    fn note(&mut self, event: StreamEvent) {
        self.collector.push(&event);
        if self.maestro.inner.flush != Flush::AtEnd {
            self.journal.push(&event);
        }
        self.ready.push_back(event);
    }

    fn write_journal(&mut self) {
        let maestro = self.maestro.clone();
        let (entry, seq, now) = (self.entry, self.seq, maestro.now());
        let writer = WriterLease { holder: maestro.inner.holder, until: now.saturating_add(LEASE) };
        let data = self.journal.take();
        self.seq = seq.next();
        self.flushed_at = now;
        self.work = Some(Work::Journal(Box::pin(async move {
            maestro.store().entry_extend(entry, writer, seq, &data).await
        })));
    }

    fn end(&mut self, event: StreamEvent) {
        self.collector.push(&event);
        let (state, problem) = match &event {
            StreamEvent::Truncated(error) => (EntryState::Interrupted, Some(error.into())),
            StreamEvent::Failed(error) => (EntryState::Failed, Some(error.into())),
            _ => (EntryState::Complete, None),
        };
        let end = self.ending(state, problem);
        self.phase = Phase::Over;
        let (maestro, entry) = (self.maestro.clone(), self.entry);
        let writing = async move { maestro.store().entry_finish(entry, maestro.inner.holder, end).await };
        self.work = Some(Work::End(Box::pin(writing), event));
    }

    /// The final content of the entry, from what has been collected. What was collected is gone afterwards.
    fn ending(&mut self, state: EntryState, problem: Option<EntryProblem>) -> EntryEnd {
        let Collected { response_id, model, parts, usage, ending } =
            std::mem::take(&mut self.collector).finish();
        let mut origin = self.origin.clone();
        origin.response_id = response_id;
        origin.model_served = model;
        let finish = match ending {
            Some(Ending::Finished(finish)) => Some(finish),
            _ => None,
        };
        let (request_headers, response_headers) = match &self.phase {
            Phase::Streaming(stream) => (stream.request_headers(), stream.response_headers()),
            Phase::Asking(_) | Phase::Over => Default::default(),
        };
        let content = EntryContent {
            parts,
            origin: Some(origin),
            finish,
            usage,
            problem,
            request_headers,
            response_headers,
        };
        EntryEnd { state, content, now: self.maestro.now() }
    }

    /// Takes both entries back. Where that fails, the answer's entry stays, as failed, or is left to recovery.
    async fn take_back(&mut self, why: &Error) {
        let end = self.ending(EntryState::Failed, Some(why.into()));
        let store = self.maestro.store();
        let taken_back = async {
            store.entry_finish(self.entry, self.maestro.inner.holder, end).await?;
            store.entry_delete(self.answer).await?;
            match self.said {
                Some(said) => store.entry_delete(said).await,
                None => Ok(()),
            }
        };
        if let Err(error) = taken_back.await {
            tracing::warn!(%error, entry = %self.entry, "a turn that failed could not be taken back");
        }
    }
}

impl Drop for Turn {
    /// Ends an answer that nobody reads any more as cancelled. Without a runtime it is left to recovery.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        match (self.work.take(), &self.phase) {
            (Some(Work::End(writing, _)), _) => {
                runtime.spawn(writing);
            }
            (_, Phase::Over) => {}
            (_, Phase::Asking(_) | Phase::Streaming(_)) => {
                let end = self.ending(EntryState::Cancelled, Some(cancelled()));
                let (maestro, entry) = (self.maestro.clone(), self.entry);
                runtime.spawn(async move {
                    if let Err(error) = maestro.store().entry_finish(entry, maestro.inner.holder, end).await {
                        tracing::warn!(%error, %entry, "a cancelled answer could not be ended");
                    }
                });
            }
        }
    }
}

fn cancelled() -> EntryProblem {
    EntryProblem {
        kind: ErrorKind::Cancelled.as_str().to_owned(),
        message: "the answer was stopped before its end".to_owned(),
    }
}

/// The next event if it is there already.
async fn next_if_ready(stream: &mut ChatStream) -> Option<StreamEvent> {
    poll_fn(|context| match Pin::new(&mut *stream).poll_next(context) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
