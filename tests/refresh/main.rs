//! Tokens are refreshed exactly once, whatever happens to the answer, the row, the store and the programs.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, which names its line")]

mod answers;
mod keys;
mod once;
mod rotation;
mod server;
mod sign_out;
mod store;
mod worker;
mod world;
