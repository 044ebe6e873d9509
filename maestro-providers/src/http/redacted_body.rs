//! The keys of a request, taken out of its answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, StatusCode};
use maestro_core::Result;
use memchr::memmem::Finder;
use zeroize::Zeroizing;

/// What stands in the place of a key.
const REDACTED: &str = "[redacted]";

/// From this length on a key is taken out of the text of an answer too.
///
/// Local servers are given keys such as `ollama` or `lm-studio`, which are words that an answer may well use; the keys
/// of services that charge for them are longer than this.
const LONG_KEY: usize = 16;

/// From this length on a key is taken out of an answer that is an error, and out of headers.
const SHORT_KEY: usize = 4;

/// The keys that a request carries in headers marked as sensitive.
///
/// Servers and proxies that echo what they were sent exist, and what an answer says is told in errors, logged, shown
/// and stored. Masking by the look of a key cannot find one whose look nobody knows; comparing with the key that was
/// sent can.
pub(super) struct Secrets(Vec<Vec<u8>>);

/// What the body of a request says in secret, as an extension of it: no header of the answer may repeat it. What may be
/// in the body of the answer only who asked can tell, since a new token may be the old one.
#[derive(Clone)]
pub(crate) struct SentInBody(pub(crate) Arc<[Zeroizing<String>]>);

impl SentInBody {
    /// Replaces the values of headers that hold a secret.
    pub(super) fn leave_headers(&self, headers: &mut HeaderMap) {
        self.0.iter().filter(|text| text.len() >= SHORT_KEY).for_each(|text| leave(text.as_bytes(), headers));
    }
}

/// Replaces the values of headers that hold a key.
fn leave(key: &[u8], headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if memchr::memmem::find(value.as_bytes(), key).is_some() {
            *value = HeaderValue::from_static(REDACTED);
        }
    }
}

impl Secrets {
    pub(super) fn sent_in(headers: &HeaderMap) -> Self {
        let keys = headers
            .values()
            .filter(|value| value.is_sensitive())
            // `Bearer KEY`: the key alone may come back.
            .filter_map(|value| value.as_bytes().rsplit(|byte| *byte == b' ').next())
            .filter(|key| key.len() >= SHORT_KEY)
            .map(<[u8]>::to_vec)
            .collect();
        Self(keys)
    }

    /// Replaces the values of headers that hold a key.
    pub(super) fn leave_headers(&self, headers: &mut HeaderMap) {
        self.0.iter().for_each(|key| leave(key, headers));
    }

    /// The body of an answer of this status without the keys.
    pub(super) fn leave_body<S>(self, status: StatusCode, body: S) -> RedactedBody<S> {
        let least = if status.is_success() { LONG_KEY } else { SHORT_KEY };
        let keys = self.0.into_iter().filter(|key| key.len() >= least);
        RedactedBody {
            body,
            keys: keys.map(|key| Finder::new(&key).into_owned()).collect(),
            held: None,
            end: None,
        }
    }
}

/// A body from which keys are taken out, wherever its chunks are cut.
///
/// A chunk is held back only as far as it ends with the beginning of a key, which an event of a stream, with its line
/// end, never does.
pub(super) struct RedactedBody<S> {
    body: S,
    keys: Vec<Finder<'static>>,
    /// The end of what came, which may be the beginning of a key.
    held: Option<Bytes>,
    /// How the body ended, while what was held is given out first.
    end: Option<Option<Result<Bytes>>>,
}

impl<S> RedactedBody<S> {
    /// What of the chunk can be given out, without keys.
    fn pass(&mut self, chunk: Bytes) -> Bytes {
        let mut chunk = match self.held.take() {
            None => chunk,
            Some(held) => [held, chunk].concat().into(),
        };
        for key in &self.keys {
            if key.find(&chunk).is_some() {
                chunk = replace(&chunk, key);
            }
        }
        let kept = self.keys.iter().map(|key| begun_at_end(&chunk, key.needle())).max().unwrap_or(0);
        if kept > 0 {
            self.held = Some(chunk.split_off(chunk.len() - kept));
        }
        chunk
    }
}

fn replace(chunk: &[u8], key: &Finder<'_>) -> Bytes {
    let mut clean = BytesMut::with_capacity(chunk.len());
    let mut rest = chunk;
    while let Some(at) = key.find(rest) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(REDACTED.as_bytes());
        rest = &rest[at + key.needle().len()..];
    }
    clean.extend_from_slice(rest);
    clean.freeze()
}

/// How many bytes at the end of `chunk` are the beginning of `key`, and less than the whole of it.
fn begun_at_end(chunk: &[u8], key: &[u8]) -> usize {
    // A header cannot hold a line end, so neither can a key; most chunks end with one.
    if chunk.last().is_none_or(|last| *last == b'\n') {
        return 0;
    }
    (1..key.len().min(chunk.len() + 1)).rev().find(|length| chunk.ends_with(&key[..*length])).unwrap_or(0)
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for RedactedBody<S> {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(end) = this.end.take() {
            return Poll::Ready(end);
        }
        loop {
            match Pin::new(&mut this.body).poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    let given = this.pass(chunk);
                    if !given.is_empty() || this.held.is_none() {
                        return Poll::Ready(Some(Ok(given)));
                    }
                }
                Poll::Ready(end) => {
                    return Poll::Ready(match this.held.take() {
                        None => end,
                        Some(held) => {
                            this.end = Some(end);
                            Some(Ok(held))
                        }
                    });
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::*;

    const KEY: &str = "canary-0123456789-canary";

    fn secrets(keys: &[&str]) -> Secrets {
        let mut headers = HeaderMap::new();
        for key in keys {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).unwrap();
            value.set_sensitive(true);
            headers.append("authorization", value);
        }
        headers.insert("user-agent", HeaderValue::from_static("maestro"));
        Secrets::sent_in(&headers)
    }

    async fn passed(keys: &[&str], status: StatusCode, chunks: Vec<Bytes>) -> String {
        let body = secrets(keys).leave_body(status, stream::iter(chunks.into_iter().map(Ok)));
        let given: Vec<_> = body.map(Result::unwrap).collect().await;
        String::from_utf8(given.concat()).unwrap()
    }

    #[tokio::test]
    async fn a_key_is_taken_out_of_a_body_wherever_it_is_cut() {
        let text = format!("can{KEY}ary {KEY}{KEY} canary-0123456789-can\nand on");
        let clean = "can[redacted]ary [redacted][redacted] canary-0123456789-can\nand on";
        for size in 1..=text.len() {
            let chunks = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
            assert_eq!(passed(&[KEY], StatusCode::OK, chunks).await, clean, "chunks of {size}");
        }
    }

    #[tokio::test]
    async fn what_looks_like_the_beginning_of_a_key_at_the_end_is_given_out() {
        assert_eq!(passed(&[KEY], StatusCode::OK, vec!["a canary-01".into()]).await, "a canary-01");
    }

    #[tokio::test]
    async fn several_keys_are_taken_out() {
        let text = format!("{KEY} other-key-0123456789 {KEY}");
        let clean = passed(&[KEY, "other-key-0123456789"], StatusCode::OK, vec![text.into()]).await;
        assert_eq!(clean, "[redacted] [redacted] [redacted]");
    }

    #[tokio::test]
    async fn a_short_key_is_a_word_of_answers_and_not_of_errors() {
        let said = Bytes::from_static(b"I run on ollama");
        assert_eq!(passed(&["ollama"], StatusCode::OK, vec![said.clone()]).await, "I run on ollama");
        assert_eq!(passed(&["ollama"], StatusCode::UNAUTHORIZED, vec![said]).await, "I run on [redacted]");
    }

    #[test]
    fn a_header_that_holds_a_key_loses_its_value() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::try_from(format!("for {KEY}")).unwrap());
        headers.insert("server", HeaderValue::from_static("nginx"));
        let mut in_body = headers.clone();
        secrets(&[KEY]).leave_headers(&mut headers);
        SentInBody([Zeroizing::new(KEY.to_owned())].into()).leave_headers(&mut in_body);
        for headers in [headers, in_body] {
            assert_eq!(headers["x-request-id"], "[redacted]");
            assert_eq!(headers["server"], "nginx");
        }
    }
}
