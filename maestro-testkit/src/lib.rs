//! Maestro's test kit, for its own tests and for yours.
//!
//! | module | holds |
//! |---|---|
//! | [`replay`] | an HTTP client that answers from a script |
//! | [`sandbox`] | a server that speaks every provider's protocol on loopback, with faults |
//! | [`suite`] | every promise that a store makes, as a test to run over yours |

pub mod replay;
pub mod sandbox;
pub mod suite;
