//! Tells the crate whether its tests can have a server.

#[path = "../maestro-testkit/src/postgres/build_script.rs"]
mod postgres;

fn main() {
    postgres::tell_cargo();
}
