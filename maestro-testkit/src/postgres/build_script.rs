//! What the build script of a crate does whose tests need a Postgres: `maestro_testkit::postgres` says how it is used.

#[path = "find.rs"]
mod find;

use std::path::Path;

/// Makes it known to the crate whether its tests can have a Postgres, and to cargo when to ask again.
pub(super) fn tell_cargo() {
    println!("cargo::rustc-check-cfg=cfg(postgres_for_tests, private_postgres_for_tests)");
    for variable in ["DATABASE_URL", "PG_BIN", "PATH", "MAESTRO_REQUIRE_POSTGRES"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // What changes when a server is installed. A path that is not there would make cargo ask, and build, every time.
    for path in ["/var/lib/dpkg/status", "/usr/lib/postgresql", "/lib/apk/db/installed"] {
        if Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let required = std::env::var_os("MAESTRO_REQUIRE_POSTGRES").is_some_and(|value| value == "1");
    let programs = find::programs().is_some();
    if required || programs || find::given_url().is_some() {
        println!("cargo::rustc-cfg=postgres_for_tests");
    }
    if required || programs {
        println!("cargo::rustc-cfg=private_postgres_for_tests");
    }
}
