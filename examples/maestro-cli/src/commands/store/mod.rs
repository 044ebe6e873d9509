//! `maestro store`: where everything is kept, as a whole.

mod copy;
mod look;
mod migrate;

use crate::{
    app::App,
    exit::{Exit, Result},
    store::StoreUrl,
};

/// Copy, compare, check and measure stores
///
/// A store is memory:, sqlite:PATH or postgres://USER@HOST/DATABASE. Credentials stay sealed wherever they go: the vault
/// key that opens them here opens them there.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  maestro store copy sqlite:old.sqlite sqlite:new.sqlite
  maestro store copy sqlite:old.sqlite sqlite:new.sqlite --merge   go on with a copy that was stopped
  maestro store verify sqlite:old.sqlite sqlite:new.sqlite && rm old.sqlite
  maestro store check
  maestro --json store stats | jq 'select(.type==\"stats\").bytes_per_turn'")]
pub(crate) enum Command {
    /// Copy everything into another store, then compare the two
    ///
    /// Authentications (sealed as they are), personas and prompts with all their versions, and sessions with their
    /// threads, entries and marks. Ids, revisions and times are kept. Each record is written whole: after Ctrl-C, or a
    /// crash, what was copied is sound, and the same command with --merge goes on.
    #[command(after_help = "\
Exit codes:
  0    everything is copied, and both stores hold the same
  1    everything is copied, and the stores differ: something was there, or has changed meanwhile
  2    both are the same store
  6    there is no such store, or the source has changed so that a part is missing: copy again with --merge
  7    the target holds something and --merge was not given, or a name in it is taken
  130  stopped by Ctrl-C; go on with --merge")]
    Copy {
        /// What is copied
        #[arg(value_name = "FROM")]
        from: StoreUrl,
        /// Where it goes; a file that is not there is made
        #[arg(value_name = "TO")]
        to: StoreUrl,
        /// Add to what the target holds; what is there already stays as it is
        #[arg(long)]
        merge: bool,
        /// Do not compare the stores at the end
        #[arg(long)]
        no_verify: bool,
    },
    /// Compare two stores and name what differs
    ///
    /// Every record of both is read and hashed. Records that only one has, and fields or entries that differ, are named,
    /// each on a line of standard output.
    #[command(after_help = "\
Exit codes:
  0    both hold the same
  1    they differ
  6    there is no such store")]
    Verify {
        /// One store
        #[arg(value_name = "FIRST")]
        first: StoreUrl,
        /// The other one
        #[arg(value_name = "SECOND")]
        second: StoreUrl,
    },
    /// Read a whole store and tell what is wrong in it
    ///
    /// Nothing is changed, and others may go on writing. What is wrong is named, each on a line of standard output.
    #[command(after_help = "\
Exit codes:
  0    the store is sound
  1    something is wrong in it
  6    there is no such store
  8    it cannot be opened")]
    Check {
        /// The store; without it that of --store
        #[arg(value_name = "URL")]
        url: Option<StoreUrl>,
    },
    /// Bring a store to another version of its schema
    ///
    /// Opening a store brings it up to date by itself. This does it ahead of time, or takes it back for an older program:
    /// stop the programs that use the store before you go back. A step back takes away what the step had added, and
    /// nothing that was written since.
    #[command(after_help = "\
Examples:
  maestro store migrate sqlite:my.sqlite
  maestro store migrate sqlite:my.sqlite --to 1

Exit codes:
  0    it has that version now
  2    there is no such version, or the store has none
  6    there is no such store
  8    it cannot be opened")]
    Migrate {
        /// The store; without it that of --store
        #[arg(value_name = "URL")]
        url: Option<StoreUrl>,
        /// The version to bring it to; without it the one that this program writes
        #[arg(long, value_name = "N")]
        to: Option<u32>,
    },
    /// Tell how much a store holds: rows, bytes, bytes per turn
    Stats {
        /// The store; without it that of --store
        #[arg(value_name = "URL")]
        url: Option<StoreUrl>,
    },
}

/// Runs the command.
pub(crate) async fn run(app: &App, command: Command) -> Result<Exit> {
    let named = |url: Option<StoreUrl>| url.map_or_else(|| app.store_url(), Ok);
    match command {
        Command::Copy { from, to, merge, no_verify } => {
            let verify = if no_verify { copy::Afterwards::Nothing } else { copy::Afterwards::Verify };
            copy::copy(app, &from, &to, copy::onto(merge), verify).await
        }
        Command::Verify { first, second } => copy::verify(app, &first, &second).await,
        Command::Check { url } => look::check(app, &named(url)?).await,
        Command::Migrate { url, to } => migrate::migrate(app, &named(url)?, to).await,
        Command::Stats { url } => look::stats(app, &named(url)?).await,
    }
}
