//! What this test binary does when it is started again as a user of a server.

use std::env;
use std::io::{self, BufRead as _, Write as _};

use maestro_testkit::postgres::{Postgres, Unavailable};

/// Set for a binary that was started to play the part.
pub(crate) const PART: &str = "MAESTRO_TEST_PART";

#[test]
#[ignore = "a part that other tests start in processes of their own"]
fn use_the_shared_server() {
    if env::var_os(PART).is_some() {
        play(Postgres::for_tests());
    }
}

#[test]
#[ignore = "a part that other tests start in processes of their own"]
fn use_a_private_server() {
    if env::var_os(PART).is_some() {
        play(Postgres::private().as_ref().map_err(Clone::clone));
    }
}

#[expect(clippy::print_stdout, reason = "who started it reads what it prints")]
fn play(postgres: Result<&Postgres, Unavailable>) {
    // The mark finds the line again among those of the test harness.
    match postgres {
        Ok(postgres) => println!("\n> {}", postgres.url()),
        Err(error) => println!("\n> {}", error.to_string().replace('\n', " / ")),
    }
    io::stdout().flush().unwrap();
    // Stays until it is let go, or killed.
    let _ = io::stdin().lock().read_line(&mut String::new());
}
