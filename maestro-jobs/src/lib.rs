//! Job queues: what is to be done later, kept where the store is (requirement M-W1).
//!
//! [`JobQueue`](maestro_core::jobs::JobQueue) is the contract; `maestro::Worker` is what puts jobs and does them. Three queues
//! keep it alike, which one suite proves (`maestro_testkit::job_suite!`):
//!
//! | queue | where jobs are | feature |
//! |---|---|---|
//! | [`MemoryQueue`] | in this program, for tests and for `memory:` | |
//! | `SqliteQueue` | in the file of the store, in the tables `Jobs` and `Workers` | `sqlite` |
//! | `PostgresQueue` | in the database of the store, in the schema `apalis` | `postgres` |
//!
//! The two durable ones are [apalis](https://docs.rs/apalis) 1.0, which hands out jobs, gives signs of life and takes back
//! what dead workers held. What is ours is written in SQL of our own over its tables: taking back, listing, counting,
//! forgetting. `docs/decisions/0006-apalis.md` tells what had to be known of it.
//!
//! | file | holds |
//! |---|---|
//! | `memory.rs`, `sqlite.rs`, `postgres.rs` | the queues |
//! | `timing.rs` | how often a queue is looked at |
//! | `handle.rs` | having a job done, whatever becomes of the one who does it |
//! | `work.rs` | from a job of apalis to the one who does it, and back |
//! | `error.rs` | errors of sqlx and apalis to ours |

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod error;
mod handle;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod timing;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod work;

pub use memory::MemoryQueue;
#[cfg(feature = "postgres")]
pub use postgres::PostgresQueue;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteQueue;
pub use timing::QueueTiming;
