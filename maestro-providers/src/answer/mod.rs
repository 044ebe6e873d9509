//! Answers that are no stream: refusals and errors, in all the shapes in which servers put them.
//!
//! What a code *means* differs from provider to provider and stands in each one's `error.rs`. What is the same for all
//! stands here: finding the error in the body, what to say to people, when to try again, and pages that no API wrote.

mod delay;
mod redact;
mod said;

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use maestro_core::{Error, ErrorKind, Retry};

use self::said::{Form, Said};
pub(crate) use self::{
    delay::{parse_duration, seconds},
    redact::told,
};
use crate::http::request_id;

/// An answer that is no stream.
pub(crate) struct Answer<'a> {
    provider: &'a str,
    operation: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) said: Said,
}

impl<'a> Answer<'a> {
    pub(crate) fn read(
        provider: &'a str,
        operation: &'static str,
        status: StatusCode,
        headers: &'a HeaderMap,
        body: &[u8],
    ) -> Self {
        Self { provider, operation, status, headers, said: Said::read(body) }
    }

    /// An error of this kind, with all that is known about the answer. Its retry is what the kind, the answer's delay
    /// and `x-should-retry` make of it.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        let mut error =
            Error::new(kind, self.operation).with_provider(self.provider).with_status(self.status.as_u16());
        if let Some(code) = self.said.name() {
            error = error.with_code(redact::name(code));
        }
        if let Some(id) = request_id(self.headers).or(self.said.request_id.as_deref()) {
            error = error.with_request_id(redact::name(id));
        }
        if let Some(message) = self.said.message.as_deref().filter(|message| !message.trim().is_empty()) {
            error = error.because(told(message));
        }
        let retry = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => self.retry_later(),
            _ => error.retry(),
        };
        match (self.should_retry(), retry) {
            (Some(false), _) => error.with_retry(Retry::Never),
            (Some(true), Retry::Never) => error.with_retry(self.retry_later()),
            (_, retry) => error.with_retry(retry),
        }
    }

    /// The error of a status that says all there is to say.
    pub(crate) fn by_status(&self) -> Error {
        match self.status.as_u16() {
            401 => self.error(ErrorKind::Unauthenticated).with_retry(Retry::RefreshThenRetry),
            402 => self.error(ErrorKind::QuotaExhausted),
            403 => self.error(ErrorKind::Forbidden),
            404 => self.error(ErrorKind::NotFound).advise("check the name of the model and the base URL"),
            408 | 409 | 425 | 499 => self.error(ErrorKind::Unavailable),
            413 => self
                .error(ErrorKind::Invalid)
                .advise("send less at once: fewer or smaller pictures and documents"),
            429 => self.error(ErrorKind::RateLimited),
            500.. => self.error(ErrorKind::Unavailable),
            400..=499 => self.error(ErrorKind::Invalid),
            _ => self
                .error(ErrorKind::Protocol)
                .because("an answer of another kind than was asked for")
                .advise(BASE_URL_ADVICE),
        }
    }

    /// The error of an answer that no API wrote: a redirect, a page for browsers, or a success without a stream.
    /// Absent when the body is an API's.
    pub(crate) fn not_from_an_api(&self) -> Option<Error> {
        let status = self.status.as_u16();
        if self.status.is_redirection() {
            let to = self.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
            let to =
                to.and_then(|to| url::Url::parse(to).ok()).and_then(|to| to.host_str().map(str::to_owned));
            let problem = match to {
                Some(host) => {
                    format!("the server sends on to {}, and redirects are not followed", told(&host))
                }
                None => "the server sends on to another address, and redirects are not followed".to_owned(),
            };
            return Some(self.error(ErrorKind::Protocol).because(problem).advise(BASE_URL_ADVICE));
        }
        match (self.said.form, status) {
            (Form::Html, 403) => Some(
                self.error(ErrorKind::Forbidden)
                    .because("refused with a page for browsers, as firewalls and regional blocks do")
                    .advise("check the network that you are in, and that the base URL is right"),
            ),
            (Form::Html, 401 | 407 | 429) => None,
            (Form::Html, 500..) => Some(
                self.error(ErrorKind::Unavailable)
                    .because("a gateway answered with a page for browsers")
                    .advise("try again later; if it stays so, check that the base URL is right"),
            ),
            (Form::Html, _) => Some(
                self.error(ErrorKind::Protocol)
                    .because("answered with a page for browsers instead of JSON")
                    .advise(BASE_URL_ADVICE),
            ),
            (Form::Text | Form::Empty, 404 | 405) => Some(
                self.error(ErrorKind::NotFound)
                    .because("there is no such path on the server")
                    .advise(BASE_URL_ADVICE),
            ),
            (_, 405) => Some(self.error(ErrorKind::Protocol).advise(BASE_URL_ADVICE)),
            _ => None,
        }
    }

    /// After the delay that the answer names, else after a growing one.
    pub(crate) fn retry_later(&self) -> Retry {
        self.delay().map_or(Retry::Backoff, Retry::After)
    }

    /// The delay that the answer's headers or words name.
    pub(crate) fn delay(&self) -> Option<Duration> {
        delay::from_headers(self.headers)
            .or_else(|| self.said.message.as_deref().and_then(delay::from_words))
            .or_else(|| delay::from_reset_headers(self.headers))
    }

    /// Whether the server says itself that trying again makes sense.
    fn should_retry(&self) -> Option<bool> {
        match self.headers.get("x-should-retry")?.to_str().ok()?.trim() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

const BASE_URL_ADVICE: &str = "is the base URL right? It ends before the path of the API, such as /v1";
