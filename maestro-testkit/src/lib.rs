//! The test kit of Maestro.

pub mod streams;
