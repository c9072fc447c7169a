//! What the command line does: one file a command. Each returns what went wrong; `main` prints it.

mod data;
pub mod house;
mod people;
mod serve;
mod verify;

use std::io::Write;

use crate::cli::{Cli, Command, User};
use crate::config::{self, Config};

/// Carries out a command.
///
/// # Errors
/// What went wrong, in words for the person at the terminal.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let file = cli.config.clone();
    let load = || {
        let loaded = Config::load(file.as_deref(), std::env::vars_os());
        loaded.map_err(|problems| anyhow::anyhow!("failed to {problems}"))
    };
    match cli.into_command() {
        Command::DefaultConfig => say(config::DEFAULTS),
        Command::Openapi => {
            let document = serde_json::to_string_pretty(&crate::http::openapi::document())?;
            say(&format!("{document}\n"))
        }
        Command::CheckConfig => {
            let config = load()?;
            let warnings = config.warnings();
            let list: String = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
            say(&format!("{list}the configuration is good\n"))
        }
        Command::Serve => serve::run(load()?, file.as_deref()),
        Command::Demo => crate::demo::run(file.as_deref()),
        Command::Token(token) => people::token(&load()?, &token),
        Command::User(User::Add(add)) => people::add(load()?, &add),
        Command::Export { out } => data::export(&load()?, &out),
        Command::Import { from } => data::import(&load()?, &from),
        Command::Verify { from } => verify::run(&from),
    }
}

/// Tells the person at the terminal on standard error, beside a result that another program may read.
pub fn note(text: &str) {
    // Nothing is left to tell it to when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes to standard output; a reader that has gone away is no error.
///
/// # Errors
/// When standard output fails otherwise.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
