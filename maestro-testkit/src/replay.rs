//! An HTTP client that answers from a script: for tests that want no socket at all.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use maestro_core::{
    Error, ErrorKind, Result,
    http::{BodyStream, HttpClient},
};

/// An HTTP client that gives scripted answers in order, and remembers what it was asked.
///
/// ```
/// use maestro_testkit::replay::{Answer, ReplayClient};
///
/// let client = ReplayClient::new([Answer::events(["data: one\n\n", "data: two\n\n"])]);
/// assert_eq!(client.requests().len(), 0);
/// ```
#[derive(Debug, Default)]
pub struct ReplayClient {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

/// One scripted answer.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    chunks: Vec<Bytes>,
    after: After,
}

/// What follows the chunks of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The body ends.
    End,
    /// The connection breaks.
    Break,
    /// Nothing more comes, for ever.
    Silence,
}

impl Answer {
    /// A streamed answer, one chunk an item.
    pub fn events(chunks: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        Self {
            status: StatusCode::OK,
            headers: vec![(CONTENT_TYPE.as_str(), "text/event-stream".to_owned())],
            chunks: chunks.into_iter().map(Into::into).collect(),
            after: After::End,
        }
    }

    /// An answer of this status with a JSON body.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE.as_str(), "application/json".to_owned())],
            chunks: vec![body.into()],
            after: After::End,
        }
    }

    /// Adds a header, or replaces the content type.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Says what follows the chunks.
    #[must_use]
    pub fn then(mut self, after: After) -> Self {
        self.after = after;
        self
    }
}

impl ReplayClient {
    /// A client with these answers.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), requests: Mutex::default() }
    }

    /// What it was asked so far, oldest first.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl HttpClient for ReplayClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<BodyStream>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let answer = answer.ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "send a request")
                .because("the script has no more answers")
                .with_retry(maestro_core::Retry::Never)
        })?;
        let chunks = stream::iter(answer.chunks.into_iter().map(Ok));
        let body: BodyStream = match answer.after {
            After::End => Box::pin(chunks),
            After::Break => {
                let broken =
                    Error::new(ErrorKind::Unavailable, "read an answer").because("the connection broke");
                Box::pin(chunks.chain(stream::iter([Err(broken)])))
            }
            After::Silence => Box::pin(chunks.chain(stream::pending())),
        };
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        response
            .body(body)
            .map_err(|error| Error::new(ErrorKind::Internal, "send a request").caused_by(error))
    }
}
