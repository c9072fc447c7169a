//! The load: events over keep-alive connections, by as little code as possible, so that it takes little
//! of the two cores from the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;

use crate::client::{Client, Connection};
use crate::receiver::now_micros;
use crate::server::Server;

/// Requests under way at once in a steady load, at most.
const MOST_CONNECTIONS: usize = 1024;
/// Fills an event's data up to 256 bytes.
const PADDING: usize = 190;

/// Sends events to one server.
#[derive(Clone)]
pub struct Load {
    client: Client,
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
        Self { client: server.client.clone(), padding: PADDING }
    }

    /// Makes a flow that sends each event of this kind to a receiver.
    pub async fn create_flow(&self, kind: &str, receiver: SocketAddr) -> anyhow::Result<()> {
        let flow = serde_json::json!({
            "name": "bench", "trigger": {"type": kind},
            "actions": [{"type": "send_webhook", "config": {"url": format!("http://{receiver}/")}}],
        });
        let mut connection = self.client.connect().await?;
        connection.post("/automation/flows/create", &flow.to_string(), 201).await
    }

    /// Registers an endpoint at a receiver.
    pub async fn register(&self, kind: &str, receiver: SocketAddr, path: &str) -> anyhow::Result<()> {
        let endpoint = serde_json::json!({
            "url": format!("http://{receiver}/{path}"), "events": [kind], "concurrency": 64,
            "retrySchedule": [0.2, 0.5, 1, 1, 1, 1, 1, 1],
        });
        let mut connection = self.client.connect().await?;
        connection.post("/webhooks/endpoints", &endpoint.to_string(), 201).await
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
                let mut connection = this.client.connect().await?;
                let take = |n: usize| n.checked_sub(1);
                while let Ok(n) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
                    let contact = |m| {
                        format!(r#"{{"email":"c{n}.{m}@example.com","firstName":"Ada","tags":["bench"]}}"#)
                    };
                    let documents = (0..batch).map(contact).collect::<Vec<_>>().join(",");
                    let body = format!(r#"{{"collection":"contact","documents":[{documents}]}}"#);
                    connection.post("/dynamic-query/insertMany", &body, 201).await?;
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
        let mut connection = self.client.connect().await?;
        connection.post(&format!("/repository/find/{datatype}"), &body.to_string(), 200).await?;
        connection.answer()
    }

    /// Publishes `count` events with so many requests under way at once.
    pub async fn burst(&self, kind: &str, count: usize, in_flight: usize) -> anyhow::Result<Summary> {
        let left = Arc::new(AtomicUsize::new(count));
        let started = Instant::now();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..in_flight {
            let (this, kind, left) = (self.clone(), kind.to_owned(), left.clone());
            workers.spawn(async move {
                let mut connection = this.client.connect().await?;
                let take = |n: usize| n.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    connection.post("/events", &event(&kind, this.padding), 202).await?;
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
            idle_in.send(self.client.connect().await?).await?;
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
                Err(_) if workers.len() < MOST_CONNECTIONS => self.client.connect().await?,
                Err(_) => bail!("the server does not keep up with {per_second}/s after {sent} events"),
            };
            let (body, back) = (event(kind, self.padding), idle_in.clone());
            workers.spawn(async move {
                connection.post("/events", &body, 202).await?;
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
