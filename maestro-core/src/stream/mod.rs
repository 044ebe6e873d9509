//! Streaming: bytes → SSE frames → a provider's decoder → canonical events (requirement M-T1).
//!
//! [`parse_stream`] is the one entry point. The same bytes give the same events however they are cut into chunks.
//! Nothing here does I/O, waits, or knows a provider.

mod collect;
mod decoder;
pub mod journal;
mod json_depth;
mod parse;
mod sse;
mod stray;

pub use collect::{Collected, Collector, Ending};
pub use decoder::{Events, StreamDecoder};
pub use json_depth::JsonDepth;
pub use parse::{EventStream, Parser, parse_stream};
pub use sse::{SseFrame, SseFramer, SseLimits};
