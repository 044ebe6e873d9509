//! The journal: what was asked of the sandbox, with secrets taken out, and how each answer ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::scenario::Dialect;

/// How many requests the journal keeps at most; older ones are forgotten.
pub const JOURNAL_CAPACITY: usize = 10_000;

/// How many bytes of bodies the journal keeps; beyond it the oldest requests are forgotten, save the last one.
const BODY_CAPACITY: usize = 64 << 20;

/// Headers whose values are secrets.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie"];

/// Parameters of a query whose values are secrets: keys, and what comes back from an authorize page.
const SECRET_PARAMETERS: [&str; 4] = ["key", "code", "state", "user_code"];

/// How much of a sandbox key may be shown.
const SHOWN: usize = 8;

/// A request the sandbox received.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Its number, counted from 1 over the life of the server.
    pub number: u64,
    /// Milliseconds between the start of the server and the arrival of the request.
    pub at_ms: u64,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, with the values of keys, codes and states taken out; empty when there is none.
    pub query: String,
    /// The protocol.
    pub dialect: Dialect,
    /// The headers by lower-case name; several of one name are joined with `, `, secrets are taken out.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; a string when it is not JSON, null when it is empty.
    pub body: Value,
    /// The status it was answered with; 0 while it waits for its headers.
    pub status: u16,
    /// How the answer ended.
    pub outcome: Outcome,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It has not ended: it waits, is being sent, or is stalled.
    Open,
    /// All of it was handed to the connection.
    Complete,
    /// A scenario ended the stream cleanly before its end.
    Ended,
    /// A scenario broke the connection.
    Cut,
    /// The client went away first.
    ClientGone,
}

/// The requests of a server.
#[derive(Debug)]
pub(super) struct Journal {
    started: Instant,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    ring: VecDeque<RecordedRequest>,
    /// The length of each body in the ring, and of all of them.
    lengths: VecDeque<usize>,
    bytes: usize,
    received: u64,
}

/// The right to say how one answer ended; dropped without a word, the client went away.
#[derive(Debug)]
pub(super) struct Ticket {
    journal: Arc<Journal>,
    number: u64,
    outcome: Outcome,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), entries: Mutex::default() }
    }

    /// Writes a request down and gives the ticket with which its end is told.
    pub(super) fn open(
        self: &Arc<Self>,
        parts: &http::request::Parts,
        dialect: Dialect,
        body: &[u8],
    ) -> Ticket {
        let at_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut entries = self.lock();
        entries.received += 1;
        let number = entries.received;
        entries.make_room(body.len());
        entries.ring.push_back(RecordedRequest {
            number,
            at_ms,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: redact_query(parts.uri.query().unwrap_or_default()),
            dialect,
            headers: redact_headers(&parts.headers),
            body: read_body(body),
            status: 0,
            outcome: Outcome::Open,
        });
        Ticket { journal: self.clone(), number, outcome: Outcome::ClientGone }
    }

    pub(super) fn list(&self) -> Vec<RecordedRequest> {
        self.lock().ring.iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        let mut entries = self.lock();
        entries.ring.clear();
        entries.lengths.clear();
        entries.bytes = 0;
    }

    /// How many requests came in since the start, forgotten ones included.
    pub(super) fn received(&self) -> u64 {
        self.lock().received
    }

    fn update(&self, number: u64, change: impl FnOnce(&mut RecordedRequest)) {
        let mut entries = self.lock();
        // Numbers ascend without gaps, so the place follows from the first one; a cleared journal has neither.
        let Some(first) = entries.ring.front().map(|entry| entry.number) else { return };
        let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| entries.ring.get_mut(place)) {
            change(entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn make_room(&mut self, length: usize) {
        while self.ring.len() >= JOURNAL_CAPACITY || self.bytes + length > BODY_CAPACITY {
            if self.ring.pop_front().is_none() {
                break;
            }
            self.bytes -= self.lengths.pop_front().unwrap_or_default();
        }
        self.lengths.push_back(length);
        self.bytes += length;
    }
}

impl Ticket {
    /// The number of the request.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The headers are about to be sent.
    pub(super) fn answered(&self, status: u16) {
        self.journal.update(self.number, |entry| entry.status = status);
    }

    /// The answer has ended so.
    pub(super) fn close(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let outcome = self.outcome;
        self.journal.update(self.number, |entry| entry.outcome = outcome);
    }
}

/// The beginning of a sandbox key, nothing of any other.
pub(super) fn redact(secret: &str) -> String {
    if secret.starts_with("sandbox-") {
        format!("{}[redacted]", secret.chars().take(SHOWN).collect::<String>())
    } else {
        "[redacted]".to_owned()
    }
}

fn redact_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut list = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = if name == "authorization" {
            match text.split_once(' ') {
                Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => {
                    format!("{scheme} {}", redact(secret.trim()))
                }
                _ => redact(&text),
            }
        } else if SECRET_HEADERS.contains(&name.as_str()) {
            redact(&text)
        } else {
            text.into_owned()
        };
        list.entry(name.as_str().to_owned())
            .and_modify(|known| {
                known.push_str(", ");
                known.push_str(&text);
            })
            .or_insert(text);
    }
    list
}

fn redact_query(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if SECRET_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) => {
            format!("{name}={}", redact(value))
        }
        _ => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn read_body(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str) -> http::request::Parts {
        http::Request::builder().uri(uri).body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_ends_find_their_request() {
        let journal = Arc::new(Journal::new());
        let first = journal.open(&parts("/a"), Dialect::Openai, b"");
        for _ in 0..JOURNAL_CAPACITY {
            journal.open(&parts("/b"), Dialect::Openai, b"").close(Outcome::Complete);
        }
        first.close(Outcome::Complete);
        let list = journal.list();
        assert_eq!(list.len(), JOURNAL_CAPACITY);
        assert_eq!(list[0].number, 2);
        assert!(list.iter().all(|entry| entry.path == "/b" && entry.outcome == Outcome::Complete));
    }

    #[test]
    fn a_ticket_that_is_dropped_says_that_the_client_went_away() {
        let journal = Arc::new(Journal::new());
        drop(journal.open(&parts("/a"), Dialect::Gemini, b"not json"));
        assert_eq!(journal.list()[0].outcome, Outcome::ClientGone);
        assert_eq!(journal.list()[0].body, "not json");
    }

    #[test]
    fn a_key_in_the_query_is_taken_out() {
        assert_eq!(redact_query("alt=sse&key=AIzaSecret&x"), "alt=sse&key=[redacted]&x");
        assert_eq!(redact_query("KEY=sandbox-me-and-more"), "KEY=sandbox-[redacted]");
    }
}
