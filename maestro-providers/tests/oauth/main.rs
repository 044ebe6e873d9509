//! Sign-ins, against scripted authorization servers.

#![cfg(all(feature = "anthropic", feature = "openai", feature = "gemini"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod authorize;
mod chatgpt;
mod codes;
mod devices;
mod given;
mod keys;
mod laws;
mod profiles;
mod refresh;
mod sandbox;
mod secrets;
mod token_exchange;
