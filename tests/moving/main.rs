//! Data moves between stores and into files, and stays the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

mod copies;
mod files;
mod laws;
mod world;
