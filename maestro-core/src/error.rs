//! The one error of Maestro: a kind to match on, and the rest to read.

use std::{error::Error as StdError, fmt, time::Duration};

/// The result of every fallible operation of Maestro.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, in the terms that a program decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is not valid; [`Error::fields`] names each field.
    Invalid,
    /// The thing asked for does not exist.
    NotFound,
    /// A thing with that name or id exists already.
    Conflict,
    /// Other things depend on it, or somebody is working with it.
    InUse,
    /// It changed since it was read: read it again and decide anew.
    Stale,
    /// The credential is missing, refused, expired or revoked.
    Unauthenticated,
    /// The credential is good and does not allow this.
    Forbidden,
    /// Too many requests for now.
    RateLimited,
    /// The plan, budget or quota is used up; waiting a little does not help.
    QuotaExhausted,
    /// The conversation is longer than the model can read.
    ContextTooLong,
    /// A safety or policy filter refused the prompt or the answer.
    Filtered,
    /// The provider, model or store cannot do this.
    Unsupported,
    /// The other side, or the way to it, does not work at the moment.
    Unavailable,
    /// The answer ended before its end.
    Interrupted,
    /// The other side said something that its protocol does not allow.
    Protocol,
    /// The caller gave up.
    Cancelled,
    /// A fault of Maestro or of the machine.
    Internal,
}

impl ErrorKind {
    /// The name in `snake_case`, as the command line and logs write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::InUse => "in_use",
            Self::Stale => "stale",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::ContextTooLong => "context_too_long",
            Self::Filtered => "filtered",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Interrupted => "interrupted",
            Self::Protocol => "protocol",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether, and how, the same request may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// It would fail again.
    Never,
    /// Refresh the credential once, then try again.
    RefreshThenRetry,
    /// Try again after the delay that the other side named.
    After(Duration),
    /// Try again after a growing delay with jitter.
    Backoff,
    /// Ask for the rest of the same answer.
    Resume,
}

/// What is wrong with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, such as `name` or `parts[2].text`.
    pub field: String,
    /// What is wrong, as the rest of a sentence that begins with the field.
    pub problem: String,
}

impl FieldError {
    /// Names a field and what is wrong with it.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

/// The error of every operation of Maestro.
///
/// Programs match on [`kind`](Self::kind) and ask [`retry`](Self::retry); people read the text, which says what was
/// attempted on what, what went wrong and what to do. It never holds a token, a prompt or a response body.
///
/// ```
/// use maestro_core::{Error, ErrorKind};
///
/// let error = Error::not_found("open session", "\"work\"").advise("`maestro session list` shows those there are");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(
///     error.to_string(),
///     "open session \"work\": not found; `maestro session list` shows those there are"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    entity: Option<String>,
    problem: Option<String>,
    advice: Option<String>,
    fields: Vec<FieldError>,
    retry: Retry,
    provider: Option<String>,
    status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    unsent: bool,
    source: Option<Source>,
}

/// Making errors.
impl Error {
    /// An error of `kind` while `operation` was attempted; the operation is a verb phrase such as `"open session"`.
    ///
    /// Kinds that usually pass by themselves begin with [`Retry::Backoff`], all others with [`Retry::Never`].
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        let retry = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Interrupted => Retry::Backoff,
            _ => Retry::Never,
        };
        Self(Box::new(Inner {
            kind,
            operation,
            entity: None,
            problem: None,
            advice: None,
            fields: Vec::new(),
            retry,
            provider: None,
            status: None,
            code: None,
            request_id: None,
            unsent: false,
            source: None,
        }))
    }

    /// The input of `operation` is not valid, for each of the `fields`.
    pub fn invalid(operation: &'static str, fields: impl IntoIterator<Item = FieldError>) -> Self {
        let mut error = Self::new(ErrorKind::Invalid, operation);
        error.0.fields = fields.into_iter().collect();
        error
    }

    /// `entity` does not exist.
    pub fn not_found(operation: &'static str, entity: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, operation).on(entity)
    }

    /// Names the thing that the operation was attempted on.
    #[must_use]
    pub fn on(mut self, entity: impl fmt::Display) -> Self {
        self.0.entity = Some(entity.to_string());
        self
    }

    /// Says in words what went wrong, in place of the kind's own words. Must not hold a secret.
    #[must_use]
    pub fn because(mut self, problem: impl Into<String>) -> Self {
        self.0.problem = Some(problem.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Sets whether and how to try again.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Names the provider that the error comes from.
    #[must_use]
    pub fn with_provider(mut self, provider: impl fmt::Display) -> Self {
        self.0.provider = Some(provider.to_string());
        self
    }

    /// Keeps the HTTP status of the answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Keeps the provider's own code of the error, such as `model_not_found`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Keeps the id under which the provider knows the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Notes that the request surely never reached the server, so that even one that must not be repeated may be.
    #[must_use]
    pub fn never_sent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    /// The same error without the error that caused it, which cannot be copied.
    #[must_use]
    pub fn without_source(&self) -> Self {
        let Inner {
            kind,
            operation,
            entity,
            problem,
            advice,
            fields,
            retry,
            provider,
            status,
            code,
            request_id,
            unsent,
            source: _,
        } = &*self.0;
        Self(Box::new(Inner {
            kind: *kind,
            operation,
            entity: entity.clone(),
            problem: problem.clone(),
            advice: advice.clone(),
            fields: fields.clone(),
            retry: *retry,
            provider: provider.clone(),
            status: *status,
            code: code.clone(),
            request_id: request_id.clone(),
            unsent: *unsent,
            source: None,
        }))
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }
}

/// Reading errors.
impl Error {
    /// What went wrong, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was attempted, as a verb phrase.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// What it was attempted on.
    pub fn entity(&self) -> Option<&str> {
        self.0.entity.as_deref()
    }

    /// The fields that are not valid; empty for every kind but [`ErrorKind::Invalid`].
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// Whether and how to try again.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The provider that the error comes from, if one was asked.
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// The HTTP status of the answer, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The provider's own code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The id under which the provider knows the request, if it gave one.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Whether the request surely never reached the server; false when that is not known.
    pub fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// What to do next, if there is something.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// What went wrong, without the operation before it and the advice behind it.
    pub fn problem(&self) -> String {
        let inner = &*self.0;
        let mut text = match (&inner.problem, inner.kind) {
            (Some(problem), _) => problem.clone(),
            (None, ErrorKind::Invalid) if !inner.fields.is_empty() => {
                inner.fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
            (None, kind) => kind.words().to_owned(),
        };
        if let Some(provider) = &inner.provider {
            text.push_str(" (");
            text.push_str(provider);
            if let Some(status) = inner.status {
                text.push_str(&format!(", HTTP {status}"));
            }
            if let Some(code) = &inner.code {
                text.push_str(&format!(", {code}"));
            }
            if let Some(id) = &inner.request_id {
                text.push_str(&format!(", request {id}"));
            }
            text.push(')');
        }
        text
    }
}

impl ErrorKind {
    const fn words(self) -> &'static str {
        match self {
            Self::Invalid => "not valid",
            Self::NotFound => "not found",
            Self::Conflict => "already exists",
            Self::InUse => "in use",
            Self::Stale => "changed since it was read",
            Self::Unauthenticated => "the credential was not accepted",
            Self::Forbidden => "not allowed with this credential",
            Self::RateLimited => "too many requests for now",
            Self::QuotaExhausted => "the quota is used up",
            Self::ContextTooLong => "the conversation is too long for the model",
            Self::Filtered => "refused by a safety filter",
            Self::Unsupported => "not supported",
            Self::Unavailable => "not available at the moment",
            Self::Interrupted => "ended before its end",
            Self::Protocol => "the other side broke its protocol",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal fault",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(inner.operation)?;
        if let Some(entity) = &inner.entity {
            write!(f, " {entity}")?;
        }
        write!(f, ": {}", self.problem())?;
        if let Some(advice) = &inner.advice {
            write!(f, "; {advice}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("text", &self.to_string()).field("retry", &self.0.retry);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_input_names_every_field() {
        let error = Error::invalid(
            "save authentication",
            [FieldError::new("name", "is too short"), FieldError::new("key", "is empty")],
        );
        assert_eq!(error.to_string(), "save authentication: name is too short; key is empty");
        assert_eq!(error.retry(), Retry::Never);
    }

    #[test]
    fn the_text_tells_the_provider_status_and_request() {
        let error = Error::new(ErrorKind::RateLimited, "ask for an answer")
            .on("model \"m\"")
            .with_provider("anthropic")
            .with_status(429)
            .with_code("rate_limit_error")
            .with_request_id("req_1")
            .advise("wait a minute");
        assert_eq!(
            error.to_string(),
            "ask for an answer model \"m\": too many requests for now (anthropic, HTTP 429, rate_limit_error, request req_1); wait a minute"
        );
    }

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
