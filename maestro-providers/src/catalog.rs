//! Reading model lists: one request, its answer as JSON, and page after page without going round in circles.

use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use maestro_core::{
    Error, ErrorKind, FieldError, Result,
    chat::RawJson,
    http::HttpClient,
    provider::{Connection, ModelId, ModelInfo},
    time::Timestamp,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use crate::http::{read_body, request_id};

/// The longest answer that is read. OpenRouter's list of all models has about 1 MB.
const MAX_ANSWER: usize = 32 << 20;
/// The most pages that are read, whatever a server says.
const MAX_PAGES: usize = 1000;

/// How a provider reads an answer that is not what was asked for.
pub(crate) type Classify = fn(&'static str, StatusCode, &HeaderMap, &[u8]) -> Error;

/// Sends a request and reads its answer as JSON. What is no success, or no JSON of this form, is the provider's error.
pub(crate) async fn ask<T: DeserializeOwned>(
    http: &dyn HttpClient,
    request: Request<Bytes>,
    operation: &'static str,
    classify: Classify,
) -> Result<(T, HeaderMap)> {
    let response = read_body(http.send(request).await?, MAX_ANSWER).await?;
    let (status, headers, body) = (response.status(), response.headers(), response.body());
    if !status.is_success() {
        return Err(classify(operation, status, headers, body));
    }
    match serde_json::from_slice(body) {
        Ok(value) => Ok((value, headers.clone())),
        Err(_) => Err(classify(operation, status, headers, body)),
    }
}

/// One page of a list.
pub(crate) struct Page {
    /// How many entries the server sent, usable or not.
    pub(crate) entries: usize,
    pub(crate) models: Vec<ModelInfo>,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<String>,
}

impl Page {
    /// Reads entries; those that cannot be used are left out.
    pub(crate) fn of(
        entries: &[Box<RawValue>],
        next: Option<String>,
        read: fn(&Value, RawJson) -> Option<ModelInfo>,
    ) -> Self {
        let models = entries.iter().filter_map(|entry| {
            let raw = RawJson::from_raw(entry);
            read(&raw.to_value(), raw)
        });
        Self { entries: entries.len(), models: models.collect(), next: next.filter(|next| !next.is_empty()) }
    }

    /// What a connection test tells of it.
    pub(crate) fn into_connection(self, headers: &HeaderMap) -> Connection {
        Connection { models_seen: self.models.len(), request_id: request_id(headers).map(str::to_owned) }
    }
}

/// All pages so far.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) models: Vec<ModelInfo>,
    seen: HashSet<String>,
    pages: usize,
}

impl Walk {
    /// Adds a page and tells where the next one begins. It ends with the list, with an empty page, with a place that was
    /// visited before, and after a thousand pages.
    pub(crate) fn add(&mut self, page: Page) -> Option<String> {
        self.models.extend(page.models);
        self.pages += 1;
        let next = page.next.filter(|_| page.entries > 0 && self.pages < MAX_PAGES)?;
        self.seen.insert(next.clone()).then_some(next)
    }
}

/// An entry of a list with an id and nothing else known.
pub(crate) fn info(id: &str, native: RawJson) -> Option<ModelInfo> {
    Some(ModelInfo {
        id: ModelId::new(id).ok()?,
        display_name: None,
        created_at: None,
        max_input_tokens: None,
        max_output_tokens: None,
        reasoning: None,
        native,
    })
}

/// A moment in seconds since 1970, if it is one.
pub(crate) fn unix_seconds(value: Option<&Value>) -> Option<Timestamp> {
    let seconds = value?.as_f64().filter(|seconds| *seconds > 0.0 && *seconds < 1e11)?;
    #[expect(clippy::cast_possible_truncation, reason = "below 1e17, as just checked")]
    Some(Timestamp::from_micros((seconds * 1e6) as i64))
}

/// The id of a model as the end of a path. [`ErrorKind::Invalid`] when it would lead elsewhere.
pub(crate) fn path_of(model: &ModelId, operation: &'static str) -> Result<String> {
    let id = model.as_str();
    if id.split('/').any(|piece| matches!(piece, "" | "." | "..")) {
        let problem = format!("{id:?} cannot stand in an address");
        return Err(Error::invalid(operation, [FieldError::new("model", problem)]));
    }
    Ok(escape(id, b"-._~/:@"))
}

/// A text as the value of a query parameter.
pub(crate) fn query_value(text: &str) -> String {
    escape(text, b"-._~")
}

fn escape(text: &str, kept: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// The error of a model that a provider does not know.
pub(crate) fn unknown_model(provider: &str, model: &ModelId) -> Error {
    Error::new(ErrorKind::NotFound, "get model")
        .on(format_args!("\"{model}\""))
        .with_provider(provider)
        .advise("list the models to see their names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_ends_however_a_server_goes_on() {
        let page = |next: &str, entries| Page { entries, models: Vec::new(), next: Some(next.to_owned()) };
        let mut walk = Walk::default();
        assert_eq!(walk.add(page("a", 1)).as_deref(), Some("a"));
        assert_eq!(walk.add(page("a", 1)), None, "the same place again");
        assert_eq!(walk.add(page("b", 0)), None, "an empty page");
        let mut walk = Walk::default();
        let mut pages = 1;
        while walk.add(page(&pages.to_string(), 1)).is_some() {
            pages += 1;
        }
        assert_eq!(pages, MAX_PAGES);
    }

    #[test]
    fn an_id_cannot_leave_its_path() {
        let path = |id: &str| path_of(&ModelId::new(id).unwrap(), "get model");
        assert_eq!(path("org/model:free@1").unwrap(), "org/model:free@1");
        assert_eq!(path("a?b#c%2F").unwrap(), "a%3Fb%23c%252F");
        assert!(path("../keys").is_err() && path("a//b").is_err());
    }
}
