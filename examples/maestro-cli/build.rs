//! Tells the tests whether they can have a Postgres server, and certified authorization servers.

#[path = "tests/certified/build_script.rs"]
mod certified;
#[path = "../../maestro-testkit/src/postgres/build_script.rs"]
mod postgres;

fn main() {
    certified::tell_cargo();
    postgres::tell_cargo();
}
