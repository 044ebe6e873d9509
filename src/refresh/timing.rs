//! How long an answer is waited for, by who asked and by everybody else.

use std::time::Duration;

use maestro_core::{auth::RefreshAsked, provider::Rotation};

/// How refreshes are timed.
///
/// A server that takes a used refresh token once more, for a *grace*, lets a lost answer be fetched again. That helps only
/// as long as somebody notices in time, so with a grace below 40 seconds everything is shorter, by a rule that all programs
/// share: a mark counts as lost after half the grace, and its answer is waited for during three quarters of that. From 4
/// seconds of grace on a repeat can so be answered within it. Who gives up early asks again at once. The last time that a
/// token may be sent (always, where there is no grace) has the whole time, since nobody would gain by giving up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// How long a server may take to answer; 15 seconds when nothing is said. All programs on a store must agree on it:
    /// whoever finds a mark older than this, and five seconds more, takes its answer for lost.
    pub answer_within: Duration,
    /// How often those who wait for another's refresh look at the store; each 50 milliseconds when nothing is said, and
    /// less often the longer it takes.
    pub look_every: Duration,
    /// For how long an answer is tried to be written down when the store cannot be reached; 30 seconds when nothing is
    /// said. After that the program keeps it and writes it at the next occasion.
    pub keep_trying: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(15),
            look_every: Duration::from_millis(50),
            keep_trying: Duration::from_secs(30),
        }
    }
}

/// For clocks of several machines that differ, and for the time that writing takes.
const SLACK: Duration = Duration::from_secs(5);

/// The shortest time after which a mark counts as lost: a request over a slow network, and writing what it brings.
const SHORTEST: Duration = Duration::from_secs(2);

/// How long the answer to one mark is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waits {
    /// By who asked.
    pub(super) answer: Duration,
    /// By everybody else, until it counts as lost.
    pub(super) in_flight: Duration,
}

impl RefreshPolicy {
    /// How long the answer to a mark is waited for by others where no grace makes it shorter.
    pub(super) fn in_flight(&self) -> Duration {
        self.answer_within.saturating_add(SLACK)
    }

    /// How long the answer to a mark is waited for. Who asked and who waits see the same mark and the same profile, which
    /// is sealed beside it, so they come to the same times.
    pub(super) fn waits(&self, asked: RefreshAsked, rotation: Rotation) -> Waits {
        let whole = Waits { answer: self.answer_within, in_flight: self.in_flight() };
        let Rotation::SingleUse { grace } = rotation else { return whole };
        let in_flight = whole.in_flight.min((grace / 2).max(SHORTEST));
        if asked.at.saturating_add(in_flight) >= asked.first_at.saturating_add(grace) {
            return whole;
        }
        Waits { answer: self.answer_within.min(in_flight * 3 / 4), in_flight }
    }
}

#[cfg(test)]
mod tests {
    use maestro_core::{auth::HolderId, time::Timestamp};
    use proptest::prelude::*;

    use super::*;

    /// The shortest grace within which a repeat can be answered.
    const USABLE: Duration = Duration::from_secs(4);

    fn asked(first: i64, later: Duration) -> RefreshAsked {
        let first_at = Timestamp::from_micros(first);
        RefreshAsked { by: HolderId::new(), at: first_at.saturating_add(later), first_at }
    }

    fn waits(answer_within: Duration, grace: Duration, later: Duration) -> Waits {
        let policy = RefreshPolicy { answer_within, ..RefreshPolicy::default() };
        policy.waits(asked(1_790_000_000_000_000, later), Rotation::SingleUse { grace })
    }

    fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
        range.prop_map(Duration::from_millis)
    }

    proptest! {
        #[test]
        fn who_asks_gives_up_before_others_do(
            answer_within in millis(1..100_000), grace in millis(0..200_000), later in millis(0..200_000),
        ) {
            let Waits { answer, in_flight } = waits(answer_within, grace, later);
            prop_assert!(answer < in_flight);
            prop_assert!(answer <= answer_within && in_flight <= answer_within + SLACK);
        }

        #[test]
        fn a_repeat_after_a_lost_answer_is_answered_within_the_grace(
            answer_within in millis(1..100_000), grace in millis(4_000..200_000),
        ) {
            let Waits { answer, in_flight } = waits(answer_within, grace, Duration::ZERO);
            prop_assert!(in_flight + answer <= grace, "{in_flight:?} and {answer:?} of {grace:?}");
            prop_assert!(in_flight <= grace / 2);
        }

        /// A mark that is given up early is one whose token may be sent again then.
        #[test]
        fn who_gives_up_early_may_ask_again(
            answer_within in millis(1..100_000), grace in millis(0..200_000), later in millis(0..200_000),
        ) {
            let Waits { in_flight, .. } = waits(answer_within, grace, later);
            prop_assert!(in_flight == answer_within + SLACK || later + in_flight < grace);
        }
    }

    #[test]
    fn without_a_grace_and_at_the_last_time_the_whole_time_is_given() {
        let (given, whole) = (Duration::from_secs(15), Duration::from_secs(20));
        let policy = RefreshPolicy::default();
        for (later, grace) in [(0, 0), (0, 1), (5, 10), (9, 10)].map(|(a, b)| (Duration::from_secs(a), b)) {
            let waits = waits(given, Duration::from_secs(grace), later);
            assert_eq!(waits, Waits { answer: given, in_flight: whole }, "{later:?} of {grace}");
        }
        let reusable = policy.waits(asked(0, Duration::ZERO), Rotation::Reusable);
        assert_eq!(reusable, Waits { answer: given, in_flight: whole });
        assert_eq!(waits(given, USABLE, Duration::ZERO).in_flight, SHORTEST);
        assert_eq!(waits(given, Duration::from_secs(60), Duration::ZERO).in_flight, whole);
    }
}
