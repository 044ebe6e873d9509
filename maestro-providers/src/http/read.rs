//! Answers that are read as a whole.

use std::future::poll_fn;

use bytes::{Bytes, BytesMut};
use http::Response;
use maestro_core::{Error, ErrorKind, Result, http::BodyStream};

/// Reads the whole body of an answer that is no stream.
///
/// [`ErrorKind::Protocol`] when it is longer than `limit` bytes, so that no server can fill the memory; whatever error
/// the body ends in otherwise.
pub async fn read_body(response: Response<BodyStream>, limit: usize) -> Result<Response<Bytes>> {
    let (parts, mut body) = response.into_parts();
    let mut whole = BytesMut::new();
    while let Some(chunk) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        let chunk = chunk?;
        if whole.len().saturating_add(chunk.len()) > limit {
            return Err(Error::new(ErrorKind::Protocol, "read an answer")
                .because(format!("it is longer than the {limit} bytes that such an answer may have"))
                .advise("check that the base URL is right"));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Response::from_parts(parts, whole.freeze()))
}
