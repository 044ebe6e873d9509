//! What the program logs, to standard error.

use std::io;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The environment variable with a filter such as `maestro=debug,hyper=info`.
const VARIABLE: &str = "MAESTRO_LOG";

/// Begins to log: what [`VARIABLE`] says, else more with every `-v`, else warnings.
///
/// Libraries that handle requests byte by byte are held to `info` at the most, whatever is asked for: below that they
/// log headers and bodies, and those hold keys and conversations.
pub(crate) fn start(verbosity: u8, color: bool) {
    let asked = std::env::var(VARIABLE).ok().filter(|filter| !filter.trim().is_empty());
    let default = match verbosity {
        0 => "warn",
        1 => "warn,maestro=info,maestro_core=info,maestro_providers=info,maestro_cli=info",
        2 => "info,maestro=debug,maestro_core=debug,maestro_providers=debug,maestro_cli=debug",
        _ => "trace",
    };
    let mut filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse_lossy(asked.as_deref().unwrap_or(default));
    for library in ["h2", "hyper", "hyper_util", "reqwest", "rustls", "tower", "zbus"] {
        if let Ok(directive) = format!("{library}=info").parse() {
            filter = filter.add_directive(directive);
        }
    }
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(color).init();
}
