//! The providers of Maestro.

#[cfg(feature = "anthropic")]
pub mod anthropic;
#[cfg(any(feature = "anthropic", feature = "openai", feature = "gemini", feature = "openai-compatible"))]
#[cfg_attr(
    not(all(feature = "anthropic", feature = "openai", feature = "gemini", feature = "openai-compatible")),
    allow(dead_code, unused_imports, reason = "each protocol uses its part")
)]
mod decoding;
#[cfg(feature = "gemini")]
pub mod gemini;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "openai-compatible")]
pub mod openai_compatible;
