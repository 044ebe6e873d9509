//! What can be asked of the program, and running it.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use clap::{CommandFactory as _, Parser, Subcommand, error::ErrorKind as ClapErrorKind};
use maestro::{Error, ErrorKind};

use crate::{
    app::{App, has_code_assist},
    commands::{auth, chat, context, decode, e2e, models, sandbox, session, store, thread, worker},
    exit::{self, Exit, Failure, Result, invalid},
    logging,
    output::{ColorChoice, Format, Output},
    store::{StoreUrl, without_passwords},
};

/// How long work that nobody waits for any more may take at the end.
const LAST_WORK: Duration = Duration::from_millis(200);

/// What is said where Code Assist is turned on.
const CODE_ASSIST_TERMS: &str = "\
Code Assist is on for Gemini sign-ins (MAESTRO_CODE_ASSIST). Google's documents say that other software that reaches it
with the sign-in of Gemini CLI breaks their terms, and that accounts may be suspended for it (faq.md and tos-privacy.md of
gemini-cli, read 2026-11-21). An API key is the supported way.";

/// Hold conversations with any model and keep every turn: on this machine, in one file, under your own keys.
#[derive(Debug, Parser)]
#[command(
    name = "maestro",
    version,
    after_help = guide()
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Where conversations and sealed keys are kept: memory:, sqlite:PATH or postgres://USER@HOST/DATABASE (its password
    /// from PGPASSWORD or PGPASSFILE) [default: a file in the data directory]
    #[arg(long, global = true, value_name = "URL", env = "MAESTRO_STORE", hide_env_values = true)]
    store: Option<StoreUrl>,
    /// The file with the vault key, made with mode 0600 if it is not there; the keyring is not asked then
    #[arg(long, global = true, value_name = "FILE", env = "MAESTRO_KEY_FILE", hide_env_values = true)]
    key_file: Option<PathBuf>,
    /// Write one JSON object a line, each with `type`; errors too, on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Log to standard error; -vv and -vvv log more. MAESTRO_LOG takes a filter
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Colour the output; NO_COLOR is respected
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    Chat(chat::Args),
    #[command(subcommand)]
    Auth(auth::Command),
    Models(models::Args),
    #[command(subcommand)]
    Session(session::Command),
    #[command(subcommand)]
    Thread(thread::Command),
    #[command(subcommand)]
    Context(context::Command),
    #[command(subcommand)]
    Store(store::Command),
    Worker(worker::Args),
    Decode(decode::Args),
    Sandbox(sandbox::Args),
    E2e(e2e::Args),
    /// Write a completion script for a shell to standard output
    #[command(
        after_help = "Example:\n  maestro completions bash > ~/.local/share/bash-completion/completions/maestro"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Does what the command line says.
pub(crate) fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return bad_usage(&error),
    };
    let Global { store, key_file, json, verbose, color } = cli.global;
    let output = Output::new(if json { Format::Json } else { Format::Human }, color);
    logging::start(verbose, output.has_color());
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::new(ErrorKind::Internal, "start").caused_by(error);
            return conclude(output, Err(error.into()));
        }
    };
    let (result, settled) = runtime.block_on(async {
        let app = App::new(output, store, key_file);
        if has_code_assist() {
            output.notice(CODE_ASSIST_TERMS);
        }
        let result = dispatch(&app, cli.command).await;
        // A command that was stopped may have left new tokens on their way.
        (result, app.settle().await)
    });
    runtime.shutdown_timeout(LAST_WORK);
    drop(settled);
    conclude(output, result)
}

async fn dispatch(app: &App, command: Command) -> Result<Exit> {
    match command {
        Command::Chat(args) => Box::pin(chat::run(app, args)).await,
        Command::Auth(command) => Box::pin(auth::run(app, command)).await,
        Command::Models(args) => Box::pin(models::run(app, args)).await,
        Command::Session(command) => Box::pin(session::run(app, command)).await,
        Command::Thread(command) => Box::pin(thread::run(app, command)).await,
        Command::Context(command) => Box::pin(context::run(app, command)).await,
        Command::Store(command) => Box::pin(store::run(app, command)).await,
        Command::Worker(args) => Box::pin(worker::run(app, args)).await,
        Command::Decode(args) => decode::run(app, args),
        Command::Sandbox(args) => Box::pin(sandbox::run(app, args)).await,
        Command::E2e(args) => Box::pin(e2e::run(app, args)).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "maestro", &mut script);
            io::stdout().lock().write_all(&script)?;
            Ok(Exit::Done)
        }
    }
}

/// Tells how it went, if that has not been told yet.
fn conclude(output: Output, result: Result<Exit>) -> Exit {
    let (error, exit) = match result {
        Ok(exit) => return exit,
        Err(Failure::Error(error)) => {
            let exit = Exit::of(&error);
            (error, exit)
        }
        Err(Failure::Store(error)) => (error, Exit::Unavailable),
        // Whoever read has had enough, as `head` has: nothing went wrong.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Exit::Done,
        Err(Failure::Output(error)) => {
            output.warn(&format!("error: write to standard output: {error}"));
            return Exit::Failed;
        }
    };
    tracing::debug!(?error, "failed");
    // Where the error cannot be told, the exit code still tells.
    let _ = output.error(&error);
    exit
}

/// Shows help, or tells what is wrong with the command line; as a line of JSON where that was asked for.
fn bad_usage(error: &clap::Error) -> Exit {
    let is_help = matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion);
    let wants_json = std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if !is_help && wants_json {
        let text = without_keys(error.render().to_string());
        let problem = text.split("\n\n").next().unwrap_or_default();
        let problem = problem.trim().trim_start_matches("error: ");
        let error = invalid("read the command line", "arguments", "are not valid").because(problem);
        return conclude(Output::new(Format::Json, ColorChoice::Never), Err(error.into()));
    }
    match error.kind() {
        ClapErrorKind::MissingSubcommand | ClapErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            show_commands()
        }
        _ if is_help => {
            let _ = error.print();
            Exit::Done
        }
        _ => {
            let mut stderr = io::stderr().lock();
            let text = error.render();
            let colored = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let text = if colored { text.ansi().to_string() } else { text.to_string() };
            let _ = stderr.write_all(without_keys(text).as_bytes());
            Exit::Invalid
        }
    }
}

/// What clap says of a command line, without passwords in URLs, and without values such as that of `--key-stdin=VALUE`:
/// that can only be a key which was given in the wrong way.
fn without_keys(text: String) -> String {
    let values = std::env::args().filter_map(|arg| {
        let (name, value) = arg.split_once('=')?;
        (name.starts_with("--key-") && value.len() > 3).then(|| value.to_owned())
    });
    without_passwords(&values.fold(text, |text, value| text.replace(&value, "…")))
}

/// Shows what `maestro` can do when it is asked for nothing, and what `maestro auth` can do.
fn show_commands() -> Exit {
    let mut command = Cli::command();
    command.build();
    let (mut asked, mut exit) = (&command, Exit::Done);
    for word in std::env::args_os().skip(1) {
        if let Some(found) = asked.find_subcommand(&word) {
            (asked, exit) = (found, Exit::Invalid);
        }
    }
    let help = asked.clone().render_help().to_string();
    let _ = match exit {
        Exit::Done => io::stdout().lock().write_all(help.as_bytes()),
        _ => io::stderr().lock().write_all(help.as_bytes()),
    };
    exit
}

/// What stands below the help of the program as a whole.
fn guide() -> String {
    format!(
        "\
Keys:
  A key is taken from --auth NAME, else from the session's saved authentication, else from the
  only saved one, else from ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY. With none at all
  the built-in sandbox answers. Saved keys are sealed; what seals them is kept in the system's
  keyring, else in a file that only you can read, unless MAESTRO_KEY or --key-file says otherwise.

Examples:
  maestro chat                                 talk; with no key, to the built-in sandbox
  maestro auth add anthropic work              save a key under a name (asks for it)
  maestro chat --auth work --model claude-sonnet-4-5
  git diff | maestro chat --once - --system reviewer
  maestro --json chat --once 'Why is the sky blue?' | jq -r 'select(.type==\"text\").text'
  maestro session list

{}",
        exit::HELP
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
