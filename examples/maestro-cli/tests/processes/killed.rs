//! The program that refreshes is killed while it waits for its answer: the others notice within the server's grace.

use std::time::{Duration, Instant};

use maestro_testkit::{needs_postgres, postgres::Postgres};

use crate::world::{Place, World, all_are_answered, count, outcomes, refreshed};

/// In which the others notice (half of it) and ask once more.
const GRACE_SECONDS: u64 = 20;

fn nobody_has_to_sign_in_again(place: Place) {
    let world = World::new(place, GRACE_SECONDS);
    world.delay_next_answer(60_000);
    let begun = Instant::now();
    let mut holder = world.refresh();
    world.wait_for_request(false);
    let mut others: Vec<_> = (0..count() / 2).map(|_| world.refresh()).collect();
    holder.kill().unwrap();
    holder.wait().unwrap();
    let chats = (0..count() / 2).map(|_| world.chat()).collect();
    others.push(world.refresh());
    let outcomes = outcomes(others);
    all_are_answered(chats);
    let took = begun.elapsed();
    println!("after a kill {} programs took {took:?}", count() + 1);
    assert!(refreshed(&outcomes) <= 1, "{outcomes:?}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    let counters = world.sandbox.authorization().counters();
    let asked = (counters.refreshes, counters.reuses_within_grace, counters.reuses_detected);
    assert_eq!(asked, (1, 1, 0), "the one that was lost, and one more");
    assert!(!world.sandbox.authorization().families()[0].revoked);
}

#[test]
fn a_program_whose_answer_does_not_come_asks_again_itself() {
    let world = World::new(Place::File, GRACE_SECONDS);
    world.delay_next_answer(60_000);
    assert_eq!(outcomes(vec![world.refresh(), world.refresh()]).len(), 2);
    let counters = world.sandbox.authorization().counters();
    let asked = (counters.refreshes, counters.reuses_within_grace, counters.reuses_detected);
    assert_eq!(asked, (1, 1, 0));
}

#[test]
fn nobody_has_to_sign_in_again_after_a_kill_on_a_file() {
    nobody_has_to_sign_in_again(Place::File);
}

needs_postgres! {

#[test]
fn nobody_has_to_sign_in_again_after_a_kill_on_a_database() {
    nobody_has_to_sign_in_again(Place::Database(Postgres::for_tests().unwrap()));
}

}
