//! The way to the network, as a trait: one method, which a replay can implement as well as a real client.

use std::{fmt, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderName, Request, Response};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// The bytes of an answer as they come.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Sends one request. It follows no redirect, repeats nothing, and sets no limit on the whole time of an answer.
///
/// Fails with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when nobody answers; an answer of any status
/// is a success here. An error of the body stream ends it.
#[async_trait]
pub trait HttpClient: Send + Sync + fmt::Debug {
    /// Sends the request and returns once the headers of the answer are there.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<BodyStream>>;
}

/// Headers of a request or an answer as they may be stored: secrets are replaced before they get here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredHeaders(Vec<(String, String)>);

impl StoredHeaders {
    /// Takes the headers that are known to be harmless and useful; all others keep their name and lose their value.
    ///
    /// It is a list of what may stay, not of what must go, since a gateway's own key header is a name that nobody
    /// can foresee.
    pub fn redact(headers: &HeaderMap) -> Self {
        let mut kept: Vec<_> = headers
            .iter()
            .map(|(name, value)| {
                let shown = if may_stay(name) && !value.is_sensitive() {
                    value.to_str().unwrap_or(REDACTED)
                } else {
                    REDACTED
                };
                (name.as_str().to_owned(), shown.to_owned())
            })
            .collect();
        kept.sort();
        Self(kept)
    }

    /// The headers, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const REDACTED: &str = "[redacted]";

fn may_stay(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "anthropic-beta"
            | "anthropic-version"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "date"
            | "openai-model"
            | "openai-processing-ms"
            | "openai-version"
            | "originator"
            | "request-id"
            | "retry-after"
            | "retry-after-ms"
            | "server"
            | "transfer-encoding"
            | "user-agent"
            | "x-request-id"
            | "x-should-retry"
    ) || name.starts_with("anthropic-ratelimit-")
        || name.starts_with("x-ratelimit-")
        || name.starts_with("x-codex-primary-")
        || name.starts_with("x-codex-secondary-")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn headers_that_could_hold_a_secret_lose_their_value() {
        let mut headers = HeaderMap::new();
        for name in
            ["authorization", "x-api-key", "x-goog-api-key", "cookie", "set-cookie", "x-my-gateway-token"]
        {
            headers.insert(name, HeaderValue::from_static("canary"));
        }
        headers.insert("content-type", HeaderValue::from_static("text/event-stream"));
        let stored = StoredHeaders::redact(&headers);
        assert!(!format!("{stored:?}").contains("canary"));
        assert!(stored.iter().any(|header| header == ("content-type", "text/event-stream")));
    }
}
