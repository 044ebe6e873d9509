//! Seals: bytes that a provider wants back untouched.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::ApiId;

/// An opaque proof or ciphertext that came with a part and must be replayed with it, unread and unchanged.
///
/// It is bound to the API, and often to the model, that made it. It is never trimmed, decoded or encoded again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seal {
    /// The API that made it.
    pub api: ApiId,
    /// The model that made it; some providers refuse it from another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<CompactString>,
    /// What it is.
    pub kind: SealKind,
    /// The text of it, byte for byte.
    pub bytes: String,
}

/// What a [`Seal`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealKind {
    /// A signature over visible reasoning (Anthropic `thinking.signature`).
    Signature,
    /// Reasoning that is hidden as a whole (Anthropic `redacted_thinking.data`).
    Redacted,
    /// Encrypted reasoning (OpenAI `reasoning.encrypted_content`).
    EncryptedContent,
    /// A signature that any part may carry (Gemini `thoughtSignature`).
    ThoughtSignature,
}
