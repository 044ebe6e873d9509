//! One answer as it streams.

use std::{
    fmt,
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

/// How long the rest of a body may take after the last event, before its connection is given up.
const REST: Duration = Duration::from_secs(2);

/// The events of one answer, owned, and the same for every provider.
///
/// The last event is exactly one of `Finished`, `Truncated` and `Failed`. Dropping the stream before that cancels the
/// answer; dropping it after that lets the connection serve again.
pub struct ChatStream {
    /// The event that was awaited before the stream was handed out.
    first: Option<StreamEvent>,
    events: EventStream<BodyStream>,
    exchange: Exchange,
    report: TranslationReport,
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
        Self { first, events, exchange, report }
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
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.events).poll_next(context),
        }
    }
}

impl Drop for ChatStream {
    /// Reads a body whose last event has come, but not yet its end, to that end: only then does its connection serve
    /// again.
    fn drop(&mut self) {
        let Some(mut rest) = self.events.take_rest() else { return };
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
