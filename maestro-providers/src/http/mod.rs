//! The one way to the network (requirement M-T3): a pooled client, made by one factory, with timers that fit streams.
//!
//! ```
//! use std::time::Duration;
//! use maestro_providers::http::{ClientFactory, HttpSettings};
//!
//! let settings = HttpSettings { idle_timeout: Duration::from_secs(120), ..HttpSettings::default() };
//! let client = ClientFactory::new(settings).client();
//! ```

mod client;
mod failure;
mod read;
mod redacted_body;
mod settings;
mod timed_body;

pub use client::ReqwestClient;
pub(crate) use client::{is_loopback, request_id};
pub use read::read_body;
pub(crate) use redacted_body::SentInBody;
pub use settings::{ClientFactory, HttpSettings, Proxies};
