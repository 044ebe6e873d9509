//! Many programs on one sign-in: each is a process of its own, and the authorization server counts what they ask.
//!
//! There are 16 of them; `MAESTRO_PROCESSES=64` makes it 64.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]
#![expect(clippy::print_stdout, reason = "how long it took is told with --nocapture")]

#[path = "../cli/home.rs"]
#[allow(dead_code, reason = "the command line's tests use all of it")]
mod home;
mod killed;
mod once;
#[cfg(unix)]
mod outage;
#[cfg(unix)]
mod workers;
mod world;
