//! Maestro's test kit, for its own tests and for yours.
//!
//! | module | holds |
//! |---|---|
//! | [`replay`] | an HTTP client that answers from a script |

pub mod replay;
