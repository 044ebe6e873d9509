//! One exchange, by however many programs that find the token near its end at once. The server has no grace: a second
//! exchange would end the sign-in.

use std::time::Instant;

use maestro_testkit::{needs_postgres, needs_private_postgres, postgres::Postgres};

use crate::world::{Place, World, all_are_answered, count, outcomes, refreshed};

fn refreshes_make_one_exchange(place: Place) {
    let world = World::new(place, 0);
    let begun = Instant::now();
    let children = (0..count()).map(|_| world.refresh()).collect();
    let outcomes = outcomes(children);
    println!("{} refreshes took {:?}", count(), begun.elapsed());
    assert_eq!(refreshed(&outcomes), 1, "{outcomes:?}");
    expect_one_exchange(&world);
}

fn refreshes_and_turns_make_one_exchange(place: Place) {
    let world = World::new(place, 0);
    let begun = Instant::now();
    let (mut refreshes, mut chats) = (Vec::new(), Vec::new());
    for _ in 0..count() / 2 {
        refreshes.push(world.refresh());
        chats.push(world.chat());
    }
    let outcomes = outcomes(refreshes);
    all_are_answered(chats);
    println!("{} refreshes and turns took {:?}", count(), begun.elapsed());
    assert!(refreshed(&outcomes) <= 1, "{outcomes:?}");
    expect_one_exchange(&world);
}

fn expect_one_exchange(world: &World) {
    let counters = world.sandbox.authorization().counters();
    let reuses = counters.reuses_within_grace + counters.reuses_detected;
    assert_eq!((counters.refreshes, reuses, counters.refused), (1, 0, 0));
}

#[test]
fn refreshes_of_many_programs_on_a_file_make_one_exchange() {
    refreshes_make_one_exchange(Place::File);
}

#[test]
fn refreshes_and_turns_of_many_programs_on_a_file_make_one_exchange() {
    refreshes_and_turns_make_one_exchange(Place::File);
}

needs_postgres! {

#[test]
fn refreshes_of_many_programs_on_a_database_make_one_exchange() {
    refreshes_make_one_exchange(Place::Database(Postgres::for_tests().unwrap()));
}

#[test]
fn refreshes_and_turns_of_many_programs_on_a_database_make_one_exchange() {
    refreshes_and_turns_make_one_exchange(Place::Database(Postgres::for_tests().unwrap()));
}

}

needs_private_postgres! {

#[test]
fn a_program_needs_no_more_than_one_connection_to_the_database() {
    // A few more, since a server gives a connection that was closed out again only a moment later.
    let connections = count() + 4;
    let settings = [("max_connections", connections.to_string()), ("superuser_reserved_connections", "0".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    refreshes_and_turns_make_one_exchange(Place::Server(Postgres::private_with(&settings).unwrap()));
}

}
