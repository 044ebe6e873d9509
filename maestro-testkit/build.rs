//! Tells the crate whether its tests can have a Postgres server.

#[path = "src/postgres/build_script.rs"]
mod postgres;

fn main() {
    postgres::tell_cargo();
}
