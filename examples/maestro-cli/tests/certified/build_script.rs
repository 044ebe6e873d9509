//! What the build script does for the tests on certified servers: it decides whether they run, or say *ignored*.

use std::{env, path::PathBuf};

/// Makes it known whether the servers are installed, where they are, and when cargo is to ask again.
pub(super) fn tell_cargo() {
    println!("cargo::rustc-check-cfg=cfg(certified_servers_for_tests)");
    println!("cargo::rerun-if-env-changed=MAESTRO_REQUIRE_CERTIFIED");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    // `install` touches itself when it has installed something: a path that is not there would make cargo ask every time.
    println!("cargo::rerun-if-changed=tests/certified/install");
    let folder = folder();
    println!("cargo::rustc-env=MAESTRO_CERTIFIED_SERVERS={}", folder.display());
    let required = env::var_os("MAESTRO_REQUIRE_CERTIFIED").is_some_and(|value| value == "1");
    let is_there = |server: &str| folder.join(server).join("installed").is_file();
    if required || (is_there("node") && is_there("python")) {
        println!("cargo::rustc-cfg=certified_servers_for_tests");
    }
}

/// Where `install` puts them.
fn folder() -> PathBuf {
    let crate_folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| crate_folder.join("../../target")).join("certified")
}
