//! One event on the wire: an `id:` line or none, one `data:` line, a blank line. Never an `event:` line, because a
//! named event does not reach `onmessage`.
//!
//! One data line is always enough. Compact JSON has no line break outside of its strings, and within them CR and LF,
//! the only ones that the protocol knows, are escaped. So are, here, the three further characters at which Python's
//! `str.splitlines` breaks a line and JSON does not ask for an escape: readers that go over lines of text, such as
//! those on httpx's `iter_lines`, would else find half a JSON.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::ser::Formatter;

/// An event after which the same frame has more to say.
pub(super) fn more(into: &mut Vec<u8>, said: &impl Serialize) {
    data(into, None, said);
}

/// The last event of a frame.
pub(super) fn last(into: &mut Vec<u8>, number: u64, said: &impl Serialize) {
    data(into, Some(number), said);
}

/// The line that says which frame is whole.
pub(super) fn id(into: &mut Vec<u8>, number: u64) {
    // A vector takes everything.
    let _ = writeln!(into, "id: {number}");
}

fn data(into: &mut Vec<u8>, number: Option<u64>, said: &impl Serialize) {
    let start = into.len();
    if let Some(number) = number {
        id(into, number);
    }
    into.extend_from_slice(b"data: ");
    let written = said.serialize(&mut serde_json::Serializer::with_formatter(&mut *into, OneLine));
    match written {
        Ok(()) => into.extend_from_slice(b"\n\n"),
        // Nothing that is said here has no JSON; if ever it had none, half of one would be worse.
        Err(_) => into.truncate(start),
    }
}

/// A value as a string: a string is itself, all else is its JSON.
pub(super) struct Text<'a>(pub(super) &'a Value);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => serializer.serialize_str(text),
            other => serializer.collect_str(other),
        }
    }
}

/// Compact JSON that everybody takes for one line.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, found)) = rest.char_indices().find(|(_, found)| breaks(*found)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            write!(writer, "\\u{:04x}", u32::from(found))?;
            rest = &rest[at + found.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

const fn breaks(found: char) -> bool {
    matches!(found, '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_line_of_data() {
        let table = [
            (json!("a\nb\r\nc\rd"), "data: \"a\\nb\\r\\nc\\rd\"\n\n"),
            (json!("\u{2028}a\u{2029}\u{85}é"), "data: \"\\u2028a\\u2029\\u0085é\"\n\n"),
            (json!({"\u{2028}": [1, null]}), "data: {\"\\u2028\":[1,null]}\n\n"),
        ];
        for (said, event) in table {
            let mut into = Vec::new();
            more(&mut into, &said);
            assert_eq!(String::from_utf8(into).unwrap(), event);
            let back: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap().trim_end()).unwrap();
            assert_eq!(back, said);
        }
    }

    #[test]
    fn no_text_is_more_than_one_line() {
        let all: String = (0..=0x2100).filter_map(char::from_u32).collect();
        let mut into = Vec::new();
        last(&mut into, 3, &json!({"said": all, "text": {"in": all}}));
        let event = String::from_utf8(into).unwrap();
        // Where Python's `str.splitlines` breaks.
        let ends =
            ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
        let lines: Vec<_> = event.split(ends).collect();
        assert_eq!((lines.len(), lines[0], &lines[2..]), (4, "id: 3", &["", ""][..]));
        let back: Value = serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(back["said"], all);
    }

    #[test]
    fn what_has_no_json_is_not_said() {
        let mut into = b"before".to_vec();
        last(&mut into, 1, &std::collections::HashMap::from([((1, 2), 3)]));
        assert_eq!(into, b"before");
    }

    #[test]
    fn values_become_text() {
        let table = [
            (json!("as \"it\" is"), json!("as \"it\" is")),
            (json!({"b": 1, "a": "x\n"}), json!(r#"{"b":1,"a":"x\n"}"#)),
            (json!(null), json!("null")),
        ];
        for (value, text) in table {
            assert_eq!(serde_json::to_value(Text(&value)).unwrap(), text);
        }
    }
}
