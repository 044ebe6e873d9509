//! The program at OpenID Certified authorization servers that are no part of this project, as a user signs in there.
//!
//! `tests/certified/install` installs them; without them each test says *ignored*, and with `MAESTRO_REQUIRE_CERTIFIED=1` it
//! fails. They listen on 127.0.0.1, each test has its own, and the part of the browser is played with plain HTTP.
//!
//! | folder | server | certified as |
//! |---|---|---|
//! | `node` | `oidc-provider`, which is `panva/node-oidc-provider` | OpenID Provider, by the OpenID Foundation's list |
//! | `python` | `idpyoidc` of IdentityPython | OpenID Provider, by the badge of its releases |
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends at the first surprise"
)]

/// Puts *ignored*, with the reason, on each of the tests inside where the servers are not installed.
macro_rules! needs_certified_servers {
    ($($test:item)*) => {
        $(
            #[cfg_attr(
                not(certified_servers_for_tests),
                ignore = "no certified servers were found when this was built: examples/maestro-cli/tests/certified/install"
            )]
            $test
        )*
    };
}

mod browser;
mod codes;
mod devices;
#[path = "../cli/home.rs"]
#[expect(dead_code, reason = "the tests of the command line use all of it")]
mod home;
mod keys;
mod python;
mod refreshes;
mod server;
mod world;
