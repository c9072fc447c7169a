//! A client of Socket.IO by as little code as possible: frames as bytes, and nothing of their JSON looked at that is
//! not needed.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A stream in the namespace `/chat`.
pub struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer was taken.
    taken: usize,
}

/// Appends a masked text frame. The mask is zero: the load is not what is measured.
pub fn put(out: &mut Vec<u8>, text: &str) {
    out.push(0x81);
    match text.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        length => {
            out.push(0x80 | 126);
            // No text here is longer than 64 KiB.
            out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(text.as_bytes());
}

/// The number of an acknowledgement.
pub fn acknowledged(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b"43/chat,")?;
    let end = rest.iter().position(|byte| *byte == b'[')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

/// Whether an acknowledgement is a good one.
pub fn is_good(text: &[u8]) -> bool {
    text.windows(14).any(|window| window == b"\"success\":true")
}

impl Socket {
    /// Opens a stream and joins.
    pub async fn open(address: &str, auth: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut socket = Self { stream, buffer: Vec::with_capacity(1024), taken: 0 };
        let end = loop {
            if let Some(at) = socket.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            socket.fill().await?;
        };
        ensure!(socket.buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&socket.buffer));
        socket.taken = end;
        let mut join = Vec::new();
        put(&mut join, &format!("40/chat,{auth}"));
        socket.send(&join).await?;
        socket.until(|text| text.starts_with(b"40/chat,")).await?;
        Ok(socket)
    }

    /// Writes frames.
    pub async fn send(&mut self, frames: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(frames).await?)
    }

    /// Reads what there is. May be given up at any time.
    pub async fn fill(&mut self) -> anyhow::Result<()> {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.reserve(4096);
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
        Ok(())
    }

    /// The next text that was read.
    pub fn take(&mut self) -> anyhow::Result<Option<&[u8]>> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let (head, length) = match *rest {
            [first, 126, high, low, ..] => (4, check(first, usize::from(u16::from_be_bytes([high, low])))?),
            [first, 127, a, b, c, d, e, f, g, h, ..] => {
                (10, check(first, usize::try_from(u64::from_be_bytes([a, b, c, d, e, f, g, h]))?)?)
            }
            [first, short @ 0..126, ..] => (2, check(first, usize::from(short))?),
            _ => return Ok(None),
        };
        if rest.len() < head + length {
            return Ok(None);
        }
        let from = self.taken + head;
        self.taken = from + length;
        Ok(self.buffer.get(from..self.taken))
    }

    /// Reads until some text has come; pings are answered, the rest is dropped.
    pub async fn until(&mut self, is_it: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
        loop {
            while let Some(text) = self.take()? {
                if is_it(text) {
                    return Ok(());
                }
                if text == b"2" {
                    self.pong().await?;
                }
            }
            self.fill().await?;
        }
    }

    /// Answers a ping.
    pub async fn pong(&mut self) -> anyhow::Result<()> {
        let mut pong = Vec::with_capacity(8);
        put(&mut pong, "3");
        self.send(&pong).await
    }

    /// Answers pings for ever.
    pub async fn stay(mut self) -> anyhow::Result<()> {
        self.until(|_| false).await
    }
}

fn check(first: u8, length: usize) -> anyhow::Result<usize> {
    if first != 0x81 {
        bail!("a frame begins with {first:#x}, and is no text in one piece");
    }
    Some(length).filter(|length| *length < 1 << 24).context("a frame is too long")
}
