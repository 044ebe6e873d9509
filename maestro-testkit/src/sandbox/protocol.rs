//! What each dialect has to say for itself; the server does the rest.

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Event, Refusal};
use super::ask::Ask;
use super::authorization::{Authority, Flavour, Standing};
use super::ids::Ids;
use super::reply::Reply;
use super::route::Endpoint;
use super::scenario::Dialect;
use super::{anthropic, gemini, openai};

/// A request as it came.
pub(super) struct Call<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a Query,
    pub(super) body: &'a [u8],
    pub(super) authority: &'a Authority,
}

/// What the secret of a request is worth to a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// A key: anything that begins with `sandbox-`.
    Key,
    /// An access token of this flavour.
    Token(Flavour),
    /// An access token that was one.
    Expired,
    /// An access token that was taken back.
    Revoked,
    /// Nothing: made up, or for another provider.
    Unknown,
}

/// A failure in the middle of a stream.
pub(super) struct Failure<'a> {
    /// The provider's type, code or status, when one is asked for.
    pub(super) kind: Option<&'a str>,
    pub(super) message: Option<&'a str>,
    /// How many events went before.
    pub(super) sent: usize,
    /// The request that fails, as [`Protocol::read`] gave it back.
    pub(super) request: &'a Value,
}

/// The pairs of a query, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

/// A provider's protocol.
///
/// A body is first read into an [`Ask`], or refused as the provider refuses it; the reply to the ask is then
/// put into the provider's shapes.  Nothing here waits or knows of scenarios.
pub(super) trait Protocol: Sync {
    /// Checks the credentials and the headers that must be there.
    fn authorise(&self, call: &Call<'_>) -> Result<(), Refusal>;

    /// The list of models, page by page where the provider has pages.
    fn models(&self, query: &Query) -> Result<Value, Refusal>;

    /// One model.
    fn model(&self, id: &str) -> Result<Value, Refusal>;

    /// Reads and checks a request for a reply.  The JSON is given back for what is echoed from it.
    fn read(&self, call: &Call<'_>) -> Result<(Ask, Value), Refusal>;

    /// Reads, checks and answers a request to count tokens.
    fn count(&self, call: &Call<'_>) -> Result<Value, Refusal>;

    /// Answers a question about the account, by the name of its method; only Code Assist has any.
    fn account(&self, _call: &Call<'_>, name: &str) -> Result<Value, Refusal> {
        Err(self.no_such_path("POST", name))
    }

    /// Puts a reply into the provider's shapes.
    fn answer(&self, ask: &Ask, request: &Value, reply: &Reply, ids: &Ids) -> Answer;

    /// The provider's body for a status.
    fn error(&self, status: u16) -> Refusal;

    /// The provider's answer to a path, or a method on a path, that it does not have.
    fn no_such_path(&self, method: &str, path: &str) -> Refusal;

    /// The provider's way to fail in the middle of a stream.
    fn failure(&self, failure: &Failure<'_>, ids: &Ids) -> Vec<Event>;

    /// Puts the id of the request into an error body, where the provider has one there.
    fn stamp(&self, _body: &mut Value, _ids: &Ids) {}

    /// The headers that are on every answer.
    fn headers(&self, ids: &Ids) -> Vec<(&'static str, String)>;
}

/// The protocol of a dialect.
pub(super) fn protocol(dialect: Dialect) -> &'static dyn Protocol {
    match dialect {
        // Its paths are answered before a protocol is looked for.
        Dialect::Openai | Dialect::OpenaiResponses | Dialect::Authorization => &openai::Responses,
        Dialect::OpenaiChat => &openai::Chat,
        Dialect::Chatgpt => &openai::Chatgpt,
        Dialect::Anthropic => &anthropic::Anthropic,
        Dialect::CodeAssist => &gemini::CodeAssist,
        Dialect::Gemini => &gemini::Gemini,
    }
}

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Call<'_> {
    /// What a bearer token is worth to the dialect of this flavour.  Tokens of the standard server are good
    /// everywhere, those of the others at home.
    pub(super) fn bearer(&self, token: &str, home: Flavour) -> Credential {
        let known = |flavour: Flavour| flavour == home || flavour == Flavour::Standard;
        match self.authority.standing(token) {
            Standing::Good(flavour, _) if known(flavour) => Credential::Token(flavour),
            Standing::Expired(flavour) if known(flavour) => Credential::Expired,
            Standing::Revoked(flavour) if known(flavour) => Credential::Revoked,
            Standing::Unknown if accepted(token) => Credential::Key,
            _ => Credential::Unknown,
        }
    }
}

/// Whether a key is one that the sandbox accepts.
pub(super) fn accepted(key: &str) -> bool {
    key.starts_with("sandbox-")
}
