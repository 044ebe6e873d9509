//! The chat facet: two translations, and no I/O.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};

use super::Endpoint;
use crate::{
    chat::{ApiId, ChatRequest, TargetRules, TranslationReport},
    error::{Error, Result},
    stream::StreamDecoder,
};

/// How a provider is asked and how its answers are read. Everything here turns values into values; sending, retrying
/// and timing happen in one place elsewhere.
pub trait ChatProtocol: Send + Sync {
    /// The wire protocol.
    fn api(&self) -> ApiId;

    /// What the protocol demands of a conversation that is sent to `model`.
    fn rules(&self, model: &str) -> TargetRules;

    /// Writes a streamed request. The messages have been normalised for [`rules`](Self::rules); what cannot be
    /// expressed beyond that goes into the report.
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) names what the provider would refuse for sure;
    /// [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated) when it wants credentials and there are none.
    fn encode(
        &self,
        endpoint: &Endpoint,
        request: &ChatRequest,
        report: &mut TranslationReport,
    ) -> Result<Request<Bytes>>;

    /// A decoder for the body of one answer.
    fn decoder(&self) -> Box<dyn StreamDecoder>;

    /// Reads an answer that is not a stream: any status but 200, or a body of another kind than was asked for.
    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error;
}
