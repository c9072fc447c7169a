//! The load: events over keep-alive connections, by as little code as possible, so that it takes little
//! of the two cores from the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::receiver::now_micros;
use crate::server::{ORG, Server};

/// Requests under way at once in a steady load, at most.
const MOST_CONNECTIONS: usize = 1024;
/// Fills an event's data up to 256 bytes.
const PADDING: usize = 190;

/// Sends events to one server.
#[derive(Clone)]
pub struct Load {
    address: String,
    token: String,
    padding: usize,
}

/// How a burst went.
pub struct Summary {
    /// From the first byte sent to the last answer read.
    pub took: Duration,
}

impl Load {
    /// Load for a server.
    pub fn new(server: &Server) -> Self {
        Self { address: server.address.clone(), token: server.token.clone(), padding: PADDING }
    }

    /// Makes a flow that sends each event of this kind to a receiver.
    pub async fn create_flow(&self, kind: &str, receiver: SocketAddr) -> anyhow::Result<()> {
        let flow = serde_json::json!({
            "name": "bench", "trigger": {"type": kind},
            "actions": [{"type": "send_webhook", "config": {"url": format!("http://{receiver}/")}}],
        });
        let mut connection = Connection::open(&self.address).await?;
        connection.post(&self.token, "/automation/flows/create", &flow.to_string(), 201).await
    }

    /// Registers an endpoint at a receiver.
    pub async fn register(&self, kind: &str, receiver: SocketAddr, path: &str) -> anyhow::Result<()> {
        let endpoint = serde_json::json!({
            "url": format!("http://{receiver}/{path}"), "events": [kind], "concurrency": 64,
            "retrySchedule": [0.2, 0.5, 1, 1, 1, 1, 1, 1],
        });
        let mut connection = Connection::open(&self.address).await?;
        connection.post(&self.token, "/webhooks/endpoints", &endpoint.to_string(), 201).await
    }

    /// The same load with events of about so many bytes.
    #[must_use]
    pub fn with_padding(&self, padding: usize) -> Self {
        Self { padding, ..self.clone() }
    }

    /// Creates `count` contacts, `batch` at a time, with so many writers.
    pub async fn insert(&self, count: usize, batch: usize, writers: usize) -> anyhow::Result<()> {
        let left = Arc::new(AtomicUsize::new(count.div_ceil(batch)));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..writers {
            let (this, left) = (self.clone(), left.clone());
            workers.spawn(async move {
                let mut connection = Connection::open(&this.address).await?;
                let take = |n: usize| n.checked_sub(1);
                while let Ok(n) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
                    let contact = |m| {
                        format!(r#"{{"email":"c{n}.{m}@example.com","firstName":"Ada","tags":["bench"]}}"#)
                    };
                    let documents = (0..batch).map(contact).collect::<Vec<_>>().join(",");
                    let body = format!(r#"{{"collection":"contact","documents":[{documents}]}}"#);
                    connection.post(&this.token, "/dynamic-query/insertMany", &body, 201).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok(())
    }

    /// A page of records.
    pub async fn find(&self, datatype: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
        let mut connection = Connection::open(&self.address).await?;
        connection.post(&self.token, &format!("/repository/find/{datatype}"), &body.to_string(), 200).await?;
        let body = connection.buffer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(0) + 4;
        Ok(serde_json::from_slice(connection.buffer.get(body..).unwrap_or_default())?)
    }

    /// Publishes `count` events with so many requests under way at once.
    pub async fn burst(&self, kind: &str, count: usize, in_flight: usize) -> anyhow::Result<Summary> {
        let left = Arc::new(AtomicUsize::new(count));
        let started = Instant::now();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..in_flight {
            let (this, kind, left) = (self.clone(), kind.to_owned(), left.clone());
            workers.spawn(async move {
                let mut connection = Connection::open(&this.address).await?;
                let take = |n: usize| n.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    connection.post(&this.token, "/events", &event(&kind, this.padding), 202).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok(Summary { took: started.elapsed() })
    }

    /// Publishes events at a fixed rate, whatever the answers take, and says how many.
    pub async fn steady(&self, kind: &str, per_second: u32, during: Duration) -> anyhow::Result<usize> {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
        let mut workers = tokio::task::JoinSet::new();
        let (idle_in, mut idle) = tokio::sync::mpsc::channel::<Connection>(MOST_CONNECTIONS);
        for _ in 0..32 {
            idle_in.send(Connection::open(&self.address).await?).await?;
        }
        let started = Instant::now();
        let mut sent = 0;
        while started.elapsed() < during {
            ticks.tick().await;
            while let Some(done) = workers.try_join_next() {
                done??;
            }
            // Who comes while all are busy opens another one, as clients do: a stall is seen in full.
            let mut connection = match idle.try_recv() {
                Ok(connection) => connection,
                Err(_) if workers.len() < MOST_CONNECTIONS => Connection::open(&self.address).await?,
                Err(_) => bail!("the server does not keep up with {per_second}/s after {sent} events"),
            };
            let (token, body, back) = (self.token.clone(), event(kind, self.padding), idle_in.clone());
            workers.spawn(async move {
                connection.post(&token, "/events", &body, 202).await?;
                back.send(connection).await.context("the load is over")
            });
            sent += 1;
        }
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok(sent)
    }
}

fn event(kind: &str, padding: usize) -> String {
    format!(
        r#"{{"event":"{kind}","data":{{"at":"{:020}","padding":"{}"}}}}"#,
        now_micros(),
        "x".repeat(padding)
    )
}

/// A keep-alive connection.
struct Connection {
    stream: TcpStream,
    address: String,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address: address.to_owned(), buffer: Vec::with_capacity(4096) })
    }

    async fn post(&mut self, token: &str, path: &str, body: &str, expected: u16) -> anyhow::Result<()> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\norgid: {ORG}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
            if let Some(status) = whole_answer(&self.buffer) {
                anyhow::ensure!(
                    status == expected,
                    "answered {status}: {}",
                    String::from_utf8_lossy(&self.buffer)
                );
                return Ok(());
            }
        }
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

/// The value that this part of a sorted list is not above.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index into a list of a few thousand"
)]
pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    let index = ((sorted.len() as f64 * part).ceil() as usize).saturating_sub(1);
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
