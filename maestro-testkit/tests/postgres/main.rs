//! One server for the tests of many processes, which is gone when they are, however they ended.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod kept;
mod parts;
mod place;
mod private;
