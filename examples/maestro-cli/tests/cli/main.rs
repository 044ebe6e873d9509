//! The program as its users meet it: each test runs it in a home of its own, and nothing leaves this machine.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]

mod auth;
#[cfg(unix)]
mod between;
#[cfg(unix)]
mod canary;
mod chat;
#[cfg(unix)]
mod code_assist;
mod context;
mod decode;
mod durability;
mod e2e;
mod faults;
#[cfg(unix)]
mod forms;
mod home;
mod keys;
mod postgres;
#[cfg(unix)]
mod prompt;
mod rotation;
mod secrets;
mod sessions;
#[cfg(unix)]
mod sign_in;
mod sign_in_again;
#[cfg(unix)]
mod sign_in_prompts;
#[cfg(unix)]
mod sign_in_refusals;
#[cfg(unix)]
mod sign_in_refused;
#[cfg(unix)]
mod sign_in_stopped;
mod stores;
#[cfg(unix)]
mod terminal;
mod usage;
