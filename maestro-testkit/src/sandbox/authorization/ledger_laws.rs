//! The laws of rotation, held against random programs.

use std::time::Duration;

use maestro_core::time::Timestamp;
use proptest::prelude::*;

use super::flavour::Flavour;
use super::ledger::{Family, Ledger, NoRefresh, Terms};
use super::settings::{AuthorizationSettings, Rotation};

/// One step: of this family, this token of those it ever had is presented, so many seconds later.
type Step = (usize, usize, u64);

/// What a family is expected to be: its refresh tokens, oldest first, and when the last was given.
#[derive(Debug)]
struct Expected {
    tokens: Vec<String>,
    last: u64,
    revoked: bool,
}

const CLIENT: &str = "sandbox-client";

proptest! {
    #[test]
    fn only_the_last_token_refreshes_and_any_other_ends_the_family(
        steps in prop::collection::vec((0..3_usize, 0..6_usize, 0..20_u64), 1..60),
        grace in 0..30_u64,
    ) {
        hold(&steps, grace);
    }
}

fn hold(steps: &[Step], grace: u64) {
    let mut settings = AuthorizationSettings::of(Flavour::Standard);
    settings.rotation = Rotation::Rotate { grace_seconds: grace };
    let at = |seconds: u64| Timestamp::from_micros(0).saturating_add(Duration::from_secs(seconds));
    let terms = |now: u64| Terms { settings: &settings, origin: "http://x", now: at(now), lifetime: None };
    let mut ledger = Ledger::default();
    let mut families: Vec<Expected> = (0..3)
        .map(|_| {
            let number = ledger.begin(Family::new(Flavour::Standard, CLIENT, Vec::new()));
            let tokens = ledger.open(number, &terms(0));
            Expected { tokens: vec![tokens.refresh.unwrap()], last: 0, revoked: false }
        })
        .collect();
    let mut now = 0;
    let (mut refreshes, mut within_grace, mut reuses) = (0, 0, 0);
    for (number, token, later) in steps {
        now += later;
        let family = &mut families[*number];
        let place = token % family.tokens.len();
        let answer = ledger.refresh(&family.tokens[place], CLIENT, Flavour::Standard, &terms(now));
        let newest = family.tokens.len() - 1;
        if family.revoked {
            assert_eq!(answer, Err(NoRefresh::Revoked));
        } else if place == newest {
            family.tokens.push(answer.unwrap().refresh.unwrap());
            family.last = now;
            refreshes += 1;
        } else if place + 1 == newest && now - family.last < grace {
            assert_eq!(answer.unwrap().refresh.as_ref(), family.tokens.last());
            within_grace += 1;
        } else {
            assert_eq!(answer, Err(NoRefresh::Reused));
            family.revoked = true;
            reuses += 1;
        }
    }
    let counters = ledger.totals();
    assert_eq!(
        (
            counters.refreshes,
            counters.reuses_within_grace,
            counters.reuses_detected,
            counters.families_revoked
        ),
        (refreshes, within_grace, reuses, reuses)
    );
    for (report, expected) in ledger.report().iter().zip(&families) {
        assert_eq!(report.revoked, expected.revoked);
        assert_eq!(report.counters.refreshes + 1, expected.tokens.len() as u64);
    }
}
