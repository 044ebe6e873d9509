//! ChatGPT's backend: the Responses API by stricter rules, for those who signed in instead of having a key.

use serde_json::{Value, json};

use super::super::answer::{Answer, Event, Refusal};
use super::super::ask::Ask;
use super::super::authorization::Flavour;
use super::super::ids::{CREATED, Ids};
use super::super::models::{LIMITS, MODELS, exists};
use super::super::protocol::{Call, Credential, Failure, Protocol, Query};
use super::super::reply::Reply;
use super::super::seal;
use super::responses::{self, Host};
use super::{Responses, parse, responses_check, secret};

/// The host of `POST /responses` and `GET /models` for access tokens.
pub(in super::super) struct Chatgpt;

/// What a request may hold; all else is unsupported, limits and sampling too.
const FIELDS: [&str; 14] = [
    "model",
    "instructions",
    "input",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "store",
    "stream",
    "include",
    "prompt_cache_key",
    "service_tier",
    "client_metadata",
];

const NOT_A_TOKEN: &str = "Could not parse your authentication token. Please try signing in again.";

impl Protocol for Chatgpt {
    fn authorise(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let Some(token) = secret(call) else { return Err(detail(401, "Unauthorized")) };
        match call.bearer(token, Flavour::Openai) {
            Credential::Token(Flavour::Openai) => Ok(()),
            Credential::Expired => Err(ended("token_expired")),
            Credential::Revoked => Err(ended("token_revoked")),
            // API keys too: they are for the other host.
            Credential::Key | Credential::Token(_) | Credential::Unknown => Err(detail(401, NOT_A_TOKEN)),
        }
    }

    fn models(&self, _query: &Query) -> Result<Value, Refusal> {
        let one = |(place, model): (usize, &super::super::models::Model)| {
            let level = |effort: &str| json!({"effort": effort, "description": effort});
            let levels: Vec<Value> = match model.reasons {
                true => ["low", "medium", "high"].into_iter().map(level).collect(),
                false => Vec::new(),
            };
            json!({
                "slug": model.id,
                "display_name": model.name,
                "description": "No model, a rule",
                "default_reasoning_level": if model.reasons { "medium".into() } else { Value::Null },
                "supported_reasoning_levels": levels,
                // One is hidden, as some always are.
                "visibility": if model.id == "sandbox-legacy" { "hide" } else { "list" },
                "supported_in_api": true,
                "priority": place,
                "context_window": LIMITS.0,
                "input_modalities": ["text", "image"],
                "supports_reasoning_summary_parameter": model.reasons,
            })
        };
        let models: Vec<Value> = MODELS.iter().enumerate().map(one).collect();
        Ok(json!({ "models": models }))
    }

    fn model(&self, _id: &str) -> Result<Value, Refusal> {
        Err(detail(404, "Not Found"))
    }

    fn read(&self, call: &Call<'_>) -> Result<(Ask, Value), Refusal> {
        let mut request = parse(call).map_err(|_| detail(400, "Invalid JSON"))?;
        check(&request)?;
        if let Some(body) = request.as_object_mut() {
            body.remove("client_metadata");
        }
        let ask = responses_check::request(&request).map_err(|refusal| {
            let message = refusal.body["error"]["message"].as_str().unwrap_or_default().to_owned();
            detail(refusal.status, &message)
        })?;
        Ok((ask, request))
    }

    fn count(&self, _call: &Call<'_>) -> Result<Value, Refusal> {
        Err(detail(404, "Not Found"))
    }

    fn answer(&self, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer {
        responses::answer(Host::Chatgpt, ask, request, reply, ids)
    }

    fn error(&self, status: u16) -> Refusal {
        match status {
            401 => detail(401, NOT_A_TOKEN),
            429 => Refusal::new(
                429,
                json!({"error": {
                    "type": "usage_limit_reached",
                    "message": "The usage limit has been reached",
                    "plan_type": "plus",
                    "resets_in_seconds": 1234,
                }}),
            ),
            404 => detail(404, "Not Found"),
            _ => detail(status, "The request failed (scripted by the sandbox)"),
        }
    }

    fn no_such_path(&self, _method: &str, _path: &str) -> Refusal {
        detail(404, "Not Found")
    }

    fn failure(&self, failure: &Failure<'_>, ids: &Ids) -> Vec<Event> {
        Responses.failure(failure, ids)
    }

    fn headers(&self, ids: &Ids) -> Vec<(&'static str, String)> {
        vec![
            ("x-request-id", ids.make("req_", 0)),
            ("x-models-etag", "W/\"sandbox\"".into()),
            ("x-codex-primary-used-percent", "12.5".into()),
            ("x-codex-primary-window-minutes", "300".into()),
            ("x-codex-primary-reset-at", (CREATED + 18_000).to_string()),
        ]
    }
}

/// What this host demands beyond the Responses API.
fn check(request: &Value) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(detail(400, message));
    if let Some(body) = request.as_object()
        && let Some(field) = body.keys().find(|field| !FIELDS.contains(&field.as_str()))
    {
        return refuse(&format!("Unsupported parameter: {field}"));
    }
    if request["store"] != false {
        return refuse("Store must be set to false");
    }
    if request["stream"] != true {
        return refuse("Stream must be set to true");
    }
    // An empty text is accepted, a missing one is not.
    if !request["instructions"].is_string() {
        return refuse("Instructions are required");
    }
    let items = request["input"].as_array().map(Vec::as_slice).unwrap_or_default();
    if items.iter().any(|item| item["role"] == "system") {
        return refuse("System messages are not allowed");
    }
    if let Some(model) = request["model"].as_str()
        && !exists(model)
    {
        return refuse(&format!(
            "The '{model}' model is not supported when using Codex with a ChatGPT account."
        ));
    }
    Ok(())
}

/// A session that is over; the reason is in a header, in base64.
fn ended(code: &str) -> Refusal {
    let mut refusal = detail(401, "Unauthorized");
    let reason = json!({"error": {"code": code}}).to_string();
    refusal.headers.push(("x-error-json", seal::encode(reason.as_bytes())));
    refusal
}

fn detail(status: u16, message: &str) -> Refusal {
    Refusal::new(status, json!({ "detail": message }))
}
