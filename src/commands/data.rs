//! `export` and `import`: the whole store as NDJSON, through a pipe or a file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};

use anyhow::Context;

use super::house::options;
use crate::cli::Stream;
use crate::config::Config;
use crate::store;
use crate::store::folder::Folder;

/// Writes everything that is stored.
///
/// # Errors
/// When the folder is in use or the output cannot be written.
pub fn export(config: &Config, out: &Stream) -> anyhow::Result<()> {
    let folder = hold(config)?;
    let lines = match out {
        Stream::Standard => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            let lines = store::export(&folder.store(), &options(config), &mut out).map_err(fitting)?;
            out.flush().context("failed to write the export")?;
            lines
        }
        Stream::File(path) => {
            let file = File::create_new(path);
            let file =
                file.with_context(|| format!("failed to make {}; it must not be there yet", path.display()))?;
            let mut out = BufWriter::new(file);
            let lines = store::export(&folder.store(), &options(config), &mut out).map_err(fitting)?;
            out.flush().context("failed to write the export")?;
            out.get_ref().sync_all().context("failed to sync the export")?;
            lines
        }
    };
    tracing::info!(lines, "exported");
    Ok(())
}

/// Fills an empty store with what was exported.
///
/// # Errors
/// When the store is not empty, or the input is not whole.
pub fn import(config: &Config, from: &Stream) -> anyhow::Result<()> {
    let folder = hold(config)?;
    let entries = match from {
        Stream::Standard => store::import(&folder.store(), &options(config), &mut std::io::stdin().lock()),
        Stream::File(path) => {
            let file = File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
            store::import(&folder.store(), &options(config), &mut BufReader::new(file))
        }
    };
    let entries = entries.map_err(fitting)?;
    super::say(&format!("imported {entries} entries into {}\n", config.store.path.display()))
}

fn hold(config: &Config) -> anyhow::Result<Folder> {
    Folder::hold(&config.store.path).map_err(fitting)
}

fn fitting(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
}
