//! Where a Postgres server for tests is looked for. Build scripts use this file too: it knows nothing but `std`.

use std::env;
use std::path::{Path, PathBuf};

/// What the test kit itself starts of a server's programs.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// `DATABASE_URL`, if it names a Postgres database.
pub(super) fn given_url() -> Option<String> {
    env::var("DATABASE_URL")
        .ok()
        .filter(|url| url.starts_with("postgres://") || url.starts_with("postgresql://"))
}

/// The folder of a server's programs: `PG_BIN`, else one of `PATH`, else where Debian, Fedora, Homebrew and
/// Postgres.app put them, the newest version first.
///
/// A `PG_BIN` that holds no server is not passed over: nothing is found then.
pub(super) fn programs() -> Option<PathBuf> {
    if !cfg!(unix) {
        return None;
    }
    if let Some(folder) = env::var_os("PG_BIN").filter(|folder| !folder.is_empty()) {
        return Some(PathBuf::from(folder)).filter(|folder| holds_a_server(folder));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(installed()).find(|folder| holds_a_server(folder))
}

/// `bin` folders of all installed versions.
fn installed() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
        ("/Applications/Postgres.app/Contents/Versions", ""),
    ]
    .into_iter()
    .flat_map(|(folder, prefix)| versions(Path::new(folder), prefix))
    .collect();
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).chain([PathBuf::from("/usr/local/pgsql/bin")]).collect()
}

/// The folders in `folder` that are called `prefix` and a whole number.
fn versions(folder: &Path, prefix: &str) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect()
}

fn holds_a_server(folder: &Path) -> bool {
    folder.is_absolute() && PROGRAMS.iter().all(|program| folder.join(program).is_file())
}
