//! HTTP over keep-alive connections, by as little code as possible, so that a client takes little of the two cores
//! from the server.

use anyhow::{bail, ensure};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Somebody who may speak to a server.
#[derive(Clone)]
pub struct Client {
    /// `127.0.0.1:port`.
    pub address: String,
    /// The organisation that it speaks for.
    pub org: String,
    /// An owner's token.
    pub token: String,
}

impl Client {
    /// A connection of its own.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "HTTP/1.1\r\nhost: {}\r\norgid: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
            self.address, self.org, self.token
        );
        Ok(Connection { stream, head, buffer: Vec::with_capacity(4096) })
    }
}

/// A keep-alive connection.
pub struct Connection {
    stream: TcpStream,
    /// What every request begins with after its path.
    head: String,
    buffer: Vec<u8>,
}

impl Connection {
    /// Posts a body, and waits for the whole answer.
    pub async fn post(&mut self, path: &str, body: &str, expected: u16) -> anyhow::Result<()> {
        self.post_with(path, "", body, expected).await
    }

    /// The same with more headers, each with the end of its line.
    pub async fn post_with(
        &mut self,
        path: &str,
        headers: &str,
        body: &str,
        expected: u16,
    ) -> anyhow::Result<()> {
        let length = body.len();
        let request = format!("POST {path} {}{headers}content-length: {length}\r\n\r\n{body}", self.head);
        self.send(path, request, expected).await
    }

    /// Asks for something.
    pub async fn get(&mut self, path: &str, expected: u16) -> anyhow::Result<()> {
        let request = format!("GET {path} {}\r\n", self.head);
        self.send(path, request, expected).await
    }

    /// Asks for something that comes over a long time, as the last on this connection: whoever asks reads it themselves.
    pub async fn leave(mut self, method: &str, path: &str, body: &str) -> anyhow::Result<TcpStream> {
        let length = body.len();
        let request = format!(
            "{method} {path} {}connection: close\r\ncontent-length: {length}\r\n\r\n{body}",
            self.head
        );
        self.stream.write_all(request.as_bytes()).await?;
        Ok(self.stream)
    }

    async fn send(&mut self, path: &str, request: String, expected: u16) -> anyhow::Result<()> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
            if let Some(status) = whole_answer(&self.buffer) {
                ensure!(
                    status == expected,
                    "{path} was answered {status}: {}",
                    String::from_utf8_lossy(&self.buffer)
                );
                return Ok(());
            }
        }
    }

    /// The body of the last answer.
    pub fn answer<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let body = self.buffer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(0) + 4;
        Ok(serde_json::from_slice(self.buffer.get(body..).unwrap_or_default())?)
    }
}

/// The status of an answer that is there with its whole body.
fn whole_answer(bytes: &[u8]) -> Option<u16> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let status = head.split(' ').nth(1)?.parse().ok()?;
    (bytes.len() >= end + length).then_some(status)
}
