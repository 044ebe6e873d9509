//! The providers of Maestro.

#[cfg(feature = "anthropic")]
pub mod anthropic;
mod decoding;
#[cfg(feature = "gemini")]
pub mod gemini;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "openai-compatible")]
pub mod openai_compatible;
