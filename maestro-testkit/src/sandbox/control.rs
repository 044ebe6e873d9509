//! The control paths under `/__sandbox`: the journal and the scenarios over HTTP.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::{Value, json};

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
        ("" | "/requests" | "/scenarios", method) => {
            let known = match path.trim_end_matches('/') {
                "" => "GET",
                "/requests" => "GET, DELETE",
                _ => "GET, PUT (all anew), POST (one more), DELETE",
            };
            error(405, &format!("{method} is not known here; there are: {known}"))
        }
        _ => error(404, "the sandbox has /__sandbox, /__sandbox/requests and /__sandbox/scenarios"),
    }
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
        "anthropic": format!("{base}/anthropic"),
        "gemini": format!("{base}/gemini"),
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
