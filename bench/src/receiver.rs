//! The receiver of webhooks: answers 200 and notes how old each event is when it comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// How long the last webhook of a run may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes webhooks.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    ages: mpsc::Receiver<f64>,
}

impl Receiver {
    /// Listens on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::failing(0).await
    }

    /// The same, and answers one request of so many with 500; none where that is 0.
    pub async fn failing(one_of: u64) -> anyhow::Result<Self> {
        let requests = Arc::new(AtomicU64::new(0));
        let fails = move || {
            let n = requests.fetch_add(1, Ordering::Relaxed);
            one_of > 0 && n.is_multiple_of(one_of)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (tell, ages) = mpsc::channel(100_000);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, tell.clone(), fails.clone()));
            }
        });
        Ok(Self { address, ages })
    }

    /// Takes webhooks for ever, and forgets how old they were.
    pub async fn count(mut self) {
        while self.ages.recv().await.is_some() {}
    }

    /// How old the next `count` events were when they came, in milliseconds, sorted.
    pub async fn latencies(&mut self, count: usize) -> anyhow::Result<Vec<f64>> {
        let mut ages = Vec::with_capacity(count);
        while ages.len() < count {
            let age = tokio::time::timeout(PATIENCE, self.ages.recv()).await;
            ages.push(
                age.with_context(|| format!("{} of {count} webhooks came", ages.len()))?
                    .context("no receiver")?,
            );
        }
        ages.sort_by(f64::total_cmp);
        Ok(ages)
    }
}

async fn serve(
    mut stream: TcpStream,
    tell: mpsc::Sender<f64>,
    fails: impl Fn() -> bool,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let length = loop {
            if let Some(length) = whole_request(&buffer) {
                break length;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        if fails() {
            buffer.drain(..length);
            stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await?;
            continue;
        }
        let arrived = now_micros();
        if let Some(sent) = sent_at(&buffer) {
            let age = Duration::from_micros(arrived.saturating_sub(sent));
            tell.send(age.as_secs_f64() * 1000.0).await?;
        }
        buffer.drain(..length);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}

/// The length of the request that a buffer begins with, once it is whole.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= end + length).then_some(end + length)
}

/// When the load sent the event that a webhook tells of.
fn sent_at(bytes: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"at\":\"";
    let start = bytes.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    std::str::from_utf8(bytes.get(start..start + 20)?).ok()?.parse().ok()
}

/// The wall clock in microseconds: load and receiver are one process, so it is one clock.
#[expect(clippy::disallowed_methods, reason = "measuring is what it is for")]
pub fn now_micros() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default()
}
