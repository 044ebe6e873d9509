//! Errors in the middle of a stream: an `error` event, flat as documented or nested as really sent, or a failed response.

use maestro_core::Error;

use crate::decoding::openai_error;

/// The name that errors of this protocol carry.
pub(super) const PROVIDER: &str = "openai";

/// The error that this JSON tells: the value of a field `error`, or an event that is an error itself.
pub(super) fn stream_error(json: &str) -> Error {
    openai_error(PROVIDER, json)
}
