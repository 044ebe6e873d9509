//! The vocabulary and contracts of Maestro: what conversations, credentials and providers *are*, and what stores and
//! providers must do. It does no I/O, starts nothing, and knows no provider by name.
//!
//! | module | holds |
//! |---|---|
//! | [`chat`] | parts, messages, requests, events, usage; the normaliser |
//! | [`stream`] | SSE framing, the one stream parser, collecting and journalling events |
//! | [`auth`] | saved authentications, credentials, the vault, the refresh lease |
//! | [`conversations`] | sessions, threads, forks, entries, lineages |
//! | [`supplied_context`] | the library of personas and system prompts |
//! | [`provider`] | facets, registry, capabilities |
//! | [`jobs`] | what is to be done later, and the contract of queues |
//! | [`archive`] | whole records, for moving, comparing and checking stores |
//! | [`tool`] | the intent of tool calls |
//! | [`page`], [`revision`], [`time`] | pages, compare-and-set, time |
//! | [`refusal`] | what stores refuse, in the same words on every backend |

pub mod archive;
pub mod auth;
pub mod chat;
pub mod conversations;
mod error;
pub mod http;
mod id;
pub mod jobs;
mod name;
pub mod page;
pub mod provider;
pub mod refusal;
pub mod revision;
mod secret;
mod store;
pub mod stream;
pub mod supplied_context;
pub mod time;
pub mod tool;

pub use error::{Error, ErrorKind, FieldError, Result, Retry};
pub use id::Id;
pub use secret::Secret;
pub use store::Store;
