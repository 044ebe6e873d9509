//! Errors in the middle of a stream. The status was 200 by then; what the error looks like differs from server to
//! server: an object or a string, under `error` or bare, with a code that is a word, a number or missing.

use maestro_core::Error;

use crate::decoding::openai_error;

/// The name that errors of this protocol carry.
pub(super) const PROVIDER: &str = "openai_compatible";

/// The error that this JSON tells: the value of a field `error`, or an object that is an error itself.
pub(super) fn stream_error(json: &str) -> Error {
    openai_error(PROVIDER, json)
}
