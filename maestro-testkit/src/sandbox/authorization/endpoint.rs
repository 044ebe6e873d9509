//! From HTTP and back: which endpoint is meant, what a scenario does to its answer, and how it is sent.

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use super::super::delivery;
use super::super::matching::Candidate;
use super::super::scenario::{Dialect, Scenario};
use super::super::server::Shared;
use super::authorize::{self, Decision, Visit};
use super::failure::Failure;
use super::flavour::{self, Flavour, Place};
use super::form::Form;
use super::script::{ExchangeEffect, Grant};
use super::token::Exchange;
use super::visitor::Callback;
use super::{State, about, device, page, token};

/// An answer before it becomes bytes.
#[derive(Debug)]
enum Out {
    Json(u16, Value),
    Page(u16, String),
    Redirect(String),
}

/// Answers a request to the authorization server; `body` is `None` when it was too large.
pub(in super::super) async fn handle(shared: &Shared, parts: &Parts, body: Option<&[u8]>) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let form = match (&parts.method, body) {
        (&Method::POST, Some(body)) => Form::body(&parts.headers, body),
        (&Method::POST, None) => Err(Failure::new(413, "invalid_request", "The body is too large")),
        _ => Ok(Form::query(query)),
    };
    let recorded = match (&parts.method, &form) {
        (&Method::POST, Ok(form)) => form.recorded().to_string(),
        _ => String::new(),
    };
    let ticket = shared.journal.open(parts, Dialect::Authorization, recorded.as_bytes());
    let found = flavour::find(parts.uri.path());
    let flavour = found.map_or(Flavour::Standard, |(flavour, _)| flavour);
    let grant = match (found, &form) {
        (Some((_, Place::Token)), Ok(form)) => form.grant(),
        (Some((_, Place::DevicePoll)), _) => Some(Grant::DeviceCode),
        _ => None,
    };
    let candidate = Candidate { dialect: Dialect::Authorization, path: parts.uri.path(), said: None, grant };
    let scenario = shared.scenarios.take(&candidate).unwrap_or_default();
    if let Err(error) = scenario.validate() {
        let text = format!("the sandbox cannot play this scenario: {error}");
        ticket.answered(500);
        let mut response = Response::new(delivery::whole(text.into(), &Default::default(), None, ticket));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    }

    let script = scenario.oauth.clone().unwrap_or_default();
    let replaced = scenario.raw.is_some()
        || script.error.is_some()
        || scenario.status.as_ref().is_some_and(|status| status.body.is_some() || status.code >= 300);
    let by_default = if replaced { ExchangeEffect::NotDone } else { ExchangeEffect::Done };
    let out = match script.effect.unwrap_or(by_default) {
        ExchangeEffect::NotDone => refused(flavour, &Failure::by_status(503)),
        ExchangeEffect::Done => {
            let mut state = shared.authority.lock();
            let out = form.and_then(|form| {
                let (flavour, place) = found.ok_or_else(|| Failure::by_status(404))?;
                let lifetime = script.lifetime_seconds;
                let exchange = Exchange { flavour, form: &form, headers: &parts.headers, lifetime };
                answer(&mut state, &parts.method, place, &exchange)
            });
            out.unwrap_or_else(|failure| {
                let counted = matches!(
                    found,
                    Some((_, Place::Token | Place::Revoke | Place::Device | Place::DevicePoll))
                );
                let waits = ["authorization_pending", "deviceauth_authorization_pending"];
                if counted && !waits.contains(&failure.error.as_str()) {
                    state.ledger.count(None, |counters| counters.refused += 1);
                }
                refused(flavour, &failure)
            })
        }
    };
    if let Some(delay) = scenario.delay() {
        tokio::time::sleep(delay).await;
    }
    let challenge = match found {
        Some((_, Place::Userinfo)) => "Bearer",
        _ => "Basic realm=\"sandbox\"",
    };
    let mut response = written(flavour, out, &scenario);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    let bytes = std::mem::take(response.body_mut());
    ticket.answered(response.status().as_u16());
    let delivered = scenario.stream.clone().unwrap_or_default();
    let first_byte = scenario.first_byte_ms.map(Duration::from_millis);
    let body = match delivered.cut_after_events {
        Some(0) => delivery::lost(ticket),
        _ => delivery::whole(bytes, &delivered, first_byte, ticket),
    };
    response.map(|_| body)
}

fn answer(state: &mut State, method: &Method, place: Place, exchange: &Exchange<'_>) -> Result<Out, Failure> {
    let flavour = exchange.flavour;
    let posted = *method == Method::POST;
    let allowed = match place {
        Place::Token | Place::Revoke | Place::Device | Place::DevicePoll => posted,
        Place::Authorize | Place::DevicePage | Place::Userinfo => posted || *method == Method::GET,
        Place::Paste | Place::Metadata => *method == Method::GET,
    };
    if !allowed {
        return Err(Failure::by_status(405));
    }
    let json = |body| Out::Json(200, body);
    match place {
        Place::Authorize => Ok(authorize(state, exchange, posted)),
        Place::Token => token::answer(state, exchange).map(json),
        Place::Revoke => about::revoke(state, exchange).map(json),
        Place::Userinfo => about::userinfo(state, flavour, exchange.headers).map(json),
        Place::Device => device::start(state, exchange).map(json),
        Place::DevicePoll => device::openai(state, exchange).map(json),
        Place::DevicePage => Ok(device_page(state, exchange, posted)),
        Place::Paste => Ok(paste(exchange.form)),
        Place::Metadata => Ok(json(about::metadata(state, flavour))),
    }
}

fn decision(form: &Form) -> Option<Decision> {
    match form.get("decision") {
        Some("approve") => Some(Decision::Approve),
        Some("deny") => Some(Decision::Deny),
        _ => None,
    }
}

fn authorize(state: &mut State, exchange: &Exchange<'_>, posted: bool) -> Out {
    let form = exchange.form;
    // A link decides nothing: only the page's own buttons do.
    let decision = decision(form).filter(|_| posted);
    match authorize::visit(state, exchange.flavour, form, decision) {
        Ok(Visit::Ask) => Out::Page(200, page::consent(exchange.flavour, form)),
        Ok(Visit::Back(url)) => Out::Redirect(url.into()),
        Ok(Visit::Shown(url)) => {
            let form = Form::query(url.query().unwrap_or_default());
            shown(Callback::new(url).pasted(), &form)
        }
        Err(failure) => Out::Page(400, page::refusal(&failure.error, &failure.description)),
    }
}

fn paste(form: &Form) -> Out {
    let code = form.get("code").map(|code| match form.get("state") {
        Some(state) => format!("{code}#{state}"),
        None => code.to_owned(),
    });
    shown(code, form)
}

fn shown(code: Option<String>, form: &Form) -> Out {
    match code {
        Some(code) => Out::Page(200, page::paste(&code)),
        None => {
            let or = |name, fallback| form.get(name).unwrap_or(fallback);
            let (error, text) =
                (or("error", "invalid_request"), or("error_description", "There is no code here"));
            Out::Page(400, page::refusal(error, text))
        }
    }
}

fn device_page(state: &mut State, exchange: &Exchange<'_>, posted: bool) -> Out {
    let typed = exchange.form.get("user_code").unwrap_or_default();
    match decision(exchange.form).filter(|_| posted) {
        None => Out::Page(200, page::device(typed)),
        Some(decision) if device::decide(state, Some(exchange.flavour), typed, decision) => {
            Out::Page(200, page::decided("Done. You may close this page."))
        }
        Some(_) => Out::Page(400, page::decided("No device waits with this code.")),
    }
}

fn refused(flavour: Flavour, failure: &Failure) -> Out {
    Out::Json(failure.status, failure.body(flavour))
}

/// The answer with what the scenario makes of it; its body is still whole.
fn written(flavour: Flavour, out: Out, scenario: &Scenario) -> Response<Bytes> {
    let script = scenario.oauth.clone().unwrap_or_default();
    let code = scenario.status.as_ref().map(|status| status.code);
    let (status, kind, bytes) = if let Some(raw) = &scenario.raw {
        let kind = raw.content_type.clone().unwrap_or_else(|| "text/html".to_owned());
        (code.unwrap_or(200), kind, raw.body.clone())
    } else if let Some(Value::String(text)) = scenario.status.as_ref().and_then(|status| status.body.as_ref())
    {
        (code.unwrap_or(200), "text/plain; charset=utf-8".to_owned(), text.clone())
    } else {
        let json = |status: u16, body: &Value| {
            let mut body = body.clone();
            if let Some(body) = body.as_object_mut() {
                body.retain(|name, _| !script.omit.contains(name));
            }
            let mut text = body.to_string();
            if script.malformed {
                text = text.chars().take(text.chars().count() / 2).collect();
            }
            (status, "application/json".to_owned(), text)
        };
        let own = scenario.status.as_ref().and_then(|status| status.body.as_ref());
        match (own, &script.error, code, out) {
            (Some(body), _, _, _) => json(code.unwrap_or(200), body),
            (None, Some(error), code, _) => {
                let failure = Failure::scripted(error);
                json(code.unwrap_or(failure.status), &failure.body(flavour))
            }
            (None, None, Some(code), _) if code >= 300 => json(code, &Failure::by_status(code).body(flavour)),
            (None, None, code, Out::Json(status, body)) => {
                json(if status == 200 { code.unwrap_or(status) } else { status }, &body)
            }
            (None, None, _, Out::Page(status, html)) => (status, "text/html; charset=utf-8".to_owned(), html),
            (None, None, _, Out::Redirect(url)) => {
                let mut response = head(302, "", scenario);
                if let Ok(url) = HeaderValue::try_from(url) {
                    response.headers_mut().insert(header::LOCATION, url);
                }
                return response;
            }
        }
    };
    let mut response = head(status, &kind, scenario);
    *response.body_mut() = Bytes::from(bytes);
    response
}

fn head(status: u16, content_type: &str, scenario: &Scenario) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    // RFC 6749, section 5.1.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The pages' addresses carry codes.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let scripted = scenario.status.iter().flat_map(|status| &status.headers);
    let scripted = scripted.map(|(name, value)| (name.as_str(), value.as_str()));
    let own = [("content-type", content_type)].into_iter().filter(|(_, value)| !value.is_empty());
    for (name, value) in own.chain(scripted) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}
