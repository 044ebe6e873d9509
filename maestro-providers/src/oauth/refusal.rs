//! What an authorization server's refusals mean.
//!
//! The one question that matters is whether a refresh token is dead. Taking a live one for dead costs a sign-in; taking a
//! dead one for live costs a request at each turn. So only what a server says in so many words, and a 401, is for good.

use http::StatusCode;
use maestro_core::{Error, ErrorKind, Retry, auth::RefusalReason};
use serde_json::Value;

use super::ask::Reply;
use crate::answer::{Answer, told};

/// What was asked for. The same code means different things in different requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Tokens for a code, or for a user who signed in elsewhere.
    Tokens,
    /// New tokens for a refresh token.
    Refresh,
    /// A key for tokens.
    Key,
    /// A code for a device, or the end of a token.
    Other,
}

/// Codes that end a sign-in at whatever status, and why.
const FINAL: [(&str, RefusalReason); 6] = [
    ("invalid_grant", RefusalReason::Unknown),
    ("refresh_token_expired", RefusalReason::Expired),
    ("refresh_token_reused", RefusalReason::Reused),
    ("refresh_token_invalidated", RefusalReason::Revoked),
    ("token_invalidated", RefusalReason::Revoked),
    ("token_revoked", RefusalReason::Revoked),
];

/// Codes by which a server refuses the client, and not what it brought.
const CLIENT: [&str; 2] = ["invalid_client", "unauthorized_client"];

/// Why a refresh token was refused for good; absent when it was not, or when it was the client that was refused.
pub(super) fn reason(error: &Error) -> Option<RefusalReason> {
    if error.kind() != ErrorKind::Unauthenticated || error.status().is_none() {
        return None;
    }
    let code = error.code().unwrap_or_default().to_ascii_lowercase();
    if CLIENT.contains(&code.as_str()) {
        return None;
    }
    let known = FINAL.iter().find(|(name, _)| *name == code).map(|(_, reason)| *reason);
    Some(known.unwrap_or(RefusalReason::Unknown))
}

/// The code of a refusal, in the form of RFC 6749 or in an envelope, in lower case.
pub(super) fn code(reply: &Reply) -> Option<String> {
    Refusal::of(&reply.body).code.map(|code| code.to_ascii_lowercase())
}

/// Reads an answer that refuses.
pub(super) fn error(reply: &Reply, asked: Asked) -> Error {
    let mut answer =
        Answer::read(&reply.provider, reply.operation, reply.status, &reply.headers, &reply.body);
    let refusal = Refusal::of(&reply.body);
    let said = &mut answer.said;
    said.message = refusal.message.map(|message| reply.without_secrets(&message));
    said.code = refusal.code.map(|code| reply.without_secrets(&code));
    for text in [&mut said.kind, &mut said.status, &mut said.request_id].into_iter().flatten() {
        *text = reply.without_secrets(text);
    }
    by_code(&answer, asked).unwrap_or_else(|| by_status(&answer, asked))
}

fn by_code(answer: &Answer<'_>, asked: Asked) -> Option<Error> {
    let code = answer.said.code.as_deref()?.to_ascii_lowercase();
    let is_final = FINAL.iter().any(|(name, _)| *name == code);
    Some(match code.as_str() {
        "invalid_target" | "invalid_scope" if asked == Asked::Key => answer
            .error(ErrorKind::Forbidden)
            .with_retry(Retry::Never)
            .advise("check audience, resource and scope of token_exchange in the sign-in profile"),
        "unsupported_grant_type" | "unauthorized_client" if asked == Asked::Key => answer
            .error(ErrorKind::Forbidden)
            .with_retry(Retry::Never)
            .advise("the server trades no tokens with this client; use the tokens themselves"),
        code if asked == Asked::Key && code != "invalid_client" => return None,
        code if CLIENT.contains(&code) => {
            let refused = answer.status == StatusCode::UNAUTHORIZED;
            let kind = if refused { ErrorKind::Unauthenticated } else { ErrorKind::Forbidden };
            answer.error(kind).with_retry(Retry::Never).advise("check the client id and the client secret")
        }
        _ if is_final => signed_out(answer, asked),
        "expired_token" => answer
            .error(ErrorKind::Unauthenticated)
            .with_retry(Retry::Never)
            .advise("the code has expired: begin the sign-in anew"),
        "access_denied" => answer.error(ErrorKind::Forbidden).with_retry(Retry::Never),
        "server_error" | "temporarily_unavailable" => answer.error(ErrorKind::Unavailable),
        _ => return None,
    })
}

fn by_status(answer: &Answer<'_>, asked: Asked) -> Error {
    match (answer.status.as_u16(), asked) {
        (400 | 401 | 403, Asked::Key) => answer
            .error(ErrorKind::Forbidden)
            .with_retry(Retry::Never)
            .advise("this account buys no key; use the tokens themselves"),
        (401, _) => signed_out(answer, asked),
        _ => match answer.not_from_an_api() {
            Some(error) if matches!(error.kind(), ErrorKind::Protocol | ErrorKind::NotFound) => {
                error.advise("check the addresses of the sign-in profile")
            }
            Some(error) => error,
            None => match answer.by_status() {
                error if error.kind() == ErrorKind::NotFound => {
                    error.advise("check the addresses of the sign-in profile")
                }
                error if error.kind() == ErrorKind::Protocol => {
                    // A success that brings nothing has been read before; what is left is of another kind.
                    answer.error(ErrorKind::Protocol)
                }
                // Some servers say of a dead refresh token only that the request is not good.
                error if asked == Asked::Refresh && error.kind() == ErrorKind::Invalid => {
                    error.advise("if it stays like this, sign in again")
                }
                error => error,
            },
        },
    }
}

/// What was brought is refused for good.
fn signed_out(answer: &Answer<'_>, asked: Asked) -> Error {
    let error = answer.error(ErrorKind::Unauthenticated).with_retry(Retry::Never);
    error.advise(match asked {
        Asked::Refresh => "sign in again",
        _ => "begin the sign-in anew: a code can be used once, and not for long",
    })
}

/// What the body of a refusal says. A text that is no JSON is left out: nobody knows what it quotes.
#[derive(Default)]
struct Refusal {
    code: Option<String>,
    message: Option<String>,
}

impl Refusal {
    /// Reads `{"error":"code","error_description":…}` (RFC 6749, section 5.2), `{"error":{"code","type","message"}}`, and
    /// `{"code","message"}` or `{"detail"}` without an envelope.
    fn of(body: &[u8]) -> Self {
        let Ok(envelope @ Value::Object(_)) = serde_json::from_slice::<Value>(body) else {
            return Self::default();
        };
        let text = |pointer: &str| {
            let text = envelope.pointer(pointer).and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        // A server that puts a sentence where the code belongs says no code.
        let word = |text: &String| !text.contains(char::is_whitespace);
        let error = text("/error");
        let code = (text("/error/code").or_else(|| error.clone()).filter(word))
            .or_else(|| text("/code").filter(word))
            .or_else(|| text("/error/type").filter(word));
        let message = (text("/error_description").or_else(|| text("/error/message")))
            .or_else(|| text("/message"))
            .or_else(|| text("/detail"))
            .or_else(|| error.filter(|text| !word(text)));
        let subtype = text("/error_subtype").map(|subtype| told(&subtype));
        let message = match (message, subtype) {
            (Some(message), Some(subtype)) => Some(format!("{message} ({subtype})")),
            (message, subtype) => message.or(subtype),
        };
        Self { code, message }
    }
}
