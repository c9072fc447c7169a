//! Server-Sent Events, out of bytes as they come (WHATWG HTML, "Interpreting an event stream"): lines end with LF, CR or
//! CRLF, an empty one ends an event, and an event that the stream's end cuts off is none.
//!
//! Bytes that are no UTF-8 are replaced, line by line. `retry` is not read: nobody here connects again.

use std::mem;

use appengine_actors::session::stream::model::ModelError;

/// Bytes of an event at most, unless somebody says otherwise.
pub const MOST: usize = 1024 * 1024;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Something that a stream said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its name; empty where it has none.
    pub name: String,
    /// What it says: its lines, joined.
    pub data: String,
    /// The last id that the stream has set, by this event or one before.
    pub id: Option<String>,
}

/// An event does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read an event of more than {0} bytes")]
pub struct TooLong(pub usize);

impl From<TooLong> for ModelError {
    fn from(error: TooLong) -> Self {
        Self { code: "answer_too_large", message: error.to_string(), retryable: false }
    }
}

/// Reads a stream.
#[derive(Debug)]
pub struct Parser {
    most: usize,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// Whether the last byte was a CR, so that an LF belongs to it.
    after_cr: bool,
    is_first: bool,
    is_over: bool,
    name: String,
    data: Option<String>,
    id: Option<String>,
}

impl Default for Parser {
    fn default() -> Self {
        Self::with_most(MOST)
    }
}

impl Parser {
    /// Reads from the beginning, events of [`MOST`] bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads from the beginning, events of so many bytes.
    #[must_use]
    pub const fn with_most(most: usize) -> Self {
        Self {
            most,
            begun: Vec::new(),
            after_cr: false,
            is_first: true,
            is_over: false,
            name: String::new(),
            data: None,
            id: None,
        }
    }

    /// Adds the events that end within these bytes. After an error there is nothing more to be read.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), TooLong> {
        if self.is_over {
            return Err(TooLong(self.most));
        }
        let read = self.read(bytes, out);
        if read.is_err() {
            *self = Self { is_over: true, ..Self::with_most(self.most) };
        }
        read
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), TooLong> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = line_end(rest) {
            let (line, end) = rest.split_at(at);
            rest = match end {
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => end,
            };
            self.after_cr = end == b"\r";
            if self.begun.is_empty() {
                self.line(line, out)?;
            } else {
                self.fits(line.len())?;
                let mut whole = mem::take(&mut self.begun);
                whole.extend_from_slice(line);
                self.line(&whole, out)?;
                whole.clear();
                self.begun = whole;
            }
        }
        self.fits(rest.len())?;
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    /// Whether there is room for so many bytes more.
    fn fits(&self, more: usize) -> Result<(), TooLong> {
        let held = self.begun.len() + self.name.len() + self.data.as_ref().map_or(0, String::len);
        if held + more <= self.most { Ok(()) } else { Err(TooLong(self.most)) }
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<Event>) -> Result<(), TooLong> {
        let line = if mem::take(&mut self.is_first) { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        if line.is_empty() {
            let name = mem::take(&mut self.name);
            if let Some(data) = self.data.take() {
                out.push(Event { name, data, id: self.id.clone() });
            }
            return Ok(());
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => {
                let (field, value) = line.split_at(at);
                let value = value.get(1..).unwrap_or_default();
                (field, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match field {
            b"data" => {
                self.fits(value.len() + 1)?;
                match &mut self.data {
                    None => self.data = Some(owned(value)),
                    Some(data) => {
                        data.push('\n');
                        data.push_str(&String::from_utf8_lossy(value));
                    }
                }
            }
            b"event" => {
                self.name.clear();
                self.fits(value.len())?;
                self.name = owned(value);
            }
            b"id" if !value.contains(&0) => {
                self.fits(value.len())?;
                self.id = Some(owned(value)).filter(|id| !id.is_empty());
            }
            _ => {}
        }
        Ok(())
    }
}

/// Where the first line ends. Sixteen bytes are looked at together, which is as fast as anything: most lines are long.
fn line_end(bytes: &[u8]) -> Option<usize> {
    let is_end = |byte: &u8| *byte == b'\n' || *byte == b'\r';
    let mut at = 0;
    for some in bytes.chunks_exact(16) {
        // All of them, without a shortcut, so that they are compared at once.
        if some.iter().fold(false, |found, byte| found | is_end(byte)) {
            break;
        }
        at += 16;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(is_end).map(|behind| at + behind)
}

fn owned(value: &[u8]) -> String {
    match str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    }
}

#[cfg(test)]
mod tests;
