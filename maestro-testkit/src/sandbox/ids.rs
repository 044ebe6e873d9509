//! Identifiers of replies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// When every reply is said to have been made: 2026-01-01T00:00:00Z in unix seconds.  A constant, so that the
/// same request has the same answer.
pub(super) const CREATED: u64 = 1_767_225_600;

/// The source of the identifiers of one reply.
///
/// They follow from the request and its number, so a test sees the same ones each time, and two servers, or
/// two turns of one conversation, do not give out the same tool call id.
#[derive(Debug, Clone)]
pub(super) struct Ids([u8; 32]);

impl Ids {
    pub(super) fn new(number: u64, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(number.to_be_bytes());
        hash.update(body);
        Self(hash.finalize().into())
    }

    /// The identifier of the `ordinal`th thing of a kind, with the provider's prefix for it.
    pub(super) fn make(&self, prefix: &str, ordinal: usize) -> String {
        format!("{prefix}sandbox{}", hex(&self.digest(prefix, ordinal)[..10]))
    }

    /// Twelve bytes for the `ordinal`th seal.
    pub(super) fn nonce(&self, ordinal: usize) -> [u8; 12] {
        let digest = self.digest("nonce", ordinal);
        std::array::from_fn(|place| digest[place])
    }

    /// A short identifier without a prefix, as Gemini gives.
    pub(super) fn short(&self, kind: &str, ordinal: usize) -> String {
        URL_SAFE_NO_PAD.encode(&self.digest(kind, ordinal)[..15])
    }

    fn digest(&self, kind: &str, ordinal: usize) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(kind.as_bytes());
        hash.update(ordinal.to_be_bytes());
        hash.finalize().into()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
