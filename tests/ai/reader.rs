//! Reads streams as an EventSource does: over one raw connection, event by event.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::PATIENCE;

/// An event: its id and its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: Option<u64>,
    pub data: String,
}

impl Event {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// A stream that is being read.
pub struct Stream {
    pub status: u16,
    pub head: String,
    lines: BufReader<Dechunked>,
}

/// A body in chunks, as it comes.
struct Dechunked {
    inner: BufReader<TcpStream>,
    left: usize,
    is_over: bool,
    /// Whether the last chunk said that it is the last.
    is_whole: bool,
}

impl Read for Dechunked {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && !self.is_over {
            let mut line = String::new();
            while line.trim().is_empty() {
                line.clear();
                if self.inner.read_line(&mut line)? == 0 {
                    self.is_over = true;
                    return Ok(0);
                }
            }
            self.left = usize::from_str_radix(line.trim(), 16).unwrap_or_default();
            self.is_over = self.left == 0;
            self.is_whole = self.is_over;
        }
        if self.is_over {
            return Ok(0);
        }
        let most = self.left.min(into.len());
        let read = self.inner.read(&mut into[..most])?;
        self.left -= read;
        self.is_over |= read == 0;
        Ok(read)
    }
}

impl Stream {
    /// Opens one.
    pub fn open(address: &str, target: &str, token: &str, last: Option<u64>) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n{last}\r\n"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut inner = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(inner.read_line(&mut head).unwrap() > 0, "no answer: {head}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head,
            lines: BufReader::new(Dechunked { inner, left: 0, is_over: false, is_whole: false }),
        }
    }

    /// The next event; none at the end of the stream, or where it was cut.
    pub fn next(&mut self) -> Option<Event> {
        let (mut id, mut data) = (None, String::new());
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap_or_default() == 0 {
                return None;
            }
            let line = line.trim_end_matches('\n');
            if let Some(found) = line.strip_prefix("id: ") {
                id = found.parse().ok();
            } else if let Some(found) = line.strip_prefix("data: ") {
                data = found.to_owned();
            } else if line.is_empty() && !data.is_empty() {
                return Some(Event { id, data });
            } else {
                assert!(line.is_empty() || line.starts_with(':'), "{line}");
            }
        }
    }

    /// Whether the body came to its end, and was not cut.
    pub fn is_whole(&self) -> bool {
        self.lines.get_ref().is_whole
    }

    /// All events up to the end.
    pub fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// What was said: the words, and how it ended.
pub fn words(events: &[Event]) -> String {
    let said = events.iter().map(Event::json).map(|event| match event["type"].as_str() {
        Some("chunk") => event["data"].as_str().unwrap_or_default().to_owned(),
        Some("end") => format!("[{}]", event["finishReason"].as_str().unwrap_or_default()),
        Some("error") => format!("[{}]", event["code"].as_str().unwrap_or_default()),
        _ => String::new(),
    });
    said.collect()
}

/// Numbers go up by one, from behind a place.
pub fn assert_numbered(events: &[Event], place: u64) {
    let numbers: Vec<u64> = events.iter().map(|event| event.id.expect("an id")).collect();
    assert_eq!(numbers, (place + 1..).take(events.len()).collect::<Vec<_>>());
}
