//! `maestro`: conversations with any model, kept. The reference program of the Maestro library.
//!
//! Read it in this order: [`cli`] says what can be asked, [`app`] what every command works with, [`commands`] holds a
//! file per command, [`exit`] says how it ends.

mod app;
mod cli;
mod commands;
mod credentials;
mod editor;
mod event_lines;
mod exit;
mod interrupt;
mod jobs;
mod key;
mod logging;
mod model;
mod output;
mod picture;
mod sandbox;
mod store;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run().into()
}
