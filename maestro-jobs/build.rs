//! Tells the tests whether they can have a Postgres server.

#[path = "../maestro-testkit/src/postgres/build_script.rs"]
mod postgres;

fn main() {
    postgres::tell_cargo();
}
