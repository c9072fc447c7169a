//! `export` and `import`: the whole store as NDJSON, through a pipe or a file.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;

use super::house::options;
use super::note;
use crate::cli::Stream;
use crate::config::Config;
use crate::store;
use crate::store::folder::Folder;

/// Writes everything that is stored.
///
/// # Errors
/// When the folder is in use or the output cannot be written.
pub fn export(config: &Config, out: &Stream) -> anyhow::Result<()> {
    let folder = Folder::hold_filled(&config.store.path).map_err(fitting)?;
    let (lines, to) = match out {
        Stream::Standard => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            let lines = store::export(&folder.store(), &options(config), &mut out).map_err(fitting)?;
            out.flush().context("failed to write the export")?;
            (lines, "standard output".to_owned())
        }
        Stream::File(path) => {
            // What is stored is for the owner alone, and so is a copy of it.
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let file =
                file.with_context(|| format!("failed to make {}; it must not be there yet", path.display()))?;
            let mut out = BufWriter::new(file);
            let lines = store::export(&folder.store(), &options(config), &mut out).map_err(fitting)?;
            out.flush().context("failed to write the export")?;
            out.get_ref().sync_all().context("failed to sync the export")?;
            (lines, path.display().to_string())
        }
    };
    note(&format!("exported {lines} entries to {to}"));
    Ok(())
}

/// Fills an empty store with what was exported.
///
/// # Errors
/// When the store is not empty, or the input is not whole.
pub fn import(config: &Config, from: &Stream) -> anyhow::Result<()> {
    let folder = Folder::hold(&config.store.path).map_err(fitting)?;
    let entries = match from {
        Stream::Standard => store::import(&folder.store(), &options(config), &mut std::io::stdin().lock()),
        Stream::File(path) => {
            let file = File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
            store::import(&folder.store(), &options(config), &mut BufReader::new(file))
        }
    };
    let entries = entries.map_err(fitting)?;
    note(&format!("imported {entries} entries into {}", config.store.path.display()));
    Ok(())
}

fn fitting(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
}
