//! The database goes away while an answer is on its way.

use maestro_testkit::{needs_private_postgres, postgres::Postgres};

use crate::world::{Place, World, outcomes};

needs_private_postgres! {

#[test]
fn new_tokens_that_come_while_the_database_is_away_are_written_once_it_is_back() {
    let world = World::new(Place::Server(Postgres::private().unwrap()), 0);
    let Place::Server(server) = &world.place else { unreachable!("it is a server of its own") };
    world.delay_next_answer(3_000);
    let refresh = world.refresh();
    world.wait_for_request(false);
    server.stop().unwrap();
    world.wait_for_request(true);
    server.start().unwrap();
    assert_eq!(outcomes(vec![refresh]), ["refreshed"]);
    assert_eq!(outcomes(vec![world.refresh()]), ["fresh"]);
    let counters = world.sandbox.authorization().counters();
    assert_eq!((counters.refreshes, counters.reuses_detected), (1, 0));
}

}
