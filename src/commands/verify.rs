//! `verify`: says of calls that somebody captured whether they are their vendors', and why not. It reads no
//! configuration and touches no folder: an entry brings its own secret, certificates and time.

use std::fs::File;
use std::io::Read;

use anyhow::Context;
use appengine_actors::clock::{Clock, SystemClock};
use serde_json::Value;

use super::{note, say};
use crate::cli::Stream;
use crate::vendors::captured::{Captured, Line};

/// Prints a line for each captured call, in their order. One that cannot be read is told on standard error.
///
/// # Errors
/// When the file or one of its entries cannot be read.
pub fn run(from: &Stream) -> anyhow::Result<()> {
    let (text, name) = read(from)?;
    let entries = entries(&text).with_context(|| format!("failed to read {name}"))?;
    let (all, now) = (entries.len(), SystemClock::new().now());
    let mut unread = 0;
    for (index, entry) in entries.into_iter().enumerate() {
        let id = entry.get("id").cloned().unwrap_or_default();
        let checked = captured(entry).and_then(|captured| captured.check(now));
        match checked {
            Ok(line) => say(&format!("{}\n", serde_json::to_string(&named(line, index))?))?,
            Err(why) => {
                unread += 1;
                let id = if id.is_null() { String::new() } else { format!(" ({id})") };
                note(&format!("entry {index}{id}: failed to {why}"));
            }
        }
    }
    if unread > 0 {
        anyhow::bail!(
            "failed to read {unread} of {all} entries of {name}: each is named above, counted from 0, with what to change"
        );
    }
    Ok(())
}

fn read(from: &Stream) -> anyhow::Result<(String, String)> {
    let mut text = String::new();
    let name = match from {
        Stream::Standard => {
            std::io::stdin().lock().read_to_string(&mut text).context("failed to read standard input")?;
            "standard input".to_owned()
        }
        Stream::File(path) => {
            let name = path.display().to_string();
            let mut file = File::open(path).with_context(|| format!("failed to open {name}"))?;
            file.read_to_string(&mut text).with_context(|| format!("failed to read {name}"))?;
            name
        }
    };
    Ok((text, name))
}

/// What a file holds: one captured call, or a list of them.
fn entries(text: &str) -> anyhow::Result<Vec<Value>> {
    let wanted = "give one captured call as a JSON object, or a list of them";
    match serde_json::from_str(text) {
        Ok(Value::Array(entries)) => Ok(entries),
        Ok(entry @ Value::Object(_)) => Ok(vec![entry]),
        Ok(_) => anyhow::bail!("it is neither; {wanted}"),
        Err(error) => anyhow::bail!("{error}; {wanted}"),
    }
}

fn captured(entry: Value) -> Result<Captured, String> {
    if !entry.is_object() {
        return Err("read it: give an object with `vendor`, `url`, `headers`, `body` and a secret".to_owned());
    }
    serde_path_to_error::deserialize(entry).map_err(|error| match error.path().to_string() {
        path if path == "." => format!("read it: {}", error.inner()),
        path => format!("read `{path}`: {}", error.inner()),
    })
}

/// A line is called by its entry's place where the entry has no id.
fn named(line: Line, index: usize) -> Line {
    if line.id.is_null() { Line { id: index.into(), ..line } } else { line }
}
