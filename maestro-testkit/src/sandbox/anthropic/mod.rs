//! Anthropic: `GET /v1/models`, `POST /v1/messages`, `POST /v1/messages/count_tokens`.

mod content;
mod error;
mod messages;
mod models;
mod validate;

use serde_json::{Value, json};

use super::answer::{Answer, Event, Refusal, ordered};
use super::ask::Ask;
use super::authorization::Flavour;
use super::ids::Ids;
use super::protocol::{Call, Credential, Failure, Protocol, Query, accepted};
use super::reply::Reply;

/// The API version whose rules are played.
const VERSION: &str = "2023-06-01";

/// A later version, which newer official clients name.  It is accepted and played by the rules of [`VERSION`].
const NEWER: &str = "2026-10-21";

/// The beta that a bearer token needs beside it.
const OAUTH_BETA: &str = "oauth-2025-04-20";

/// The Messages API.
pub(super) struct Anthropic;

impl Protocol for Anthropic {
    fn authorise(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let header = |name: &str| call.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let bearer = header("authorization");
        match (header("x-api-key"), bearer) {
            (Some(_), Some(_)) => {
                return Err(error::of(
                    "authentication_error",
                    "x-api-key and authorization are both set: send one of them",
                ));
            }
            (Some(key), None) if accepted(key) => {}
            (Some(_), None) => return Err(error::of("authentication_error", "invalid x-api-key")),
            (None, Some(bearer)) => {
                let newer = header("anthropic-version") == Some(NEWER);
                bearer_is_good(call, bearer, newer, header("anthropic-beta"))?;
            }
            (None, None) => return Err(error::of("authentication_error", "x-api-key header is required")),
        }
        match header("anthropic-version") {
            Some(VERSION | NEWER) => Ok(()),
            Some(other) => {
                Err(error::invalid(format!("anthropic-version: \"{other}\" is not a valid version")))
            }
            None => Err(error::invalid("anthropic-version: header is required")),
        }
    }

    fn models(&self, query: &Query) -> Result<Value, Refusal> {
        models::list(query)
    }

    fn model(&self, id: &str) -> Result<Value, Refusal> {
        models::one(id)
    }

    fn read(&self, call: &Call<'_>) -> Result<(Ask, Value), Refusal> {
        let request = parse(call)?;
        let ask = validate::messages(&request)?;
        Ok((ask, request))
    }

    fn count(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let request = parse(call)?;
        let ask = validate::count_tokens(&request)?;
        Ok(json!({"input_tokens": ask.input_tokens}))
    }

    fn answer(&self, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
        messages::answer(ask, request, reply, ids)
    }

    fn error(&self, status: u16) -> Refusal {
        error::by_status(status)
    }

    fn no_such_path(&self, _method: &str, _path: &str) -> Refusal {
        error::of("not_found_error", "Not Found")
    }

    fn failure(&self, failure: &Failure<'_>, ids: &Ids) -> Vec<Event> {
        let kind = failure.kind.unwrap_or("overloaded_error");
        let message = failure.message.unwrap_or(error::text(kind));
        let body = [
            ("type", "error".into()),
            ("error", json!({"type": kind, "message": message})),
            ("request_id", ids.make("req_", 0).into()),
        ];
        vec![Event::named("error", ordered(&body))]
    }

    fn stamp(&self, body: &mut Value, ids: &Ids) {
        if body["type"] == "error" {
            body["request_id"] = ids.make("req_", 0).into();
        }
    }

    fn headers(&self, ids: &Ids) -> Vec<(&'static str, String)> {
        vec![
            ("request-id", ids.make("req_", 0)),
            ("anthropic-organization-id", "00000000-0000-0000-0000-00005a4db0c5".into()),
            ("anthropic-ratelimit-requests-limit", "1000".into()),
            ("anthropic-ratelimit-requests-remaining", "999".into()),
            ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z".into()),
            ("anthropic-ratelimit-tokens-limit", "1000000".into()),
            ("anthropic-ratelimit-tokens-remaining", "999000".into()),
            ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z".into()),
        ]
    }
}

/// A bearer token needs the flag of the OAuth beta beside it, except under the newer version: official clients
/// that name it send API keys as bearer tokens.
fn bearer_is_good(call: &Call<'_>, bearer: &str, newer: bool, betas: Option<&str>) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(error::of("authentication_error", message));
    let token = match bearer.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return refuse("Invalid bearer token"),
    };
    let flagged = betas.is_some_and(|betas| betas.split(',').any(|beta| beta.trim() == OAUTH_BETA));
    match call.bearer(token, Flavour::Anthropic) {
        Credential::Key if newer || flagged => Ok(()),
        Credential::Token(_) if flagged => Ok(()),
        Credential::Key | Credential::Token(_) => refuse("OAuth authentication is currently not supported."),
        Credential::Expired => {
            refuse("OAuth token has expired. Please obtain a new token or refresh your existing token.")
        }
        Credential::Revoked => refuse("OAuth token has been revoked. Please obtain a new token."),
        Credential::Unknown => refuse("Invalid bearer token"),
    }
}

fn parse(call: &Call<'_>) -> Result<Value, Refusal> {
    if call.body.len() > 32 << 20 {
        return Err(error::by_status(413));
    }
    serde_json::from_slice(call.body)
        .map_err(|error| error::invalid(format!("The request body is not valid JSON: {error}")))
}
