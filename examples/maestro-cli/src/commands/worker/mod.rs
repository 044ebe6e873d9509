//! `maestro worker`: refreshing sign-ins before their tokens end, and looking at who does.

mod run;
mod status;

use crate::{
    app::App,
    exit::{Exit, Result},
};

/// Refresh sign-ins before their tokens end, and end answers whose program died
///
/// It works until it is stopped with Ctrl-C. Any number of workers, on any number of machines, may work on one store: no
/// token is exchanged twice. Programs refresh tokens by themselves too, so a worker is not a must; with one, nobody waits for
/// it, and sign-ins that nobody uses for long do not end.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  maestro worker                        work until Ctrl-C
  maestro worker --once                 do what is due and end, for cron
  maestro worker status                 what is due, running and failed, and who works
  maestro --store postgres://maestro@db.example/work --json worker"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Status(status::Args),
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    match args.command {
        Some(Command::Status(args)) => status::run(app, args).await,
        None => run::run(app, args.run).await,
    }
}
