//! What the program logs, to standard error.

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// The environment variable with a filter such as `maestro=debug,hyper=info`.
const VARIABLE: &str = "MAESTRO_LOG";

/// Begins to log: what [`VARIABLE`] says, else more with every `-v`, else warnings.
pub(crate) fn start(verbosity: u8, color: bool) {
    let asked = std::env::var(VARIABLE).ok().filter(|filter| !filter.trim().is_empty());
    let default = match verbosity {
        0 => "warn",
        1 => "warn,maestro=info",
        2 => "info,maestro=debug",
        _ => "trace",
    };
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .parse_lossy(asked.as_deref().unwrap_or(default))
        .and(filter_fn(is_harmless));
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(color).with_filter(filter);
    tracing_subscriber::registry().with(lines).init();
}

/// Whether something may be logged whatever is asked for. Below `info` other libraries log headers, bodies and what is
/// typed, and those hold keys and conversations; Maestro's own never do.
fn is_harmless(event: &Metadata<'_>) -> bool {
    *event.level() <= Level::INFO || event.target().starts_with("maestro")
}
