//! Signing in, by every way there is, at the sandbox's authorization server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking, which names its line")]

mod chatgpt;
mod listener;
mod saved;
mod ways;
mod world;
