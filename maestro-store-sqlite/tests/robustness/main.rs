//! What happens to a file when programs die, meet, or find something else in its place.
//!
//! `MAESTRO_CRASH_ROUNDS=500 cargo nextest run -p maestro-store-sqlite crash` kills for longer than the usual run does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod bad_files;
mod crash;
mod parts;
mod program;
mod several_programs;
