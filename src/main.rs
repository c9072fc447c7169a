//! The program: reads its arguments and hands over.

use std::io::Write;
use std::process::ExitCode;

use appengine::cli::Cli;
use clap::Parser;

/// Work here is many small values that one thread makes and another lets go of.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match appengine::commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell it to when standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
