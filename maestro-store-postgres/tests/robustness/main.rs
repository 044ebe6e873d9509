//! What happens to a store when its server stops, when programs meet, and when it finds something else in its place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../fresh/mod.rs"]
mod fresh;

mod dropped;
mod given;
mod limits;
mod migrations;
mod plans;
mod program;
mod restart;
mod schemas;
mod secrets;
mod several_programs;
