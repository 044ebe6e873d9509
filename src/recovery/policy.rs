//! How often, and after how long, a request is tried again.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use maestro_core::{Error, Retry};

/// How often, and after how long, a request is tried again before its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often at the most, after the first try.
    pub retries: usize,
    /// The first delay where the provider names none; it doubles each time, with jitter.
    pub first_delay: Duration,
    /// The longest delay of our own.
    pub longest_delay: Duration,
    /// The longest delay that a provider may ask for; above it, its error is returned at once.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    /// Two retries after half a second and a second, about; a provider may ask for a minute.
    fn default() -> Self {
        Self {
            retries: 2,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(8),
            longest_wait: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Never tries again.
    pub const NEVER: Self = Self {
        retries: 0,
        first_delay: Duration::ZERO,
        longest_delay: Duration::ZERO,
        longest_wait: Duration::ZERO,
    };

    pub(crate) fn delays(&self) -> Delays {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.longest_delay)
            .with_max_times(self.retries)
            .with_jitter()
            .build();
        Delays { backoff, longest_wait: self.longest_wait }
    }
}

/// The delays of one request.
pub(crate) struct Delays {
    backoff: ExponentialBackoff,
    longest_wait: Duration,
}

impl Delays {
    /// How long to wait after `error`; absent when it is final, or the tries are used up.
    pub(crate) fn after(&mut self, error: &Error) -> Option<Duration> {
        match error.retry() {
            // Before the first event there is nothing to resume: asking again is the same.
            Retry::Backoff | Retry::Resume => self.backoff.next(),
            Retry::After(delay) if delay <= self.longest_wait => self.backoff.next().map(|_| delay),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use maestro_core::ErrorKind;

    use super::*;

    #[test]
    fn the_providers_delay_is_kept_and_one_too_long_is_final() {
        let mut delays = RetryPolicy::default().delays();
        let error = |retry| Error::new(ErrorKind::RateLimited, "ask").with_retry(retry);
        assert_eq!(delays.after(&error(Retry::After(Duration::from_secs(3)))), Some(Duration::from_secs(3)));
        assert_eq!(delays.after(&error(Retry::After(Duration::from_secs(3600)))), None);
        assert_eq!(delays.after(&error(Retry::Never)), None);
        assert!(delays.after(&error(Retry::Backoff)).is_some());
        assert_eq!(delays.after(&error(Retry::Backoff)), None, "two retries are used up");
    }
}
