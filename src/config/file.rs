//! Reads the user's configuration file: bounded, as text, and with an eye on who else may read it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use super::problem::Fault;

/// Most bytes a configuration file may have.
const LARGEST: u64 = 1024 * 1024;

/// A file that was read.
pub(super) struct Text {
    pub(super) text: String,
    /// Whether every user of the machine may read it.
    pub(super) open_to_all: bool,
}

pub(super) fn read(path: &Path) -> Result<Text, Fault> {
    let unreadable = |error: io::Error| Fault::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let open_to_all = open_to_all(&file.metadata().map_err(unreadable)?);
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if read as u64 > LARGEST {
        return Err(Fault::TooLarge(LARGEST));
    }
    let text = String::from_utf8(bytes).map_err(|_| Fault::NotText)?;
    Ok(Text { text, open_to_all })
}

#[cfg(unix)]
fn open_to_all(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn open_to_all(_: &Metadata) -> bool {
    false
}
