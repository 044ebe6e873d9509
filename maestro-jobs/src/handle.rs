//! Having a job done, whatever becomes of the one who does it.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use maestro_core::jobs::{JobEnd, JobHandler, RefreshJob};

/// Has a job done. One that breaks down has failed, and the worker goes on.
pub(crate) async fn handle(handler: &dyn JobHandler, job: RefreshJob) -> JobEnd {
    let done = AssertUnwindSafe(handler.handle(job)).catch_unwind().await;
    done.unwrap_or_else(|_| JobEnd::Failed("it broke down: see the log of the worker".to_owned()))
}
