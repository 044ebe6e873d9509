//! Gemini: `models`, `:generateContent`, `:streamGenerateContent`, `:countTokens`, under `v1` and `v1beta`; and Code Assist.

mod code_assist;
mod content;
mod error;
mod generate;
mod known;
mod models;
mod validate;

pub(super) use code_assist::CodeAssist;

use serde_json::{Value, json};

use super::answer::{Answer, Event, Refusal};
use super::ask::{Ask, count};
use super::authorization::Flavour;
use super::ids::Ids;
use super::protocol::{Call, Credential, Failure, Protocol, Query, accepted};
use super::reply::Reply;
use super::route::Endpoint;

/// The generateContent API.
pub(super) struct Gemini;

impl Protocol for Gemini {
    fn authorise(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let header = |name: &str| call.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let key = header("x-goog-api-key").or_else(|| call.query.get("key"));
        let bearer = header("authorization").and_then(|value| value.split_once(' ')).map(|(_, token)| token);
        match (key, bearer) {
            (Some(key), None) if accepted(key) => Ok(()),
            (Some(_), None) => Err(error::wrong_key()),
            (Some(_), Some(_)) => Err(error::invalid("An API key and an access token are both set.")),
            (None, Some(token)) => match call.bearer(token.trim(), Flavour::Google) {
                Credential::Key | Credential::Token(_) if header("x-goog-user-project").is_none() => {
                    Err(error::no_project())
                }
                Credential::Key | Credential::Token(_) => Ok(()),
                // Google says the same of a token that has expired, was revoked or never was.
                Credential::Expired | Credential::Revoked | Credential::Unknown => Err(error::by_status(401)),
            },
            (None, None) => Err(error::no_key()),
        }
    }

    fn models(&self, query: &Query) -> Result<Value, Refusal> {
        models::list(query)
    }

    fn model(&self, id: &str) -> Result<Value, Refusal> {
        models::one(id)
    }

    fn read(&self, call: &Call<'_>) -> Result<(Ask, Value), Refusal> {
        let Endpoint::Generate(Some((model, stream))) = call.endpoint else {
            return Err(error::by_status(404));
        };
        models::one(model)?;
        let request = parse(call.body)?;
        let mut ask = validate::generate(&request, model)?;
        ask.stream = *stream;
        // What is needed of the path and the query goes with the request: rendering sees no more than that.
        let echo = json!({"model": model, "sse": call.query.get("alt") == Some("sse")});
        Ok((ask, echo))
    }

    fn count(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let Endpoint::Count(Some(model)) = call.endpoint else { return Err(error::by_status(404)) };
        models::one(model)?;
        let request = parse(call.body)?;
        validate::count_tokens(&request, model)?;
        let total = count(&[&request]);
        Ok(json!({
            "totalTokens": total,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}],
        }))
    }

    fn answer(&self, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
        generate::answer(ask, request, reply, ids)
    }

    fn error(&self, status: u16) -> Refusal {
        error::by_status(status)
    }

    fn no_such_path(&self, _method: &str, _path: &str) -> Refusal {
        error::of(404, "NOT_FOUND", "Requested entity was not found.")
    }

    fn failure(&self, failure: &Failure<'_>, _ids: &Ids) -> Vec<Event> {
        let status = failure.kind.unwrap_or("UNAVAILABLE");
        let message = failure.message.unwrap_or("The model is overloaded. Please try again later.");
        let body = error::of(error::code(status), status, message).body;
        // Google writes it pretty-printed and without `data:`; a parser that only knows SSE sees a clean end.
        let data = serde_json::to_string_pretty(&body).unwrap_or_default();
        vec![Event { name: None, data, bare: true }]
    }

    fn headers(&self, _ids: &Ids) -> Vec<(&'static str, String)> {
        vec![("server-timing", "gfet4t7; dur=1".into()), ("x-frame-options", "SAMEORIGIN".into())]
    }
}

fn parse(body: &[u8]) -> Result<Value, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    match serde_json::from_slice(body) {
        Ok(request @ Value::Object(_)) => Ok(request),
        Ok(_) => Err(error::invalid("Invalid JSON payload received. The root must be an object.")),
        Err(wrong) => Err(error::invalid(format!("Invalid JSON payload received. {wrong}"))),
    }
}
