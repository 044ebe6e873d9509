//! Token usage, in one meaning for all providers.

use serde::{Deserialize, Serialize};

/// How many tokens an answer took.
///
/// Cached and cache-write tokens are *inside* `input_total`, reasoning tokens are *inside* `output_total`, whatever
/// the provider's own habit. While an answer streams, each snapshot replaces the one before; nothing is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All tokens read, those from a cache included.
    pub input_total: u64,
    /// Tokens read from a cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_cached: u64,
    /// Tokens written into a cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_cache_write: u64,
    /// All tokens written, reasoning included.
    pub output_total: u64,
    /// Tokens spent on reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_reasoning: u64,
}

impl Usage {
    /// The sum over two answers, for a turn that took several.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_total: self.input_total.saturating_add(other.input_total),
            input_cached: self.input_cached.saturating_add(other.input_cached),
            input_cache_write: self.input_cache_write.saturating_add(other.input_cache_write),
            output_total: self.output_total.saturating_add(other.output_total),
            output_reasoning: self.output_reasoning.saturating_add(other.output_reasoning),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
