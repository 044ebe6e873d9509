//! Maestro's test kit, for its own tests and for yours.
//!
//! | module | holds |
//! |---|---|
//! | [`collection`] | stores of earlier versions, kept as text, that are brought up to date |
//! | [`postgres`] | a real Postgres for tests, without any setup |
//! | [`jobs`] | every promise of job queues as a test, for any queue |
//! | `model` | random programs that tell two stores apart (feature `model`) |
//! | [`processes`] | several programs on one store, and programs that are killed |
//! | [`replay`] | an HTTP client that answers from a script |
//! | [`sandbox`] | a server that speaks every provider's protocol on loopback, with faults |
//! | [`streams`] | streams of any length to measure with |
//! | [`suite`] | every promise of the context traits as a test, for any store |

pub mod collection;
pub mod jobs;
#[cfg(feature = "model")]
pub mod model;
pub mod postgres;
pub mod processes;
pub mod replay;
pub mod sandbox;
pub mod streams;
pub mod suite;
