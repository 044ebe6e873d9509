//! OpenAI: `GET /v1/models`, `POST /v1/responses`, `POST /v1/chat/completions`, and ChatGPT's backend.

mod chat;
mod chat_check;
mod chatgpt;
mod error;
mod fields;
mod items;
mod models;
mod responses;
mod responses_check;

pub(super) use chatgpt::Chatgpt;

use serde_json::{Value, json};

use super::answer::{Answer, Event, Refusal, ordered};
use super::ask::Ask;
use super::authorization::Flavour;
use super::ids::Ids;
use super::protocol::{Call, Credential, Failure, Protocol, Query};
use super::reply::Reply;

/// What a stream that fails says of itself.
const FAILED: &str = "The server had an error processing your request (scripted by the sandbox).";

/// The Responses API, and what it shares with the rest of OpenAI.
pub(super) struct Responses;

/// The Chat Completions API.
pub(super) struct Chat;

impl Protocol for Responses {
    fn authorise(&self, call: &Call<'_>) -> Result<(), Refusal> {
        authorise(call)
    }

    fn models(&self, _query: &Query) -> Result<Value, Refusal> {
        Ok(models::list())
    }

    fn model(&self, id: &str) -> Result<Value, Refusal> {
        models::one(id)
    }

    fn read(&self, call: &Call<'_>) -> Result<(Ask, Value), Refusal> {
        let request = parse(call)?;
        let ask = responses_check::request(&request)?;
        Ok((ask, request))
    }

    fn count(&self, _call: &Call<'_>) -> Result<Value, Refusal> {
        Err(error::no_such_url("POST", "count"))
    }

    fn answer(&self, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
        responses::answer(responses::Host::Api, ask, request, reply, ids)
    }

    fn error(&self, status: u16) -> Refusal {
        error::by_status(status)
    }

    fn no_such_path(&self, method: &str, path: &str) -> Refusal {
        error::no_such_url(method, path)
    }

    fn failure(&self, failure: &Failure<'_>, ids: &Ids) -> Vec<Event> {
        let kind = failure.kind.unwrap_or("server_error");
        let message = failure.message.unwrap_or(FAILED);
        responses::failure(kind, message, failure, ids)
    }

    fn headers(&self, ids: &Ids) -> Vec<(&'static str, String)> {
        headers(ids)
    }
}

impl Protocol for Chat {
    fn authorise(&self, call: &Call<'_>) -> Result<(), Refusal> {
        authorise(call)
    }

    fn models(&self, query: &Query) -> Result<Value, Refusal> {
        Responses.models(query)
    }

    fn model(&self, id: &str) -> Result<Value, Refusal> {
        Responses.model(id)
    }

    fn read(&self, call: &Call<'_>) -> Result<(Ask, Value), Refusal> {
        let request = parse(call)?;
        let ask = chat_check::request(&request)?;
        Ok((ask, request))
    }

    fn count(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        Responses.count(call)
    }

    fn answer(&self, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
        chat::answer(ask, request, reply, ids)
    }

    fn error(&self, status: u16) -> Refusal {
        error::by_status(status)
    }

    fn no_such_path(&self, method: &str, path: &str) -> Refusal {
        error::no_such_url(method, path)
    }

    fn failure(&self, failure: &Failure<'_>, _ids: &Ids) -> Vec<Event> {
        let kind = failure.kind.unwrap_or("server_error");
        let message = failure.message.unwrap_or(FAILED);
        let error = json!({"message": message, "type": kind, "param": null, "code": kind});
        vec![Event::data(ordered(&[("error", error)]))]
    }

    fn headers(&self, ids: &Ids) -> Vec<(&'static str, String)> {
        headers(ids)
    }
}

/// The bearer token or key of a request, if there is any.
fn secret<'a>(call: &Call<'a>) -> Option<&'a str> {
    let (scheme, key) = call.headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

fn authorise(call: &Call<'_>) -> Result<(), Refusal> {
    let Some(key) = secret(call) else { return Err(error::no_key()) };
    match call.bearer(key, Flavour::Openai) {
        Credential::Key | Credential::Token(Flavour::Standard) => Ok(()),
        Credential::Token(_) => Err(error::missing_scope()),
        Credential::Expired => Err(error::expired_token()),
        Credential::Revoked => Err(error::revoked_token()),
        Credential::Unknown => Err(error::wrong_key(key)),
    }
}

fn parse(call: &Call<'_>) -> Result<Value, Refusal> {
    match serde_json::from_slice(call.body) {
        Ok(request @ Value::Object(_)) => Ok(request),
        _ => Err(error::invalid(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your \
             HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid \
             JSON.)",
            None,
            None,
        )),
    }
}

fn headers(ids: &Ids) -> Vec<(&'static str, String)> {
    vec![
        ("x-request-id", ids.make("req_", 0)),
        ("openai-processing-ms", "1".into()),
        ("openai-version", "2020-10-01".into()),
        ("openai-organization", "sandbox".into()),
        ("x-ratelimit-limit-requests", "1000".into()),
        ("x-ratelimit-limit-tokens", "1000000".into()),
        ("x-ratelimit-remaining-requests", "999".into()),
        ("x-ratelimit-remaining-tokens", "999000".into()),
        ("x-ratelimit-reset-requests", "60ms".into()),
        ("x-ratelimit-reset-tokens", "6ms".into()),
    ]
}
