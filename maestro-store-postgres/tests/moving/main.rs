//! Records are moved into the Postgres store and out of it (requirement M-S).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../fresh/mod.rs"]
mod fresh;
mod laws;
mod stops;
#[expect(dead_code, reason = "what the tests of the facade have in common")]
#[path = "../../../tests/moving/world.rs"]
mod world;
mod writers;
