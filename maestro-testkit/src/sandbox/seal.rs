//! Seals: the signatures and encrypted contents that a provider puts on reasoning and checks on replay.
//!
//! A seal is `magic ‖ nonce ‖ SHA-256(magic ‖ kind ‖ nonce ‖ content)` in base64.  It is no secret: it is there
//! to notice that a client altered, moved or made up what it should have kept.  It outlives the server, as a
//! stored conversation does.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 6] = b"SANDBX";
const NONCE: usize = 12;

/// What a seal is for; a seal of one kind is refused as another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The `signature` of an Anthropic `thinking` block; its content is the thinking as it was sent.
    AnthropicThinking,
    /// The `encrypted_content` of an OpenAI `reasoning` item; its content is the summary.
    OpenaiReasoning,
    /// The `thoughtSignature` of a Gemini part; its content is the function's name, empty for text.
    GeminiPart,
}

/// Makes a seal over the content.
pub(super) fn make(kind: Kind, nonce: [u8; NONCE], content: &str) -> String {
    let mut bytes = Vec::with_capacity(MAGIC.len() + NONCE + 32);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&tag(kind, &nonce, content));
    encode(&bytes)
}

/// Whether the sandbox made this seal for this content.  Base64 and base64url are both read.
pub(super) fn verify(kind: Kind, seal: &str, content: &str) -> bool {
    let Some(bytes) = decode(seal) else { return false };
    let Some(rest) = bytes.strip_prefix(MAGIC) else { return false };
    rest.split_at_checked(NONCE).is_some_and(|(nonce, rest)| rest == tag(kind, nonce, content))
}

/// Writes base64.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64 or base64url, with or without padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let plain: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    URL_SAFE_NO_PAD.decode(plain).ok()
}

fn tag(kind: Kind, nonce: &[u8], content: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(MAGIC);
    hash.update([kind as u8]);
    hash.update(nonce);
    hash.update(content.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_for_its_own_kind_and_content_only() {
        let seal = make(Kind::AnthropicThinking, [7; NONCE], "thought");
        assert!(verify(Kind::AnthropicThinking, &seal, "thought"));
        assert!(verify(Kind::AnthropicThinking, &seal.replace('+', "-").replace('/', "_"), "thought"));
        assert!(!verify(Kind::AnthropicThinking, &seal, "thought."));
        assert!(!verify(Kind::OpenaiReasoning, &seal, "thought"));
        for forged in ["", "x", "EuYDCmMI", "not base64!"] {
            assert!(!verify(Kind::AnthropicThinking, forged, "thought"));
        }
    }
}
