//! The lines of an export. Each carries the beginning of a digest of itself and of every line before it,
//! so that the first line that was changed, moved or lost can be named. Pure; export and import use it.
//!
//! | line | members |
//! |---|---|
//! | first | `appengine` = `"export"`, `format` |
//! | one a key | `key` or `key64`, `version`, `value` or `value64` |
//! | last | `end`: `entries`, `commits` and the `sha256` of all lines before it |
//!
//! All end with `sum`. The members that end in 64 are base64, for what is not UTF-8 or not JSON.

use std::borrow::Cow;

use appengine_actors::store::Key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// What stands before the digest in every line.
const SUM: &str = ",\"sum\":\"";
const SUM_CHARS: usize = 8;

/// The digest of the lines so far.
#[derive(Clone, Default)]
pub(super) struct Running(Sha256);

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) appengine: String,
    /// The format that the entries have (see `migrate`).
    pub(super) format: u64,
}

/// The last line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trailer {
    pub(super) end: End,
}

/// What the last line says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) entries: u64,
    /// The number of the latest commit, from which versions go on.
    pub(super) commits: u64,
    pub(super) sha256: String,
}

/// One key and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) version: u64,
    pub(super) value: Vec<u8>,
}

impl Running {
    /// Finishes a line whose members are written, and counts it in.
    pub(super) fn seal(&mut self, body: &str) -> String {
        let line = format!("{body}{SUM}{}\"}}\n", self.sum(body));
        self.0.update(line.as_bytes());
        line
    }

    /// The members of a line that is as it was written, which is then counted in.
    ///
    /// # Errors
    /// When the line or one before it is not the one that was written.
    pub(super) fn unseal<'a>(&mut self, line: &'a str) -> Result<&'a str, &'static str> {
        const CHANGED: &str = "it was changed, or a line before it is missing or moved";
        let text = line.strip_suffix('\n').ok_or("it is cut short")?;
        let rest = text.strip_suffix("\"}").ok_or(CHANGED)?;
        let split = rest.len().checked_sub(SUM_CHARS).ok_or(CHANGED)?;
        let (body, sum) = rest.split_at_checked(split).ok_or(CHANGED)?;
        let body = body.strip_suffix(SUM).ok_or(CHANGED)?;
        if sum != self.sum(body) {
            return Err(CHANGED);
        }
        self.0.update(line.as_bytes());
        Ok(body)
    }

    /// The digest of all lines so far, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        hex(&self.0.clone().finalize())
    }

    fn sum(&self, body: &str) -> String {
        let digest = self.0.clone().chain_update(body.as_bytes()).finalize();
        let mut sum = hex(&digest);
        sum.truncate(SUM_CHARS);
        sum
    }
}

/// The members of an entry's line, without the closing brace.
pub(super) fn write_entry(entry: &Entry) -> Result<String, serde_json::Error> {
    let key = match std::str::from_utf8(&entry.key) {
        Ok(text) => format!("\"key\":{}", serde_json::to_string(text)?),
        Err(_) => format!("\"key64\":\"{}\"", STANDARD.encode(&entry.key)),
    };
    let value = match as_json(&entry.value) {
        Some(json) => format!("\"value\":{json}"),
        None => format!("\"value64\":\"{}\"", STANDARD.encode(&entry.value)),
    };
    Ok(format!("{{{key},\"version\":{},{value}", entry.version))
}

/// The members of the first or last line, without the closing brace.
pub(super) fn write_frame<T: Serialize>(frame: &T) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(frame)?;
    text.pop();
    Ok(text)
}

/// Whether the members are those of the last line.
pub(super) fn is_trailer(body: &str) -> bool {
    body.starts_with("{\"end\":")
}

/// The first or last line.
///
/// # Errors
/// Says what the members should be.
pub(super) fn read_frame<T: for<'de> Deserialize<'de>>(body: &str) -> Result<T, String> {
    serde_json::from_str(&format!("{body}}}")).map_err(|error| error.to_string())
}

/// An entry's line.
///
/// # Errors
/// Says what the members should be.
pub(super) fn read_entry(body: &str) -> Result<Entry, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line<'a> {
        #[serde(borrow)]
        key: Option<Cow<'a, str>>,
        key64: Option<&'a str>,
        version: u64,
        #[serde(borrow, default, deserialize_with = "even_null")]
        value: Option<&'a RawValue>,
        value64: Option<&'a str>,
    }
    let text = format!("{body}}}");
    let line: Line<'_> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let decode = |text: &str| STANDARD.decode(text).map_err(|error| error.to_string());
    let key = match (line.key, line.key64) {
        (Some(text), None) => text.into_owned().into_bytes(),
        (None, Some(text)) => decode(text)?,
        _ => return Err("expected `key` or `key64`".into()),
    };
    let value = match (line.value, line.value64) {
        (Some(json), None) => json.get().as_bytes().to_vec(),
        (None, Some(text)) => decode(text)?,
        _ => return Err("expected `value` or `value64`".into()),
    };
    Ok(Entry { key, version: line.version, value })
}

/// A `null` is a value like any other, not one left out.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The value as JSON, if it comes back from there byte for byte.
fn as_json(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    (raw.get() == text && !text.contains(['\n', '\r'])).then_some(text)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(entry: &Entry) -> (String, Entry) {
        let line = Running::default().seal(&write_entry(entry).unwrap());
        let body = Running::default().unseal(&line).unwrap().to_string();
        let back = read_entry(&body).unwrap();
        (line, back)
    }

    proptest! {
        #[test]
        fn any_bytes_survive(key: Vec<u8>, version: u64, value: Vec<u8>) {
            let entry = Entry { key, version, value };
            prop_assert_eq!(round_trip(&entry).1, entry);
        }

        #[test]
        fn anything_like_json_survives(key: String, value in r#"[ \n\[\]{}":,0-9a-etnul.-]{0,12}"#) {
            let entry = Entry { key: key.into_bytes(), version: 1, value: value.into_bytes() };
            let (line, back) = round_trip(&entry);
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(back, entry);
        }

        #[test]
        fn any_line_is_read_or_refused(body: String) {
            let _ = read_entry(&body);
            let _ = read_frame::<Trailer>(&body);
            let _ = Running::default().unseal(&body);
        }
    }

    #[test]
    fn json_stays_readable_and_exact() {
        for value in ["null", r#"{"b":1,"a":[1.50,1e3,"\u00e4",{}]}"#, "0", "\"\"", "-0.0", "1e999"] {
            let entry = Entry { key: b"org\0key".to_vec(), version: 7, value: value.into() };
            let (line, back) = round_trip(&entry);
            assert!(line.contains(&format!("\"value\":{value},\"sum\"")), "{line}");
            assert_eq!(back, entry);
        }
        for value in [" 1", "1\n", "{\n}", "{\"a\":1}x", "", "\u{feff}1"] {
            let entry = Entry { key: b"k".to_vec(), version: 7, value: value.into() };
            let (line, back) = round_trip(&entry);
            assert!(line.contains("value64"), "{line}");
            assert_eq!(back, entry);
        }
    }
}
