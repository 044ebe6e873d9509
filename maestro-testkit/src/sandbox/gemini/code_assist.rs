//! Code Assist: Gemini in an envelope, for those who signed in with Google.

use serde_json::{Map, Value, json};

use super::super::answer::{Answer, Event, Refusal};
use super::super::ask::{Ask, count};
use super::super::authorization::{Flavour, Onboarding};
use super::super::ids::Ids;
use super::super::protocol::{Call, Credential, Failure, Protocol, Query};
use super::super::reply::Reply;
use super::super::route::Endpoint;
use super::{Gemini, error, generate, models, parse, validate};

/// `v1internal:…` for access tokens.
pub(in super::super) struct CodeAssist;

/// The project a free account is given.
const PROJECT: &str = "sandbox-project";

/// The operation that gives it.
const OPERATION: &str = "operations/sandbox-onboarding";

/// What may be beside the wrapped request.
const ENVELOPE: [&str; 5] = ["model", "project", "user_prompt_id", "request", "enabled_credit_types"];

/// What only this host takes inside it.
const OWN: [&str; 2] = ["session_id", "labels"];

impl Protocol for CodeAssist {
    fn authorise(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let header = call.headers.get("authorization").and_then(|value| value.to_str().ok());
        match header.and_then(|value| value.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                match call.bearer(token.trim(), Flavour::Google) {
                    Credential::Token(_) => Ok(()),
                    _ => Err(error::by_status(401)),
                }
            }
            _ => Err(error::by_status(401)),
        }
    }

    fn models(&self, _query: &Query) -> Result<Value, Refusal> {
        Err(error::by_status(404))
    }

    fn model(&self, _id: &str) -> Result<Value, Refusal> {
        Err(error::by_status(404))
    }

    fn read(&self, call: &Call<'_>) -> Result<(Ask, Value), Refusal> {
        let Endpoint::Generate(Some((_, stream))) = call.endpoint else { return Err(error::by_status(404)) };
        let envelope = parse(call.body)?;
        if let Some(body) = envelope.as_object()
            && let Some(name) = body.keys().find(|name| !ENVELOPE.contains(&name.as_str()))
        {
            return Err(error::unknown_field(name, ""));
        }
        let model = envelope["model"].as_str().unwrap_or_default();
        models::one(model)?;
        // Before the account has a project there is nothing to bill, and another's is not the user's.
        if call.authority.onboarding() != Onboarding::Done || envelope["project"] != PROJECT {
            return Err(error::by_status(403));
        }
        let mut request = envelope["request"].clone();
        if let Some(request) = request.as_object_mut() {
            OWN.iter().for_each(|name| drop(request.remove(*name)));
        }
        let mut ask = validate::generate(&request, model)?;
        ask.stream = *stream;
        Ok((ask, json!({"model": model, "sse": call.query.get("alt") == Some("sse")})))
    }

    fn count(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let envelope = parse(call.body)?;
        let mut request = envelope["request"].as_object().cloned().unwrap_or_else(Map::new);
        let model = request.remove("model").unwrap_or_default();
        let model = model.as_str().and_then(|model| model.strip_prefix("models/")).unwrap_or_default();
        models::one(model)?;
        let request = Value::Object(request);
        validate::count_tokens(&request, model)?;
        Ok(json!({"totalTokens": count(&[&request])}))
    }

    fn account(&self, call: &Call<'_>, name: &str) -> Result<Value, Refusal> {
        match name {
            "loadCodeAssist" => Ok(load(call.authority.onboarding())),
            "onboardUser" => onboard(call),
            OPERATION if call.authority.onboarding() != Onboarding::Not => {
                call.authority.set_onboarding(Onboarding::Done);
                Ok(operation(true))
            }
            "retrieveUserQuota" => {
                let bucket = |model: &super::super::models::Model| {
                    json!({
                        "modelId": model.id, "remainingFraction": 0.5, "resetTime": "2026-01-02T00:00:00Z",
                    })
                };
                let buckets: Vec<Value> = super::super::models::MODELS.iter().map(bucket).collect();
                Ok(json!({ "buckets": buckets }))
            }
            _ => Err(error::by_status(404)),
        }
    }

    fn answer(&self, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
        let trace = ids.short("trace", 0);
        match generate::answer(ask, request, reply, ids) {
            Answer::Json(body) => Answer::Json(json!({"response": body, "traceId": trace})),
            Answer::Stream(mut frames) => {
                for event in &mut frames.events {
                    event.data = format!("{{\"response\":{},\"traceId\":\"{trace}\"}}", event.data);
                }
                Answer::Stream(frames)
            }
        }
    }

    fn error(&self, status: u16) -> Refusal {
        error::by_status(status)
    }

    fn no_such_path(&self, method: &str, path: &str) -> Refusal {
        Gemini.no_such_path(method, path)
    }

    fn failure(&self, failure: &Failure<'_>, ids: &Ids) -> Vec<Event> {
        Gemini.failure(failure, ids)
    }

    fn headers(&self, ids: &Ids) -> Vec<(&'static str, String)> {
        Gemini.headers(ids)
    }
}

fn load(onboarding: Onboarding) -> Value {
    let tier = json!({"id": "free-tier", "name": "Sandbox", "isDefault": true});
    let mut body = json!({"allowedTiers": [tier]});
    if onboarding == Onboarding::Done {
        body["currentTier"] = tier;
        body["cloudaicompanionProject"] = PROJECT.into();
    }
    body
}

/// A long-running operation, which is done when it is looked at.
fn onboard(call: &Call<'_>) -> Result<Value, Refusal> {
    let request = parse(call.body)?;
    match request["tierId"].as_str() {
        Some("free-tier") => {}
        Some(_) => return Err(error::invalid("The tier is not one of the allowedTiers.")),
        None => return Err(error::invalid("tierId is missing.")),
    }
    if !request["cloudaicompanionProject"].is_null() {
        let message = "Precondition check failed.";
        return Err(error::of(400, "FAILED_PRECONDITION", message));
    }
    if call.authority.onboarding() == Onboarding::Done {
        return Ok(operation(true));
    }
    call.authority.set_onboarding(Onboarding::Begun);
    Ok(operation(false))
}

fn operation(done: bool) -> Value {
    let mut body = json!({"name": OPERATION, "done": done});
    if done {
        body["response"] = json!({"cloudaicompanionProject": {"id": PROJECT, "name": PROJECT}});
    }
    body
}
