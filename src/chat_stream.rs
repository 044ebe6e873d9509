//! One answer as it streams.

use std::{
    fmt,
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use futures_util::StreamExt as _;
use http::HeaderMap;
use maestro_core::{
    chat::{StreamEvent, TranslationReport},
    http::{BodyStream, StoredHeaders},
    stream::{Collected, Collector, EventStream},
};
use tokio::time::Sleep;

/// How long the last event is held back for the end of the body, which as a rule is a moment behind it. A caller that
/// asks again right away then finds the connection free.
const GRACE: Duration = Duration::from_millis(25);

/// How long the rest of a body may take after that, before its connection is given up.
const REST: Duration = Duration::from_secs(2);

/// The events of one answer, owned, and the same for every provider.
///
/// The last event is exactly one of `Finished`, `Truncated` and `Failed`. Dropping the stream before that cancels the
/// answer; dropping it after that lets the connection serve again.
pub struct ChatStream {
    /// The event that was awaited before the stream was handed out.
    first: Option<StreamEvent>,
    events: EventStream<BodyStream>,
    /// The last event, while the end of the body is awaited.
    held: Option<Held>,
    /// A body that did not end in time.
    rest: Option<BodyStream>,
    exchange: Exchange,
    report: TranslationReport,
}

struct Held {
    event: StreamEvent,
    rest: BodyStream,
    grace: Pin<Box<Sleep>>,
}

/// The headers of one exchange, as they were.
pub(crate) struct Exchange {
    pub(crate) request_headers: HeaderMap,
    pub(crate) response_headers: HeaderMap,
}

impl ChatStream {
    pub(crate) fn new(
        first: Option<StreamEvent>,
        events: EventStream<BodyStream>,
        exchange: Exchange,
        report: TranslationReport,
    ) -> Self {
        Self { first, events, held: None, rest: None, exchange, report }
    }

    /// What the translation for this provider dropped, changed or made up.
    pub const fn report(&self) -> &TranslationReport {
        &self.report
    }

    /// The headers of the request, secrets redacted.
    pub fn request_headers(&self) -> StoredHeaders {
        StoredHeaders::redact(&self.exchange.request_headers)
    }

    /// The headers of the answer, secrets redacted.
    pub fn response_headers(&self) -> StoredHeaders {
        StoredHeaders::redact(&self.exchange.response_headers)
    }

    /// Reads to the end and puts the parts together.
    pub async fn collect_answer(mut self) -> Collected {
        let mut collector = Collector::new();
        while let Some(event) = self.next().await {
            collector.push(&event);
        }
        collector.finish()
    }
}

impl Stream for ChatStream {
    type Item = StreamEvent;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        if self.held.is_some() {
            return self.poll_held(context);
        }
        let event = match self.first.take() {
            Some(first) => Some(first),
            None => std::task::ready!(Pin::new(&mut self.events).poll_next(context)),
        };
        match event {
            Some(event) if event.is_end() => match self.events.take_rest() {
                Some(rest) => {
                    self.held = Some(Held { event, rest, grace: Box::pin(tokio::time::sleep(GRACE)) });
                    self.poll_held(context)
                }
                None => Poll::Ready(Some(event)),
            },
            event => Poll::Ready(event),
        }
    }
}

impl ChatStream {
    /// Hands the last event out once the body has ended, or the time for that is over.
    #[cold]
    fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        let Some(held) = &mut self.held else { return Poll::Ready(None) };
        let ended = loop {
            match held.rest.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => break true,
                Poll::Pending => break false,
            }
        };
        if !ended && held.grace.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let held = self.held.take();
        Poll::Ready(held.map(|held| {
            self.rest = (!ended).then_some(held.rest);
            held.event
        }))
    }
}

impl Drop for ChatStream {
    /// Reads a body that did not end with its last event to its end, in the background: only then can its connection
    /// serve again.
    fn drop(&mut self) {
        let Some(mut rest) = self.rest.take().or_else(|| self.held.take().map(|held| held.rest)) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let read = async { while let Some(Ok(_)) = rest.next().await {} };
                let _ = tokio::time::timeout(REST, read).await;
            });
        }
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream").field("report", &self.report).finish_non_exhaustive()
    }
}
