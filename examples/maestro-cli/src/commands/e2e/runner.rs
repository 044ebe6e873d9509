//! Doing the steps of a run one after another, and telling of each.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use maestro::{Error, ErrorKind};
use tempfile::TempDir;

use super::{
    report::{Heading, Outcome, Report, Step},
    stop::Stop,
};
use crate::{exit::Result, interrupt::stopped};

/// What the user stops.
pub(super) const OPERATION: &str = "check end to end";

/// What a step brought, and what there is to say of it. Never a token or a key.
pub(super) type Done<T> = maestro::Result<(T, String)>;

/// The steps of one run.
pub(super) struct Runner<'a> {
    report: &'a mut Report,
    heading: Heading,
    stop: Stop,
}

impl<'a> Runner<'a> {
    /// Begins a run.
    pub(super) fn begin(report: &'a mut Report, heading: Heading, stop: &Stop) -> Result<Self> {
        report.begin(&heading)?;
        Ok(Self { report, heading, stop: stop.clone() })
    }

    /// Does a step, and gives what it brought; absent when it failed, which has been told. An error ends everything: the user
    /// wants an end, or nobody reads the report any more.
    pub(super) async fn step<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = Done<T>>,
    ) -> Result<Option<T>> {
        let stop = self.stop.clone();
        self.step_to_its_end(step, async move {
            tokio::select! {
                biased;
                () = stop.asked() => Err(stopped(OPERATION)),
                done = work => done,
            }
        })
        .await
    }

    /// The same for work that ends by itself when the user wants an end, with [`ErrorKind::Cancelled`]: it has something to
    /// put away first.
    pub(super) async fn step_to_its_end<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = Done<T>>,
    ) -> Result<Option<T>> {
        let began = Instant::now();
        let (brought, outcome) = match work.await {
            Ok((brought, detail)) => (Some(brought), Outcome::Ok(detail)),
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error.into()),
            Err(error) => (None, Outcome::Failed(error)),
        };
        self.report.step(&self.heading, step, &outcome, began.elapsed())?;
        Ok(brought)
    }

    /// Leaves steps out.
    pub(super) fn skip(&mut self, steps: &[Step], reason: &str) -> Result<()> {
        for step in steps {
            let outcome = Outcome::Skipped(reason.to_owned());
            self.report.step(&self.heading, *step, &outcome, Duration::ZERO)?;
        }
        Ok(())
    }
}

/// That something is not as it must be.
pub(super) fn wrong(operation: &'static str, problem: impl Into<String>) -> Error {
    Error::new(ErrorKind::Protocol, operation).because(problem)
}

/// A directory for a store that is gone when this is dropped.
pub(super) fn temporary_directory() -> maestro::Result<TempDir> {
    tempfile::tempdir().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "make a temporary directory")
            .because(error.to_string())
            .advise("name a directory that can be written to in TMPDIR")
    })
}
