//! The control paths under `/__sandbox`: the journal and the scenarios over HTTP.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::{Value, json};

use super::authorization::Flavour;
use super::scenario::Scenario;
use super::server::Shared;

const ROOT: &str = "/__sandbox";

/// Whether a path is one of the control paths.
pub(super) fn is_control(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a control request.  No key is asked for: the server listens on loopback only and holds no secrets.
pub(super) fn handle(shared: &Shared, parts: &Parts, body: &[u8]) -> Response {
    let path = parts.uri.path().strip_prefix(ROOT).unwrap_or_default();
    match (path.trim_end_matches('/'), &parts.method) {
        ("", &Method::GET) => answer(200, &overview(shared)),
        ("/requests", &Method::GET) => answer(200, &json!(shared.journal.list())),
        ("/requests", &Method::DELETE) => {
            shared.journal.clear();
            answer(200, &json!([]))
        }
        ("/scenarios", &Method::GET) => answer(200, &shared.scenarios.list()),
        ("/scenarios", &Method::PUT) => change(body, shared, |list| shared.scenarios.replace(list)),
        ("/scenarios", &Method::POST) => {
            change(body, shared, |list| list.into_iter().for_each(|one| shared.scenarios.add(one)))
        }
        ("/scenarios", &Method::DELETE) => {
            shared.scenarios.replace(Vec::new());
            answer(200, &json!([]))
        }
        ("/oauth", &Method::GET) => answer(200, &shared.authority.report()),
        ("/oauth/clock", &Method::POST) => match serde_json::from_slice::<Value>(body) {
            Ok(wanted) if wanted["advance_seconds"].is_u64() => {
                let seconds = wanted["advance_seconds"].as_u64().unwrap_or_default();
                shared.authority.lock().advance(Duration::from_secs(seconds));
                answer(200, &shared.authority.report()["time"])
            }
            _ => error(400, "an object with advance_seconds is wanted, a whole number"),
        },
        (oauth, &Method::PATCH) if flavour(oauth).is_some() => {
            match (flavour(oauth), serde_json::from_slice(body)) {
                (Some(flavour), Ok(patch)) => match shared.authority.patch(flavour, &patch) {
                    Ok(settings) => answer(200, &settings),
                    Err(wrong) => {
                        error(400, &format!("settings of the authorization server are wanted: {wrong}"))
                    }
                },
                _ => error(400, "the body is not JSON"),
            }
        }
        ("" | "/requests" | "/scenarios", method) => {
            let known = match path.trim_end_matches('/') {
                "" => "GET",
                "/requests" => "GET, DELETE",
                _ => "GET, PUT (all anew), POST (one more), DELETE",
            };
            error(405, &format!("{method} is not known here; there are: {known}"))
        }
        _ => error(
            404,
            "the sandbox has /__sandbox, /__sandbox/requests, /__sandbox/scenarios, /__sandbox/oauth, \
             /__sandbox/oauth/clock (POST) and /__sandbox/oauth/FLAVOUR (PATCH)",
        ),
    }
}

fn flavour(path: &str) -> Option<Flavour> {
    path.strip_prefix("/oauth/").and_then(Flavour::named)
}

fn change(body: &[u8], shared: &Shared, apply: impl FnOnce(Vec<Scenario>)) -> Response {
    let Ok(text) = std::str::from_utf8(body) else { return error(400, "the body is not UTF-8") };
    match Scenario::parse(text) {
        Ok(list) => {
            apply(list);
            answer(200, &shared.scenarios.list())
        }
        Err(wrong) => error(400, &format!("a scenario, or an array of them, is wanted: {wrong}")),
    }
}

fn overview(shared: &Shared) -> Value {
    let base = format!("http://{}", shared.address);
    json!({
        "type": "sandbox",
        "openai": format!("{base}/openai/v1"),
        "chatgpt": format!("{base}/chatgpt"),
        "anthropic": format!("{base}/anthropic"),
        "gemini": format!("{base}/gemini"),
        "code_assist": format!("{base}/code-assist"),
        "authorization": format!("{base}/oauth"),
        "key": super::KEY,
        "requests": shared.journal.received(),
        "connections": shared.connections(),
    })
}

fn error(status: u16, message: &str) -> Response {
    answer(status, &json!({"error": {"message": message}}))
}

fn answer(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
